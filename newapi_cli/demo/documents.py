"""The JSON documents about the gateway and its keys: status, models, prices, balance, log.

They have the shapes of New API 2026-08: misc.go, model.go, pricing.go, billing.go, token.go and
log.go in its folder controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from newapi_cli.demo.account import Account, LoggedRequest
from newapi_cli.demo.prices import GROUP_RATIOS, QUOTA_PER_DOLLAR, TIERED_EXPRESSION, Price
from newapi_cli.demo.replies import ANSWERING_MODELS
from newapi_cli.demo.responses import encode_json

VERSION = "v1.0.0-demo"
CNY_PER_USD = 7.3

_CREATED_AT = 1626777600  # a constant in the real gateway too, for every model
_ENDPOINT_TYPES = ["openai"]
_KEY_NAME = "demo key"
_NO_LIMIT = 100_000_000
_CONSUMED = 2  # the type of a log entry for an answered request

Document = dict[str, object]


def status(base_url: str, started_at: int) -> Document:
    """Return the document of GET /api/status; `started_at` is in Unix seconds."""
    data: Document = {
        "version": VERSION,
        "start_time": started_at,
        "system_name": "newapi demo",
        "logo": "",
        "server_address": base_url,
        "docs_link": "",
        "quota_per_unit": QUOTA_PER_DOLLAR,
        "display_in_currency": True,
        "quota_display_type": "USD",
        "custom_currency_symbol": "¤",
        "custom_currency_exchange_rate": 2,
        "usd_exchange_rate": CNY_PER_USD,
        "self_use_mode_enabled": False,
        "setup": True,
    }
    return {"success": True, "message": "", "data": data}


def model_list(models: Iterable[str]) -> Document:
    """Return the document of GET /v1/models."""
    data = [
        {
            "id": model,
            "object": "model",
            "created": _CREATED_AT,
            "owned_by": "newapi-demo",
            "supported_endpoint_types": _ENDPOINT_TYPES,
        }
        for model in models
    ]
    return {"success": True, "object": "list", "data": data}


def pricing(prices: Mapping[str, Price]) -> Document:
    """Return the document of GET /api/pricing."""
    return {
        "success": True,
        "data": [
            _pricing_entry(model, price)
            for model, price in prices.items()
            if model in ANSWERING_MODELS and price.is_listed
        ],
        "group_ratio": dict(GROUP_RATIOS),
        "usable_group": {"default": "default", "vip": "half the price"},
        "vendors": [{"id": 1, "name": "newapi demo", "description": "no language model"}],
        "supported_endpoint": {"openai": {"path": "/v1/chat/completions", "method": "POST"}},
        "auto_groups": ["default"],
        "pricing_version": "demo-1",
    }


def subscription(account: Account, amount: Callable[[int], float]) -> Document:
    """Return the document of GET /dashboard/billing/subscription.

    `amount` converts quota to the currency that the gateway displays.
    """
    granted = amount(account.remaining + account.used)
    limit = _NO_LIMIT if account.settings.is_unlimited else granted
    return {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": account.expires_at,
    }


def billing_usage(account: Account, amount: Callable[[int], float]) -> Document:
    """Return the document of GET /dashboard/billing/usage, in hundredths of the currency."""
    return {"object": "list", "total_usage": amount(account.used) * 100}


def token_usage(account: Account) -> Document:
    """Return the document of GET /api/usage/token/, in quota; its `code` is a boolean."""
    data = {
        "object": "token_usage",
        "name": _KEY_NAME,
        "total_granted": account.remaining + account.used,
        "total_used": account.used,
        "total_available": account.remaining,
        "unlimited_quota": account.settings.is_unlimited,
        "model_limits": dict.fromkeys(account.settings.models, True),
        "model_limits_enabled": bool(account.settings.models),
        "expires_at": account.expires_at,
    }
    return {"code": True, "message": "ok", "data": data}


def token_log(entries: Iterable[LoggedRequest], token_id: int) -> Document:
    """Return the document of GET /api/log/token; `id` numbers the entries for display."""
    data = [_log_entry(entry, number, token_id) for number, entry in enumerate(entries, start=1)]
    return {"success": True, "message": "", "data": data}


def _pricing_entry(model: str, price: Price) -> Document:
    entry: Document = {
        "model_name": model,
        "quota_type": 0 if price.model_price is None else 1,
        "model_ratio": price.model_ratio,
        "model_price": price.model_price or 0,
        "owner_by": "",
        "completion_ratio": price.completion_ratio,
        "enable_groups": list(price.groups),
        "vendor_id": 1,
        "supported_endpoint_types": _ENDPOINT_TYPES,
    }
    if price.cache_ratio is not None:
        entry["cache_ratio"] = price.cache_ratio
    if price.is_tiered:
        entry |= {"billing_mode": "tiered_expr", "billing_expr": TIERED_EXPRESSION}
    return entry


def _log_entry(entry: LoggedRequest, number: int, token_id: int) -> Document:
    return {
        "id": number,
        "user_id": 1,
        "type": _CONSUMED,
        "content": "",
        "username": "demo",
        "token_name": _KEY_NAME,
        "channel": 1,
        "channel_name": "",
        "token_id": token_id,
        "ip": "",
        **entry,
        "other": encode_json(entry["other"]).decode(),
    }
