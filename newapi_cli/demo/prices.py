"""What the demo models cost, and how a gateway counts it.

Source: spec/newapi-contract.md 6.6. Ratios are multiples of 2 dollars per million tokens where a
dollar is 500,000 quota; amounts are counted in quota, whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.demo.site import Site

GROUP_RATIOS: Mapping[str, float] = MappingProxyType({"default": 1, "vip": 0.5})

_TIER_ENDS_AT = 1000  # prompt tokens
_SHORT = (Decimal("0.2"), Decimal("0.8"))  # dollars per million prompt and completion tokens
_LONG = (Decimal("0.4"), Decimal("1.2"))
TIERED_EXPRESSION = (
    f'p <= {_TIER_ENDS_AT} ? tier("short", p * {_SHORT[0]} + c * {_SHORT[1]})'
    f' : tier("long", p * {_LONG[0]} + c * {_LONG[1]})'
)


class Counts(NamedTuple):
    """The tokens of one call. `cached` are part of `prompt`, `reasoning` is none of `content`."""

    prompt: int
    cached: int
    content: int
    reasoning: int

    @property
    def completion(self) -> int:
        """All tokens that were written: content and reasoning."""
        return self.content + self.reasoning


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a model: by ratios, by the call (`model_price` in dollars) or in tiers."""

    model_ratio: float = 0.075
    completion_ratio: float = 4
    cache_ratio: float | None = 0.5
    model_price: float | None = None
    is_tiered: bool = False
    groups: tuple[str, ...] = ("default", "vip")
    is_listed: bool = True

    def is_for(self, group: str) -> bool:
        """Tell whether keys of this group may use the model."""
        return group in self.groups or "all" in self.groups


_USUAL = Price()
_PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "demo": _USUAL,
        "demo-reasoning": Price(model_ratio=0.55),
        "demo-think": Price(is_listed=False),
        "demo-slow": Price(groups=("all",)),
        "demo-long": Price(cache_ratio=None),
        "demo-echo": Price(model_ratio=0, completion_ratio=1, cache_ratio=None),
        "demo-per-call": Price(0, 0, None, model_price=0.01),
        # the ratios are what its server used before there were tiers
        "demo-tiered": Price(0.1, 4, None, is_tiered=True),
        "demo-vip": Price(groups=("vip",)),
        # 37.5 is the placeholder for a model whose price nobody has configured
        "demo-no-finish": Price(37.5, 1, None),
    }
)


def price_of(model: str, site: Site) -> Price:
    """Give the price of a model at a site; in April 2025 there are no tiers yet."""
    price = _PRICES.get(model, _USUAL)
    return replace(price, is_tiered=False) if site.is_old else price


def quota_for(counts: Counts, price: Price, group: str, quota_per_unit: int) -> int:
    """Give what a call costs in quota, rounded half away from zero, at least 1 unless free.

    >>> quota_for(Counts(10, 0, 20, 0), Price(model_ratio=0.55), "default", 500_000)
    50
    >>> quota_for(Counts(100, 80, 10, 0), Price(1, 2, 0.25), "vip", 500_000)
    30
    >>> quota_for(Counts(0, 0, 0, 0), Price(0, 0, None, model_price=0.01), "vip", 500_000)
    2500
    >>> quota_for(Counts(1, 0, 0, 0), Price(), "default", 500_000)
    1
    >>> quota_for(Counts(9, 0, 9, 0), Price(0, 1, None), "default", 500_000)
    0
    """
    group_ratio = _exact(GROUP_RATIOS[group])
    if price.is_tiered:
        each, written = _tier(counts)[1]
        dollars = (counts.prompt * each + counts.completion * written) / 1_000_000
        return _whole(dollars * quota_per_unit * group_ratio)
    if price.model_price is not None:
        return _whole(_exact(price.model_price) * quota_per_unit * group_ratio)
    cache_ratio = _exact(1 if price.cache_ratio is None else price.cache_ratio)
    weighted = (
        counts.prompt
        - counts.cached
        + counts.cached * cache_ratio
        + counts.completion * _exact(price.completion_ratio)
    )
    return _whole(weighted * _exact(price.model_ratio) * group_ratio)


def tier_name(counts: Counts) -> str:
    """Name the tier of `TIERED_EXPRESSION` in which a call falls."""
    return _tier(counts)[0]


def _tier(counts: Counts) -> tuple[str, tuple[Decimal, Decimal]]:
    return ("short", _SHORT) if counts.prompt <= _TIER_ENDS_AT else ("long", _LONG)


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _whole(amount: Decimal) -> int:
    rounded = int(amount.quantize(Decimal(1), ROUND_HALF_UP))
    return max(1, rounded) if amount else 0
