"""What a gateway publishes of itself: its status, its models, its prices. No key is looked at.

Source: spec/newapi-contract.md 6.1, 6.6, 6.7. The server of April 2025 lacks what came later.
"""

from __future__ import annotations

from collections.abc import Iterable

from newapi_cli.demo.prices import GROUP_RATIOS, TIERED_EXPRESSION, Price, price_of
from newapi_cli.demo.replies import ANSWERING_MODELS
from newapi_cli.demo.site import CNY_PER_USD, CUSTOM_PER_USD, CUSTOM_SYMBOL, Site
from newapi_cli.demo.wire import VERSION, Response, json_response

ENDPOINT_TYPES = ["openai"]


def status_of(site: Site, base_url: str, start_time: int) -> dict[str, object]:
    """Build the answer of GET /api/status; `start_time` is in Unix seconds."""
    data: dict[str, object] = {
        "version": VERSION,
        "start_time": start_time,
        "system_name": "newapi demo",
        "logo": "",
        "server_address": base_url,
        "docs_link": "",
        "quota_per_unit": site.quota_per_unit,
        "display_in_currency": site.currency != "TOKENS",
    }
    if not site.is_old:
        data |= {
            "quota_display_type": site.currency,
            "custom_currency_symbol": CUSTOM_SYMBOL,
            "custom_currency_exchange_rate": CUSTOM_PER_USD,
            "usd_exchange_rate": CNY_PER_USD,
            "self_use_mode_enabled": True,
            "setup": True,
        }
    return {"success": True, "message": "", "data": data}


def model_list(models: Iterable[str], site: Site) -> dict[str, object]:
    """Build the answer of GET /v1/models; `created` is constant there and means nothing."""
    if site.is_old:
        return {"data": [_model(name) | _old_members(name) for name in models]}
    types = {"supported_endpoint_types": ENDPOINT_TYPES}
    return {"success": True, "object": "list", "data": [_model(name) | types for name in models]}


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1626777600, "owned_by": "newapi-demo"}


def _old_members(name: str) -> dict[str, object]:
    permission = {
        "id": "modelperm-demo",
        "object": "model_permission",
        "created": 1626777600,
        "allow_create_engine": True,
        "allow_sampling": True,
        "allow_logprobs": True,
        "allow_search_indices": False,
        "allow_view": True,
        "allow_fine_tuning": False,
        "organization": "*",
        "group": None,
        "is_blocking": False,
    }
    return {"permission": [permission], "root": name, "parent": None}


def pricing_response(site: Site) -> Response:
    """Answer GET /api/pricing, or refuse it where the site publishes no prices."""
    if site.pricing == "off":
        return json_response(403, {"success": False, "message": "pricing is disabled"})
    if site.pricing == "login":
        refusal = {"success": False, "message": "Unauthorized, not logged in"}
        return json_response(401, refusal | {"code": "AUTH_UNAUTHORIZED"})
    prices = ((name, price_of(name, site)) for name in ANSWERING_MODELS)
    body: dict[str, object] = {
        "success": True,
        "data": [_priced(name, price, site) for name, price in prices if price.is_listed],
        "group_ratio": dict(GROUP_RATIOS),
        "usable_group": {"default": "the usual group", "vip": "half the price"},
    }
    if not site.is_old:
        body |= {
            "vendors": [{"id": 1, "name": "newapi demo", "description": "no model at all"}],
            "supported_endpoint": {"openai": {"path": "/v1/chat/completions", "method": "POST"}},
            "auto_groups": ["default"],
            "pricing_version": "demo-1",
        }
    return json_response(200, body)


def _priced(name: str, price: Price, site: Site) -> dict[str, object]:
    entry: dict[str, object] = {
        "model_name": name,
        "quota_type": 0 if price.model_price is None else 1,
        "model_ratio": price.model_ratio,
        "model_price": price.model_price or 0,
        "owner_by": "",
        "completion_ratio": price.completion_ratio,
        "enable_groups": list(price.groups),
    }
    if site.is_old:
        return entry
    entry |= {"vendor_id": 1, "supported_endpoint_types": ENDPOINT_TYPES}
    if price.cache_ratio is not None:
        entry["cache_ratio"] = price.cache_ratio
    if price.is_tiered:
        entry |= {"billing_mode": "tiered_expr", "billing_expr": TIERED_EXPRESSION}
    return entry
