"""Finding sessions by id, name, use and words, and deleting them without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newapi_cli.domain.session import Session, StoredSession
from newapi_cli.errors import UsageError
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import Clock, add_turns, change_raw, new_session


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the store."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SessionStore]:
    """Return an open store."""
    with SessionStore(tmp_path / "s.db", clock) as opened:
        yield opened


def put(store: SessionStore, id: str, title: str = "t", **fields: object) -> Session:  # noqa: A002
    """Store a session with one turn under this id."""
    session, _ = add_turns(store, new_session(title, **fields)._replace(id=id), ("q", "a"))
    return session


# -- by id and name ---------------------------------------------------------------------------


def test_a_unique_prefix_of_an_id_finds_its_session(store: SessionStore) -> None:
    put(store, "1a2b00000000")
    wanted = put(store, "1a2c00000000")
    for beginning in ("1a2c", "1A2C", "1a2c0", "1a2c00000000"):
        assert store.find(beginning) == wanted


@pytest.mark.parametrize("nothing", ["", "1a2d", "x", "1a2c000000000", "%", "_", "1a2g", " 1a2c"])
def test_a_reference_without_a_match_is_an_error(store: SessionStore, nothing: str) -> None:
    put(store, "1a2c00000000")
    with pytest.raises(UsageError, match="not found"):
        store.find(nothing)


def test_the_error_for_an_ambiguous_prefix_lists_the_ids(store: SessionStore) -> None:
    for number in range(7):
        put(store, f"1a2b0000000{number}")
    with pytest.raises(UsageError, match=r"matches 7 sessions: 1a2b0000(, 1a2b0000){4}, …"):
        store.find("1a2b")


def test_a_name_wins_over_an_id_prefix_and_that_over_a_title(store: SessionStore) -> None:
    by_id = put(store, "beef00000000", "other")
    put(store, "100000000000", "beef")
    assert store.find("beef") == by_id
    named = put(store, "200000000000", "beef", is_named=True)
    assert store.find("beef") == named


def test_a_title_finds_a_session_if_it_is_unique(store: SessionStore) -> None:
    wanted = put(store, "100000000000", "Why is the sky blue?")
    assert store.find("Why is the sky blue?") == wanted
    put(store, "200000000000", "Why is the sky blue?")
    with pytest.raises(UsageError, match="matches 2 sessions"):
        store.find("Why is the sky blue?")


def test_find_by_name_accepts_names_and_id_prefixes_but_no_titles(
    store: SessionStore,
) -> None:
    titled = put(store, "abcdef012345", "a title")
    named = put(store, "100000000000", "taxes", is_named=True)
    assert store.find_by_name("taxes") == named
    assert store.find_by_name("abcdef01") == store.find_by_name("ABCDEF012345") == titled
    assert store.find_by_name("abcdef0") == titled
    for name in ("a title", "abcdef", "abc", "a", "Taxes", "abcdef02", "100", ""):
        assert store.find_by_name(name) is None, name


def test_a_prefix_of_several_ids_is_no_new_name(store: SessionStore) -> None:
    put(store, "abcd01000000")
    put(store, "abcd02000000")
    with pytest.raises(UsageError, match="matches 2 sessions"):
        store.find_by_name("abcd0")


def test_a_complete_id_wins_over_a_name(store: SessionStore) -> None:
    kept = put(store, "abcdef012345")
    put(store, "100000000000", "abcdef012345", is_named=True)
    assert store.find("abcdef012345") == store.find_by_name("abcdef012345") == kept


def test_a_reference_that_is_not_utf_8_finds_nothing(store: SessionStore) -> None:
    put(store, "abcdef012345", "a title")
    with pytest.raises(UsageError):
        store.find("\udcff")
    assert store.sessions(-1, "\udcff") == []


def test_an_imported_session_is_sorted_by_its_last_use(store: SessionStore, clock: Clock) -> None:
    for title in ("first", "third", "fifth"):
        put(store, f"{title:x<12}", title)
        clock.now += 200
    times = {session.title: session.used_at for session in store.sessions()}
    for title, after in (("fourth", "third"), ("second", "first"), ("second, too", "first")):
        used_at = times[after] + timedelta(seconds=100 + len(title))
        store.import_session(StoredSession(Session("", title, used_at=used_at), ()))
    assert [session.title for session in store.sessions()] == [
        *("fifth", "fourth", "third", "second, too", "second", "first")
    ]
    again, _ = add_turns(store, store.find("first"), ("more", "yes"))
    assert store.sessions()[0] == again


def test_a_name_that_looks_like_an_id_is_found_by_name(store: SessionStore) -> None:
    put(store, "abcdef012345")
    named = put(store, "100000000000", "abcdef01", is_named=True)
    assert store.find_by_name("abcdef01") == named


# -- by use -----------------------------------------------------------------------------------


def test_the_last_used_session_is_first_even_if_the_clock_goes_backwards(
    store: SessionStore, clock: Clock
) -> None:
    for id_ in ("a", "b", "c"):
        put(store, id_ * 12)
        clock.now -= 86_400
    order = [session.id[0] for session in store.sessions()]
    assert order == ["c", "b", "a"]
    clock.now -= 10 * 86_400
    again, _ = add_turns(store, store.find("aaaa"), ("more", "yes"))
    assert [session.id[0] for session in store.sessions()] == ["a", "c", "b"]
    assert store.latest("test") == again
    assert again.created_at > again.used_at


def test_the_latest_session_is_that_of_a_profile(store: SessionStore) -> None:
    work = put(store, "a" * 12, profile="work")
    home = put(store, "b" * 12, profile="home")
    assert (store.latest("work"), store.latest("home"), store.latest("x")) == (work, home, None)
    assert store.sessions(profile="work") == [work]
    assert (store.count(), store.count("work"), store.count("x")) == (2, 1, 0)
    assert store.sessions(1) == [home]
    assert store.sessions(0) == []


def test_renaming_does_not_count_as_use(store: SessionStore) -> None:
    old = put(store, "a" * 12)
    new = put(store, "b" * 12)
    store.update_session(old._replace(title="x", is_named=True))
    assert store.latest("test") == new


def test_sessions_last_used_before_a_time_are_found(store: SessionStore, clock: Clock) -> None:
    old = put(store, "a" * 12)
    clock.now += 10
    put(store, "b" * 12)
    used = clock.now
    assert store.last_used_before(datetime.fromtimestamp(used, UTC)) == [old]
    assert store.last_used_before(datetime.fromtimestamp(old.used_at.timestamp(), UTC)) == []


# -- by words ---------------------------------------------------------------------------------


def prompts_with(store: SessionStore, *words: str) -> list[str]:
    """Return the prompts that a search finds."""
    return [hit.turn.prompt for hit in store.search(words)]


def test_prompt_or_answer_must_contain_every_word(store: SessionStore) -> None:
    add_turns(
        store,
        new_session("the title is not searched: zebra"),
        ("red apples", "and green pears"),
        ("red pears", "none"),
    )
    assert prompts_with(store, "red") == ["red pears", "red apples"]
    assert prompts_with(store, "red", "green") == ["red apples"]
    assert prompts_with(store, "pears", "apples") == ["red apples"]
    assert prompts_with(store, "ears") == ["red pears", "red apples"]
    assert prompts_with(store, "red apples") == ["red apples"]
    assert prompts_with(store, "red", "blue") == prompts_with(store, "zebra") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Rust LIFETIME", ["rust", "RUST", "lifetime", "LifeTime"]),
        ("École d'été", ["école", "École", "ÉCOLE", "été"]),
        ("ÉTÉ", ["été", "ÉTÉ"]),
        ("Привет, мир", ["привет", "ПРИВЕТ", "Привет", "мир", "МИР"]),
        ("天空为什么是蓝色的？", ["天空", "蓝色", "为什么", "？", "空"]),
        ("👩‍💻 code", ["👩‍💻", "👩"]),
        ("İstanbul ß Straße", ["ß", "straße", "Straße"]),
    ],
)
def test_words_are_found_in_any_case_and_script(
    store: SessionStore, text: str, words: list[str]
) -> None:
    add_turns(store, new_session(), (text, ""), ("other", "nothing of it"))
    add_turns(store, new_session(), ("in the answer", text))
    for word in words:
        assert prompts_with(store, word) == ["in the answer", text], word


@pytest.mark.parametrize("mark", ["%", "_", "\\", "'", '"', "*", "?", "[a]", "%_\\"])
def test_wildcards_of_sql_are_literal(store: SessionStore, mark: str) -> None:
    add_turns(store, new_session(), ("without", "a b"), (f"100{mark}x", ""), ("100x", ""))
    assert prompts_with(store, f"0{mark}x") == [f"100{mark}x"]
    assert prompts_with(store, mark) == [f"100{mark}x"]


def test_search_returns_the_newest_turn_first(store: SessionStore) -> None:
    one, [first] = add_turns(store, new_session("one"), ("sky a", ""))
    two, [second] = add_turns(store, new_session("two"), ("sky b", ""))
    one, [third] = add_turns(store, one, ("sky c", ""))
    hits = list(store.search(["sky"]))
    assert [(hit.session, hit.turn) for hit in hits] == [(one, third), (two, second), (one, first)]
    assert [hit.turn for hit in store.search(["sky"], 2)] == [third, second]


def test_search_includes_other_branches(store: SessionStore) -> None:
    session, [first, _] = add_turns(store, new_session(), ("a", ""), ("needle", ""))
    store.update_session(session._replace(leaf_id=first.id))
    assert prompts_with(store, "needle") == ["needle"]


# -- deleting ---------------------------------------------------------------------------------


def test_deleting_keeps_the_other_sessions(store: SessionStore) -> None:
    gone, _ = add_turns(store, new_session("gone"), ("canary-prompt", "canary-answer"))
    left, turns = add_turns(store, new_session("left"), ("q", "a"), ("q2", "a2"))
    assert b"canary" in store.database.path.read_bytes()
    store.delete([gone.id])
    assert store.load(gone.id) is None
    assert b"canary" not in store.database.path.read_bytes()
    again = store.load(left.id)
    assert again is not None
    assert (again.session, again.turns) == (left, tuple(turns))
    assert store.database.row("PRAGMA integrity_check")[0] == "ok"  # type: ignore[index]


def test_deleting_nothing_and_twice_is_no_error(store: SessionStore) -> None:
    session, _ = add_turns(store, new_session(), ("q", "a"))
    store.delete([])
    store.delete([session.id, session.id, "nobody"])
    store.delete([session.id])
    assert store.count() == 0


def test_a_late_write_of_a_deleted_turn_does_not_change_a_turn_with_its_id(
    store: SessionStore,
) -> None:
    gone, [old] = add_turns(store, new_session(), ("q", "a"))
    store.delete([gone.id])
    session, [new] = add_turns(store, new_session(), ("q2", "a2"))
    assert new.id == old.id
    change_raw(store.database.path, "UPDATE turns SET owner = '1:1'")  # of another process
    store.save_partial_turn(old._replace(answer="late"))
    store.end_turn(old._replace(answer="late"))
    stored = store.load(session.id)
    assert stored is not None
    assert stored.turns == (new,)
