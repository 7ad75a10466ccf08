"""What a key has left, from the two billing endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from newapi_cli.api.gateway.responses import fetch_balance
from newapi_cli.domain.money import Balance
from newapi_cli.errors import AuthenticationError, GatewayError, NewapiError
from newapi_cli.render.prices import balance_text
from tests.api.exchanges import client_for
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY
from tests.support.steps import Send
from tests.support.wire import error, response

GRANTED: dict[str, object] = {
    "object": "billing_subscription",
    "has_payment_method": True,
    "soft_limit_usd": 20.1,
    "hard_limit_usd": 20.1,
    "system_hard_limit_usd": 20.1,
    "access_until": 0,
}
SPENT: dict[str, object] = {"object": "list", "total_usage": 766.12}


def balance_of(
    granted: dict[str, object] | str, spent: dict[str, object] | str = "", status: int = 200
) -> Balance:
    """Return the balance that a server with these responses reports."""
    with FaultServer([Send(response(status, granted))], [Send(response(200, spent))]) as server:
        asking = fetch_balance(client_for(server.url))
        while True:
            try:
                next(asking)
            except StopIteration as end:
                balance: Balance = end.value
                break
        paths = [request.path for request in server.requests]
        assert paths == ["/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"]
        assert server.requests[0].header("authorization") == f"Bearer {CANARY}"
    return balance


def test_the_remaining_amount_is_exact() -> None:
    balance = balance_of(GRANTED, SPENT)
    assert balance == Balance(Decimal("20.1"), Decimal("7.6612"))
    assert balance.left == Decimal("12.4388")
    assert balance_text(balance) == "12.44 left of 20.10, 7.66 used"


def test_a_key_without_a_limit_is_unlimited() -> None:
    balance = balance_of({**GRANTED, "hard_limit_usd": 100_000_000}, {"total_usage": 0})
    assert (balance.limit, balance.left) == (None, None)
    assert balance_text(balance) == "no limit on this key, 0.00 used"


def test_an_expiration_time_is_read() -> None:
    balance = balance_of({**GRANTED, "access_until": 1_790_000_000}, SPENT)
    assert balance.expires_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert balance_text(balance).endswith(", expires 2026-09-21")


@pytest.mark.parametrize("until", [None, "soon", -1, 10**20, True])
def test_an_invalid_expiration_time_is_none(until: object) -> None:
    assert balance_of({**GRANTED, "access_until": until}, SPENT).expires_at is None


@pytest.mark.parametrize("limit", [None, "20", True, []])
def test_a_response_without_a_limit_is_invalid(limit: object) -> None:
    with pytest.raises(GatewayError, match="invalid response"):
        balance_of({**GRANTED, "hard_limit_usd": limit}, SPENT)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, error("Invalid token"), GatewayError),
        (401, error("Invalid token"), AuthenticationError),
        (404, error("Invalid URL (GET /v1/dashboard/billing/subscription)"), GatewayError),
        (200, "<html><title>New API</title></html>", GatewayError),
    ],
)
def test_an_error_response_is_reported_in_the_gateways_words(
    status: int, body: dict[str, object] | str, kind: type[NewapiError]
) -> None:
    with pytest.raises(kind) as caught:
        balance_of(body, status=status)
    assert "Invalid" in caught.value.why or "New API" in caught.value.why
