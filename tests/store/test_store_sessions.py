"""Storing and loading turns and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Source, Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.money import CostKind
from newapi_cli.domain.session import Session, StoredSession, TurnRecord, path_to
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import Clock, add_turns, change_raw, new_session, raw_rows

TEXTS = {
    "empty": "",
    "NUL": "before\0after\0",
    "controls": "\x01\x1b[31m\x7f\x85\u2028\r\n\t",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 é",
    "Chinese": "你好，世界。𠜎",
    "bidi": "\u202eabc\u2066",
    "quotes": """'"; DROP TABLE turns; --%_\\""",
    "noncharacters": "\ufffe\uffff\ufeff",
    "long": "word " * 200_000,
}
SURROGATES = {
    "lone high": ("a\ud83db", "a\ufffdb"),
    "lone low": ("a\ude00b", "a\ufffdb"),
    "at the end": ("a\ud83d", "a\ufffd"),
    "a pair in halves": ("\ud83d\ude00", "😀"),
}
FULL = TurnRecord(
    prompt="p",
    answer="a",
    reasoning="r",
    status=Status.INCOMPLETE,
    model="gpt",
    answered_by="gpt-2026",
    request={"temperature": 0.5, "stop": ["你", "\ud800"], "options": {"x": [None, True]}},
    attachments=(Attachment("é.png", "/tmp/é.png", "image/png", 12, "ab" * 32),),
    tool_calls=(ToolCall("1", "weather", '{"city": "巴黎"}'),),
    sources=(Source("https://é.example/?a=b", "标题 👋"), Source("", "notes.pdf")),
    finish_reason="odd word",
    error="cut off: reset",
    usage=Usage(1, 2, 3, None, 0),
    cost="0.000123456789",
    cost_kind="about",
    tried=(("gpt-big", "503: 无可用渠道"), ("gpt-new", "no such model")),
    profile="work",
    host="http://é.example/v1",
    request_id="req-1",
    first_token_s=0.25,
    duration_s=1.5,
)


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the store."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SessionStore]:
    """Return an open store."""
    with SessionStore(tmp_path / "s.db", clock) as opened:
        yield opened


def loaded(store: SessionStore, session: Session) -> StoredSession:
    """Load a session with a second store."""
    with SessionStore(store.database.path) as other:
        loaded = other.load(session.id)
    assert loaded is not None
    return loaded


# -- a turn on its way ------------------------------------------------------------------------


def test_a_prompt_is_stored_before_its_answer(store: SessionStore, clock: Clock) -> None:
    session = new_session(model="m", system="be brief", host="http://h/v1")
    begun, turn = store.begin_turn(session, TurnRecord("hi", model="m"), at_leaf=True)
    now = datetime.fromtimestamp(clock.now, UTC)
    assert loaded(store, begun) == StoredSession(begun, (turn,))
    assert (turn.status, turn.prompt, turn.answer, turn.parent_id) == (Status.OPEN, "hi", "", None)
    assert (begun.turns, begun.leaf_id, begun.created_at, begun.used_at) == (1, turn.id, now, now)
    assert (begun.model, begun.system, begun.host) == ("m", "be brief", "http://h/v1")


def test_a_partial_answer_is_stored_while_it_arrives(store: SessionStore) -> None:
    session, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    store.save_partial_turn(turn._replace(answer="Par", reasoning="hm"))
    kept = loaded(store, session).turns[0]
    assert (kept.answer, kept.reasoning, kept.status) == ("Par", "hm", Status.OPEN)


def test_a_finished_turn_is_loaded_with_every_field(store: SessionStore) -> None:
    begun, turn = store.begin_turn(new_session(), FULL, at_leaf=True)
    ended = FULL._replace(id=turn.id, created_at=turn.created_at)
    store.end_turn(ended)
    assert loaded(store, begun).turns == (ended,)


@pytest.mark.parametrize("kind", [*CostKind, ""])
def test_every_kind_of_cost_is_loaded(store: SessionStore, kind: str) -> None:
    begun, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    cost = "12345678901234567890.000000000000000001" if kind in ("about", "exact") else None
    store.end_turn(turn._replace(status=Status.COMPLETE, cost=cost, cost_kind=kind))
    back = loaded(store, begun).turns[0]
    assert (back.cost, back.cost_kind) == (cost, kind)


def test_a_cost_stays_decimal_text(store: SessionStore) -> None:
    begun, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    store.end_turn(turn._replace(status=Status.COMPLETE, cost="0.10", cost_kind="exact"))
    [stored] = raw_rows(store.database.path, "SELECT cost, typeof(cost) FROM turns")
    assert (loaded(store, begun).turns[0].cost, stored) == ("0.10", ("0.10", "text"))


