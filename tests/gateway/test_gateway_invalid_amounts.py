"""Invalid amounts and prices are rejected and never shown as money; a debt is valid."""

from __future__ import annotations

import json

import pytest

from tests.support.home import Home
from tests.support.path_server import Answer, PathServer, serving
from tests.support.process import Result, run_newapi
from tests.support.wire import MODEL, answer_events

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
RECORD, STATUS, PRICING = "/api/usage/token/", "/api/status", "/api/pricing"
NEW_API = (("X-Oneapi-Request-Id", "r"),)
STATUS_DATA = {"quota_per_unit": 500_000, "quota_display_type": "USD"}
KEY = {
    "name": "a key",
    "total_granted": 10_050_000,
    "total_used": 3_830_600,
    "total_available": 6_219_400,
    "unlimited_quota": False,
    "expires_at": 0,
}
PRICE = {
    "model_name": MODEL,
    "quota_type": 0,
    "model_ratio": 0.075,
    "model_price": 0,
    "completion_ratio": 4,
    "enable_groups": ["default"],
}
INVALID_AMOUNTS = ["1e30", "1e400", "-1e30", "NaN", "Infinity", '"20"', '"x"', "true", "{}", "[1]"]
INVALID_PRICES = ["1e30", "1e17", "1e400", "-5", "NaN", "Infinity", '"1"', "true", "{}", "[1]"]


def with_value(value: dict[str, object], name: str, text: str) -> Answer:
    """Return JSON with this text as the value of a member; an empty text removes the member."""
    others = {each: json.dumps(other) for each, other in value.items() if each != name}
    members = others | ({name: text} if text else {})
    body = ", ".join(f'"{each}": {member}' for each, member in members.items())
    return Answer(f"{{{body}}}".encode(), headers=NEW_API)


def in_data(answer: Answer) -> Answer:
    return answer._replace(body=b'{"success": true, "data": ' + answer.data + b"}")


def balance(home: Home, answers: dict[str, Answer]) -> Result:
    with serving({STATUS: Answer({"data": STATUS_DATA}), **answers}) as server:
        home.configure(server.url)
        return run_newapi("balance", "--json", home=home)


def dashboard_balance(home: Home, limit: str = "20", used: str = "500") -> Result:
    answers = {
        SUBSCRIPTION: with_value({"access_until": 0}, "hard_limit_usd", limit),
        USAGE: with_value({"object": "list"}, "total_usage", used),
    }
    return balance(home, answers)


def record_balance(home: Home, name: str, text: str) -> Result:
    return balance(home, {RECORD: in_data(with_value(KEY, name, text))})


def assert_rejected(result: Result) -> None:
    assert (result.code, result.text) == (6, ""), result
    assert "error: " in result.err
    assert "  try: " in result.err


# -- balance ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*INVALID_AMOUNTS, "1e17", "null", ""])
def test_an_invalid_limit_is_rejected(home: Home, text: str) -> None:
    assert_rejected(dashboard_balance(home, limit=text))


@pytest.mark.parametrize("text", [*INVALID_AMOUNTS, "1e17", "null", ""])
def test_an_invalid_usage_is_rejected(home: Home, text: str) -> None:
    assert_rejected(dashboard_balance(home, used=text))


@pytest.mark.parametrize("text", [*INVALID_AMOUNTS, "null", ""])
@pytest.mark.parametrize("name", ["total_granted", "total_used", "total_available"])
def test_a_record_with_an_invalid_amount_is_rejected(home: Home, name: str, text: str) -> None:
    assert_rejected(record_balance(home, name, text))


@pytest.mark.parametrize("text", ["1", '"true"', "null", "[]"])
def test_an_invalid_unlimited_flag_is_rejected(home: Home, text: str) -> None:
    assert_rejected(record_balance(home, "unlimited_quota", text))


def test_an_amount_that_is_too_large_is_explained(home: Home) -> None:
    result = dashboard_balance(home, limit="1e17")
    assert "  why: the amounts are implausibly large\n" in result.err


@pytest.mark.parametrize("name", ["total_granted", "total_used"])
def test_a_record_with_an_amount_that_is_too_large_is_rejected(home: Home, name: str) -> None:
    assert_rejected(record_balance(home, name, "9e17"))


def test_a_negative_balance_is_valid(home: Home) -> None:
    result = dashboard_balance(home, limit="-5", used="766.12")
    report = json.loads(result.text)
    assert (report["left"], report["state"], result.code) == ("-12.6612", "exhausted", 0)


