"""What a key has left, as its gateway tells it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Balance(NamedTuple):
    """Amounts in the unit that the site shows: dollars, another currency, or tokens.

    `limit` is what was granted in all, None for a key without a limit. `expires_at` is None for a
    key that does not expire.
    """

    limit: Decimal | None
    used: Decimal
    expires_at: datetime | None = None

    @property
    def left(self) -> Decimal | None:
        """Give what is left, None where there is no limit."""
        return None if self.limit is None else self.limit - self.used

    def __str__(self) -> str:
        """Write it as one line.

        >>> str(Balance(Decimal("20"), Decimal("7.6612")))
        '12.34 left of 20.00, 7.66 used'
        >>> str(Balance(None, Decimal("0.004")))
        'no limit on this key, 0.0040 used'
        """
        used = f"{_amount(self.used)} used"
        if self.limit is None or self.left is None:
            text = f"no limit on this key, {used}"
        else:
            text = f"{_amount(self.left)} left of {_amount(self.limit)}, {used}"
        if self.expires_at is not None:
            text += f", until {self.expires_at:%Y-%m-%d}"
        return text


def _amount(value: Decimal) -> str:
    places = 2 if value == 0 or abs(value) >= Decimal("0.1") else 4
    return f"{value:,.{places}f}"