def test_an_empty_turn_is_loaded(store: SessionStore) -> None:
    begun, turn = store.begin_turn(new_session(), TurnRecord(""), at_leaf=True)
    store.end_turn(turn._replace(status=Status.ERROR))
    back = loaded(store, begun).turns[0]
    assert back == TurnRecord("", status=Status.ERROR, id=turn.id, created_at=turn.created_at)
    assert back.usage is None


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_is_loaded_unchanged(store: SessionStore, text: str) -> None:
    begun, turn = store.begin_turn(new_session(text, system=text), TurnRecord(text), at_leaf=True)
    turn = turn._replace(answer=text, reasoning=text, error=text, finish_reason=text)
    store.save_partial_turn(turn)
    store.end_turn(turn)
    back = loaded(store, begun)
    assert back.turns == (turn,)
    assert (back.session.title, back.session.system) == (text, text)


@pytest.mark.parametrize(("text", "wanted"), SURROGATES.values(), ids=SURROGATES)
def test_lone_surrogates_become_replacement_characters(
    store: SessionStore, text: str, wanted: str
) -> None:
    begun, turn = store.begin_turn(new_session(text), TurnRecord(text), at_leaf=True)
    store.save_partial_turn(turn._replace(answer=text))
    assert loaded(store, begun).turns[0].answer == wanted
    store.end_turn(turn._replace(answer=text, status=Status.COMPLETE))
    back = loaded(store, begun)
    assert (back.session.title, back.turns[0].prompt, back.turns[0].answer) == (wanted,) * 3


@pytest.mark.parametrize("count", [2**63 - 1, -(2**63 - 1), 2**63, 10**400])
def test_a_count_beyond_sqlites_integers_is_unknown(store: SessionStore, count: int) -> None:
    begun, turn = store.begin_turn(new_session(), TurnRecord("hi"), at_leaf=True)
    store.end_turn(turn._replace(usage=Usage(count, 1, 2), status=Status.COMPLETE))
    usage = loaded(store, begun).turns[0].usage
    assert usage == Usage(count if abs(count) < 2**63 else None, 1, 2)


# -- where a turn goes ------------------------------------------------------------------------


def test_turns_make_one_chain(store: SessionStore) -> None:
    session, turns = add_turns(store, new_session(), ("a", "1"), ("b", "2"), ("c", "3"))
    back = loaded(store, session)
    assert [turn.parent_id for turn in turns] == [None, turns[0].id, turns[1].id]
    assert back.path == tuple(turns)
    assert (back.session.turns, back.session.leaf_id) == (3, turns[2].id)


def test_at_leaf_follows_the_newest_turn_in_the_database(store: SessionStore) -> None:
    session, [first] = add_turns(store, new_session(), ("a", "1"))
    with SessionStore(store.database.path) as other:
        _, [second] = add_turns(other, session, ("b", "2"))
    _, third = store.begin_turn(session, TurnRecord("c", parent_id=first.id), at_leaf=True)
    assert third.parent_id == second.id


def test_a_new_branch_keeps_the_old_one(store: SessionStore) -> None:
    session, [first, second] = add_turns(store, new_session(), ("a", "1"), ("b", "2"))
    session, other = store.begin_turn(session, TurnRecord("b2", parent_id=first.id), at_leaf=False)
    back = loaded(store, session)
    assert [turn.id for turn in back.path] == [first.id, other.id]
    assert path_to(second.id, back.turns) == (first, second)
    assert back.session.turns == 3


def test_a_new_root_is_a_branch_too(store: SessionStore) -> None:
    session, _ = add_turns(store, new_session(), ("a", "1"))
    session, other = store.begin_turn(session, TurnRecord("a2"), at_leaf=False)
    assert [turn.prompt for turn in loaded(store, session).path] == ["a2"]
    assert other.parent_id is None


def test_a_new_session_with_an_existing_name_joins_it(store: SessionStore) -> None:
    known, [first] = add_turns(store, new_session("taxes", is_named=True), ("a", "1"))
    joined, second = store.begin_turn(
        new_session("taxes", is_named=True), TurnRecord("b"), at_leaf=True
    )
    assert (joined.id, second.parent_id) == (known.id, first.id)
    assert len(store.sessions()) == 1


def test_a_generated_title_joins_no_session(store: SessionStore) -> None:
    add_turns(store, new_session("taxes", is_named=True), ("a", "1"))
    add_turns(store, new_session("taxes"), ("b", "2"))
    assert len(store.sessions()) == 2