def test_a_negative_balance_in_a_record_is_valid(home: Home) -> None:
    key = KEY | {"total_granted": 1_000_000, "total_available": -2_830_600}
    result = balance(home, {RECORD: Answer({"data": key}, headers=NEW_API)})
    report = json.loads(result.text)
    assert (report["left"], report["state"], result.code) == ("-5.6612", "exhausted", 0)


def test_the_granted_amount_of_an_unlimited_key_is_ignored(home: Home) -> None:
    key = {"name": "a key", "total_used": 3_830_600, "unlimited_quota": True}
    result = balance(home, {RECORD: Answer({"data": key}, headers=NEW_API)})
    report = json.loads(result.text)
    assert (report["unlimited"], report["used"], result.code) == (True, "7.6612", 0)


def test_the_record_replaces_an_invalid_dashboard(home: Home) -> None:
    answers = {
        SUBSCRIPTION: Answer({"hard_limit_usd": 1e17}),
        USAGE: Answer({"total_usage": 0}),
        RECORD: Answer({"data": KEY}, headers=NEW_API),
    }
    assert json.loads(balance(home, answers).text)["left"] == "12.4388"


# -- prices -----------------------------------------------------------------------------------


def gateway(
    price: Answer, ratios: str = '{"default": 1}', quota_per_unit: str = "500000"
) -> dict[str, Answer]:
    """Return the answers of a gateway with one price; the parameters are JSON."""
    pricing = b'{"success": true, "data": [' + price.data + b'], "group_ratio": ' + ratios.encode()
    return {
        "/v1/models": Answer({"object": "list", "data": [{"id": MODEL}]}, headers=NEW_API),
        STATUS: in_data(
            with_value({"quota_display_type": "USD"}, "quota_per_unit", quota_per_unit)
        ),
        PRICING: Answer(pricing + b"}"),
    }


def price_of(home: Home, answers: dict[str, Answer]) -> list[str]:
    """Return the row of `newapi models --prices`; fail if an answer has a cost."""
    with serving(answers) as server:
        home.configure(server.url)
        listed = run_newapi("models", "--prices", "--refresh", home=home)
        assert listed.code == 0, listed
        assert_no_cost(home, server)
    return listed.text.rstrip("\n").split("\t")


def assert_no_cost(home: Home, server: PathServer) -> None:
    events = b"".join(answer_events("Yes."))
    server.answers["/v1/chat/completions"] = Answer(events, 200, "text/event-stream", NEW_API)
    result = run_newapi("chat", "--json", "hi", home=home)
    assert result.code == 0, result
    answer = json.loads(result.text)
    assert answer["usage"]["prompt_tokens"]
    assert answer["cost_usd"] is None, answer


@pytest.mark.parametrize("text", INVALID_PRICES)
@pytest.mark.parametrize("name", ["model_ratio", "completion_ratio"])
def test_an_invalid_ratio_makes_the_price_unknown(home: Home, name: str, text: str) -> None:
    assert price_of(home, gateway(with_value(PRICE, name, text)))[1] == "unknown"


@pytest.mark.parametrize("text", INVALID_PRICES)
def test_an_invalid_price_per_call_makes_the_price_unknown(home: Home, text: str) -> None:
    by_call = with_value(PRICE | {"quota_type": 1}, "model_price", text)
    assert price_of(home, gateway(by_call))[1] == "unknown"


@pytest.mark.parametrize("text", [*INVALID_PRICES, "null"])
def test_a_group_without_a_valid_ratio_has_no_price(home: Home, text: str) -> None:
    answers = gateway(Answer(PRICE), ratios=f'{{"default": {text}}}')
    assert price_of(home, answers)[1] == "unknown"


@pytest.mark.parametrize("text", ["1", "0", '"x"', "[1]", "true"])
def test_invalid_group_ratios_leave_no_price(home: Home, text: str) -> None:
    assert price_of(home, gateway(Answer(PRICE), ratios=text))[1] == "unknown"


@pytest.mark.parametrize("text", [*INVALID_PRICES, "0", "null", ""])
def test_an_invalid_quota_per_dollar_leaves_no_price(home: Home, text: str) -> None:
    assert price_of(home, gateway(Answer(PRICE), quota_per_unit=text))[1] == "unknown"
