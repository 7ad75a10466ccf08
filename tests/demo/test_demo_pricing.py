"""What the demo gateway publishes of itself: its status, its models, its prices."""

from __future__ import annotations

from typing import Any

import pytest

from newapi_cli.demo.replies import ANSWERING_MODELS
from newapi_cli.demo.server import DemoGateway, Site
from newapi_cli.demo.site import Age, Currency, PricingAccess
from tests.demo.demo_client import ask, get, request

UNLISTED = "demo-think"


def prices(site: Site) -> Any:
    """Give the answer of /api/pricing, asked for without a key."""
    with DemoGateway(site=site) as gateway:
        answer = request(gateway, "GET", "/api/pricing")
    assert answer.status == 200
    return answer.json


def by_name(body: Any) -> dict[str, dict[str, Any]]:
    return {entry["model_name"]: entry for entry in body["data"]}


# -- status -----------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["USD", "CNY", "TOKENS", "CUSTOM"])
def test_status_tells_how_money_is_shown(currency: Currency) -> None:
    with DemoGateway(site=Site(currency=currency, quota_per_unit=1000)) as gateway:
        data = request(gateway, "GET", "/api/status").json["data"]
    assert data["quota_display_type"] == currency
    assert data["display_in_currency"] is (currency != "TOKENS")
    assert data["quota_per_unit"] == 1000
    assert data["usd_exchange_rate"] == 7.3
    assert data["custom_currency_symbol"] == "¤"
    assert data["custom_currency_exchange_rate"] == 2


@pytest.mark.parametrize("currency", ["USD", "CNY", "TOKENS"])
def test_old_status_tells_only_whether_it_is_money(currency: Currency) -> None:
    with DemoGateway(site=Site(age="2025-04", currency=currency)) as gateway:
        data = request(gateway, "GET", "/api/status").json["data"]
    assert data["display_in_currency"] is (currency != "TOKENS")
    assert data["quota_per_unit"] == 500_000
    assert not [name for name in data if name.startswith(("quota_display", "custom", "usd"))]


# -- pricing ----------------------------------------------------------------------------------


def test_every_model_that_answers_has_a_price_but_one() -> None:
    body = prices(Site())
    assert body["success"] is True
    assert list(by_name(body)) == [name for name in ANSWERING_MODELS if name != UNLISTED]
    with DemoGateway(pace_s=0) as gateway:
        assert ask(gateway, UNLISTED, "hi").finish_reasons() == ["stop"]


def test_the_price_list_has_a_model_of_each_kind() -> None:
    models = by_name(prices(Site()))
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
    assert (models["demo-per-call"]["quota_type"], models["demo-per-call"]["model_price"]) == (
        1,
        0.01,
    )
    assert models["demo-tiered"]["billing_mode"] == "tiered_expr"
    assert 'tier("short"' in models["demo-tiered"]["billing_expr"]
    assert models["demo-echo"]["model_ratio"] == 0
    assert models["demo-no-finish"]["model_ratio"] == 37.5
    assert models["demo-slow"]["enable_groups"] == ["all"]
    assert models["demo-vip"]["enable_groups"] == ["vip"]
    assert "cache_ratio" not in models["demo-long"]


def test_the_price_list_explains_its_groups_vendors_and_endpoints() -> None:
    body = prices(Site())
    assert body["group_ratio"] == {"default": 1, "vip": 0.5}
    assert set(body["usable_group"]) == {"default", "vip"}
    assert [vendor["id"] for vendor in body["vendors"]] == [1]
    chat = {"path": "/v1/chat/completions", "method": "POST"}
    assert body["supported_endpoint"] == {"openai": chat}
    assert body["auto_groups"] == ["default"]
    assert body["pricing_version"]


def test_the_old_price_list_lacks_the_optional_members() -> None:
    body = prices(Site(age="2025-04"))
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
    assert by_name(body)["demo-tiered"]["model_ratio"] == 0.1


@pytest.mark.parametrize(("access", "status"), [("login", 401), ("off", 403)])
def test_prices_can_be_closed_to_keys(access: PricingAccess, status: int) -> None:
    with DemoGateway(site=Site(pricing=access)) as gateway:
        answer = get(gateway, "/api/pricing")
    assert answer.status == status
    assert answer.json["success"] is False
    if access == "off":
        assert answer.json["message"] == "pricing is disabled"


# -- models -----------------------------------------------------------------------------------


def models(key: str, age: Age = "2026-08") -> Any:
    with DemoGateway(site=Site(age=age)) as gateway:
        return get(gateway, "/v1/models", key).json


def test_the_old_model_list_has_permissions_and_no_endpoint_types() -> None:
    body = models("sk-any", "2025-04")
    assert set(body) == {"data"}
    for entry in body["data"]:
        assert (entry["root"], entry["parent"]) == (entry["id"], None)
        assert entry["permission"][0]["object"] == "model_permission"
        assert "supported_endpoint_types" not in entry


def test_a_limited_key_sees_its_own_models_only() -> None:
    assert [entry["id"] for entry in models("sk-limited")["data"]] == ["demo", "demo-echo"]


def test_the_model_of_a_group_is_seen_by_its_keys_only() -> None:
    assert "demo-vip" in [entry["id"] for entry in models("sk-vip")["data"]]
    assert "demo-vip" not in [entry["id"] for entry in models("sk-any")["data"]]


# -- the site itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "choices"),
    [
        ({"age": "2024"}, "2026-08, 2025-04"),
        ({"pricing": "secret"}, "public, login, off"),
        ({"currency": "usd"}, "USD, CNY, TOKENS, CUSTOM"),
        ({"quota_per_unit": 0}, "positive"),
    ],
)
def test_a_site_that_there_is_not_is_refused(wrong: Any, choices: str) -> None:
    with pytest.raises(ValueError, match=choices):
        Site(**wrong)
