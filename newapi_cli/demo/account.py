"""The API keys, their balances, and the log of what they paid for. All of it is in memory.

Any key works. A few have fixed properties, so that each case can be tried:

    sk-wrong       unknown             sk-unlimited   no limit
    sk-expired     expired yesterday   sk-vip         group vip, half the price
    sk-exhausted   no quota left       sk-limited     only demo and demo-echo, for 30 days
    sk-disabled    disabled
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from newapi_cli.demo.chat_request import ChatRequest
from newapi_cli.demo.prices import (
    GROUP_RATIOS,
    QUOTA_PER_DOLLAR,
    Price,
    TokenCounts,
    count_usage,
    quota_for,
    tier_name,
)
from newapi_cli.demo.replies import Reply

LoggedRequest = Mapping[str, object]  # an answered request; times are in seconds

DOLLARS_PER_KEY = 5  # of every key that has a limit
DAY_S = 86_400
MAX_LOG_ENTRIES = 1000  # MaxRecentItems of the real gateway


class KeyStatus(Enum):
    """Whether a key is accepted, or why not."""

    ACTIVE = "active"
    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    DISABLED = "disabled"

    @property
    def may_read_account(self) -> bool:
        """Whether the key may read its own balance and log (the rule since 2026-02-06)."""
        return self in (KeyStatus.ACTIVE, KeyStatus.EXPIRED, KeyStatus.EXHAUSTED)


@dataclass(frozen=True, slots=True)
class KeySettings:
    """What a key was created with.

    No `models` means all of them. `days` is the time until it expires: 0 for never, negative if
    it has expired.
    """

    status: KeyStatus = KeyStatus.ACTIVE
    group: str = "default"
    is_unlimited: bool = False
    models: tuple[str, ...] = ()
    days: int = 0

    def allows(self, model: str) -> bool:
        return not self.models or model in self.models


_DEFAULT_SETTINGS = KeySettings()
_KEY_SETTINGS: Mapping[str, KeySettings] = MappingProxyType(
    {
        "": KeySettings(KeyStatus.MISSING),
        "wrong": KeySettings(KeyStatus.UNKNOWN),
        "expired": KeySettings(KeyStatus.EXPIRED, days=-1),
        "exhausted": KeySettings(KeyStatus.EXHAUSTED),
        "disabled": KeySettings(KeyStatus.DISABLED),
        "unlimited": KeySettings(is_unlimited=True),
        "vip": KeySettings(group="vip"),
        "limited": KeySettings(models=("demo", "demo-echo"), days=30),
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """The balance of a key, in quota. `expires_at` is in Unix seconds, 0 for never."""

    settings: KeySettings
    status: KeyStatus
    token_id: int
    remaining: int
    used: int
    expires_at: int

    def charged(self, quota: int) -> Account:
        """Return the account after a charge; it is exhausted if nothing remains."""
        remaining = self.remaining - quota
        is_exhausted = remaining <= 0 and not self.settings.is_unlimited
        status = KeyStatus.EXHAUSTED if is_exhausted else self.status
        return replace(self, status=status, remaining=remaining, used=self.used + quota)


class Accounts:
    """The accounts of all keys, each opened when its key is first used. Thread-safe."""

    def __init__(self) -> None:
        self._started_at = int(time.time())
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}
        self._logs: dict[str, deque[LoggedRequest]] = {}

    def account(self, key: str) -> Account:
        """Return the account of a key, which is given without `sk-`."""
        with self._lock:
            return self._account(key)

    def log(self, key: str) -> list[LoggedRequest]:
        """Return the last 1000 log entries of a key, newest first."""
        with self._lock:
            return list(reversed(self._logs.get(key, ())))

    def charge(self, key: str, quota: int, entry: LoggedRequest) -> None:
        """Deduct a quota from the account of the key, and add an entry to its log."""
        with self._lock:
            self._accounts[key] = self._account(key).charged(quota)
            self._logs.setdefault(key, deque(maxlen=MAX_LOG_ENTRIES)).append(entry)

    def _account(self, key: str) -> Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = self._open(key)
        return account

    def _open(self, key: str) -> Account:
        settings = _KEY_SETTINGS.get(key, _DEFAULT_SETTINGS)
        limit = 0 if settings.is_unlimited else DOLLARS_PER_KEY * QUOTA_PER_DOLLAR
        used = limit if settings.status is KeyStatus.EXHAUSTED else 0
        return Account(
            settings=settings,
            status=settings.status,
            token_id=len(self._accounts) + 1,
            remaining=limit - used,
            used=used,
            expires_at=self._started_at + settings.days * DAY_S if settings.days else 0,
        )


class Charge:
    """The cost of one answer, charged to the key and logged exactly once.

    A client that leaves a stream pays for the prompt and for the tokens sent; one that leaves
    before a complete answer pays for all of it.
    """

    def __init__(
        self,
        accounts: Accounts,
        key: str,
        request_id: str,
        request: ChatRequest,
        reply: Reply,
        price: Price,
    ) -> None:
        self._accounts = accounts
        self._key = key
        self._request_id = request_id
        self._request = request
        self.counts = count_usage(request, reply)
        self._price = price
        self._started_s = time.monotonic()
        self._first_sent_s: float | None = None
        self._sent_tokens = 0
        self._is_settled = False

    def add_sent(self, tokens: int) -> None:
        """Count tokens that were sent; the first ones end the time to the first token."""
        if tokens and self._first_sent_s is None:
            self._first_sent_s = time.monotonic()
        self._sent_tokens += tokens

    def settle(self, *, is_complete: bool = True) -> None:
        """Charge the key and log the answer; a second call does nothing."""
        if self._is_settled:
            return
        self._is_settled = True
        is_partial = self._request.is_stream and not is_complete
        counts = self.partial_counts() if is_partial else self.counts
        group = self._accounts.account(self._key).settings.group
        quota = quota_for(counts, self._price, group)
        entry = {
            "created_at": int(time.time()),
            "request_id": self._request_id,
            "model_name": self._request.model,
            "quota": quota,
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.completion,
            "use_time": int(time.monotonic() - self._started_s),
            "is_stream": self._request.is_stream,
            "group": group,
            "other": self._details(counts, group, is_complete=is_complete),
        }
        self._accounts.charge(self._key, quota, entry)

    def partial_counts(self) -> TokenCounts:
        """Return the tokens to pay for when the client has left the stream."""
        sent = min(self._sent_tokens, self.counts.completion)  # the last chunk may be short
        reasoning = min(sent, self.counts.reasoning)
        return self.counts._replace(content=sent - reasoning, reasoning=reasoning)

    def _details(self, counts: TokenCounts, group: str, *, is_complete: bool) -> dict[str, object]:
        price = self._price
        first_sent_s = self._first_sent_s or time.monotonic()
        details: dict[str, object] = {
            "model_ratio": price.model_ratio,
            "group_ratio": GROUP_RATIOS[group],
            "user_group_ratio": -1,
            "completion_ratio": price.completion_ratio,
            "cache_tokens": counts.cached,
            "cache_ratio": 1 if price.cache_ratio is None else price.cache_ratio,
            "model_price": -1 if price.model_price is None else price.model_price,
            "frt": int((first_sent_s - self._started_s) * 1000),
            "request_path": "/v1/chat/completions",
        }
        if price.is_tiered:
            details |= {"billing_mode": "tiered_expr", "matched_tier": tier_name(counts)}
        if self._request.is_stream:
            reason, status = ("done", "ok") if is_complete else ("client_gone", "error")
            details["stream_status"] = {"status": status, "end_reason": reason}
        return details
