"""`newapi balance` with keys, currencies and gateways of every kind."""

from __future__ import annotations

import json

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.cache_age import age_cache
from tests.support.gateway_variants import Currency, Release, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.path_server import INVALID_URL, Answer, serving
from tests.support.process import Result, newapi_command, run_newapi
from tests.support.terminal import Terminal

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
RECORD, LOG = "/api/usage/token/", "/api/log/token"
NEW_API = (("X-Oneapi-Request-Id", "r"),)
GRANTED = Answer({"hard_limit_usd": 20.1, "access_until": 0})
SPENT = Answer({"object": "list", "total_usage": 766.12})


def balance(home: Home, key: str = "sk-any") -> Result:
    return run_newapi("balance", "--json", home=home, env={"NEWAPI_API_KEY": key})


@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sk-any", {"left": "5", "limit": "5", "used": "0", "unlimited": False}),
        ("sk-unlimited", {"left": None, "limit": None, "unlimited": True}),
        ("sk-limited", {"left": "5", "unlimited": False}),
    ],
)
def test_balance_shows_what_is_left_on_a_key(
    home: Home, release: Release, key: str, expected: dict[str, object]
) -> None:
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url)
        report = json.loads(balance(home, key).text)
    assert {name: report[name] for name in expected} == expected
    assert (report["currency"], report["state"]) == ("USD", "active")
    has_models = (key, release) == ("sk-limited", "2026-08")
    assert report["models"] == (["demo", "demo-echo"] if has_models else None)
    assert (report["expires_at"] is not None) is (key == "sk-limited")
    assert report["name"] == ("demo key" if release == "2026-08" else None)


@pytest.mark.parametrize(
    ("key", "state", "left"), [("sk-expired", "expired", "5"), ("sk-exhausted", "exhausted", "0")]
)
def test_the_state_of_a_rejected_key_is_read_from_its_record(
    home: Home, key: str, state: str, left: str
) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        result = balance(home, key)
    report = json.loads(result.text)
    assert (report["state"], report["left"], result.code) == (state, left, 0)


@pytest.mark.parametrize("key", ["sk-disabled", "sk-wrong"])
@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
def test_an_unknown_or_disabled_key_is_rejected(home: Home, key: str, release: Release) -> None:
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
def test_amounts_are_shown_in_the_currency_of_the_gateway(
    home: Home, currency: Currency, left: str, shown: str
) -> None:
    with gateway_variant(currency=currency) as gateway:
        home.configure(gateway.base_url)
        report = json.loads(run_newapi("balance", "--json", home=home).text)
        with Terminal(newapi_command("balance"), home=home) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
    assert (report["left"], report["currency"]) == (left, currency)
    assert shown in screen
    assert 'key "demo key"' in screen


