"""Usage and cost of turns without their texts, and writing exact costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newapi_cli.app.spending import TurnFigures
from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.errors import LocalError
from newapi_cli.store.sessions import SPENDING_COLUMNS, SessionStore
from tests.store.stores import Clock, change_raw, new_session, raw_rows

COSTS = "SELECT id, cost, cost_kind FROM turns ORDER BY id"


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the store."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SessionStore]:
    """Return an open store."""
    with SessionStore(tmp_path / "s.db", clock) as opened:
        yield opened


def ask(store: SessionStore, session: Session, **ended: object) -> tuple[Session, TurnRecord]:
    """Add one turn; without a status it stays open."""
    turn = TurnRecord("a prompt", model="m", profile=session.profile, host=session.host)
    session, turn = store.begin_turn(session, turn, at_leaf=True)
    if ended:
        turn = turn._replace(answer="an answer", **ended)  # type: ignore[arg-type]  # names of fields
        store.end_turn(turn)
    return session, turn


def figures(
    store: SessionStore, since: float | None = None, *, profile: str = "", host: str = ""
) -> list[TurnFigures]:
    begin = None if since is None else datetime.fromtimestamp(since, UTC)
    return list(store.iter_spending(TurnFigures._make, begin, profile=profile, host=host))


def test_the_columns_are_those_of_the_report() -> None:
    assert tuple(SPENDING_COLUMNS.split(", ")) == TurnFigures._fields


def test_figures_are_returned_as_stored(store: SessionStore, clock: Clock) -> None:
    session, turn = ask(
        store,
        new_session(host="http://a/v1"),
        status=Status.COMPLETE,
        usage=Usage(12, 34, 46),
        cost="0.000123456789012345678901234567",
        cost_kind="about",
        request_id="r-1",
        first_token_s=0.25,
        duration_s=1.5,
    )
    cost = "0.000123456789012345678901234567"
    assert figures(store) == [
        TurnFigures(
            turn.id,
            session.id,
            "http://a/v1",
            "complete",
            "m",
            12,
            34,
            cost,
            "about",
            "r-1",
            0.25,
            1.5,
            clock.now,
        )
    ]


def test_an_open_turn_is_not_included(store: SessionStore) -> None:
    session, _ = ask(store, new_session())
    assert figures(store) == []
    ask(store, session, status=Status.ERROR)
    assert [each.status for each in figures(store)] == ["error"]


def test_since_includes_its_first_moment(store: SessionStore, clock: Clock) -> None:
    session = new_session()
    for _ in range(3):
        session, _ = ask(store, session, status=Status.COMPLETE)
        clock.now += 10
    began = clock.now - 30
    assert [each.created_at - began for each in figures(store)] == [0, 10, 20]
    assert [each.created_at - began for each in figures(store, began + 10)] == [10, 20]
    assert figures(store, began + 20.001) == []


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ({}, {"one", "two", "three"}),
        ({"profile": "work"}, {"one", "two"}),
        ({"host": "http://a/v1"}, {"one", "three"}),
        ({"profile": "work", "host": "http://a/v1"}, {"one"}),
        ({"profile": "Work"}, set()),
        ({"profile": "' OR 1 --"}, set()),
    ],
)
def test_profile_and_host_are_filters(
    store: SessionStore, where: dict[str, str], names: set[str]
) -> None:
    ids = {}
    for name, profile, host in (
        ("one", "work", "http://a/v1"),
        ("two", "work", "http://b/v1"),
        ("three", "home", "http://a/v1"),
    ):
        session = new_session(name, profile=profile, host=host)
        ids[ask(store, session, status=Status.COMPLETE)[0].id] = name
    rows = figures(store, profile=where.get("profile", ""), host=where.get("host", ""))
    assert {ids[each.session_id] for each in rows} == names


def test_profile_and_host_are_those_of_the_turn(store: SessionStore) -> None:
    session = new_session(profile="work", host="http://a/v1")
    session, first = ask(store, session, status=Status.COMPLETE, request_id="r-1")
    moved = session._replace(profile="home", host="http://b/v1")
    _, second = ask(store, moved, status=Status.COMPLETE, request_id="r-1")
    for profile, host, turn in (("work", "http://a/v1", first), ("home", "http://b/v1", second)):
        assert [each.id for each in figures(store, profile=profile)] == [turn.id]
        assert [each.id for each in figures(store, host=host)] == [turn.id]
    assert figures(store, profile="work", host="http://b/v1") == []
    assert len(figures(store)) == 2


# -- exact costs ------------------------------------------------------------------------------


def charged_store(store: SessionStore) -> list[TurnRecord]:
    """Add three turns of one gateway and one of another."""
    here, there = new_session(host="http://a/v1"), new_session(host="http://b/v1")
    turns = []
    for request_id in ("r-1", "", "r-3"):
        here, turn = ask(store, here, status=Status.COMPLETE, request_id=request_id)
        turns.append(turn)
    turns.append(ask(store, there, status=Status.COMPLETE, request_id="r-1")[1])
    return turns


def test_only_costs_are_written(store: SessionStore) -> None:
    first, second, third, fourth = charged_store(store)
    before = raw_rows(store.database.path, "SELECT prompt, answer, status FROM turns ORDER BY id")
    store.write_costs(
        turn._replace(cost="0.01", cost_kind="exact", answer="changed", status=Status.ERROR)
        for turn in (first, third)
    )
    path = store.database.path
    assert raw_rows(path, COSTS) == [
        (first.id, "0.01", "exact"),
        (second.id, None, ""),
        (third.id, "0.01", "exact"),
        (fourth.id, None, ""),
    ]
    assert raw_rows(path, "SELECT prompt, answer, status FROM turns ORDER BY id") == before


def test_a_turn_with_another_request_id_is_skipped(store: SessionStore) -> None:
    first, *_ = charged_store(store)
    store.write_costs([first._replace(request_id="r-2", cost="1", cost_kind="exact")])
    store.write_costs([first._replace(id=99, cost="1", cost_kind="exact")])
    assert {row[1] for row in raw_rows(store.database.path, COSTS)} == {None}


def test_costs_are_written_all_or_none(store: SessionStore) -> None:
    first, _, third, _ = charged_store(store)
    path = store.database.path
    change_raw(
        path,
        "CREATE TRIGGER t BEFORE UPDATE ON turns WHEN new.cost = '2'"
        " BEGIN SELECT raise(ABORT, 'no'); END",
    )
    one, two = first._replace(cost="1"), third._replace(cost="2")
    with pytest.raises(LocalError):
        store.write_costs([one, two])
    assert {row[1] for row in raw_rows(path, COSTS)} == {None}
    store.write_costs([one])
    assert raw_rows(path, COSTS)[0][1] == "1"


def test_without_costs_the_file_is_not_written_to(store: SessionStore) -> None:
    charged_store(store)
    before = (store.database.path.read_bytes(), store.database.path.stat().st_mtime_ns)
    store.write_costs([])
    assert (store.database.path.read_bytes(), store.database.path.stat().st_mtime_ns) == before
