"""What the log of a key shows about its prices: the ratios that were actually charged.

The public price list lacks some of them: the group of the key, special ratios of its owner, and on
older servers the price of cached tokens. What one key was charged does not apply to another key,
another site or another group: `KeyRates` belong to one key, and hold one ratio for each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

RATIO_NAMES = (
    "model_ratio",
    "completion_ratio",
    "cache_ratio",
    "create_cache_ratio",
    "per_call",
    "search_price",
)
AUTO_GROUP = "auto"  # a key of it pays in the group that serves the request


class Rates(NamedTuple):
    """What a key was charged for a model, from the newest row of its log that shows it.

    `at` is in Unix seconds. A ratio that no row shows is None. `search_price` is in dollars per
    1,000 searches, 0 if none are charged. `difference` is the sign of what the charge has beyond
    the amount that its ratios explain: 0 if they explain all of it.
    """

    group: str
    at: float
    model_ratio: Decimal | None = None
    completion_ratio: Decimal | None = None
    cache_ratio: Decimal | None = None
    create_cache_ratio: Decimal | None = None
    per_call: Decimal | None = None
    search_price: Decimal | None = None
    difference: int = 0


class KeyRates(NamedTuple):
    """What the log of one key shows. `group` is that of its newest row, empty without any.

    `ratios` holds the newest ratio of each group. `alternates`: rows of one group lie between rows
    of another, as for a key of the group `auto`.
    """

    group: str = ""
    ratios: Mapping[str, Decimal] = MappingProxyType({})
    models: Mapping[str, Rates] = MappingProxyType({})
    alternates: bool = False

    def group_for(self, model: str) -> str:
        """Return the group that the next request for a model is charged in, empty if unknown.

        >>> rates = KeyRates("b", models={"old": Rates("a", 1.0), "new": Rates("b", 2.0)})
        >>> rates.group_for("new"), rates.group_for("other"), rates.group_for("old")
        ('b', 'b', '')
        """
        rates = self.models.get(model)
        if rates is None:
            return "" if self.alternates else self.group
        # Another group than the newest: the key was moved, unless its groups alternate.
        return rates.group if rates.group == self.group or self.alternates else ""


NO_RATES = KeyRates()


# -- rates in the cache ----------------------------------------------------------------------------


def rates_to_json(rates: KeyRates) -> dict[str, object]:
    """Return rates as a JSON value: reading a log of 1,000 rows would delay each answer."""
    return {
        "group": rates.group,
        "alternates": rates.alternates,
        "ratios": {group: str(ratio) for group, ratio in rates.ratios.items()},
        "models": {model: _model_to_json(each) for model, each in rates.models.items()},
    }


def _model_to_json(rates: Rates) -> dict[str, object]:
    ratios = {name: getattr(rates, name) for name in RATIO_NAMES}
    return {
        "group": rates.group,
        "at": rates.at,
        "difference": rates.difference,
        **{name: str(ratio) for name, ratio in ratios.items() if ratio is not None},
    }


def rates_from_json(value: object) -> KeyRates:
    """Return rates from a JSON value; a damaged one has none."""
    try:
        return _rates_from_json(value)
    except (TypeError, ValueError, ArithmeticError, AttributeError, KeyError):
        return NO_RATES


def _rates_from_json(value: Any) -> KeyRates:
    models = {}
    for model, each in value["models"].items():
        ratios: Any = {name: _amount(each[name]) for name in RATIO_NAMES if name in each}
        group, at, difference = _name(each["group"]), float(each["at"]), int(each["difference"])
        models[_name(model)] = Rates(group, at, difference=difference, **ratios)
    return KeyRates(
        group=_name(value["group"]),
        ratios={_name(group): _amount(ratio) for group, ratio in value["ratios"].items()},
        models=models,
        alternates=value["alternates"] is True,
    )


def _name(text: str) -> str:
    """Return a name. Raises `ValueError` for one that cannot be printed: a lone surrogate."""
    text.encode()
    return text


def _amount(text: str) -> Decimal:
    """Return a ratio. Raises `ValueError` for one that no gateway has."""
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0:
        raise ValueError(text)
    return amount
