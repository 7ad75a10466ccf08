"""What a key may spend, what it has spent, and on what, as its gateway tells it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.money import Currency


class KeyState(StrEnum):
    """Whether a key works, as far as its gateway tells; the values stand in JSON."""

    ACTIVE = "active"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    UNKNOWN = "unknown"  # the gateway knows no such key, or does not tell


class KeyUsage(NamedTuple):
    """What `/api/usage/token/` tells of a key. Amounts in quota.

    `granted` and `available` mean nothing for an unlimited key. `models` is empty where it may use
    all. `expires_at` is None for a key that does not expire.
    """

    name: str
    granted: Decimal
    used: Decimal
    available: Decimal
    is_unlimited: bool
    models: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def state(self, now: datetime) -> KeyState:
        """Say whether the key works at a time."""
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        if not self.is_unlimited and self.available <= 0:
            return KeyState.EXHAUSTED
        return KeyState.ACTIVE


class Balance(NamedTuple):
    """What a key has left, in the site's money: `currency` is None where the site does not tell it.

    `limit` is what was granted in all, None for a key without a limit. `expires_at` is None for a
    key that does not expire. `name` and `models` are empty where the gateway does not tell them.
    """

    limit: Decimal | None
    used: Decimal
    expires_at: datetime | None = None
    currency: Currency | None = None
    name: str = ""
    models: tuple[str, ...] = ()
    state: KeyState = KeyState.ACTIVE
    group: str = ""

    @property
    def left(self) -> Decimal | None:
        """Give what is left, None where there is no limit."""
        return None if self.limit is None else self.limit - self.used


class LogEntry(NamedTuple):
    """A call that the gateway has charged for, from the key's own log. `quota` is what it took.

    `request_id` is empty in the logs of older servers.
    """

    request_id: str
    model: str
    group: str
    quota: Decimal
    prompt_tokens: int
    completion_tokens: int
    created_at: datetime
