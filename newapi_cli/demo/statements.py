"""What a key may read of itself: its balance in two dialects, and its log.

Source: spec/newapi-contract.md 6.3-6.5.
"""

from __future__ import annotations

from newapi_cli.demo.account import LogRow, Statement
from newapi_cli.demo.site import CNY_PER_USD, Site
from newapi_cli.demo.wire import encode_json

KEY_NAME = "demo key"
_UNLIMITED = 100_000_000
_CONSUMED = 2  # the type of a log row that is an answered call


def subscription_of(statement: Statement, site: Site) -> dict[str, object]:
    """Build GET /dashboard/billing/subscription: what the key was given, in the site's units."""
    granted = _amount(statement.remaining + statement.used, site)
    limit = _UNLIMITED if statement.terms.is_unlimited else granted
    return {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": limit,
        "hard_limit_usd": limit,
        "system_hard_limit_usd": limit,
        "access_until": statement.expires_at,
    }


def spending_of(statement: Statement, site: Site) -> dict[str, object]:
    """Build GET /dashboard/billing/usage: what was used, in hundredths of the site's units."""
    return {"object": "list", "total_usage": _amount(statement.used, site) * 100}


def token_usage_of(statement: Statement) -> dict[str, object]:
    """Build GET /api/usage/token/: amounts in quota; `code` is a boolean there."""
    data = {
        "object": "token_usage",
        "name": KEY_NAME,
        "total_granted": statement.remaining + statement.used,
        "total_used": statement.used,
        "total_available": statement.remaining,
        "unlimited_quota": statement.terms.is_unlimited,
        "model_limits": dict.fromkeys(statement.terms.models, True),
        "model_limits_enabled": bool(statement.terms.models),
        "expires_at": statement.expires_at,
    }
    return {"code": True, "message": "ok", "data": data}


def log_of(rows: list[LogRow], token_id: int, site: Site) -> dict[str, object]:
    """Build GET /api/log/token; `id` is a number for display."""
    entries = []
    for number, row in enumerate(rows, start=1):
        entry = _entry(row, token_id)
        if site.is_old:
            entry["id"] = row.number % 1024
        else:
            entry |= {"id": number, "ip": "", "request_id": row.request_id}
        entries.append(entry)
    return {"success": True, "message": "", "data": entries}


def _entry(row: LogRow, token_id: int) -> dict[str, object]:
    return {
        "id": 0,
        "user_id": 1,
        "created_at": row.created_at,
        "type": _CONSUMED,
        "content": "",
        "username": "demo",
        "token_name": KEY_NAME,
        "model_name": row.model,
        "quota": row.quota,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "use_time": row.use_time_s,
        "is_stream": row.is_stream,
        "channel": 1,
        "channel_name": "",
        "token_id": token_id,
        "group": row.group,
        "other": encode_json(dict(row.other)).decode(),
    }


def _amount(quota: int, site: Site) -> float:
    if site.currency == "TOKENS":
        return quota
    dollars = quota / site.quota_per_unit
    # CUSTOM counts as dollars here, and before `quota_display_type` so did everything else
    return dollars * CNY_PER_USD if site.currency == "CNY" and not site.is_old else dollars
