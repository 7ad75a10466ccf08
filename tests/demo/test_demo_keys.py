"""The keys with a story, and how each age of the gateway refuses them."""

from __future__ import annotations

import pytest

from newapi_cli.demo.server import DemoGateway, Site
from newapi_cli.demo.site import Age
from tests.demo.demo_client import ask, chat_body, get, post, request

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
BILLING = ("/v1/dashboard/billing/subscription", "/dashboard/billing/usage")
USAGE, LOG = "/api/usage/token/", "/api/log/token"
BAD_KEYS = ["sk-wrong", "sk-expired", "sk-exhausted", "sk-disabled"]
OLD_TEXTS = {
    "": "未提供令牌",
    "sk-wrong": "无效的令牌",
    "sk-expired": "该令牌已过期",
    "sk-exhausted": "该令牌额度已用尽",
    "sk-disabled": "该令牌状态不可用",
}


def site_of(age: Age) -> DemoGateway:
    return DemoGateway(pace_s=0, site=Site(age=age))


@pytest.mark.parametrize("key", ["", *BAD_KEYS])
def test_all_bad_keys_are_refused_alike(key: str) -> None:
    with site_of("2026-08") as gateway:
        for answer in (get(gateway, MODELS, key), post(gateway, chat_body("demo", "hi"), key)):
            request_id = answer.headers["X-Oneapi-Request-Id"]
            assert answer.status == 401
            assert answer.error == {
                "message": f"Invalid token (request id: {request_id})",
                "type": "new_api_error",
                "code": "",
            }


@pytest.mark.parametrize("key", OLD_TEXTS)
def test_an_old_gateway_says_in_chinese_what_is_wrong_with_a_key(key: str) -> None:
    with site_of("2025-04") as gateway:
        for answer in (get(gateway, MODELS, key), post(gateway, chat_body("demo", "hi"), key)):
            assert answer.status == 401
            assert set(answer.error) == {"message", "type"}
            assert answer.error["message"].startswith(OLD_TEXTS[key])
            assert answer.headers["X-Oneapi-Request-Id"] in answer.error["message"]


@pytest.mark.parametrize("age", ["2026-08", "2025-04"])
@pytest.mark.parametrize("key", BAD_KEYS)
def test_billing_refuses_a_bad_key_with_a_200(age: Age, key: str) -> None:
    with site_of(age) as gateway:
        for path in BILLING:
            answer = get(gateway, path, key)
            assert answer.status == 200
            assert set(answer.json) == {"error"}
            assert answer.error["message"]


def test_an_expired_key_may_look_at_its_account() -> None:
    with DemoGateway(site=Site(clock=lambda: 1_000_000.0)) as gateway:
        usage = get(gateway, USAGE, "sk-expired").json["data"]
        assert usage["expires_at"] == 1_000_000 - 86_400
        assert usage["total_available"] > 0
        assert get(gateway, LOG, "sk-expired").json["data"] == []


def test_an_exhausted_key_may_look_at_its_account() -> None:
    with site_of("2026-08") as gateway:
        usage = get(gateway, USAGE, "sk-exhausted").json["data"]
        assert (usage["total_available"], usage["total_used"]) == (0, 2_500_000)
        assert get(gateway, LOG, "sk-exhausted").status == 200


@pytest.mark.parametrize("key", ["sk-disabled", "sk-wrong"])
@pytest.mark.parametrize("path", [USAGE, LOG])
def test_a_disabled_or_unknown_key_may_not(key: str, path: str) -> None:
    with site_of("2026-08") as gateway:
        answer = get(gateway, path, key)
    assert answer.status == 401
    assert answer.json == {"success": False, "message": "Invalid token"}


def test_a_key_that_has_spent_its_limit_is_exhausted() -> None:
    # five quota are its five dollars, and the first answer costs more
    with DemoGateway(pace_s=0, site=Site(quota_per_unit=1)) as gateway:
        assert ask(gateway, "demo", "hello").status == 200
        assert ask(gateway, "demo", "hello").status == 401
        usage = get(gateway, USAGE).json["data"]
        assert usage["total_available"] < 0 < usage["total_used"]
        assert len(get(gateway, LOG).json["data"]) == 1
        assert ask(gateway, "demo", "hello").status == 401
        unlimited = post(gateway, chat_body("demo", "hello"), "sk-unlimited")
        assert unlimited.status == 200
        assert post(gateway, chat_body("demo", "hello"), "sk-unlimited").status == 200


@pytest.mark.parametrize(
    ("age", "text"),
    [
        ("2026-08", "This token has no access to model demo-slow"),
        ("2025-04", "该令牌无权访问模型 demo-slow"),
    ],
)
def test_a_limited_key_is_refused_another_model(age: Age, text: str) -> None:
    with site_of(age) as gateway:
        assert post(gateway, chat_body("demo-echo", "hi"), "sk-limited").status == 200
        answer = post(gateway, chat_body("demo-slow", "hi"), "sk-limited")
    assert answer.status == 403
    assert answer.error["message"].startswith(text)
    assert answer.error.get("code", "absent") == ("" if age == "2026-08" else "absent")


def test_the_model_of_another_group_has_no_channel() -> None:
    with site_of("2026-08") as gateway:
        answer = post(gateway, chat_body("demo-vip", "hi"))
        assert (answer.status, answer.error["code"]) == (503, "model_not_found")
        assert "under group default" in answer.error["message"]
        assert post(gateway, chat_body("demo-vip", "hi"), "sk-vip").status == 200
        unknown = post(gateway, chat_body("nothing", "hi"), "sk-vip")
        assert "under group vip" in unknown.error["message"]


def test_status_and_prices_ask_nobody_for_a_key() -> None:
    with site_of("2026-08") as gateway:
        for path in ("/api/status", "/api/pricing"):
            assert get(gateway, path, "sk-wrong").status == 200
            assert request(gateway, "GET", path).status == 200