def test_a_session_that_was_deleted_meanwhile_is_created_again(store: SessionStore) -> None:
    session, [first] = add_turns(store, new_session(), ("a", "1"))
    store.delete([session.id])
    begun, turn = store.begin_turn(session, TurnRecord("b", parent_id=first.id), at_leaf=False)
    assert (begun.id, begun.turns, turn.parent_id) == (session.id, 1, None)
    assert [each.prompt for each in loaded(store, begun).path] == ["b"]


# -- changing ---------------------------------------------------------------------------------


def test_update_changes_only_what_can_change(store: SessionStore) -> None:
    session, [first, _] = add_turns(store, new_session(host="h"), ("a", "1"), ("b", "2"))
    changed = session._replace(
        title="t", is_named=True, model="m", system="s", left_out=1, leaf_id=first.id
    )
    store.update_session(changed._replace(host="other", profile="other", turns=99))
    assert loaded(store, session).session == changed


def test_a_name_is_unique(store: SessionStore) -> None:
    first, _ = add_turns(store, new_session("taxes", is_named=True), ("a", "1"))
    second, _ = add_turns(store, new_session("other"), ("b", "2"))
    with pytest.raises(UsageError, match=first.short_id):
        store.update_session(second._replace(title="taxes", is_named=True))
    assert loaded(store, second).session == second
    store.update_session(first._replace(title="taxes", is_named=True))  # its own name is no other's


def test_update_of_an_unknown_session_stores_nothing(store: SessionStore) -> None:
    store.update_session(new_session("x", is_named=True))
    assert store.sessions() == []


def test_an_imported_session_has_new_ids_and_the_same_tree(store: SessionStore) -> None:
    session, [first, second] = add_turns(store, new_session(), ("a", "1"), ("b", "2"))
    session, _ = store.begin_turn(session, TurnRecord("b2", parent_id=first.id), at_leaf=False)
    old = loaded(store, session)
    added = store.import_session(old)
    new = loaded(store, added)
    assert added.id != session.id
    assert not {turn.id for turn in new.turns} & {turn.id for turn in old.turns}
    assert [turn.prompt for turn in new.turns] == ["a", "b", "b2"]
    assert [turn.prompt for turn in new.path] == ["a", "b2"]
    assert new.turns[1].parent_id == new.turns[0].id
    assert [t._replace(id=0, parent_id=None) for t in new.turns] == [
        t._replace(id=0, parent_id=None) for t in old.turns
    ]
    assert loaded(store, session) == old
    assert second in old.turns


def test_an_imported_session_keeps_its_name_if_it_is_free(store: SessionStore) -> None:
    stored = StoredSession(new_session("taxes", is_named=True), ())
    names = [
        (s.title, s.is_named) for s in (store.import_session(stored), store.import_session(stored))
    ]
    assert names == [("taxes", True), ("taxes", False)]


def test_a_failed_import_stores_nothing(store: SessionStore) -> None:
    turns = (TurnRecord("a", id=1), TurnRecord("b", id=2, duration_s="x"))  # type: ignore[arg-type]
    bad = turns[1]._replace(created_at=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        store.import_session(StoredSession(new_session(), (turns[0], bad)))
    assert raw_rows(store.database.path, "SELECT count(*) FROM sessions") == [(0,)]
    assert raw_rows(store.database.path, "SELECT count(*) FROM turns") == [(0,)]


# -- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "odd"),
        ("request", "{"),
        ("request", "[" * 100_000),
        ("attachments", '[["too", "short"]]'),
        ("tool_calls", "7"),
        ("tried", "{"),
        ("tried", '[["no reason"]]'),
        ("sources", '[["no title"]]'),
        ("created_at", "yesterday"),
        ("created_at", 1e300),
    ],
)
def test_a_damaged_turn_is_an_error(store: SessionStore, column: str, value: object) -> None:
    session, [turn] = add_turns(store, new_session(), ("a", "1"))
    change_raw(store.database.path, f"UPDATE turns SET {column} = ?", value)
    with pytest.raises(LocalError, match=f"turn {turn.id} .* damaged"):
        store.load(session.id)


@pytest.mark.parametrize("value", ["yesterday", 1e300, b"\0"])
def test_a_damaged_session_is_an_error(store: SessionStore, value: object) -> None:
    session, _ = add_turns(store, new_session(), ("a", "1"))
    change_raw(store.database.path, "UPDATE sessions SET used_at = ?", value)
    with pytest.raises(LocalError, match=f"session {session.id} .* damaged"):
        store.sessions()
