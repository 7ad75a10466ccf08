"""What the log of a key shows about its prices: the ratios that were really charged.

The public price list lacks some of them: the group of the key, special ratios of its owner, and on
older servers the price of cached tokens. What one key was charged says nothing about another key,
another site or another group: `KeyRates` belong to one key, and hold one ratio for each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

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
