"""Usage and cost of turns for the spending report, and the exact costs of turns.

A report reads all turns (200,000 in less than a second), so it reads only the columns it needs and
creates no `TurnRecord`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeVar

from newapi_cli.domain.session import TurnRecord
from newapi_cli.store.database import Database
from newapi_cli.store.mapping import TURN_COLUMNS, turn_from_row

FIGURES = (
    "id, session_id, host, status, model, prompt_tokens, completion_tokens, cost, cost_kind,"
    " request_id, first_token_s, duration_s, created_at"
)
Made = TypeVar("Made")


class SpendingTable:
    """Usage and cost of all turns of one database. Every method raises `LocalError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(
        self,
        make: Callable[[Iterable[object]], Made],
        since: datetime | None = None,
        *,
        profile: str = "",
        host: str = "",
    ) -> Iterator[Made]:
        """Yield what `make` returns for the columns `FIGURES` of each finished turn, by id.

        Without `since` all turns are included; an empty `profile` or `host` matches any. They are
        those of the turn: its session may have continued elsewhere.
        """
        sql, values = f"SELECT {FIGURES} FROM turns WHERE status != 'open'", list[object]()
        if since is not None:
            sql += " AND created_at >= ?"
            values.append(since.timestamp())
        sql += " AND ? IN ('', profile) AND ? IN ('', host)"
        values += [profile, host]
        yield from map(make, self._database.rows(f"{sql} ORDER BY id", values))

    def charged(self, request_ids: Iterable[str], host: str) -> list[TurnRecord]:
        """Return the turns that were sent to a host and have one of these request ids."""
        ids = set(request_ids)
        sql = f"SELECT {TURN_COLUMNS} FROM turns WHERE request_id != '' AND host = ?"
        rows = self._database.rows(sql, (host,))
        return [turn_from_row(row) for row in rows if row["request_id"] in ids]

    def write_costs(self, turns: Iterable[TurnRecord]) -> None:
        """Commit cost and kind of stored turns, of all or of none.

        A deleted turn is skipped, also if its id was given to another one.
        """
        values = [(turn.cost, turn.cost_kind, turn.id, turn.request_id) for turn in turns]
        if not values:
            return
        with self._database.transaction():
            for each in values:
                self._database.execute(
                    "UPDATE turns SET cost = ?, cost_kind = ? WHERE id = ? AND request_id = ?", each
                )
