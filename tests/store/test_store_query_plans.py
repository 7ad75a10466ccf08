"""Every query on a large store uses an index; only a search scans all turns.

The times are held by `benchmarks/store.py`; what they rest on is cheap to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newapi_cli.domain.session import TurnRecord
from newapi_cli.store.database import Database
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import add_turns, new_session

WHOLE_TABLE = "SCAN"
ASKING: dict[str, Callable[[SessionStore, str], object]] = {
    "load": lambda store, id_: store.load(id_),
    "find": lambda store, id_: store.find(id_[:8]),
    "named": lambda store, id_: (store.find_by_name("taxes"), store.find_by_name(id_)),
    "begin": lambda store, id_: store.begin_turn(
        new_session("t", is_named=True)._replace(id=id_), TurnRecord("hi"), at_leaf=True
    ),
    "close_killed": lambda store, _: store.close_orphaned_turns(),
    "change": lambda store, id_: store.update_session(
        store.find(id_)._replace(title="x", is_named=True)
    ),
}


class Noted:
    """A store that records its statements, to explain their query plans."""

    def __init__(self, store: SessionStore) -> None:
        self.statements: list[tuple[str, object]] = []
        self.database: Database = store.database
        self._rows, self._execute = store.database.rows, store.database.execute

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[object]:
        """Record a query and run it."""
        self.statements.append((sql, tuple(values)))
        return self._rows(sql, values)

    def execute(self, sql: str, values: Sequence[object] = ()) -> int:
        """Record a statement and run it."""
        self.statements.append((sql, values))
        return self._execute(sql, values)

    def plans(self) -> Iterator[str]:
        """Return each step that SQLite would take."""
        for sql, values in self.statements:
            if sql.split()[0] in ("SELECT", "UPDATE", "INSERT", "DELETE"):
                connection = self.database._connection
                for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values):  # type: ignore[arg-type]
                    yield f"{row['detail']}  <- {' '.join(sql.split())[:90]}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    """Return a store of a few sessions."""
    with SessionStore(tmp_path / "s.db") as opened:
        for name in ("taxes", "work"):
            add_turns(opened, new_session(name, is_named=True), ("q", "a"), ("q2", "a2"))
        yield opened


def noted(store: SessionStore, monkeypatch: pytest.MonkeyPatch) -> Noted:
    noting = Noted(store)
    monkeypatch.setattr(store.database, "rows", noting.rows)
    monkeypatch.setattr(store.database, "execute", noting.execute)
    return noting


@pytest.mark.parametrize("name", ASKING)
def test_queries_of_every_run_scan_no_table(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    id_ = store.sessions()[0].id
    noting = noted(store, monkeypatch)
    ASKING[name](store, id_)
    assert len(noting.statements) > 0
    by_index = ("USING INDEX open_turns", "USING COVERING INDEX")  # a small one, the last row of it
    scans = [
        plan
        for plan in noting.plans()
        if plan.startswith(WHOLE_TABLE) and not any(index in plan for index in by_index)
    ]
    assert scans == []


def test_sessions_are_read_in_the_order_of_the_index(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    noting = noted(store, monkeypatch)
    store.sessions(50)
    store.text_rows(50)
    store.latest("test")
    plans = list(noting.plans())
    reads = [plan for plan in plans if "RIGHT PART" not in plan]
    assert all("USING INDEX sessions_by_use" in plan for plan in reads), plans
    # What was imported may share a place: those few alone are sorted.
    assert not any("TEMP B-TREE FOR ORDER BY" in plan for plan in plans)


def test_a_search_needs_no_sort(store: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    noting = noted(store, monkeypatch)
    assert len(list(store.search(["q", "a"], 1))) == 1
    assert not any("TEMP B-TREE" in plan for plan in noting.plans())


def test_text_rows_are_the_same_sessions(store: SessionStore) -> None:
    now = datetime.now(UTC)
    assert [row[0] for row in store.text_rows()] == [session.id for session in store.sessions()]
    for row, session in zip(store.text_rows(), store.sessions(), strict=True):
        assert row[1:3] + row[4:] == [session.title, "2", session.model, session.profile]
        used_at = datetime.fromisoformat(row[3].replace("Z", "+00:00"))
        assert abs((used_at - session.used_at).total_seconds()) <= 1
        assert abs((used_at - now).total_seconds()) < 60
    assert store.text_rows(1, "test") == store.text_rows()[:1]
    assert store.text_rows(-1, "other") == []
