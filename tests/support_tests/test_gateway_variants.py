"""Gateways of April 2025, in other currencies, with restricted prices and a rate limiter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

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
    read_until,
    request,
)
from tests.support.gateway_variants import Currency, PricingAccess, Release, gateway_variant

USAGE, LOG = "/api/usage/token/", "/api/log/token"
KEY_ERRORS = {
    "": "未提供令牌",
    "sk-wrong": "无效的令牌",
    "sk-expired": "该令牌已过期",
    "sk-exhausted": "该令牌额度已用尽",
    "sk-disabled": "该令牌状态不可用",
}


@pytest.fixture
def old_gateway() -> Iterator[DemoGateway]:
    """Return a running gateway of April 2025."""
    with gateway_variant("2025-04") as running:
        yield running


# -- currencies, and access to prices ---------------------------------------------------------


def billing(gateway: DemoGateway) -> list[float]:
    """Return the limit, and what was used in hundredths."""
    subscription = get(gateway, "/v1/dashboard/billing/subscription").json
    limits = {value for name, value in subscription.items() if name.endswith("_usd")}
    assert limits == {subscription["hard_limit_usd"]}
    usage = get(gateway, "/v1/dashboard/billing/usage").json
    return [subscription["hard_limit_usd"], usage["total_usage"]]


@pytest.mark.parametrize(
    ("currency", "limit", "used"),
    [("USD", 5, 1), ("CNY", 36.5, 7.3), ("TOKENS", 2_500_000, 500_000), ("CUSTOM", 5, 1)],
)
def test_billing_is_in_the_currency_of_the_gateway(
    currency: Currency, limit: float, used: float
) -> None:
    with gateway_variant(currency=currency) as gateway:
        assert billing(gateway) == [limit, 0]
        body = chat_body("demo-per-call", "hello")
        connection = connect(gateway)
        headers = {"Authorization": "sk-any", "Content-Type": "application/json"}
        for _ in range(100):
            connection.request("POST", "/v1/chat/completions", body, headers)
            assert connection.getresponse().read()
        connection.close()
        assert billing(gateway) == pytest.approx([limit, used * 100])


@pytest.mark.parametrize("currency", ["USD", "CNY", "TOKENS", "CUSTOM"])
def test_the_status_names_the_currency(currency: Currency) -> None:
    with gateway_variant(currency=currency) as gateway:
        data = request(gateway, "GET", "/api/status").json["data"]
    assert data["quota_display_type"] == currency
    assert data["display_in_currency"] is (currency != "TOKENS")


@pytest.mark.parametrize(("access", "status"), [("login", 401), ("off", 403)])
def test_prices_can_be_hidden_from_keys(access: PricingAccess, status: int) -> None:
    with gateway_variant(pricing=access) as gateway:
        answer = get(gateway, "/api/pricing")
    assert answer.status == status
    assert answer.json["success"] is False
    if access == "off":
        assert answer.json["message"] == "pricing is disabled"


# -- the rate limiter -------------------------------------------------------------------------


@pytest.mark.parametrize(("release", "retry_after"), [("2026-08", "1140"), ("2025-04", None)])
def test_the_21st_request_in_20_minutes_is_rate_limited(
    release: Release, retry_after: str | None
) -> None:
    now = [1000.0]
    with gateway_variant(release, clock=lambda: now[0]) as gateway:
        path = f"{LOG}?key=sk-any"
        assert get(gateway, path).status == 200
        now[0] += 60.5
        for number in range(19):
            other_path = USAGE if release == "2026-08" and number % 2 else path
            assert get(gateway, other_path, f"sk-{number}").status == 200
        answer = get(gateway, path)
        assert (answer.status, answer.body) == (429, b"")
        assert answer.headers.get("Retry-After") == retry_after
        assert get(gateway, "/v1/dashboard/billing/usage").status == 200
        now[0] += 1139.5
        assert get(gateway, path).status == 200
        assert get(gateway, path).status == 429


# -- April 2025: status, prices and models ----------------------------------------------------


def test_an_old_gateway_sends_no_version_header(old_gateway: DemoGateway) -> None:
    for path in ("/", "/api/status", "/v1/models", "/v1/nothing"):
        headers = get(old_gateway, path).headers
        assert "X-New-Api-Version" not in headers
        assert headers["X-Oneapi-Request-Id"]


@pytest.mark.parametrize("currency", ["USD", "CNY", "TOKENS"])
def test_an_old_status_says_only_whether_amounts_are_money(currency: Currency) -> None:
    with gateway_variant("2025-04", currency=currency) as gateway:
        data = request(gateway, "GET", "/api/status").json["data"]
    assert data["display_in_currency"] is (currency != "TOKENS")
    assert data["quota_per_unit"] == 500_000
    assert set(data) == {
        "version",
        "start_time",
        "system_name",
        "logo",
        "server_address",
        "docs_link",
        "quota_per_unit",
        "display_in_currency",
    }


def test_an_old_price_list_lacks_the_optional_members(old_gateway: DemoGateway) -> None:
    body = request(old_gateway, "GET", "/api/pricing").json
    assert set(body) == {"success", "data", "group_ratio", "usable_group"}
    for entry in body["data"]:
        assert set(entry) == {
            "model_name",
            "quota_type",
            "model_ratio",
            "model_price",
            "owner_by",
            "completion_ratio",
            "enable_groups",
        }
    ratios = {entry["model_name"]: entry["model_ratio"] for entry in body["data"]}
    assert ratios["demo-tiered"] == 0.1


def test_an_old_model_list_has_permissions_and_no_endpoint_types(old_gateway: DemoGateway) -> None:
    body = get(old_gateway, "/v1/models").json
    assert set(body) == {"data"}
    for entry in body["data"]:
        assert (entry["root"], entry["parent"]) == (entry["id"], None)
        assert entry["permission"][0]["object"] == "model_permission"
        assert "supported_endpoint_types" not in entry


# -- April 2025: balance and log --------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/usage/token/", "/api/usage/token"])
def test_an_old_gateway_has_no_usage_of_a_key(old_gateway: DemoGateway, path: str) -> None:
    answer = get(old_gateway, path)
    assert answer.status == 404
    assert answer.error["message"] == f"Invalid URL (GET {path})"


@pytest.mark.parametrize(("currency", "limit"), [("CNY", 5), ("TOKENS", 2_500_000)])
def test_old_billing_is_in_dollars_or_quota(currency: Currency, limit: float) -> None:
    with gateway_variant("2025-04", currency=currency) as gateway:
        assert billing(gateway)[0] == limit


def test_an_old_log_needs_the_key_in_the_query_and_no_header(old_gateway: DemoGateway) -> None:
    ask(old_gateway, "demo", "hello")
    entries = request(old_gateway, "GET", f"{LOG}?key=sk-any").json["data"]
    assert [entry["model_name"] for entry in entries] == ["demo"]
    assert request(old_gateway, "GET", f"{LOG}?key=any").json["data"] == entries
    assert get(old_gateway, LOG).json == {"success": True, "message": "", "data": []}
    assert request(old_gateway, "GET", f"{LOG}?key=sk-wrong").json["data"] == []


def old_log_entry(gateway: DemoGateway) -> Any:
    """Return the only entry in the log, with `other` decoded."""
    (entry,) = request(gateway, "GET", f"{LOG}?key=sk-any").json["data"]
    return entry | {"other": json.loads(entry["other"])}


def test_an_old_log_has_no_request_ids(old_gateway: DemoGateway) -> None:
    ask(old_gateway, "demo", "hello")
    entry = old_log_entry(old_gateway)
    assert not {"request_id", "ip"} & set(entry)
    assert isinstance(entry["other"].pop("frt"), int)
    assert entry["other"] == {
        "model_ratio": 0.075,
        "group_ratio": 1,
        "completion_ratio": 4,
        "cache_tokens": 0,
        "cache_ratio": 0.5,
        "model_price": -1,
    }


def test_an_old_gateway_prices_a_tiered_model_by_ratios(old_gateway: DemoGateway) -> None:
    ask(old_gateway, "demo-tiered", "hello")
    entry = old_log_entry(old_gateway)
    tokens = entry["prompt_tokens"] + entry["completion_tokens"] * 4
    assert abs(entry["quota"] - tokens * 0.1) <= 0.5
    assert "billing_mode" not in entry["other"]


def test_a_client_that_leaves_an_old_stream_pays_for_all_of_it() -> None:
    with gateway_variant("2025-04", pace_s=LONG_PAUSE_S) as gateway:
        with open_socket(gateway) as client:
            client.sendall(raw_chat(chat_body("demo", "hello", stream=True)))
            read_until(client, b'"role":"assistant"')
        assert gateway.wait_for_disconnect(WAIT_S)
        assert old_log_entry(gateway)["completion_tokens"] > 0


# -- April 2025: errors -----------------------------------------------------------------------


@pytest.mark.parametrize("key", KEY_ERRORS)
def test_an_old_gateway_explains_in_chinese_what_is_wrong_with_a_key(
    old_gateway: DemoGateway, key: str
) -> None:
    models = get(old_gateway, "/v1/models", key)
    chat = post(old_gateway, chat_body("demo", "hi"), key)
    for answer in (models, chat):
        assert answer.status == 401
        assert set(answer.error) == {"message", "type"}
        assert answer.error["message"].startswith(KEY_ERRORS[key])
        assert answer.headers["X-Oneapi-Request-Id"] in answer.error["message"]


@pytest.mark.parametrize("key", [key for key in KEY_ERRORS if key])
def test_old_billing_rejects_an_invalid_key_with_a_200(old_gateway: DemoGateway, key: str) -> None:
    for path in ("/v1/dashboard/billing/subscription", "/dashboard/billing/usage"):
        answer = get(old_gateway, path, key)
        assert answer.status == 200
        assert set(answer.json) == {"error"}
        assert answer.error["message"]


def test_an_old_gateway_rejects_a_model_that_the_key_may_not_use(old_gateway: DemoGateway) -> None:
    assert post(old_gateway, chat_body("demo-echo", "hi"), "sk-limited").status == 200
    answer = post(old_gateway, chat_body("demo-slow", "hi"), "sk-limited")
    assert answer.status == 403
    assert answer.error["message"].startswith("该令牌无权访问模型 demo-slow")
    assert "code" not in answer.error


@pytest.mark.parametrize("model", ["no-such-model", ""])
def test_an_old_gateway_has_no_channel_for_an_unknown_or_missing_model(
    old_gateway: DemoGateway, model: str
) -> None:
    answer = ask(old_gateway, model, "hi")
    request_id = answer.headers["X-Oneapi-Request-Id"]
    assert answer.status == 503
    assert answer.error == {
        "message": f"当前分组 default 下对于模型 {model} 无可用渠道 (request id: {request_id})",
        "type": "new_api_error",
    }


@pytest.mark.parametrize("field", [{"messages": []}, {"temperature": "warm"}, {"max_tokens": -1}])
def test_an_old_gateway_rejects_an_invalid_field_with_a_400(
    old_gateway: DemoGateway, field: dict[str, object]
) -> None:
    answer = ask(old_gateway, "demo", "hi", **field)
    assert answer.status == 400
    assert answer.error["code"] == "invalid_text_request"


def test_an_old_gateway_rejects_invalid_json_with_a_400_without_code(
    old_gateway: DemoGateway,
) -> None:
    answer = post(old_gateway, b"{")
    assert answer.status == 400
    assert set(answer.error) == {"message", "type"}


@pytest.mark.parametrize("stream", [True, False])
def test_an_old_upstream_error_is_json_with_a_request_id(
    old_gateway: DemoGateway, stream: bool
) -> None:
    answer = ask(old_gateway, "demo-500", "hi", stream=stream)
    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Oneapi-Request-Id"] in answer.error["message"]


def test_an_old_gateway_replaces_the_text_of_an_upstream_429(old_gateway: DemoGateway) -> None:
    answer = ask(old_gateway, "demo-error-in-stream", "hi", stream=False)
    assert answer.status == 429
    assert answer.error["message"].startswith("当前分组上游负载已饱和，请稍后再试")


def test_an_old_gateway_has_its_own_texts_for_quota_and_key(old_gateway: DemoGateway) -> None:
    quota = ask(old_gateway, "demo-quota", "hi")
    assert quota.status == 403
    assert quota.error["message"].startswith("user quota is not enough")
    key = ask(old_gateway, "demo-401", "hi")
    assert key.error["message"].startswith("无效的令牌")


# -- April 2025: streams ----------------------------------------------------------------------


def test_an_old_gateway_streams_reasoning_under_two_names(old_gateway: DemoGateway) -> None:
    answer = ask(old_gateway, "demo-reasoning", "why?")
    assert answer.text("reasoning") == answer.text("reasoning_content") != ""
    assert "reasoning comes first" in answer.text()
