"""`newapi balance`: each kind of key, each kind of money, servers of every age."""

from __future__ import annotations

import json

import pytest

from newapi_cli.demo.server import DemoGateway, Site
from tests.gateway.aging import pass_time
from tests.gateway.routes import INVALID_URL, Answer, serving
from tests.support.home import Home
from tests.support.process import Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
RECORD, LOG = "/api/usage/token/", "/api/log/token"
GRANTED = Answer({"hard_limit_usd": 20.1, "access_until": 0})
SPENT = Answer({"object": "list", "total_usage": 766.12})


def balance(home: Home, key: str = "sk-somebody") -> Result:
    return run_newapi("balance", "--json", home=home, env={"NEWAPI_API_KEY": key})


@pytest.mark.parametrize("age", ["2025-04", "2026-08"])
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sk-somebody", {"left": "5", "limit": "5", "used": "0", "unlimited": False}),
        ("sk-unlimited", {"left": None, "limit": None, "unlimited": True}),
        ("sk-limited", {"left": "5", "unlimited": False}),
    ],
)
def test_a_key_is_told_what_it_has_left(
    home: Home, age: str, key: str, expected: dict[str, object]
) -> None:
    with DemoGateway(site=Site(age=age)) as gateway:  # type: ignore[arg-type]
        home.configure(gateway.base_url)
        found = json.loads(balance(home, key).text)
    assert {name: found[name] for name in expected} == expected
    assert (found["currency"], found["state"]) == ("USD", "active")
    assert found["models"] == (["demo", "demo-echo"] if (key, age) == LIMITED_NOW else None)
    assert (found["expires_at"] is not None) is (key == "sk-limited")
    assert found["name"] == ("demo key" if age == "2026-08" else None)


LIMITED_NOW = ("sk-limited", "2026-08")


@pytest.mark.parametrize(
    ("key", "state", "left"), [("sk-expired", "expired", "5"), ("sk-exhausted", "exhausted", "0")]
)
def test_a_key_that_is_refused_is_told_by_its_record(
    home: Home, key: str, state: str, left: str
) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        result = balance(home, key)
    found = json.loads(result.text)
    assert (found["state"], found["left"], result.code) == (state, left, 0)


@pytest.mark.parametrize("key", ["sk-disabled", "sk-wrong"])
@pytest.mark.parametrize("age", ["2025-04", "2026-08"])
def test_a_key_that_nobody_knows_is_refused(home: Home, key: str, age: str) -> None:
    with DemoGateway(site=Site(age=age)) as gateway:  # type: ignore[arg-type]
        home.configure(gateway.base_url)
        result = balance(home, key)
    assert (result.code, result.out) == (4, b""), result


@pytest.mark.parametrize(
    ("currency", "left", "shown"),
    [
        ("USD", "5", "$5.00 left of $5.00, $0.00 used"),
        ("CNY", "36.5", "¥36.50 left of ¥36.50, ¥0.00 used"),
        ("CUSTOM", "10", "¤10.00 left of ¤10.00, ¤0.00 used"),
        ("TOKENS", "2500000", "2,500,000 quota left of 2,500,000 quota, 0 quota used"),
    ],
)
def test_the_sites_money_is_shown(home: Home, currency: str, left: str, shown: str) -> None:
    with DemoGateway(site=Site(currency=currency)) as gateway:  # type: ignore[arg-type]
        home.configure(gateway.base_url)
        found = json.loads(run_newapi("balance", "--json", home=home).text)
        with Terminal(newapi_command("balance"), home=home) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
    assert (found["left"], found["currency"]) == (left, currency)
    assert shown in screen
    assert "key “demo key”" in screen


def test_the_group_is_learnt_from_the_keys_log(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo", api_key="sk-vip")
        assert json.loads(run_newapi("balance", "--json", home=home).text)["group"] is None
        assert run_newapi("chat", "hello", home=home).code == 0
        pass_time(home, 301)
        assert json.loads(run_newapi("balance", "--json", home=home).text)["group"] == "vip"
        found = json.loads(run_newapi("chat", "--json", "hello", home=home).text)
    assert found["cost_usd"] == "0.000014"  # 13.275 * 0.5 = 6.6375 -> 7


def test_a_pipe_gets_one_row(home: Home) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        text = run_newapi("balance", home=home).text
    assert text == "5\t5\t0\tUSD\t\tactive\tdemo key\t\n"


def test_a_server_that_has_the_dashboard_alone_is_enough(home: Home) -> None:
    with serving({SUBSCRIPTION: GRANTED, USAGE: SPENT}) as server:
        home.configure(server.url)
        found = json.loads(run_newapi("balance", "--json", home=home).text)
    assert (found["left"], found["used"], found["currency"]) == ("12.4388", "7.6612", None)


def test_a_server_that_tells_nothing_is_said_to(home: Home) -> None:
    with serving({}) as server:
        home.configure(server.url)
        result = run_newapi("balance", home=home)
    assert result.code == 6
    assert "does not tell what this key has left" in result.err


def test_a_rate_limit_is_told_as_one(home: Home) -> None:
    limited = Answer(b"", 429)
    with serving(dict.fromkeys((SUBSCRIPTION, USAGE, RECORD), limited)) as server:
        home.configure(server.url, retries=0)
        result = run_newapi("balance", home=home)
    assert result.code == 7, result


def test_the_record_alone_is_enough(home: Home) -> None:
    record = {
        "code": True,
        "data": {
            "name": "laptop\x1b[31m",
            "total_granted": 1_000_000,
            "total_used": 250_000,
            "total_available": 750_000,
            "unlimited_quota": False,
            "expires_at": 0,
        },
    }
    answers = {
        RECORD: Answer(record, headers=(("X-Oneapi-Request-Id", "r"),)),
        SUBSCRIPTION: INVALID_URL,
        "/api/status": Answer({"data": {"quota_per_unit": 500000}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        found = json.loads(run_newapi("balance", "--json", home=home).text)
        with Terminal(newapi_command("balance"), home=home) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
            assert b"\x1b[31m" not in terminal.raw
    assert (found["left"], found["limit"], found["name"]) == ("1.5", "2", "laptop\x1b[31m")
    assert "$1.50 left of $2.00, $0.50 used" in screen
