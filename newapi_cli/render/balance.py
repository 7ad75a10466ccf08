"""What a key has left, beside the one line of `units`: its details, a row of TSV, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from newapi_cli.domain.billing import Balance

SHOWN_MODELS = 8


def details_text(balance: Balance) -> str:
    """Write what else is known of the key, as one line; empty where nothing is."""
    parts = []
    if balance.name:
        parts.append(f"key “{balance.name}”")
    if balance.group:
        parts.append(f"group {balance.group}")
    if balance.models:
        more = len(balance.models) - SHOWN_MODELS
        names = ", ".join(balance.models[:SHOWN_MODELS])
        parts.append(f"only for {names}{f' and {more} more' if more > 0 else ''}")
    if balance.limit is None:
        parts.append("what the account has left, a key cannot see")
    return " · ".join(parts)


def balance_fields(balance: Balance) -> list[str]:
    """Give left, limit, used, currency, expiry, state, name and group, for TSV."""
    return [
        _exact(balance.left) or "",
        _exact(balance.limit) or "",
        _exact(balance.used) or "",
        balance.currency.name if balance.currency else "",
        _time(balance) or "",
        str(balance.state),
        balance.name,
        balance.group,
    ]


def balance_json(balance: Balance) -> dict[str, object]:
    """Give it as a JSON value, amounts as text of exact numbers in the site's money."""
    return {
        "left": _exact(balance.left),
        "limit": _exact(balance.limit),
        "used": _exact(balance.used),
        "currency": balance.currency.name if balance.currency else None,
        "unlimited": balance.limit is None,
        "expires_at": _time(balance),
        "state": str(balance.state),
        "name": balance.name or None,
        "group": balance.group or None,
        "models": list(balance.models) or None,
    }


def _time(balance: Balance) -> str | None:
    return None if balance.expires_at is None else f"{balance.expires_at:%Y-%m-%dT%H:%M:%SZ}"


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount.normalize(), "f")
