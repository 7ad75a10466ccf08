"""The billing endpoints of OpenAI's old dashboard, by which New API tells what a key has left.

Both are limited to 360 calls in 180 seconds, unlike the key's own endpoint with its 20 in 20
minutes (contract, sections 5.4 and 6.4). Amounts are `Decimal` from the text of the answer on.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from newapi_cli.api.refusals import not_understood
from newapi_cli.domain.billing import Balance
from newapi_cli.domain.completion import TurnEvent

SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
UNLIMITED = Decimal(100_000_000)  # what the gateway grants a key without a limit
LATEST_S = 253_402_300_799  # 9999-12-31


class JsonClient(Protocol):
    """A client that fetches JSON: `client.Client`."""

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Give what happens meanwhile, and return the value."""


def fetch_balance(client: JsonClient) -> Generator[TurnEvent, None, Balance]:
    """Ask for what the key has left: ticks and notices, and the balance is returned."""
    granted = yield from client.fetch_json(SUBSCRIPTION)
    limit = _number(granted, "hard_limit_usd")
    spent = yield from client.fetch_json(USAGE)
    hundredths = _number(spent, "total_usage")
    if limit is None or hundredths is None:
        raise not_understood("it tells no limit or no usage")
    until = _number(granted, "access_until") or Decimal(0)
    return Balance(
        limit=None if limit >= UNLIMITED else limit,
        used=hundredths / 100,
        expires_at=datetime.fromtimestamp(int(until), UTC) if 0 < until <= LATEST_S else None,
    )


def _number(value: object, name: str) -> Decimal | None:
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    number = Decimal(repr(found))  # the shortest text that gives this number: as it was sent
    return number if number.is_finite() else None
