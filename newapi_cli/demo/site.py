"""What kind of gateway the demo is: of which age, how open about its prices, in which currency.

Two ages of the real server are played. Where they differ, and since when, is the table at the
head of spec/newapi-contract.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

Age = Literal["2026-08", "2025-04"]
PricingAccess = Literal["public", "login", "off"]
Currency = Literal["USD", "CNY", "TOKENS", "CUSTOM"]

CNY_PER_USD = 7.3
CUSTOM_SYMBOL = "¤"
CUSTOM_PER_USD = 2


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of one gateway. `quota_per_unit` is the quota that a dollar buys.

    `pricing` says who may read the prices; `login` means nobody with an API key alone. `clock`
    gives seconds since 1970, for the log, the expiry of keys and the limiter. ValueError for a
    word that is none of its choices and for a quota that is not positive.
    """

    age: Age = "2026-08"
    pricing: PricingAccess = "public"
    currency: Currency = "USD"
    quota_per_unit: int = 500_000
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        for name, choices in (("age", Age), ("pricing", PricingAccess), ("currency", Currency)):
            value, allowed = getattr(self, name), get_args(choices)
            if value not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}, not {value!r}")
        if self.quota_per_unit <= 0:
            raise ValueError("quota_per_unit is positive")

    @property
    def is_old(self) -> bool:
        """Whether this is the server of April 2025."""
        return self.age == "2025-04"
