"""`newapi balance`: each kind of key, each kind of money, servers of every age."""

from __future__ import annotations

import json

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.aging import pass_time
from tests.gateway.routes import INVALID_URL, Answer, serving
from tests.support.gateway_variants import Currency, Release, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.process import Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
RECORD, LOG = "/api/usage/token/", "/api/log/token"
FAMILY = (("X-Oneapi-Request-Id", "r"),)
GRANTED = Answer({"hard_limit_usd": 20.1, "access_until": 0})
SPENT = Answer({"object": "list", "total_usage": 766.12})


def balance(home: Home, key: str = "sk-somebody") -> Result:
    return run_newapi("balance", "--json", home=home, env={"NEWAPI_API_KEY": key})


@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sk-somebody", {"left": "5", "limit": "5", "used": "0", "unlimited": False}),
        ("sk-unlimited", {"left": None, "limit": None, "unlimited": True}),
        ("sk-limited", {"left": "5", "unlimited": False}),
    ],
)
def test_a_key_is_told_what_it_has_left(
    home: Home, release: Release, key: str, expected: dict[str, object]
) -> None:
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url)
        found = json.loads(balance(home, key).text)
    assert {name: found[name] for name in expected} == expected
    assert (found["currency"], found["state"]) == ("USD", "active")
    assert found["models"] == (["demo", "demo-echo"] if (key, release) == LIMITED_NOW else None)
    assert (found["expires_at"] is not None) is (key == "sk-limited")
    assert found["name"] == ("demo key" if release == "2026-08" else None)


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
@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
def test_a_key_that_nobody_knows_is_refused(home: Home, key: str, release: Release) -> None:
    with gateway_variant(release) as gateway:
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
def test_the_sites_money_is_shown(home: Home, currency: Currency, left: str, shown: str) -> None:
    with gateway_variant(currency=currency) as gateway:
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
        RECORD: Answer(record, headers=FAMILY),
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


def recorded(**members: object) -> Answer:
    """Give the record of a key."""
    usual = {"name": "n", "total_granted": 0, "total_used": 0, "total_available": 5}
    return Answer({"code": True, "data": usual | members})


def test_a_gateway_that_calls_the_key_by_itself_is_not_repeated(home: Home) -> None:
    named = recorded(name=CANARY, model_limits_enabled=True, model_limits={CANARY: True})
    with serving({SUBSCRIPTION: GRANTED, USAGE: SPENT, RECORD: named}) as server:
        home.configure(server.url)
        row = run_newapi("balance", home=home)
        found = json.loads(run_newapi("balance", "--json", home=home).text)
    assert "****" in row.text.split("\t")[6]
    assert "****" in found["name"]
    assert home.files_holding() == []


@pytest.mark.parametrize("path", [RECORD, LOG, "/api/status"])
def test_what_hangs_beside_the_dashboard_takes_nothing_away(home: Home, path: str) -> None:
    answers = {
        SUBSCRIPTION: Answer({"hard_limit_usd": 20, "access_until": 0}, headers=FAMILY),
        USAGE: SPENT,
        RECORD: recorded(),
    }
    with serving(answers) as server:
        server.held.add(path)
        home.configure(server.url, timeout=0.4)
        result = run_newapi("balance", "--json", home=home)
        assert path in server.paths
    assert json.loads(result.text)["left"] == "12.3388", result
    assert result.seconds < 8


def test_a_large_amount_of_quota_is_not_taken_for_none(home: Home) -> None:
    """100,000,000 is what the dashboard tells of a key without a limit, in whatever unit."""
    status = {"data": {"quota_per_unit": 500000, "quota_display_type": "TOKENS"}}
    for granted, unlimited, left in ((125_000_000, False, "125000000"), (0, True, None)):
        limit = granted or 100_000_000
        answers = {
            SUBSCRIPTION: Answer(
                {"hard_limit_usd": limit}, headers=(("X-Oneapi-Request-Id", "r"),)
            ),
            USAGE: Answer({"total_usage": 0}),
            RECORD: recorded(total_granted=granted, unlimited_quota=unlimited),
            "/api/status": Answer(status),
        }
        with serving(answers) as server:
            home.configure(server.url)
            found = json.loads(run_newapi("balance", "--json", home=home).text)
        assert (found["left"], found["unlimited"]) == (left, unlimited)


def test_a_limit_that_looks_like_none_is_one_where_the_record_says_so(home: Home) -> None:
    answers = {
        SUBSCRIPTION: Answer(
            {"hard_limit_usd": 100_000_000}, headers=(("X-Oneapi-Request-Id", "r"),)
        ),
        USAGE: Answer({"total_usage": 0}),
        RECORD: recorded(total_granted=100_000_000, total_available=100_000_000),
        "/api/status": Answer({"data": {"quota_per_unit": 1, "quota_display_type": "TOKENS"}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        found = json.loads(run_newapi("balance", "--json", home=home).text)
    assert (found["left"], found["unlimited"]) == ("100000000", False)


@pytest.mark.parametrize("key", ["sk-unlimited", "sk-exhausted"])
def test_a_key_that_is_a_word_of_the_wire_spoils_nothing_that_is_kept(home: Home, key: str) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        first, second = (json.loads(balance(home, key).text) for _ in range(2))
    assert first == second
    assert first["state"] == ("active" if key == "sk-unlimited" else "exhausted")


def test_where_calls_cannot_be_counted_the_tight_limiter_is_not_asked(home: Home) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        (home.newapi_home / "cache").write_text("a file where a folder should be")
        for _ in range(3):
            assert json.loads(run_newapi("balance", "--json", home=home).text)["left"] == "5"
        paths = [each.path for each in gateway.requests]
    assert not {RECORD, LOG}.intersection(paths)


def test_a_plain_server_never_gets_the_key_in_a_query(home: Home) -> None:
    spoken = {"choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}]}
    with serving({"/v1/chat/completions": Answer(spoken)}) as server:
        home.configure(server.url, stream=False)
        assert run_newapi("chat", "hi", home=home).code == 0
        assert run_newapi("usage", "--exact", home=home).code == 6
        assert [path for path in server.paths if "key=" in path] == []
