"""Models, prices and records of gateways: an invalid price is unknown, never free."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from newapi_cli.api.gateway.key_log import log_from_json
from newapi_cli.api.gateway.responses import (
    currency_from_json,
    key_usage_from_json,
    models_from_json,
    number,
    price_list_from_json,
)
from newapi_cli.domain.completion import Usage
from newapi_cli.domain.money import CostKind
from newapi_cli.domain.pricing import ModelInfo, PriceKind
from tests.api.wrong_shapes import WRONG, name_of, places, replaced
from tests.support.cases import each

STATUS = {"data": {"quota_per_unit": 500000}}
NAN, INFINITY = float("nan"), float("inf")


def kind_of(**members: object) -> PriceKind:
    entry = {"model_name": "m", "model_ratio": 1, "model_price": 0.01} | members
    prices = price_list_from_json(STATUS, {"data": [entry]})
    assert prices is not None
    return prices.prices["m"].kind


@each("value", [NAN, INFINITY, -INFINITY, 1e300, -(10**400), True, "1", None, [], {}])
def test_an_invalid_amount_is_none(value: object) -> None:
    assert number(value) is None


@each(
    ("members", "kind"),
    [
        ({}, PriceKind.TOKENS),
        ({"quota_type": 0}, PriceKind.TOKENS),
        ({"quota_type": 1}, PriceKind.CALL),
        ({"quota_type": 1, "model_price": "0.01"}, PriceKind.UNKNOWN),
        ({"quota_type": "1"}, PriceKind.UNKNOWN),
        ({"quota_type": None}, PriceKind.UNKNOWN),
        ({"quota_type": 2}, PriceKind.UNKNOWN),
        ({"quota_type": True}, PriceKind.UNKNOWN),
        ({"model_ratio": "1"}, PriceKind.UNKNOWN),
        ({"model_ratio": NAN}, PriceKind.UNKNOWN),
        ({"model_ratio": -1}, PriceKind.UNKNOWN),
        ({"model_ratio": 37.5}, PriceKind.UNKNOWN),
        ({"completion_ratio": "4"}, PriceKind.UNKNOWN),
        ({"completion_ratio": -4}, PriceKind.UNKNOWN),
        ({"cache_ratio": None}, PriceKind.TOKENS),
        ({"billing_mode": "tiered_expr"}, PriceKind.TIERED),
    ],
)
def test_an_invalid_price_is_unknown(members: dict[str, object], kind: PriceKind) -> None:
    assert kind_of(**members) is kind


@pytest.mark.parametrize("ratio", ["0.5", None, NAN, -1])
def test_a_group_with_an_invalid_ratio_has_an_unknown_price(ratio: object) -> None:
    pricing = {
        "data": [{"model_name": "m", "model_ratio": 1, "enable_groups": ["default", "vip"]}],
        "group_ratio": {"default": 1, "vip": ratio},
    }
    prices = price_list_from_json(STATUS, pricing)
    assert prices is not None
    assert prices.cost("m", Usage(1, 1), "default").usd == Decimal("0.000004")
    assert prices.cost("m", Usage(1, 1), "vip").kind is CostKind.UNKNOWN
    view = prices.view("m", "vip")
    assert view is not None
    assert view.kind is PriceKind.UNKNOWN


@pytest.mark.parametrize("quota", [None, "150", NAN, -1, True])
def test_a_log_row_with_an_invalid_quota_is_skipped(quota: object) -> None:
    rows = [
        {"type": 2, "request_id": "a", "quota": quota},
        {"type": 2, "request_id": "b", "quota": 150},
        {"type": 5, "request_id": "c", "quota": 150},
    ]
    entries = log_from_json({"data": rows})
    assert entries is not None
    assert [(entry.request_id, entry.quota) for entry in entries] == [("b", Decimal(150))]


@pytest.mark.parametrize("used", [None, "0", NAN])
def test_a_record_with_an_invalid_usage_is_none(used: object) -> None:
    assert key_usage_from_json({"data": {"total_used": used}}) is None


@pytest.mark.parametrize(
    ("data", "name", "symbol"),
    [
        ({"quota_display_type": "CNY", "usd_exchange_rate": 7}, "CNY", "¥"),
        (
            {"quota_display_type": "CUSTOM", "custom_currency_symbol": "\x1b[31m€"},
            "CUSTOM",
            "[31m€",
        ),
        ({"quota_display_type": "CUSTOM"}, "CUSTOM", "¤"),
        ({"quota_display_type": "TOKENS", "quota_per_unit": 500000}, "TOKENS", ""),
        ({"quota_display_type": "of tomorrow"}, "USD", "$"),
        ({"display_in_currency": False, "quota_per_unit": 500000}, "TOKENS", ""),
        ({}, "USD", "$"),
    ],
)
def test_the_currency_of_a_site_is_read(data: dict[str, object], name: str, symbol: str) -> None:
    currency = currency_from_json({"data": data})
    assert currency is not None
    assert (currency.name, currency.symbol) == (name, symbol)


@each("rate", [0, -7.3, 1e30, 1e17, 1e-12, "7.3", True, [], {}])
@each(
    ("kind", "name"),
    [("CNY", "usd_exchange_rate"), ("CUSTOM", "custom_currency_exchange_rate")],
)
def test_an_invalid_exchange_rate_makes_the_currency_unknown(
    kind: str, name: str, rate: object
) -> None:
    site = {"quota_display_type": kind, "quota_per_unit": 500_000, name: rate}
    assert currency_from_json({"data": site}) is None


# -- models ---------------------------------------------------------------------------------------

MODELS = {
    "object": "list",
    "data": [{"id": "m", "owned_by": "o", "supported_endpoint_types": ["openai"]}],
}


@pytest.mark.parametrize("path", places(MODELS), ids=name_of)
def test_a_list_of_models_with_an_invalid_member_is_read_without_it(
    path: tuple[str | int, ...],
) -> None:
    for wrong in WRONG:
        models = models_from_json(replaced(MODELS, path, wrong))
        for model in models or ():
            assert isinstance(model, ModelInfo), wrong
            assert model.id, wrong
            assert all(isinstance(kind, str) for kind in model.endpoint_types), wrong


@pytest.mark.parametrize("value", [None, 5, "x", {}, {"data": None}, {"data": {}}, {"error": {}}])
def test_a_value_without_a_list_of_models_is_none(value: object) -> None:
    assert models_from_json(value) is None


def test_models_of_old_and_new_servers_are_read() -> None:
    new = {"success": True, **MODELS}
    old: dict[str, Any] = {
        "data": [{"id": "m", "owned_by": "o", "permission": [], "root": "m", "parent": None}]
    }
    assert models_from_json(new) == [ModelInfo("m", "o", ("openai",))]
    assert models_from_json(old) == [ModelInfo("m", "o")]


def test_entries_without_a_name_are_skipped() -> None:
    entries = [None, {}, {"id": ""}, {"id": 5}, {"id": "m", "supported_endpoint_types": None}]
    assert models_from_json({"data": entries}) == [ModelInfo("m")]
