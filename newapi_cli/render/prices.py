"""Prices of models as cells of a table, as fields of TSV and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newapi_cli.render.units import money

if TYPE_CHECKING:  # decimal takes 4 ms, and is loaded with the first price
    from decimal import Decimal

    from newapi_cli.domain.money import Currency
    from newapi_cli.domain.pricing import PriceView

UNKNOWN = "unknown"
PRICE_FIELDS = ("kind", "group", "in", "cached", "out", "per_call")


def price_cells(view: PriceView | None, currency: Currency | None) -> tuple[str, str]:
    """Give what a million tokens cost in and out, or what a call costs."""
    if view is None or view.kind == UNKNOWN:
        return UNKNOWN, UNKNOWN
    if view.per_call is not None:
        return (f"{_money(view.per_call, currency)} a call" if view.per_call else "free"), ""
    if view.prompt is None or view.completion is None:
        return str(view.kind), str(view.kind)
    if not view.prompt and not view.completion:
        return "free", "free"
    return _money(view.prompt, currency), _money(view.completion, currency)


def cached_cell(view: PriceView | None, currency: Currency | None) -> str:
    """Give what a million tokens cost that were read from the provider's cache."""
    return "" if view is None or not view.cached else _money(view.cached, currency)


def price_fields(view: PriceView | None) -> list[str]:
    """Give the fields `PRICE_FIELDS` for TSV: exact dollars, empty where one is not known."""
    if view is None:
        return [UNKNOWN, "", "", "", "", ""]
    amounts = (view.prompt, view.cached, view.completion, view.per_call)
    return [str(view.kind), view.group, *(_exact(amount) or "" for amount in amounts)]


def price_json(view: PriceView | None) -> dict[str, object] | None:
    """Give a price as a JSON value, amounts as text of exact dollars."""
    if view is None:
        return None
    return {
        "kind": str(view.kind),
        "group": view.group,
        "group_is_certain": view.is_group_certain,
        "in_usd_per_million": _exact(view.prompt),
        "cached_usd_per_million": _exact(view.cached),
        "out_usd_per_million": _exact(view.completion),
        "usd_per_call": _exact(view.per_call),
    }


def _money(usd: Decimal, currency: Currency | None) -> str:
    return money(usd * currency.per_usd if currency else usd, currency)


def _exact(usd: Decimal | None) -> str | None:
    """Write dollars without needless digits.

    >>> from decimal import Decimal
    >>> _exact(Decimal("0.1500")), _exact(Decimal("1E+2"))
    ('0.15', '100')
    """
    return None if usd is None else format(usd.normalize(), "f")
