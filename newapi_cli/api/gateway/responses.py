"""JSON of New API's own endpoints, beside chat completions, to domain values. Pure.

As in `codec`, what is missing, null or of a wrong type is passed over. Numbers become `Decimal` by
the shortest text that gives them, which is the text that was sent.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from newapi_cli.domain.billing import KeyUsage, LogEntry
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import (
    DOLLAR,
    UNCONFIGURED_RATIO,
    Price,
    PriceKind,
    PriceList,
)
from newapi_cli.text import well_formed

STATUS = "/api/status"
PRICING = "/api/pricing"
KEY_USAGE = "/api/usage/token/"  # without the slash it is a redirect (contract, 5.2)
KEY_LOG = "/api/log/token"
LATEST_S = 253_402_300_799  # 9999-12-31
LEAST_QUOTA, MOST_QUOTA = Decimal("1E-6"), Decimal("1E+12")  # that a dollar may be
MOST_PER_DOLLAR = Decimal("1E+9")  # of any money: the weakest have been at a few millions
MAX_SYMBOL = 8  # characters of a currency's symbol
CONSUMED = 2  # the type of log entries that were charged for
LARGEST = Decimal(10) ** 18
LOG_MEMBERS = (
    "type",
    "request_id",
    "model_name",
    "group",
    "quota",
    "prompt_tokens",
    "completion_tokens",
    "created_at",
)
RATIOS = (
    "completion_ratio",
    "cache_ratio",
    "create_cache_ratio",
    "image_ratio",
    "audio_ratio",
    "audio_completion_ratio",
)


def number(value: object) -> Decimal | None:
    """Read a finite number of a size that money or tokens can have."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return Decimal(repr(value)) if -LARGEST < value < LARGEST else None


def time_at(seconds: Decimal | None) -> datetime | None:
    """Read a time in Unix seconds; 0 and what no calendar holds is none."""
    if seconds is None or not 0 < seconds <= LATEST_S:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def currency_from_json(status: object) -> Currency | None:
    """Read which money a site shows, from `/api/status`; None where it does not tell.

    Nor does it where its rate is no number that a rate can be: it is not guessed then. Servers
    before `quota_display_type` show dollars, or quota (contract, section 6.7).
    """
    data = _data(status)
    if not isinstance(data, dict):
        return None
    kind = data.get("quota_display_type")
    if not isinstance(kind, str):
        kind = "TOKENS" if data.get("display_in_currency") is False else "USD"
    if kind == "CNY":
        rate = _rate(data.get("usd_exchange_rate"), missing=Decimal("7.3"))
        return None if rate is None else Currency("CNY", "¥", rate)
    if kind == "CUSTOM":
        text = well_formed(_text(data.get("custom_currency_symbol")))
        symbol = "".join(filter(str.isprintable, text))[:MAX_SYMBOL] or "¤"
        rate = _rate(data.get("custom_currency_exchange_rate"), missing=Decimal(1))
        return None if rate is None else Currency("CUSTOM", symbol, rate)
    quota_per_unit = quota_per_unit_from_json(status)
    if kind == "TOKENS" and quota_per_unit is not None:
        return Currency("TOKENS", "", quota_per_unit)
    return DOLLAR


def quota_per_unit_from_json(status: object) -> Decimal | None:
    """Read how many units of quota are a dollar, from `/api/status`."""
    data = _data(status)
    found = number(data.get("quota_per_unit")) if isinstance(data, dict) else None
    return found if found is not None and LEAST_QUOTA <= found <= MOST_QUOTA else None


def price_list_from_json(status: object, pricing: object, model: str = "") -> PriceList | None:
    """Read `/api/status` and `/api/pricing`; None where they tell no prices.

    Of one model, if it is named: a thousand take 10 ms.
    """
    quota_per_unit = quota_per_unit_from_json(status)
    entries = _data(pricing)
    if quota_per_unit is None or not isinstance(entries, list) or not isinstance(pricing, dict):
        return None
    rows = [entry for entry in entries if isinstance(entry, dict)]
    prices = [_price(row) for row in rows if not model or row.get("model_name") == model]
    ratios = {} if pricing.get("group_ratio") is None else pricing["group_ratio"]
    if not isinstance(ratios, dict):  # what each group pays stands nowhere
        return None
    return PriceList(
        prices={price.model: price for price in prices if price.model},
        group_ratios={well_formed(name): _from_0(value) for name, value in ratios.items()},
        quota_per_unit=quota_per_unit,
        currency=currency_from_json(status) or DOLLAR,
    )


