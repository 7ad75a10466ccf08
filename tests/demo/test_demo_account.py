"""The cost of a request, and where the gateway shows it: balance, usage and log of a key."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from newapi_cli.demo.account import DAY_S
from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import (
    LONG_PAUSE_S,
    WAIT_S,
    ask,
    chat_body,
    connect,
    get,
    open_socket,
    post,
    raw_chat,
    read_to_end,
    read_until,
    request,
)

USAGE = "/api/usage/token/"
LOG = "/api/log/token"
GRANTED = 2_500_000


def log(gateway: DemoGateway, key: str = "sk-any") -> Any:
    """Return the log of a key, with `other` decoded."""
    body = get(gateway, LOG, key).json
    assert body["success"] is True
    return [entry | {"other": json.loads(entry["other"])} for entry in body["data"]]


def log_entry(gateway: DemoGateway, model: str, *texts: str, key: str = "sk-any") -> Any:
    """Send one request and return its log entry."""
    assert post(gateway, chat_body(model, *texts), key).status == 200
    return log(gateway, key)[0]


def usage_of(gateway: DemoGateway, key: str = "sk-any") -> Any:
    return get(gateway, USAGE, key).json["data"]


# -- the cost of a request --------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_is_in_the_log_as_soon_as_its_answer_is_read(
    gateway: DemoGateway, stream: bool
) -> None:
    answer = ask(gateway, "demo", "hello", stream=stream)
    usage = answer.chunks[-1]["usage"] if stream else answer.json["usage"]
    (entry,) = log(gateway)
    assert entry["request_id"] == answer.headers["X-Oneapi-Request-Id"]
    assert (entry["type"], entry["model_name"], entry["group"]) == (2, "demo", "default")
    assert entry["is_stream"] is stream
    assert entry["prompt_tokens"] == usage["prompt_tokens"]
    assert entry["completion_tokens"] == usage["completion_tokens"]
    exact = (entry["prompt_tokens"] + entry["completion_tokens"] * 4) * 0.075
    assert abs(entry["quota"] - exact) <= 0.5


def test_a_request_without_a_usage_chunk_costs_the_same(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    ask(gateway, "demo", "hello", stream_options=None)
    first, second = log(gateway)
    assert first["quota"] == second["quota"] > 0


def test_the_log_holds_the_ratios_of_the_cost(gateway: DemoGateway) -> None:
    ask(gateway, "demo-reasoning", "why?")
    other = log(gateway)[0]["other"]
    assert isinstance(other.pop("frt"), int)
    assert other == {
        "model_ratio": 0.55,
        "group_ratio": 1,
        "user_group_ratio": -1,
        "completion_ratio": 4,
        "cache_tokens": 0,
        "cache_ratio": 0.5,
        "model_price": -1,
        "request_path": "/v1/chat/completions",
        "stream_status": {"status": "ok", "end_reason": "done"},
    }


def test_repeated_messages_of_a_conversation_are_cached_and_cheaper(gateway: DemoGateway) -> None:
    long = "word " * 400
    answer = post(gateway, chat_body("demo", long, "how many?", max_tokens=1))
    usage = answer.json["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert cached == 400 + 3 + 1  # words, delimiters of the message, the space at the end
    (entry,) = log(gateway)
    new = usage["prompt_tokens"] - cached
    assert entry["quota"] == round((new + cached * 0.5 + 4) * 0.075)
    assert (entry["other"]["cache_tokens"], entry["other"]["cache_ratio"]) == (cached, 0.5)


def test_a_single_prompt_has_no_cached_tokens(gateway: DemoGateway) -> None:
    messages = [{"role": "system", "content": "x"}, {"role": "user", "content": "hello"}]
    usage = ask(gateway, "demo", messages=messages).chunks[-1]["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_price_per_call_does_not_depend_on_the_prompt(gateway: DemoGateway) -> None:
    for text in ("hello", "hello " * 100):
        entry = log_entry(gateway, "demo-per-call", text)
        assert (entry["quota"], entry["other"]["model_price"]) == (5000, 0.01)


def test_a_tiered_price_depends_on_the_length_of_the_prompt(gateway: DemoGateway) -> None:
    for text, tier, prompt_price, completion_price in (
        ("hello", "short", 0.2, 0.8),
        ("hello " * 1000, "long", 0.4, 1.2),
    ):
        entry = log_entry(gateway, "demo-tiered", text)
        dollars = (
            entry["prompt_tokens"] * prompt_price + entry["completion_tokens"] * completion_price
        ) / 1e6
        assert abs(entry["quota"] - dollars * 500_000) <= 0.5
        assert entry["other"]["matched_tier"] == tier


def test_one_model_is_free_and_one_is_expensive(gateway: DemoGateway) -> None:
    assert log_entry(gateway, "demo-echo", "hello")["quota"] == 0
    expensive = log_entry(gateway, "demo-no-finish", "hello")
    tokens = expensive["prompt_tokens"] + expensive["completion_tokens"]
    assert abs(expensive["quota"] - tokens * 37.5) <= 0.5


def test_the_minimum_cost_of_a_paid_request_is_1(gateway: DemoGateway) -> None:
    for key in ("sk-any", "sk-vip"):  # 7 tokens at 0.075 are 0.525, and 0.26 at half the price
        assert post(gateway, chat_body("demo", "", max_tokens=1), key).status == 200
        assert log(gateway, key)[0]["quota"] == 1


def test_a_key_of_the_group_vip_pays_half(gateway: DemoGateway) -> None:
    entry = log_entry(gateway, "demo-per-call", "hello", key="sk-vip")
    assert (entry["quota"], entry["group"], entry["other"]["group_ratio"]) == (2500, "vip", 0.5)


@pytest.mark.parametrize("model", ["demo-429", "demo-500", "demo-quota", "no-such-model"])
def test_a_rejected_request_costs_nothing(gateway: DemoGateway, model: str) -> None:
    assert ask(gateway, model, "hello").status != 200
    assert log(gateway) == []


def test_a_broken_answer_is_charged(gateway: DemoGateway) -> None:
    for model in ("demo-cut", "demo-error-in-stream"):
        with open_socket(gateway) as client:
            body = chat_body(model, "hi", stream=True)
            client.sendall(raw_chat(body, "Connection: close"))
            assert b'"content":"er"' in read_to_end(client)
    paid = {entry["model_name"]: entry["quota"] for entry in log(gateway)}
    assert paid["demo-cut"] == paid["demo-error-in-stream"] > 0


def test_a_client_that_leaves_a_stream_pays_for_what_was_sent() -> None:
    with DemoGateway(pace_s=LONG_PAUSE_S) as gateway:
        with open_socket(gateway) as client:
            client.sendall(raw_chat(chat_body("demo", "hello", stream=True)))
            read_until(client, b'"role":"assistant"')
        assert gateway.wait_for_disconnect(WAIT_S)
        (entry,) = log(gateway)
    assert entry["quota"] > 0
    assert entry["completion_tokens"] == 0
    assert entry["other"]["stream_status"]["end_reason"] == "client_gone"


# -- the balance ------------------------------------------------------------------------------


def test_the_balance_decreases_by_the_quota_in_the_log(gateway: DemoGateway) -> None:
    before = usage_of(gateway)
    assert before == {
        "object": "token_usage",
        "name": "demo key",
        "total_granted": GRANTED,
        "total_used": 0,
        "total_available": GRANTED,
        "unlimited_quota": False,
        "model_limits": {},
        "model_limits_enabled": False,
        "expires_at": 0,
    }
    for model in ("demo", "demo-per-call", "demo-tiered"):
        ask(gateway, model, "hello")
    spent = sum(entry["quota"] for entry in log(gateway))
    after = usage_of(gateway)
    assert after["total_used"] == spent > 5000
    assert after["total_available"] == GRANTED - spent
    assert after["total_granted"] == GRANTED


def test_each_key_has_its_own_account_with_and_without_its_prefix(gateway: DemoGateway) -> None:
    log_entry(gateway, "demo-per-call", "hello", key="sk-one")
    assert usage_of(gateway, "one")["total_used"] == 5000
    assert usage_of(gateway, "sk-two")["total_used"] == 0
    assert log(gateway, "sk-two") == []


def test_the_balance_of_an_unlimited_key_becomes_negative(gateway: DemoGateway) -> None:
    log_entry(gateway, "demo-per-call", "hello", key="sk-unlimited")
    usage = usage_of(gateway, "sk-unlimited")
    assert usage["unlimited_quota"] is True
    assert (usage["total_available"], usage["total_used"]) == (-5000, 5000)
    billing = get(gateway, "/v1/dashboard/billing/subscription", "sk-unlimited").json
    assert billing["hard_limit_usd"] == 100_000_000


def test_a_limited_key_shows_its_models_and_when_it_expires(gateway: DemoGateway) -> None:
    usage = usage_of(gateway, "sk-limited")
    billing = get(gateway, "/dashboard/billing/subscription", "sk-limited").json
    assert usage["model_limits"] == {"demo": True, "demo-echo": True}
    assert usage["model_limits_enabled"] is True
    assert usage["expires_at"] == billing["access_until"]
    assert 0 <= time.time() + 30 * DAY_S - usage["expires_at"] < WAIT_S


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_billing_dashboard_is_in_dollars_and_cents(gateway: DemoGateway, prefix: str) -> None:
    log_entry(gateway, "demo-per-call", "hello")
    subscription = get(gateway, f"{prefix}/dashboard/billing/subscription").json
    assert subscription == {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": 5,
        "hard_limit_usd": 5,
        "system_hard_limit_usd": 5,
        "access_until": 0,
    }
    usage = get(gateway, f"{prefix}/dashboard/billing/usage?start_date=2026-01-01").json
    assert usage == {"object": "list", "total_usage": 1}


# -- the log ----------------------------------------------------------------------------------


def test_the_log_begins_with_the_newest_entry(gateway: DemoGateway) -> None:
    for model in ("demo", "demo-per-call", "demo-echo"):
        ask(gateway, model, "hello")
    entries = log(gateway)
    assert [entry["model_name"] for entry in entries] == ["demo-echo", "demo-per-call", "demo"]
    assert [entry["id"] for entry in entries] == [1, 2, 3]
    assert all(0 <= time.time() - entry["created_at"] < WAIT_S for entry in entries)


def test_the_log_holds_the_last_thousand_requests(gateway: DemoGateway) -> None:
    connection = connect(gateway)
    headers = {"Authorization": "Bearer sk-any", "Content-Type": "application/json"}
    for number in range(1002):
        model = "demo" if number < 2 else "demo-echo"
        connection.request("POST", "/v1/chat/completions", chat_body(model, "hello"), headers)
        assert connection.getresponse().read()
    connection.close()
    entries = log(gateway)
    assert len(entries) == 1000
    assert {entry["model_name"] for entry in entries} == {"demo-echo"}


# -- requests for usage and log ---------------------------------------------------------------


def test_a_wrong_slash_at_the_end_of_a_path_is_redirected(gateway: DemoGateway) -> None:
    answer = get(gateway, "/api/usage/token?a=b")
    assert (answer.status, answer.headers["Location"]) == (301, "/api/usage/token/?a=b")
    assert get(gateway, "/api/log/token/").headers["Location"] == "/api/log/token"
    chat = request(gateway, "POST", "/v1/chat/completions/", chat_body("demo", "hi"))
    assert (chat.status, chat.headers["Location"]) == (307, "/v1/chat/completions")


@pytest.mark.parametrize("value", ["sk-any", "Bearer  sk-any", "Bearer sk-any x", "Basic sk-any"])
def test_usage_accepts_only_bearer_and_a_key(gateway: DemoGateway, value: str) -> None:
    answer = request(gateway, "GET", USAGE, headers={"Authorization": value})
    assert answer.status == 401
    assert answer.json == {"success": False, "message": "Invalid Bearer token"}


@pytest.mark.parametrize("path", [USAGE, LOG, f"{LOG}?key=sk-any"])
def test_usage_and_log_need_the_authorization_header(gateway: DemoGateway, path: str) -> None:
    answer = request(gateway, "GET", path)
    assert answer.status == 401
    assert answer.json["success"] is False


def test_the_log_accepts_a_key_without_bearer(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    answer = request(gateway, "GET", LOG, headers={"Authorization": "sk-any"})
    assert len(answer.json["data"]) == 1
