"""Amounts and prices that cannot be: told as not understood, never as money. Debts can be."""

from __future__ import annotations

import json

import pytest

from tests.gateway.routes import Answer, Routes, serving
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.wire import MODEL, answer_events

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
RECORD, STATUS, PRICING = "/api/usage/token/", "/api/status", "/api/pricing"
FAMILY = (("X-Oneapi-Request-Id", "r"),)
SITE = {"quota_per_unit": 500_000, "quota_display_type": "USD"}
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
NO_AMOUNTS = ["1e30", "1e400", "-1e30", "NaN", "Infinity", '"20"', '"x"', "true", "{}", "[1]"]
NO_PRICES = ["1e30", "1e17", "1e400", "-5", "NaN", "Infinity", '"1"', "true", "{}", "[1]"]


def with_odd(value: dict[str, object], name: str, text: str) -> Answer:
    """Give JSON with this text for one of its members; without the member for the empty text."""
    rest = {each: json.dumps(known) for each, known in value.items() if each != name}
    members = rest | ({name: text} if text else {})
    body = ", ".join(f'"{each}": {written}' for each, written in members.items())
    return Answer(f"{{{body}}}".encode(), headers=FAMILY)


def in_data(answer: Answer) -> Answer:
    return answer._replace(body=b'{"success": true, "data": ' + answer.data + b"}")


def balance(home: Home, answers: dict[str, Answer]) -> Result:
    with serving({STATUS: Answer({"data": SITE}), **answers}) as server:
        home.configure(server.url)
        return run_newapi("balance", "--json", home=home)


def by_dashboard(home: Home, limit: str = "20", used: str = "500") -> Result:
    answers = {
        SUBSCRIPTION: with_odd({"access_until": 0}, "hard_limit_usd", limit),
        USAGE: with_odd({"object": "list"}, "total_usage", used),
    }
    return balance(home, answers)


def by_record(home: Home, name: str, text: str) -> Result:
    return balance(home, {RECORD: in_data(with_odd(KEY, name, text))})


def assert_not_told(seen: Result) -> None:
    assert (seen.code, seen.text) == (6, ""), seen
    assert "error: " in seen.err
    assert "  try: " in seen.err


# -- what is left -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*NO_AMOUNTS, "1e17", "null", ""])
def test_a_limit_that_cannot_be_is_not_told(home: Home, text: str) -> None:
    assert_not_told(by_dashboard(home, limit=text))


@pytest.mark.parametrize("text", [*NO_AMOUNTS, "1e17", "null", ""])
def test_a_use_that_cannot_be_is_not_told(home: Home, text: str) -> None:
    assert_not_told(by_dashboard(home, used=text))


@pytest.mark.parametrize("text", [*NO_AMOUNTS, "null", ""])
@pytest.mark.parametrize("name", ["total_granted", "total_used", "total_available"])
def test_a_record_with_an_amount_that_cannot_be_is_not_told(
    home: Home, name: str, text: str
) -> None:
    assert_not_told(by_record(home, name, text))


@pytest.mark.parametrize("text", ["1", '"true"', "null", "[]"])
def test_whether_there_is_a_limit_is_not_guessed(home: Home, text: str) -> None:
    assert_not_told(by_record(home, "unlimited_quota", text))


def test_more_than_there_can_be_is_named(home: Home) -> None:
    seen = by_dashboard(home, limit="1e17")
    assert "  why: it tells more money than there can be\n" in seen.err


@pytest.mark.parametrize("name", ["total_granted", "total_used"])
def test_a_record_of_more_than_there_can_be_is_not_told(home: Home, name: str) -> None:
    assert_not_told(by_record(home, name, "9e17"))


def test_a_key_may_be_overdrawn(home: Home) -> None:
    seen = by_dashboard(home, limit="-5", used="766.12")
    found = json.loads(seen.text)
    assert (found["left"], found["state"], seen.code) == ("-12.6612", "exhausted", 0)


