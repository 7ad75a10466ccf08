"""What a call costs, and where the demo gateway tells it: balance, usage and log of a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from newapi_cli.demo.keys import DAY_S
from newapi_cli.demo.server import DemoGateway, Site
from newapi_cli.demo.site import Age, Currency
from tests.demo.demo_client import (
    WAIT_S,
    Answer,
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

ENDLESS_S = 600.0  # a pause that no test outlives
USAGE = "/api/usage/token/"
LOG = "/api/log/token"
GRANTED = 2_500_000


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    with DemoGateway(pace_s=0) as running:
        yield running


def log(gateway: DemoGateway, key: str = "sk-any") -> Any:
    """Give the rows of a key's log, `other` decoded."""
    body = get(gateway, LOG, key).json
    assert body["success"] is True
    return [row | {"other": json.loads(row["other"])} for row in body["data"]]


def row_of(gateway: DemoGateway, model: str, *texts: str, key: str = "sk-any") -> Any:
    """Ask once, and give the row that this made."""
    assert post(gateway, chat_body(model, *texts), key).status == 200
    return log(gateway, key)[0]


def usage_of(gateway: DemoGateway, key: str = "sk-any") -> Any:
    return get(gateway, USAGE, key).json["data"]


# -- what a call costs ------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_is_in_the_log_when_its_answer_has_been_read(
    gateway: DemoGateway, stream: bool
) -> None:
    answer = ask(gateway, "demo", "hello", stream=stream)
    usage = answer.chunks[-1]["usage"] if stream else answer.json["usage"]
    (row,) = log(gateway)
    assert row["request_id"] == answer.headers["X-Oneapi-Request-Id"]
    assert (row["type"], row["model_name"], row["group"]) == (2, "demo", "default")
    assert row["is_stream"] is stream
    assert row["prompt_tokens"] == usage["prompt_tokens"]
    assert row["completion_tokens"] == usage["completion_tokens"]
    exact = (row["prompt_tokens"] + row["completion_tokens"] * 4) * 0.075
    assert abs(row["quota"] - exact) <= 0.5