def _price(entry: dict[str, Any]) -> Price:
    told = {name: entry[name] for name in RATIOS if entry.get(name) is not None}
    ratios = {name: ratio for name, value in told.items() if (ratio := _from_0(value)) is not None}
    model_ratio, per_call = _from_0(entry.get("model_ratio")), _from_0(entry.get("model_price"))
    if entry.get("billing_mode") == "tiered_expr":
        kind = PriceKind.TIERED
    elif _is(entry.get("quota_type"), 1) and per_call is not None:
        kind = PriceKind.CALL
    elif _is(entry.get("quota_type", 0), 0) and len(ratios) == len(told):
        is_told = model_ratio is not None and model_ratio != UNCONFIGURED_RATIO
        kind = PriceKind.TOKENS if is_told else PriceKind.UNKNOWN
    else:  # what is there and cannot be read may be anything
        kind = PriceKind.UNKNOWN
    return Price(
        model=well_formed(_text(entry.get("model_name"))),
        kind=kind,
        model_ratio=model_ratio or Decimal(0),
        per_call=per_call or Decimal(0),
        groups=_texts(entry.get("enable_groups")),
        endpoint_types=_texts(entry.get("supported_endpoint_types")),
        **ratios,
    )


def key_usage_from_json(value: object) -> KeyUsage | None:
    """Read `/api/usage/token/` (contract, section 6.3); None where an amount in it is no number.

    Below 0 they may be: a key can be overdrawn. What an unlimited key was granted means nothing.
    """
    data = _data(value)
    if not isinstance(data, dict):
        return None
    is_unlimited = data.get("unlimited_quota", False)
    used, granted, available = (
        number(data.get(name)) for name in ("total_used", "total_granted", "total_available")
    )
    has_amounts = is_unlimited or (granted is not None and available is not None)
    if not isinstance(is_unlimited, bool) or used is None or not has_amounts:
        return None
    limits = data.get("model_limits")
    has_limits = data.get("model_limits_enabled") is True and isinstance(limits, dict)
    return KeyUsage(
        name=well_formed(_text(data.get("name"))),
        granted=granted or Decimal(0),
        used=used,
        available=available or Decimal(0),
        is_unlimited=is_unlimited,
        models=tuple(well_formed(name) for name in limits) if has_limits and limits else (),
        expires_at=time_at(number(data.get("expires_at"))),
    )


def log_from_json(value: object) -> list[LogEntry] | None:
    """Read the charged calls of `/api/log/token`, newest first (contract, section 6.5)."""
    data = _data(value)
    if not isinstance(data, list):
        return None
    rows = [row for row in data if isinstance(row, dict) and row.get("type") == CONSUMED]
    return [
        LogEntry(
            request_id=well_formed(_text(row.get("request_id"))),
            model=well_formed(_text(row.get("model_name"))),
            group=well_formed(_text(row.get("group"))),
            quota=quota,
            prompt_tokens=int(_from_0(row.get("prompt_tokens")) or 0),
            completion_tokens=int(_from_0(row.get("completion_tokens")) or 0),
            created_at=time_at(number(row.get("created_at"))) or datetime.fromtimestamp(0, UTC),
        )
        for row in rows
        if (quota := _from_0(row.get("quota"))) is not None  # else it tells no cost
    ]


def without_details(log: object) -> dict[str, object]:
    """Give a key's log with nothing but what is read of it: for keeping it on a file."""
    rows = _data(log)
    kept = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {"data": [{name: row.get(name) for name in LOG_MEMBERS} for row in kept]}


def _data(value: object) -> object:
    return value.get("data") if isinstance(value, dict) else None


def _is(value: object, wanted: int) -> bool:
    return value == wanted and not isinstance(value, bool)


def _from_0(value: object) -> Decimal | None:
    found = number(value)
    return found if found is not None and found >= 0 else None


def _rate(value: object, *, missing: Decimal) -> Decimal | None:
    if value is None:
        return missing
    found = number(value)
    is_rate = found is not None and 1 / MOST_PER_DOLLAR <= found <= MOST_PER_DOLLAR
    return found if is_rate else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(well_formed(text) for text in value if isinstance(text, str))
