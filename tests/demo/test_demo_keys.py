"""The keys with fixed properties, and the errors for those that are not accepted."""

from __future__ import annotations

import time

import pytest

from newapi_cli.demo.account import DAY_S
from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import WAIT_S, chat_body, get, post, request

MODELS = "/v1/models"
BILLING = ("/v1/dashboard/billing/subscription", "/dashboard/billing/usage")
USAGE, LOG = "/api/usage/token/", "/api/log/token"
INVALID_KEYS = ["sk-wrong", "sk-expired", "sk-exhausted", "sk-disabled"]


@pytest.mark.parametrize("key", ["", "  ", *INVALID_KEYS])
def test_all_invalid_keys_get_the_same_error(gateway: DemoGateway, key: str) -> None:
    for answer in (get(gateway, MODELS, key), post(gateway, chat_body("demo", "hi"), key)):
        request_id = answer.headers["X-Oneapi-Request-Id"]
        assert answer.status == 401
        assert answer.error == {
            "message": f"Invalid token (request id: {request_id})",
            "type": "new_api_error",
            "code": "",
        }


def test_the_model_list_needs_a_key(gateway: DemoGateway) -> None:
    assert request(gateway, "GET", MODELS).status == 401


@pytest.mark.parametrize("key", INVALID_KEYS)
def test_billing_rejects_an_invalid_key_with_a_200(gateway: DemoGateway, key: str) -> None:
    for path in BILLING:
        answer = get(gateway, path, key)
        assert answer.status == 200
        assert set(answer.json) == {"error"}
        assert answer.error["message"]


def test_an_expired_key_can_read_its_account(gateway: DemoGateway) -> None:
    usage = get(gateway, USAGE, "sk-expired").json["data"]
    assert 0 <= time.time() - DAY_S - usage["expires_at"] < WAIT_S
    assert usage["total_available"] > 0
    assert get(gateway, LOG, "sk-expired").json["data"] == []


def test_an_exhausted_key_can_read_its_account(gateway: DemoGateway) -> None:
    usage = get(gateway, USAGE, "sk-exhausted").json["data"]
    assert (usage["total_available"], usage["total_used"]) == (0, 2_500_000)
    assert get(gateway, LOG, "sk-exhausted").status == 200


@pytest.mark.parametrize(
    ("key", "message"),
    [("sk-disabled", "This token status is unavailable"), ("sk-wrong", "Invalid token")],
)
@pytest.mark.parametrize("path", [USAGE, LOG])
def test_a_disabled_or_unknown_key_cannot_read_its_account(
    gateway: DemoGateway, key: str, message: str, path: str
) -> None:
    answer = get(gateway, path, key)
    assert answer.status == 401
    assert answer.json == {"success": False, "message": message}


def test_a_key_that_has_used_its_quota_is_exhausted(gateway: DemoGateway) -> None:
    expensive = chat_body("demo-no-finish", "word " * 70_000)  # more than $5
    for key, status in (("sk-any", 401), ("sk-unlimited", 200)):
        assert post(gateway, expensive, key).status == 200
        assert post(gateway, chat_body("demo", "hello"), key).status == status
    usage = get(gateway, USAGE).json["data"]
    assert usage["total_available"] < 0 < usage["total_used"]
    assert len(get(gateway, LOG).json["data"]) == 1


def test_a_limited_key_cannot_use_another_model(gateway: DemoGateway) -> None:
    assert post(gateway, chat_body("demo-echo", "hi"), "sk-limited").status == 200
    answer = post(gateway, chat_body("demo-slow", "hi"), "sk-limited")
    assert (answer.status, answer.error["code"]) == (403, "")
    assert answer.error["message"].startswith("This token has no access to model demo-slow")


def test_an_unknown_model_or_one_of_another_group_has_no_channel(gateway: DemoGateway) -> None:
    for model, key, group in (
        ("demo-vip", "sk-any", "default"),
        ("gpt-nope", "sk-any", "default"),
        ("gpt-nope", "sk-vip", "vip"),
    ):
        answer = post(gateway, chat_body(model, "hi"), key)
        assert (answer.status, answer.error["code"]) == (503, "model_not_found")
        assert answer.error["message"].startswith(
            f"No available channel for model {model} under group {group} (distributor) (request id:"
        )
    assert post(gateway, chat_body("demo-vip", "hi"), "sk-vip").status == 200


def test_a_limited_key_lists_only_its_own_models(gateway: DemoGateway) -> None:
    models = get(gateway, MODELS, "sk-limited").json["data"]
    assert [entry["id"] for entry in models] == ["demo", "demo-echo"]


def test_only_keys_of_a_group_list_its_models(gateway: DemoGateway) -> None:
    assert "demo-vip" in [entry["id"] for entry in get(gateway, MODELS, "sk-vip").json["data"]]
    assert "demo-vip" not in [entry["id"] for entry in get(gateway, MODELS).json["data"]]


def test_status_and_prices_need_no_key(gateway: DemoGateway) -> None:
    for path in ("/api/status", "/api/pricing"):
        assert get(gateway, path, "sk-wrong").status == 200
        assert request(gateway, "GET", path).status == 200
