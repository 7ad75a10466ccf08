"""What an answer cost, and in which money that is shown. Light: `decimal` is for who calculates."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decimal import Decimal


class CostKind(StrEnum):
    """How far a cost is known; the values are stored and stand in JSON."""

    ABOUT = "about"  # from the published prices and the tokens that the server counted
    EXACT = "exact"  # from the gateway's own log
    TIERED = "tiered"  # the price is an expression that only the gateway evaluates
    UNKNOWN = "unknown"  # it has prices, but not for this


class Currency(NamedTuple):
    """The money of a site: `per_usd` units of it are a dollar. A site may count raw quota instead.

    `symbol` is empty where amounts stand for quota.
    """

    name: str
    symbol: str
    per_usd: Decimal


class Cost(NamedTuple):
    """The cost of one answer, or of several. `usd` is in dollars, None where it is not known."""

    kind: CostKind
    usd: Decimal | None = None
    currency: Currency | None = None
