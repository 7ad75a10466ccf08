"""What each key has spent, and on what: its counters and its log, in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from newapi_cli.demo.keys import DAY_S, DOLLARS_EACH, Standing, Terms, terms_of
from newapi_cli.demo.site import Site

REMEMBERED_ROWS = 1000  # MaxRecentItems of the real gateway


@dataclass(frozen=True, slots=True)
class LogRow:
    """One answered call. `created_at` in Unix seconds, `quota` in quota, `use_time_s` whole."""

    number: int
    created_at: int
    request_id: str
    model: str
    quota: int
    prompt_tokens: int
    completion_tokens: int
    use_time_s: int
    is_stream: bool
    group: str
    other: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Statement:
    """A key's account as it stands. Amounts in quota; `expires_at` in Unix seconds, 0 for never."""

    terms: Terms
    standing: Standing
    token_id: int
    remaining: int
    used: int
    expires_at: int


@dataclass(slots=True)
class _Account:
    terms: Terms
    token_id: int
    remaining: int
    used: int
    expires_at: int
    rows: deque[LogRow]


class Accounts:
    """The accounts of one gateway, opened when a key is first seen; safe in any thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._started_at = int(site.clock())
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._rows_written = 0

    def statement(self, key: str) -> Statement:
        """Give the account of a key (without `sk-`); one that was good is exhausted by spending."""
        with self._lock:
            account = self._account(key)
            standing = account.terms.standing
            if standing is Standing.LIVE and self._is_spent(account):
                standing = Standing.EXHAUSTED
            return Statement(
                account.terms,
                standing,
                account.token_id,
                account.remaining,
                account.used,
                account.expires_at,
            )

    def next_number(self) -> int:
        """Give the number of the next row of all logs."""
        with self._lock:
            self._rows_written += 1
            return self._rows_written

    def charge(self, key: str, row: LogRow) -> None:
        """Take a row's quota off the key's account and write the row; the oldest gives way."""
        with self._lock:
            account = self._account(key)
            account.remaining -= row.quota
            account.used += row.quota
            account.rows.append(row)

    def rows(self, key: str) -> list[LogRow]:
        """The last 1000 rows of a key, newest first; a copy."""
        with self._lock:
            return list(reversed(self._account(key).rows))

    def _account(self, key: str) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = self._open(key)
        return account

    def _open(self, key: str) -> _Account:
        terms = terms_of(key)
        limit = 0 if terms.is_unlimited else DOLLARS_EACH * self._site.quota_per_unit
        used = limit if terms.standing is Standing.EXHAUSTED else 0
        return _Account(
            terms=terms,
            token_id=len(self._accounts) + 1,
            remaining=limit - used,
            used=used,
            expires_at=self._started_at + terms.days * DAY_S if terms.days else 0,
            rows=deque(maxlen=REMEMBERED_ROWS),
        )

    @staticmethod
    def _is_spent(account: _Account) -> bool:
        return account.remaining <= 0 and not account.terms.is_unlimited
