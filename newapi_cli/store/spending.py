"""What turns took, without what was said in them: for the report on spending. And exact costs.

A report reads as many turns as there are (200,000 in less than a second): no column that it does
not count, and no value of the domain for each.
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
    """The figures of all turns of one file. Every method raises `LocalError`."""

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
        """Give what `make` makes of the columns `FIGURES` of each turn that has ended, by id.

        `since` None means since ever; an empty `profile` or `host` means any. A turn counts for
        those that it was sent to itself: its session may have gone on elsewhere.
        """
        sql, values = f"SELECT {FIGURES} FROM turns WHERE status != 'open'", list[object]()
        if since is not None:
            sql += " AND created_at >= ?"
            values.append(since.timestamp())
        sql += " AND ? IN ('', profile) AND ? IN ('', host)"
        values += [profile, host]
        yield from map(make, self._database.rows(f"{sql} ORDER BY id", values))

    def charged(self, request_ids: Iterable[str], host: str) -> list[TurnRecord]:
        """Give the turns that were sent to a host and whose requests had one of these ids."""
        wanted = set(request_ids)
        sql = f"SELECT {TURN_COLUMNS} FROM turns WHERE request_id != '' AND host = ?"
        rows = self._database.rows(sql, (host,))
        return [turn_from_row(row) for row in rows if row["request_id"] in wanted]

    def write_costs(self, turns: Iterable[TurnRecord]) -> None:
        """Commit cost and kind of stored turns, of all or of none.

        A turn that is gone is passed over, also where another one has its number by now.
        """
        values = [(turn.cost, turn.cost_kind, turn.id, turn.request_id) for turn in turns]
        if not values:
            return
        with self._database.transaction():
            for each in values:
                self._database.execute(
                    "UPDATE turns SET cost = ?, cost_kind = ? WHERE id = ? AND request_id = ?", each
                )
