"""What a key has left: by the endpoints of OpenAI's old dashboard, and by the key's own record.

The dashboard's two are limited to 360 calls in 180 seconds. The record and the log of the key
share 20 calls in 20 minutes with everybody behind the same address (contract, section 5.4), so who
calls them counts the calls. Amounts are `Decimal` from the text of the answer on.
"""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Protocol
from urllib.parse import quote

from newapi_cli.api.errors.rules import not_understood
from newapi_cli.api.gateway.responses import (
    KEY_LOG,
    KEY_USAGE,
    key_usage_from_json,
    log_from_json,
    number,
    time_at,
    without_details,
)
from newapi_cli.domain.billing import Balance
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.profile import Secret

SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
NOISE, LARGEST_NOISY = Decimal("1E-12"), Decimal("1E+12")
UNLIMITED = Decimal(100_000_000)  # what it tells of a key without a limit, in whatever money


class JsonClient(Protocol):
    """A client that fetches JSON: `client.Client`."""

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Give what happens meanwhile, and return the value."""


def fetch_balance(client: JsonClient) -> Generator[TurnEvent, None, Balance]:
    """Ask the dashboard's endpoints: ticks and notices, and the balance is returned."""
    granted = yield from client.fetch_json(SUBSCRIPTION)
    limit = _member(granted, "hard_limit_usd")
    spent = yield from client.fetch_json(USAGE)
    hundredths = _member(spent, "total_usage")
    if limit is None or hundredths is None:
        raise not_understood("it tells no limit or no usage")
    return Balance(
        limit=None if limit == UNLIMITED else _without_noise(limit),
        used=_without_noise(hundredths / 100),
        expires_at=time_at(_member(granted, "access_until")),
    )


def fetch_key_usage(client: JsonClient) -> Generator[TurnEvent, None, object]:
    """Ask for the key's record; the JSON value is returned, once it is known to be one."""
    value = yield from client.fetch_json(KEY_USAGE)
    if key_usage_from_json(value) is None:
        raise not_understood("it is no record of a key")
    return value


def fetch_key_log(
    client: JsonClient, key_in_query: Secret | None = None
) -> Generator[TurnEvent, None, object]:
    """Ask for the key's log; the JSON value is returned, once it is known to be one.

    Servers before 2026-02 want the key in the query (contract, section 6.5), where the logs of
    proxies show it, and take a request without it for one of a key that has no calls.
    """
    query = f"?key={quote(key_in_query.reveal(), safe='')}" if key_in_query is not None else ""
    value = yield from client.fetch_json(f"{KEY_LOG}{query}")
    if log_from_json(value) is None:
        raise not_understood("it is no log of a key")
    return without_details(value)


def _without_noise(amount: Decimal) -> Decimal:
    """Round what the gateway has calculated in floating point: 0.0012179999999999999 was 0.001218.

    Quota is whole, and a dollar has never been a million million of it.
    """
    return amount.quantize(NOISE).normalize() if abs(amount) < LARGEST_NOISY else amount


def _member(value: object, name: str) -> Decimal | None:
    return number(value.get(name)) if isinstance(value, dict) else None
