"""The gateway of April 2025, where it differs (newapi-contract.md, "Dated changes")."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway, Site
from tests.demo.demo_client import ask, chat_body, get, post, request

LOG = "/api/log/token"


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    with DemoGateway(pace_s=0, site=Site(age="2025-04")) as running:
        yield running


def test_no_response_tells_a_version(gateway: DemoGateway) -> None:
    for path in ("/", "/api/status", "/v1/models", "/v1/nothing"):
        headers = get(gateway, path).headers
        assert "X-New-Api-Version" not in headers
        assert headers["X-Oneapi-Request-Id"]


@pytest.mark.parametrize("path", ["/api/usage/token/", "/api/usage/token"])
def test_there_is_no_usage_of_a_key(gateway: DemoGateway, path: str) -> None:
    answer = get(gateway, path)
    assert answer.status == 404
    assert answer.error["message"] == f"Invalid URL (GET {path})"


def test_billing_counts_yuan_as_dollars() -> None:
    for currency, limit in (("CNY", 5), ("TOKENS", 2_500_000)):
        site = Site(age="2025-04", currency=currency)  # type: ignore[arg-type]  # a loop's text
        with DemoGateway(site=site) as gateway:
            answer = get(gateway, "/v1/dashboard/billing/subscription")
        assert answer.json["hard_limit_usd"] == limit


def test_the_log_wants_the_key_in_the_address_and_no_header(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    rows = request(gateway, "GET", f"{LOG}?key=sk-any").json["data"]
    assert [row["model_name"] for row in rows] == ["demo"]
    assert request(gateway, "GET", f"{LOG}?key=any").json["data"] == rows
    assert get(gateway, LOG).json == {"success": True, "message": "", "data": []}
    assert request(gateway, "GET", f"{LOG}?key=sk-wrong").json["data"] == []


def test_the_log_has_no_request_ids_yet(gateway: DemoGateway) -> None:
    ask(gateway, "demo", "hello")
    (row,) = request(gateway, "GET", f"{LOG}?key=sk-any").json["data"]
    assert not {"request_id", "ip"} & set(row)
    assert json.loads(row["other"])["model_ratio"] == 0.075
    assert "stream_status" not in json.loads(row["other"])


def test_a_model_in_tiers_is_still_priced_by_ratios(gateway: DemoGateway) -> None:
    ask(gateway, "demo-tiered", "hello")
    (row,) = request(gateway, "GET", f"{LOG}?key=sk-any").json["data"]
    tokens = row["prompt_tokens"] + row["completion_tokens"] * 4
    assert abs(row["quota"] - tokens * 0.1) <= 0.5


@pytest.mark.parametrize("model", ["no-such-model", ""])
def test_an_unknown_model_has_no_channel_in_chinese(gateway: DemoGateway, model: str) -> None:
    answer = ask(gateway, model, "hi")
    request_id = answer.headers["X-Oneapi-Request-Id"]
    assert answer.status == 503
    assert answer.error == {
        "message": f"当前分组 default 下对于模型 {model} 无可用渠道 (request id: {request_id})",
        "type": "new_api_error",
    }


@pytest.mark.parametrize("wrong", [{"messages": []}, {"temperature": "warm"}, {"max_tokens": -1}])
def test_a_wrong_field_is_a_400(gateway: DemoGateway, wrong: dict[str, object]) -> None:
    answer = ask(gateway, "demo", "hi", **wrong)
    assert answer.status == 400
    assert answer.error["code"] == "invalid_text_request"


def test_a_body_that_is_no_json_is_a_400_without_code(gateway: DemoGateway) -> None:
    answer = post(gateway, b"{")
    assert answer.status == 400
    assert set(answer.error) == {"message", "type"}


@pytest.mark.parametrize("stream", [True, False])
def test_an_upstreams_error_is_labelled_as_json_and_signed(
    gateway: DemoGateway, stream: bool
) -> None:
    answer = ask(gateway, "demo-500", "hi", stream=stream)
    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Oneapi-Request-Id"] in answer.error["message"]


def test_the_text_of_an_upstreams_429_is_replaced(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-error-in-stream", "hi", stream=False)
    assert answer.status == 429
    assert answer.error["message"].startswith("当前分组上游负载已饱和，请稍后再试")


def test_quota_and_key_are_refused_in_their_old_words(gateway: DemoGateway) -> None:
    quota = ask(gateway, "demo-quota", "hi")
    assert quota.status == 403
    assert quota.error["message"].startswith("user quota is not enough")
    key = ask(gateway, "demo-401", "hi")
    assert key.error["message"].startswith("无效的令牌")


def test_reasoning_is_streamed_under_two_names(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-reasoning", "why?")
    assert answer.text("reasoning") == answer.text("reasoning_content") != ""
    assert "reasoning comes first" in answer.text()


def test_usage_is_told_only_when_it_is_asked_for(gateway: DemoGateway) -> None:
    body = chat_body("demo-echo", "hi", stream=True)
    assert all(chunk["choices"] for chunk in post(gateway, body).chunks)
    assert ask(gateway, "demo-echo", "hi").chunks[-1]["usage"]
