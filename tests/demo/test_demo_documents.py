"""The status and the prices that the demo gateway publishes."""

from __future__ import annotations

from typing import Any

from newapi_cli.demo.replies import ANSWERING_MODELS
from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import ask, request

UNLISTED = "demo-think"


def pricing(gateway: DemoGateway) -> Any:
    answer = request(gateway, "GET", "/api/pricing")
    assert answer.status == 200
    return answer.json


def pricing_by_model(gateway: DemoGateway) -> dict[str, dict[str, Any]]:
    return {entry["model_name"]: entry for entry in pricing(gateway)["data"]}


def test_the_status_describes_the_gateway_and_its_currency(gateway: DemoGateway) -> None:
    status = request(gateway, "GET", "/api/status").json
    data = status.pop("data")
    assert status == {"success": True, "message": ""}
    assert data.pop("start_time") > 0
    assert data == {
        "version": "v1.0.0-demo",
        "system_name": "newapi demo",
        "logo": "",
        "server_address": gateway.base_url,
        "docs_link": "",
        "quota_per_unit": 500_000,
        "display_in_currency": True,
        "quota_display_type": "USD",
        "custom_currency_symbol": "¤",
        "custom_currency_exchange_rate": 2,
        "usd_exchange_rate": 7.3,
        "self_use_mode_enabled": False,
        "setup": True,
    }


def test_every_model_that_answers_has_a_price_but_one(gateway: DemoGateway) -> None:
    assert list(pricing_by_model(gateway)) == [
        model for model in ANSWERING_MODELS if model != UNLISTED
    ]
    assert ask(gateway, UNLISTED, "hi").finish_reasons == ["stop"]


def test_the_price_list_has_a_model_of_each_kind(gateway: DemoGateway) -> None:
    models = pricing_by_model(gateway)
    assert models["demo"] == {
        "model_name": "demo",
        "quota_type": 0,
        "model_ratio": 0.075,
        "model_price": 0,
        "owner_by": "",
        "completion_ratio": 4,
        "cache_ratio": 0.5,
        "enable_groups": ["default", "vip"],
        "vendor_id": 1,
        "supported_endpoint_types": ["openai"],
    }
    assert models["demo-reasoning"]["model_ratio"] == 0.55
    per_call = models["demo-per-call"]
    assert (per_call["quota_type"], per_call["model_price"]) == (1, 0.01)
    assert models["demo-tiered"]["billing_mode"] == "tiered_expr"
    assert 'tier("short"' in models["demo-tiered"]["billing_expr"]
    assert models["demo-echo"]["model_ratio"] == 0
    assert models["demo-no-finish"]["model_ratio"] == 37.5
    assert models["demo-slow"]["enable_groups"] == ["all"]
    assert models["demo-vip"]["enable_groups"] == ["vip"]
    assert "cache_ratio" not in models["demo-long"]


def test_the_price_list_describes_groups_vendors_and_endpoints(gateway: DemoGateway) -> None:
    body = pricing(gateway)
    assert body["success"] is True
    assert body["group_ratio"] == {"default": 1, "vip": 0.5}
    assert set(body["usable_group"]) == {"default", "vip"}
    assert [vendor["id"] for vendor in body["vendors"]] == [1]
    chat = {"path": "/v1/chat/completions", "method": "POST"}
    assert body["supported_endpoint"] == {"openai": chat}
    assert body["auto_groups"] == ["default"]
    assert body["pricing_version"]
