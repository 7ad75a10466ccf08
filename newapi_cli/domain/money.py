"""The cost of answers and the currency it is displayed in. Does not import `decimal` (4 ms)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal


class CostKind(StrEnum):
    """How a cost is known. The values are stored, and are part of the JSON output."""

    ABOUT = "about"  # from the published prices and the tokens that the server counted
    EXACT = "exact"  # from the gateway's own log
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
