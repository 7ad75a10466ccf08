"""What a key has left, from the endpoints of OpenAI's old dashboard, and the key's record and log.

The dashboard is limited to 360 calls in 180 seconds. The record and the log share 20 calls in 20
minutes with all clients behind the same address (contract, section 5.4), so callers count them.
Amounts are `Decimal`, made from the text of the response.
"""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Protocol
from urllib.parse import quote

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import (
    KEY_LOG,
    KEY_USAGE,
    key_usage_from_json,
    log_from_json,
    number,
    time_at,
    without_details,
)
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import Balance
from newapi_cli.domain.profile import Secret
from newapi_cli.i18n import tr

SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
NOISE, LARGEST_NOISY = Decimal("1E-12"), Decimal("1E+12")
UNLIMITED = Decimal(100_000_000)  # sent for a key without a limit, in any currency


class JsonClient(Protocol):
    """A client that requests JSON, such as `api.chat.client.Client`."""

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Yield events, and return the value."""


def fetch_balance(client: JsonClient) -> Generator[TurnEvent, None, Balance]:
    """Request the dashboard's endpoints: yields ticks and notices, returns the balance."""
    subscription = yield from client.fetch_json(SUBSCRIPTION)
    limit = _member(subscription, "hard_limit_usd")
    usage = yield from client.fetch_json(USAGE)
    hundredths = _member(usage, "total_usage")
    if limit is None or hundredths is None:
        raise invalid_response(tr("the limit or the usage is missing"))
    return Balance(
        limit=None if limit == UNLIMITED else _without_noise(limit),
        used=_without_noise(hundredths / 100),
        expires_at=time_at(_member(subscription, "access_until")),
    )


def fetch_key_usage(client: JsonClient) -> Generator[TurnEvent, None, object]:
    """Request the key's record, and return its JSON value after checking that it is one."""
    value = yield from client.fetch_json(KEY_USAGE)
    if key_usage_from_json(value) is None:
        raise invalid_response(tr("it is not the record of a key"))
    return value


def fetch_key_log(
    client: JsonClient, key_in_query: Secret | None = None
) -> Generator[TurnEvent, None, object]:
    """Request the key's log, and return its JSON value after checking that it is one.

    Servers before 2026-02 expect the key in the query (contract, section 6.5), where proxies log
    it; without it they return the log of a key without calls.
    """
    query = f"?key={quote(key_in_query.reveal(), safe='')}" if key_in_query is not None else ""
    value = yield from client.fetch_json(f"{KEY_LOG}{query}")
    if log_from_json(value) is None:
        raise invalid_response(tr("it is not the log of a key"))
    return without_details(value)


def _without_noise(amount: Decimal) -> Decimal:
    """Round an amount that the gateway calculated in floating point, as 0.0012179999999999999.

    Quota is a whole number, and a dollar has always been less than 10¹² of it.
    """
    return amount.quantize(NOISE).normalize() if abs(amount) < LARGEST_NOISY else amount


def _member(value: object, name: str) -> Decimal | None:
    return number(value.get(name)) if isinstance(value, dict) else None