def test_the_group_is_read_from_the_log_of_the_key(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo", api_key="sk-vip")
        assert json.loads(run_newapi("balance", "--json", home=home).text)["group"] is None
        assert run_newapi("chat", "hello", home=home).code == 0
        age_cache(home, 301)
        assert json.loads(run_newapi("balance", "--json", home=home).text)["group"] == "vip"
        report = json.loads(run_newapi("chat", "--json", "hello", home=home).text)
    assert report["cost_usd"] == "0.000014"  # 13.275 * 0.5 = 6.6375 -> 7


def test_a_pipe_gets_one_row(home: Home) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        text = run_newapi("balance", home=home).text
    assert text == "5\t5\t0\tUSD\t\tactive\tdemo key\t\n"


def test_the_billing_dashboard_alone_is_enough(home: Home) -> None:
    with serving({SUBSCRIPTION: GRANTED, USAGE: SPENT}) as server:
        home.configure(server.url)
        report = json.loads(run_newapi("balance", "--json", home=home).text)
    assert (report["left"], report["used"], report["currency"]) == ("12.4388", "7.6612", None)


def test_a_server_without_a_balance_is_reported(home: Home) -> None:
    with serving({}) as server:
        home.configure(server.url)
        result = run_newapi("balance", home=home)
    assert result.code == 6
    assert "does not report a balance" in result.err


def test_a_rate_limit_is_reported_as_one(home: Home) -> None:
    limited = Answer(b"", 429)
    with serving(dict.fromkeys((SUBSCRIPTION, USAGE, RECORD), limited)) as server:
        home.configure(server.url, retries=0)
        result = run_newapi("balance", home=home)
    assert result.code == 7, result


def test_the_record_of_the_key_alone_is_enough(home: Home) -> None:
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
        RECORD: Answer(record, headers=NEW_API),
        SUBSCRIPTION: INVALID_URL,
        "/api/status": Answer({"data": {"quota_per_unit": 500000}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        report = json.loads(run_newapi("balance", "--json", home=home).text)
        with Terminal(newapi_command("balance"), home=home) as terminal:
            assert terminal.wait_exit() == 0
            screen = terminal.all_text()
            assert b"\x1b[31m" not in terminal.raw
    assert (report["left"], report["limit"], report["name"]) == ("1.5", "2", "laptop\x1b[31m")
    assert "$1.50 left of $2.00, $0.50 used" in screen


def key_record(**members: object) -> Answer:
    """Return the record of a key."""
    defaults = {"name": "n", "total_granted": 0, "total_used": 0, "total_available": 5}
    return Answer({"code": True, "data": defaults | members})


def test_a_key_in_the_name_of_a_key_is_redacted(home: Home) -> None:
    named = key_record(name=CANARY, model_limits_enabled=True, model_limits={CANARY: True})
    with serving({SUBSCRIPTION: GRANTED, USAGE: SPENT, RECORD: named}) as server:
        home.configure(server.url)
        row = run_newapi("balance", home=home)
        report = json.loads(run_newapi("balance", "--json", home=home).text)
    assert "****" in row.text.split("\t")[6]
    assert "****" in report["name"]
    assert home.files_holding() == []


@pytest.mark.parametrize("path", [RECORD, LOG, "/api/status"])
def test_an_endpoint_that_hangs_does_not_hide_the_dashboard(home: Home, path: str) -> None:
    answers = {
        SUBSCRIPTION: Answer({"hard_limit_usd": 20, "access_until": 0}, headers=NEW_API),
        USAGE: SPENT,
        RECORD: key_record(),
    }
    with serving(answers) as server:
        server.blocked.add(path)
        home.configure(server.url, timeout=0.4)
        result = run_newapi("balance", "--json", home=home)
        assert path in server.paths
    assert json.loads(result.text)["left"] == "12.3388", result
    assert result.seconds < 8


def test_a_large_quota_is_not_mistaken_for_no_limit(home: Home) -> None:
    """The dashboard shows 100,000,000 for a key without a limit, in any unit."""
    status = {"data": {"quota_per_unit": 500000, "quota_display_type": "TOKENS"}}
    for granted, unlimited, left in ((125_000_000, False, "125000000"), (0, True, None)):
        limit = granted or 100_000_000
        answers = {
            SUBSCRIPTION: Answer({"hard_limit_usd": limit}, headers=NEW_API),
            USAGE: Answer({"total_usage": 0}),
            RECORD: key_record(total_granted=granted, unlimited_quota=unlimited),
            "/api/status": Answer(status),
        }
        with serving(answers) as server:
            home.configure(server.url)
            report = json.loads(run_newapi("balance", "--json", home=home).text)
        assert (report["left"], report["unlimited"]) == (left, unlimited)


def test_the_record_decides_whether_there_is_a_limit(home: Home) -> None:
    answers = {
        SUBSCRIPTION: Answer({"hard_limit_usd": 100_000_000}, headers=NEW_API),
        USAGE: Answer({"total_usage": 0}),
        RECORD: key_record(total_granted=100_000_000, total_available=100_000_000),
        "/api/status": Answer({"data": {"quota_per_unit": 1, "quota_display_type": "TOKENS"}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        report = json.loads(run_newapi("balance", "--json", home=home).text)
    assert (report["left"], report["unlimited"]) == ("100000000", False)


@pytest.mark.parametrize("key", ["sk-unlimited", "sk-exhausted"])
def test_a_key_that_is_also_a_word_of_the_protocol_does_not_corrupt_the_cache(
    home: Home, key: str
) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        first, second = (json.loads(balance(home, key).text) for _ in range(2))
    assert first == second
    assert first["state"] == ("active" if key == "sk-unlimited" else "exhausted")


def test_rate_limited_endpoints_are_not_used_if_requests_cannot_be_counted(home: Home) -> None:
    with DemoGateway() as gateway:
        home.configure(gateway.base_url)
        (home.newapi_home / "cache").write_text("a file where a folder should be")
        for _ in range(3):
            assert json.loads(run_newapi("balance", "--json", home=home).text)["left"] == "5"
        paths = [each.path for each in gateway.requests]
    assert not {RECORD, LOG}.intersection(paths)


def test_a_server_that_is_not_new_api_never_gets_the_key_in_a_query(home: Home) -> None:
    completion = {"choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}]}
    with serving({"/v1/chat/completions": Answer(completion)}) as server:
        home.configure(server.url, stream=False)
        assert run_newapi("chat", "hi", home=home).code == 0
        assert run_newapi("usage", "--exact", home=home).code == 6
        assert [path for path in server.paths if "key=" in path] == []
