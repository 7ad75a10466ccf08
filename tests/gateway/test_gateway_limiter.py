"""The endpoints that allow 20 requests in 20 minutes per address are rarely used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.cache_age import age_cache
from tests.support.gateway_variants import gateway_variant
from tests.support.home import Home
from tests.support.process import run_newapi

RECORD, LOG = "/api/usage/token/", "/api/log/token"
HOUR_S = 3_600


@pytest.fixture
def gateway(home: Home) -> Iterator[DemoGateway]:
    """Return a gateway with a rate limiter, whose URL is configured."""
    with gateway_variant() as running:
        home.configure(running.base_url, model="demo")
        yield running


def counts(gateway: DemoGateway) -> Counter[str]:
    return Counter(each.path for each in gateway.requests)


def test_a_day_of_use_fetches_status_prices_and_the_log_once(
    home: Home, gateway: DemoGateway
) -> None:
    hours = 24
    for hour in range(0, hours, 4):
        run_newapi("chat", f"hello {hour}", home=home)
        run_newapi("chat", "-c", "and now?", home=home)
        for command in (["models"], ["usage"], ["sessions"], ["config", "list"], ["--help"]):
            assert run_newapi(*command, home=home).code in (0, 2)
        age_cache(home, 4 * HOUR_S - 1)
    counted = counts(gateway)
    assert counted["/v1/chat/completions"] == 2 * hours / 4
    assert (counted["/api/status"], counted["/api/pricing"]) == (1, 1)
    assert (counted[RECORD], counted[LOG]) == (0, 1)
    assert counted["/v1/models"] == hours / 4
    assert set(counted) == {
        "/v1/chat/completions", "/v1/models", "/api/status", "/api/pricing", LOG,
    }  # fmt: skip


def test_a_rejected_key_is_looked_up_once_a_day(home: Home, gateway: DemoGateway) -> None:
    env = {"NEWAPI_API_KEY": "sk-expired"}
    for _ in range(6):
        assert run_newapi("chat", "hello", home=home, env=env).code == 4
        age_cache(home, 4 * HOUR_S - 1)
    assert counts(gateway)[RECORD] == 1
    age_cache(home, 10)
    assert run_newapi("chat", "hello", home=home, env=env).code == 4
    assert counts(gateway)[RECORD] == 2
    assert counts(gateway)[LOG] == 0


def test_balance_every_30_seconds_stays_far_below_the_limit(
    home: Home, gateway: DemoGateway
) -> None:
    for _ in range(40):  # 20 minutes
        result = run_newapi("balance", "--json", home=home)
        assert json.loads(result.text)["name"] == "demo key"
        age_cache(home, 30)
    counted = counts(gateway)
    assert counted["/v1/dashboard/billing/usage"] == 40
    assert counted[RECORD] + counted[LOG] <= 10


def test_all_keys_of_a_gateway_share_the_count(home: Home, gateway: DemoGateway) -> None:
    for number in range(12):
        env = {"NEWAPI_API_KEY": f"sk-number-{number}"}
        assert run_newapi("balance", home=home, env=env).code == 0
    counted = counts(gateway)
    assert counted[RECORD] + counted[LOG] == 10
