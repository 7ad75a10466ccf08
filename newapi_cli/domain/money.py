"""Money: the cost of answers, and the limits, the usage and the log of a key.

`domain.pricing` computes costs. Does not import `decimal` (4 ms).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal


class CostKind(StrEnum):
    """How a cost is known. The values are stored, and are part of the JSON output."""

    ABOUT = "about"  # from the gateway's prices and the tokens that the server counted
    EXACT = "exact"  # from the gateway's own log
    AT_MOST = "at_most"  # cached tokens cost less than this by a ratio that is not published
    AT_LEAST = "at_least"  # more is charged, such as for searches that are not counted
    GROUP_UNKNOWN = "group_unknown"  # the ratio of the key's group is a guess
    TIERED = "tiered"  # the price is an expression that only the gateway evaluates
    UNKNOWN = "unknown"  # the gateway publishes prices, but not for this


class Currency(NamedTuple):
    """The currency of a site, of which `per_usd` units are one dollar.

    A site can display raw quota instead; `symbol` is then empty.
    """

    name: str
    symbol: str
    per_usd: Decimal


class Cost(NamedTuple):
    """The cost of one or more answers. `usd` is in dollars, None if it is unknown."""

    kind: CostKind
    usd: Decimal | None = None
    currency: Currency | None = None


class KeyState(StrEnum):
    """The state of a key. The values are part of the JSON output."""

    ACTIVE = "active"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    DISABLED = "disabled"  # by its owner or the operator
    UNKNOWN = "unknown"  # the key is unknown, or its state is not reported


class KeyUsage(NamedTuple):
    """The response of `/api/usage/token/`. Amounts are in quota.

    `granted` and `available` are meaningless for an unlimited key. `models` is empty if all are
    allowed. `expires_at` is None for a key that does not expire.
    """

    name: str
    granted: Decimal
    used: Decimal
    available: Decimal
    is_unlimited: bool
    models: tuple[str, ...] = ()
    expires_at: datetime | None = None

    def state(self, now: datetime) -> KeyState:
        """Return the state of the key at a time."""
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        if not self.is_unlimited and self.available <= 0:
            return KeyState.EXHAUSTED
        return KeyState.ACTIVE


class KeyFinding(NamedTuple):
    """What the record of a rejected key shows: its state, and perhaps when it expired."""

    state: KeyState
    expires_at: datetime | None = None
    name: str = ""


class Balance(NamedTuple):
    """The balance of a key in the currency of its site, None if the site does not report one.

    `limit` is the total that was granted, None for a key without a limit. `expires_at` is None for
    a key that does not expire. `name` and `models` are empty if the gateway does not report them.
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
        """What is left, or None without a limit."""
        return None if self.limit is None else self.limit - self.used


class LogEntry(NamedTuple):
    """A request that was charged, from the log of the key. `quota` is the charge.

    `request_id` is empty in the logs of older servers. `use_time_s` is how long the answer took, in
    whole seconds, None if the log does not contain it.
    """

    request_id: str
    model: str
    group: str
    quota: Decimal
    prompt_tokens: int
    completion_tokens: int
    created_at: datetime
    use_time_s: int | None = None