def test_a_record_may_be_overdrawn(home: Home) -> None:
    key = KEY | {"total_granted": 1_000_000, "total_available": -2_830_600}
    seen = balance(home, {RECORD: Answer({"data": key}, headers=FAMILY)})
    found = json.loads(seen.text)
    assert (found["left"], found["state"], seen.code) == ("-5.6612", "exhausted", 0)


def test_what_an_unlimited_key_was_granted_means_nothing(home: Home) -> None:
    key = {"name": "a key", "total_used": 3_830_600, "unlimited_quota": True}
    seen = balance(home, {RECORD: Answer({"data": key}, headers=FAMILY)})
    found = json.loads(seen.text)
    assert (found["unlimited"], found["used"], seen.code) == (True, "7.6612", 0)


def test_a_record_stands_in_for_a_dashboard_that_cannot_be(home: Home) -> None:
    answers = {
        SUBSCRIPTION: Answer({"hard_limit_usd": 1e17}),
        USAGE: Answer({"total_usage": 0}),
        RECORD: Answer({"data": KEY}, headers=FAMILY),
    }
    assert json.loads(balance(home, answers).text)["left"] == "12.4388"


# -- prices -----------------------------------------------------------------------------------


def gateway(
    price: Answer, ratios: str = '{"default": 1}', site: str = "500000"
) -> dict[str, Answer]:
    """Give the answers of a gateway with one price, written as JSON."""
    pricing = b'{"success": true, "data": [' + price.data + b'], "group_ratio": ' + ratios.encode()
    return {
        "/v1/models": Answer({"object": "list", "data": [{"id": MODEL}]}, headers=FAMILY),
        STATUS: in_data(with_odd({"quota_display_type": "USD"}, "quota_per_unit", site)),
        PRICING: Answer(pricing + b"}"),
    }


def price_of(home: Home, answers: dict[str, Answer]) -> list[str]:
    """Give what `newapi models --prices` tells of the model, and see that no cost is told."""
    with serving(answers) as server:
        home.configure(server.url)
        listed = run_newapi("models", "--prices", "--refresh", home=home)
        assert listed.code == 0, listed
        assert_no_cost(home, server)
    return listed.text.rstrip("\n").split("\t")


def assert_no_cost(home: Home, server: Routes) -> None:
    events = b"".join(answer_events("Yes."))
    server.answers["/v1/chat/completions"] = Answer(events, 200, "text/event-stream", FAMILY)
    answered = run_newapi("chat", "--json", "hi", home=home)
    assert answered.code == 0, answered
    answer = json.loads(answered.text)
    assert answer["usage"]["prompt_tokens"]
    assert answer["cost_usd"] is None, answer


@pytest.mark.parametrize("text", NO_PRICES)
@pytest.mark.parametrize("name", ["model_ratio", "completion_ratio"])
def test_a_ratio_that_cannot_be_makes_no_price(home: Home, name: str, text: str) -> None:
    assert price_of(home, gateway(with_odd(PRICE, name, text)))[1] == "unknown"


@pytest.mark.parametrize("text", NO_PRICES)
def test_a_price_for_a_call_that_cannot_be_is_none(home: Home, text: str) -> None:
    by_call = with_odd(PRICE | {"quota_type": 1}, "model_price", text)
    assert price_of(home, gateway(by_call))[1] == "unknown"


@pytest.mark.parametrize("text", [*NO_PRICES, "null"])
def test_a_group_without_a_ratio_has_no_price(home: Home, text: str) -> None:
    answers = gateway(Answer(PRICE), ratios=f'{{"default": {text}}}')
    assert price_of(home, answers)[1] == "unknown"


@pytest.mark.parametrize("text", ["1", "0", '"x"', "[1]", "true"])
def test_ratios_of_groups_that_are_none_leave_no_price(home: Home, text: str) -> None:
    assert price_of(home, gateway(Answer(PRICE), ratios=text))[1] == "unknown"


@pytest.mark.parametrize("text", [*NO_PRICES, "0", "null", ""])
def test_a_dollar_of_no_quota_leaves_no_price(home: Home, text: str) -> None:
    assert price_of(home, gateway(Answer(PRICE), site=text))[1] == "unknown"
