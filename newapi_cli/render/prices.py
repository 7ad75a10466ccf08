"""Prices of models and what a key has left: cells of a table, fields of TSV, and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newapi_cli.i18n import tr
from newapi_cli.render.units import exact_text, money

if TYPE_CHECKING:  # decimal takes 4 ms and is loaded with the first price
    from datetime import datetime
    from decimal import Decimal

    from newapi_cli.domain.money import Balance, Currency
    from newapi_cli.domain.pricing import PriceView

MAX_NAMED_MODELS = 8
TIERED, UNKNOWN = "tiered", "unknown"
PRICE_FIELDS = ("kind", "group", "in", "cached", "out", "per_call")


def price_cells(view: PriceView | None, currency: Currency | None) -> tuple[str, str]:
    """Return what a million tokens cost in and out; the first is the price of a call if that is."""
    if view is None or view.kind == UNKNOWN:
        return tr("unknown"), tr("unknown")
    if view.per_call is not None:
        if not view.per_call:
            return tr("free"), ""
        return tr("{price} per call", price=_money(view.per_call, currency)), ""
    if view.prompt is None or view.completion is None:
        return str(view.kind), str(view.kind)
    if not view.prompt and not view.completion and not view.is_lowest:
        return tr("free"), tr("free")
    price_in, price_out = _money(view.prompt, currency), _money(view.completion, currency)
    if view.is_lowest:
        return tr("from {price}", price=price_in), tr("from {price}", price=price_out)
    return price_in, price_out


def cached_cell(view: PriceView | None, currency: Currency | None) -> str:
    """Return what a million tokens cost that are read from the provider's cache."""
    return "" if view is None or not view.cached else _money(view.cached, currency)


def price_fields(view: PriceView | None) -> list[str]:
    """Return the fields `PRICE_FIELDS` for TSV: exact dollars, empty if unknown."""
    if view is None:
        return [UNKNOWN, "", "", "", "", ""]
    amounts = _sure_amounts(view)
    return [str(view.kind), view.group, *(_exact(amount) or "" for amount in amounts)]


def price_json(view: PriceView | None) -> dict[str, object] | None:
    """Return a price as a JSON value, amounts as text of exact dollars."""
    if view is None:
        return None
    prompt, cached, completion, per_call = map(_exact, _sure_amounts(view))
    return {
        "kind": str(view.kind),
        "group": view.group,
        "group_is_certain": view.is_group_certain,
        "in_usd_per_million": prompt,
        "cached_usd_per_million": cached,
        "out_usd_per_million": completion,
        "usd_per_call": per_call,
    }


def _sure_amounts(view: PriceView) -> tuple[Decimal | None, ...]:
    """Return the amounts for scripts, which would not see that there are higher tiers."""
    if view.kind == TIERED:
        return None, None, None, None
    return view.prompt, view.cached, view.completion, view.per_call


def balance_text(balance: Balance) -> str:
    """Return what a key has left as one line.

    >>> from decimal import Decimal
    >>> from newapi_cli.domain.money import Balance
    >>> balance_text(Balance(Decimal("20"), Decimal("7.6612")))
    '12.34 left of 20.00, 7.66 used'
    """
    currency = balance.currency
    used = money(balance.used, currency)
    if balance.limit is None or balance.left is None:
        text = tr("no limit on this key, {used} used", used=used)
    else:
        left, limit = money(balance.left, currency), money(balance.limit, currency)
        text = tr("{left} left of {limit}, {used} used", left=left, limit=limit, used=used)
    if balance.expires_at is not None:
        expires = tr("expires {date:%Y-%m-%d}", date=balance.expires_at)
        text = tr("{balance}, {expires}", balance=text, expires=expires)
    if balance.state == "active":
        return text
    return tr("{state}: {balance}", state=balance.state, balance=text)


def details_text(balance: Balance) -> str:
    """Return what else is known about a key as one line, which may be empty."""
    parts = []
    if balance.name:
        parts.append(tr('key "{name}"', name=balance.name))
    if balance.group:
        parts.append(tr("group {name}", name=balance.group))
    if balance.models:
        names = ", ".join(balance.models[:MAX_NAMED_MODELS])
        more = len(balance.models) - MAX_NAMED_MODELS
        if more > 0:
            parts.append(tr("only for {names} and {n:,} more", names=names, n=more))
        else:
            parts.append(tr("only for {names}", names=names))
    if balance.limit is None:
        parts.append(tr("the account's balance is not visible to a key"))
    return " · ".join(parts)


def balance_fields(balance: Balance) -> list[str]:
    """Return left, limit, used, currency, expiry, state, name and group, for TSV."""
    return [
        _exact(balance.left) or "",
        _exact(balance.limit) or "",
        _exact(balance.used) or "",
        balance.currency.name if balance.currency else "",
        _utc(balance.expires_at) or "",
        str(balance.state),
        balance.name,
        balance.group,
    ]


def balance_json(balance: Balance) -> dict[str, object]:
    """Return a balance as a JSON value, amounts as text of exact numbers in the site's currency."""
    return {
        "left": _exact(balance.left),
        "limit": _exact(balance.limit),
        "used": _exact(balance.used),
        "currency": balance.currency.name if balance.currency else None,
        "unlimited": balance.limit is None,
        "expires_at": _utc(balance.expires_at),
        "state": str(balance.state),
        "name": balance.name or None,
        "group": balance.group or None,
        "models": list(balance.models) or None,
    }


def _money(usd: Decimal, currency: Currency | None) -> str:
    return money(usd * currency.per_usd if currency else usd, currency)


def _utc(time: datetime | None) -> str | None:
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else exact_text(amount)