def test_a_call_without_a_usage_chunk_costs_the_same(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    ask(gateway, "demo", "hello", stream_options=None)
    first, second = log(gateway)
    assert first["quota"] == second["quota"] > 0


def test_the_log_tells_by_which_ratios(gateway: DemoGateway) -> None:
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


def test_what_a_conversation_repeats_is_cached_and_cheaper(gateway: DemoGateway) -> None:
    long = "word " * 400
    answer = post(gateway, chat_body("demo", long, "how many?", max_tokens=1))
    usage = answer.json["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert cached == 400 + 3 + 1  # the words, the message's borders, the space at the end
    (row,) = log(gateway)
    fresh = usage["prompt_tokens"] - cached
    assert row["quota"] == round((fresh + cached * 0.5 + 4) * 0.075)
    assert (row["other"]["cache_tokens"], row["other"]["cache_ratio"]) == (cached, 0.5)


def test_one_question_has_nothing_cached(gateway: DemoGateway) -> None:
    messages = [{"role": "system", "content": "x"}, {"role": "user", "content": "hello"}]
    usage = ask(gateway, "demo", messages=messages).chunks[-1]["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_a_price_by_the_call_is_the_same_for_any_question(gateway: DemoGateway) -> None:
    for text in ("hello", "hello " * 100):
        row = row_of(gateway, "demo-per-call", text)
        assert (row["quota"], row["other"]["model_price"]) == (5000, 0.01)


def test_a_price_in_tiers_depends_on_the_length_of_the_question(gateway: DemoGateway) -> None:
    for text, tier, each, written in (
        ("hello", "short", 0.2, 0.8),
        ("hello " * 1000, "long", 0.4, 1.2),
    ):
        row = row_of(gateway, "demo-tiered", text)
        dollars = (row["prompt_tokens"] * each + row["completion_tokens"] * written) / 1e6
        assert abs(row["quota"] - dollars * 500_000) <= 0.5
        assert row["other"]["matched_tier"] == tier


def test_there_is_a_free_model_and_a_dear_one(gateway: DemoGateway) -> None:
    assert row_of(gateway, "demo-echo", "hello")["quota"] == 0
    dear = row_of(gateway, "demo-no-finish", "hello")
    tokens = dear["prompt_tokens"] + dear["completion_tokens"]
    assert abs(dear["quota"] - tokens * 37.5) <= 0.5


def test_the_least_that_a_paid_call_costs_is_one(gateway: DemoGateway) -> None:
    answer = post(gateway, chat_body("demo", "", max_tokens=1))
    assert answer.status == 200
    assert log(gateway)[0]["quota"] == 1  # 7 tokens' worth at 0.075 is 0.525
    assert post(gateway, chat_body("demo", "", max_tokens=1), "sk-vip").status == 200
    assert log(gateway, "sk-vip")[0]["quota"] == 1  # 0.26


def test_a_key_of_the_group_vip_pays_half(gateway: DemoGateway) -> None:
    row = row_of(gateway, "demo-per-call", "hello", key="sk-vip")
    assert (row["quota"], row["group"], row["other"]["group_ratio"]) == (2500, "vip", 0.5)


def test_a_dollar_may_be_worth_another_quota() -> None:
    with DemoGateway(pace_s=0, site=Site(quota_per_unit=1000)) as gateway:
        assert row_of(gateway, "demo-per-call", "hello")["quota"] == 10
        assert usage_of(gateway)["total_granted"] == 5000


@pytest.mark.parametrize("model", ["demo-429", "demo-500", "demo-quota", "no-such-model"])
def test_a_refused_call_costs_nothing(gateway: DemoGateway, model: str) -> None:
    assert ask(gateway, model, "hello").status != 200
    assert log(gateway) == []


def test_a_broken_answer_is_paid_for(gateway: DemoGateway) -> None:
    for model in ("demo-cut", "demo-error-in-stream"):
        with open_socket(gateway) as client:
            body = chat_body(model, "hi", stream=True)
            client.sendall(raw_chat(body, "Connection: close"))
            assert b'"content":"er"' in read_to_end(client)
    paid = {row["model_name"]: row["quota"] for row in log(gateway)}
    assert paid["demo-cut"] == paid["demo-error-in-stream"] > 0


@pytest.mark.parametrize("age", ["2026-08", "2025-04"])
def test_who_leaves_a_stream_pays_for_what_was_sent_and_formerly_for_all(age: Age) -> None:
    with DemoGateway(pace_s=ENDLESS_S, site=Site(age=age)) as gateway:
        with open_socket(gateway) as client:
            client.sendall(raw_chat(chat_body("demo", "hello", stream=True)))
            read_until(client, b'"role":"assistant"')
        assert gateway.wait_for_disconnect(WAIT_S)
        (row,) = get(gateway, f"{LOG}?key=sk-any").json["data"]
    assert row["quota"] > 0
    if age == "2025-04":
        assert row["completion_tokens"] > 0
    else:
        assert row["completion_tokens"] == 0
        assert json.loads(row["other"])["stream_status"]["end_reason"] == "client_gone"


# -- the balance ------------------------------------------------------------------------------


def test_the_balance_falls_by_what_the_log_says(gateway: DemoGateway) -> None:
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
    spent = sum(row["quota"] for row in log(gateway))
    after = usage_of(gateway)
    assert after["total_used"] == spent > 5000
    assert after["total_available"] == GRANTED - spent
    assert after["total_granted"] == GRANTED


def test_each_key_has_its_own_account_with_and_without_its_prefix(gateway: DemoGateway) -> None:
    row_of(gateway, "demo-per-call", "hello", key="sk-one")
    assert usage_of(gateway, "one")["total_used"] == 5000
    assert usage_of(gateway, "sk-two")["total_used"] == 0
    assert log(gateway, "sk-two") == []


def test_an_unlimited_key_counts_below_nothing(gateway: DemoGateway) -> None:
    row_of(gateway, "demo-per-call", "hello", key="sk-unlimited")
    usage = usage_of(gateway, "sk-unlimited")
    assert usage["unlimited_quota"] is True
    assert (usage["total_available"], usage["total_used"]) == (-5000, 5000)
    billing = get(gateway, "/v1/dashboard/billing/subscription", "sk-unlimited").json
    assert billing["hard_limit_usd"] == 100_000_000


def test_a_limited_key_tells_its_models_and_its_end() -> None:
    with DemoGateway(site=Site(clock=lambda: 1_000_000.0)) as gateway:
        usage = usage_of(gateway, "sk-limited")
        billing = get(gateway, "/dashboard/billing/subscription", "sk-limited").json
    assert usage["model_limits"] == {"demo": True, "demo-echo": True}
    assert usage["model_limits_enabled"] is True
    assert usage["expires_at"] == billing["access_until"] == 1_000_000 + 30 * DAY_S


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize(
    ("currency", "limit", "used"),
    [("USD", 5, 1), ("CNY", 36.5, 7.3), ("TOKENS", 2_500_000, 500_000), ("CUSTOM", 5, 1)],
)
def test_billing_speaks_in_the_units_of_the_site(
    prefix: str, currency: Currency, limit: float, used: float
) -> None:
    with DemoGateway(pace_s=0, site=Site(currency=currency)) as gateway:
        assert billing(gateway, prefix) == [limit, 0]
        body = chat_body("demo-per-call", "hello")
        connection = connect(gateway)
        headers = {"Authorization": "sk-any", "Content-Type": "application/json"}
        for _ in range(100):
            connection.request("POST", "/v1/chat/completions", body, headers)
            assert connection.getresponse().read()
        connection.close()
        assert billing(gateway, prefix) == pytest.approx([limit, used * 100])


def billing(gateway: DemoGateway, prefix: str) -> list[float]:
    """Give the limit, and what was used in hundredths."""
    subscription = get(gateway, f"{prefix}/dashboard/billing/subscription").json
    assert subscription["object"] == "billing_subscription"
    assert subscription["access_until"] == 0
    limits = {name: value for name, value in subscription.items() if name.endswith("_usd")}
    assert len(limits) == 3 and len(set(limits.values())) == 1
    usage = get(gateway, f"{prefix}/dashboard/billing/usage?start_date=2026-01-01").json
    assert usage["object"] == "list"
    return [subscription["hard_limit_usd"], usage["total_usage"]]


# -- the log ----------------------------------------------------------------------------------


def test_the_log_begins_with_the_newest_row(gateway: DemoGateway) -> None:
    for model in ("demo", "demo-per-call", "demo-echo"):
        ask(gateway, model, "hello")
    rows = log(gateway)
    assert [row["model_name"] for row in rows] == ["demo-echo", "demo-per-call", "demo"]
    assert [row["id"] for row in rows] == [1, 2, 3]


def test_the_log_tells_the_last_thousand_calls() -> None:
    site = Site(clock=lambda: 1_234_567.9)
    with DemoGateway(pace_s=0, site=site) as gateway:
        connection = connect(gateway)
        headers = {"Authorization": "Bearer sk-any", "Content-Type": "application/json"}
        for number in range(1002):
            model = "demo" if number < 2 else "demo-echo"
            body = chat_body(model, "hello")
            connection.request("POST", "/v1/chat/completions", body, headers)
            assert connection.getresponse().read()
        connection.close()
        rows = log(gateway)
    assert len(rows) == 1000
    assert {row["model_name"] for row in rows} == {"demo-echo"}
    assert {row["created_at"] for row in rows} == {1_234_567}


# -- the form of the request ------------------------------------------------------------------


def test_the_usage_path_without_its_slash_is_moved(gateway: DemoGateway) -> None:
    answer = get(gateway, "/api/usage/token?a=b")
    assert (answer.status, answer.headers["Location"]) == (301, "/api/usage/token/?a=b")
    assert get(gateway, "/api/log/token/").headers["Location"] == "/api/log/token"
    moved = post_to(gateway, "/v1/chat/completions/")
    assert (moved.status, moved.headers["Location"]) == (307, "/v1/chat/completions")


def post_to(gateway: DemoGateway, path: str) -> Answer:
    return request(gateway, "POST", path, chat_body("demo", "hi"))


@pytest.mark.parametrize("value", ["sk-any", "Bearer  sk-any", "Bearer sk-any x", "Basic sk-any"])
def test_usage_wants_bearer_and_a_key_and_nothing_else(gateway: DemoGateway, value: str) -> None:
    answer = request(gateway, "GET", USAGE, headers={"Authorization": value})
    assert answer.status == 401
    assert answer.json == {"success": False, "message": "Invalid Bearer token"}


@pytest.mark.parametrize("path", [USAGE, LOG, f"{LOG}?key=sk-any"])
def test_usage_and_log_want_the_header(gateway: DemoGateway, path: str) -> None:
    answer = request(gateway, "GET", path)
    assert answer.status == 401
    assert answer.json["success"] is False


def test_the_log_takes_a_key_without_bearer(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    answer = request(gateway, "GET", LOG, headers={"Authorization": "sk-any"})
    assert len(answer.json["data"]) == 1


# -- the tight limiter ------------------------------------------------------------------------


@pytest.mark.parametrize("age", ["2026-08", "2025-04"])
def test_the_twenty_first_look_in_twenty_minutes_is_refused(age: Age) -> None:
    now = [1000.0]
    with DemoGateway(site=Site(age=age, clock=lambda: now[0])) as gateway:
        path = f"{LOG}?key=sk-any"
        assert get(gateway, path).status == 200
        now[0] += 60.5
        for number in range(19):
            shared = USAGE if age == "2026-08" and number % 2 else path
            assert get(gateway, shared, f"sk-{number}").status == 200
        answer = get(gateway, path)
        assert (answer.status, answer.body) == (429, b"")
        wait_s = {"2026-08": "1140", "2025-04": None}[age]
        assert answer.headers.get("Retry-After") == wait_s
        assert get(gateway, "/v1/dashboard/billing/usage").status == 200
        now[0] += 1139.5
        assert get(gateway, path).status == 200
        assert get(gateway, path).status == 429
