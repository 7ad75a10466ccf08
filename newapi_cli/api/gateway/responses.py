"""The gateway's endpoints except chat completions: domain values from their JSON, and requests.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
Numbers become `Decimal` from the shortest text that represents them, which is the text on the wire.

What a key has left comes from the endpoints of OpenAI's old dashboard, limited to 360 calls in 180
seconds. The key's record and log share 20 calls in 20 minutes with all clients behind the same
address (New API middleware/rate-limit.go), so callers count them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import quote

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.json_values import str_or_empty, str_tuple
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import Balance, Currency, KeyUsage, LogEntry
from newapi_cli.domain.pricing import (
    DOLLAR,
    UNCONFIGURED_RATIO,
    ModelInfo,
    Price,
    PriceKind,
    PriceList,
)
from newapi_cli.domain.settings import Secret
from newapi_cli.i18n import tr
from newapi_cli.text import well_formed

MODELS = "/v1/models"
STATUS = "/api/status"
PRICING = "/api/pricing"
KEY_USAGE = "/api/usage/token/"  # it redirects without the last slash
KEY_LOG = "/api/log/token"
SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
NOISE, LARGEST_NOISY = Decimal("1E-12"), Decimal("1E+12")
UNLIMITED = Decimal(100_000_000)  # sent for a key without a limit, in any currency
MAX_TIME_S = 253_402_300_799  # 9999-12-31
MIN_QUOTA, MAX_QUOTA = Decimal("1E-6"), Decimal("1E+12")  # per dollar
MAX_RATE = Decimal("1E+9")  # of a currency per dollar: the weakest had a few million
MAX_SYMBOL = 8  # characters of a currency's symbol
CONSUMED = 2  # the type of log entries that were charged
MAX_NUMBER = Decimal(10) ** 18
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
    """Return a finite number in the range of money and tokens, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return Decimal(repr(value)) if -MAX_NUMBER < value < MAX_NUMBER else None


def time_at(seconds: Decimal | None) -> datetime | None:
    """Return a time from Unix seconds; None for 0 and for what is out of range."""
    if seconds is None or not 0 < seconds <= MAX_TIME_S:
        return None
    return datetime.fromtimestamp(int(seconds), UTC)


def models_from_json(value: object) -> list[ModelInfo] | None:
    """Return the models in `/v1/models` of any age, None if it is not a list of models."""
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, list):
        return None
    entries = [entry for entry in data if isinstance(entry, dict)]
    return [
        ModelInfo(
            id=well_formed(entry["id"]),
            owned_by=str_or_empty(entry.get("owned_by")),
            endpoint_types=str_tuple(entry.get("supported_endpoint_types")),
        )
        for entry in entries
        if isinstance(entry.get("id"), str) and entry["id"]
    ]


def currency_from_json(status: object) -> Currency | None:
    """Return the currency that a site displays, from `/api/status`; None if it is unknown.

    It is unknown, too, if its exchange rate is invalid. Servers without `quota_display_type`
    display dollars, or quota (New API controller/misc.go).
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
        name = str_or_empty(data.get("custom_currency_symbol"))
        symbol = "".join(filter(str.isprintable, name))[:MAX_SYMBOL] or "¤"
        rate = _rate(data.get("custom_currency_exchange_rate"), missing=Decimal(1))
        return None if rate is None else Currency("CUSTOM", symbol, rate)
    quota_per_unit = quota_per_unit_from_json(status)
    if kind == "TOKENS" and quota_per_unit is not None:
        return Currency("TOKENS", "", quota_per_unit)
    return DOLLAR


def quota_per_unit_from_json(status: object) -> Decimal | None:
    """Return how many units of quota one dollar is, from `/api/status`; None if unknown."""
    data = _data(status)
    quota = number(data.get("quota_per_unit")) if isinstance(data, dict) else None
    return quota if quota is not None and MIN_QUOTA <= quota <= MAX_QUOTA else None


def price_list_from_json(status: object, pricing: object, model: str = "") -> PriceList | None:
    """Return the prices in `/api/status` and `/api/pricing`, None without any.

    Only the price of `model`, if it is given: a thousand prices take 10 ms.
    """
    quota_per_unit = quota_per_unit_from_json(status)
    entries = _data(pricing)
    if quota_per_unit is None or not isinstance(entries, list) or not isinstance(pricing, dict):
        return None
    rows = [entry for entry in entries if isinstance(entry, dict)]
    prices = [_price(row) for row in rows if not model or row.get("model_name") == model]
    ratios = {} if pricing.get("group_ratio") is None else pricing["group_ratio"]
    if not isinstance(ratios, dict):  # the prices of groups are unknown
        return None
    return PriceList(
        prices={price.model: price for price in prices if price.model},
        group_ratios={well_formed(name): _non_negative(value) for name, value in ratios.items()},
        quota_per_unit=quota_per_unit,
        currency=currency_from_json(status) or DOLLAR,
    )


def _price(entry: dict[str, Any]) -> Price:
    values = {name: entry[name] for name in RATIOS if entry.get(name) is not None}
    ratios = {
        name: ratio for name, value in values.items() if (ratio := _non_negative(value)) is not None
    }
    model_ratio = _non_negative(entry.get("model_ratio"))
    per_call = _non_negative(entry.get("model_price"))
    if entry.get("billing_mode") == "tiered_expr":
        kind = PriceKind.TIERED
    elif _is(entry.get("quota_type"), 1) and per_call is not None:
        kind = PriceKind.CALL
    elif _is(entry.get("quota_type", 0), 0) and len(ratios) == len(values):
        is_known = model_ratio is not None and model_ratio != UNCONFIGURED_RATIO
        kind = PriceKind.TOKENS if is_known else PriceKind.UNKNOWN
    else:  # the price is in a form that is not supported
        kind = PriceKind.UNKNOWN
    return Price(
        model=str_or_empty(entry.get("model_name")),
        kind=kind,
        model_ratio=model_ratio or Decimal(0),
        per_call=per_call or Decimal(0),
        groups=str_tuple(entry.get("enable_groups")),
        endpoint_types=str_tuple(entry.get("supported_endpoint_types")),
        **ratios,
    )


def key_usage_from_json(value: object) -> KeyUsage | None:
    """Return the record in `/api/usage/token/`, None if it is invalid.

    The fields are those of New API controller/token.go. Amounts may be negative, as a key can be
    overdrawn. Those of an unlimited key mean nothing.
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
        name=str_or_empty(data.get("name")),
        granted=granted or Decimal(0),
        used=used,
        available=available or Decimal(0),
        is_unlimited=is_unlimited,
        models=tuple(well_formed(name) for name in limits) if has_limits and limits else (),
        expires_at=time_at(number(data.get("expires_at"))),
    )


def log_from_json(value: object) -> list[LogEntry] | None:
    """Return the charged requests in `/api/log/token`, newest first (New API controller/log.go)."""
    data = _data(value)
    if not isinstance(data, list):
        return None
    rows = [row for row in data if isinstance(row, dict) and row.get("type") == CONSUMED]
    return [
        LogEntry(
            request_id=str_or_empty(row.get("request_id")),
            model=str_or_empty(row.get("model_name")),
            group=str_or_empty(row.get("group")),
            quota=quota,
            prompt_tokens=int(_non_negative(row.get("prompt_tokens")) or 0),
            completion_tokens=int(_non_negative(row.get("completion_tokens")) or 0),
            created_at=time_at(number(row.get("created_at"))) or datetime.fromtimestamp(0, UTC),
        )
        for row in rows
        if (quota := _non_negative(row.get("quota"))) is not None  # its cost is unknown
    ]


def without_details(log: object) -> dict[str, object]:
    """Return a key's log with only the members that `log_from_json` reads, for the cache."""
    rows = _data(log)
    entries = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {"data": [{name: row.get(name) for name in LOG_MEMBERS} for row in entries]}


class JsonClient(Protocol):
    """A client that requests JSON, such as `api.chat.client.Client`."""

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Yield events, and return the value."""


def fetch_balance(client: JsonClient) -> Generator[TurnEvent, None, Balance]:
    """Request the dashboard's endpoints: yields ticks and notices, returns the balance."""
    subscription = yield from client.fetch_json(SUBSCRIPTION)
    limit = _member(subscription, "hard_limit_usd")
    usage = yield from client.fetch_json(USAGE)
    hundredths = _member(usage, "total_usage")
    if limit is None or hundredths is None:
        raise invalid_response(tr("the limit or the usage is missing"))
    return Balance(
        limit=None if limit == UNLIMITED else _without_noise(limit),
        used=_without_noise(hundredths / 100),
        expires_at=time_at(_member(subscription, "access_until")),
    )


def fetch_key_usage(client: JsonClient) -> Generator[TurnEvent, None, object]:
    """Request the key's record, and return its JSON value after checking that it is one."""
    value = yield from client.fetch_json(KEY_USAGE)
    if key_usage_from_json(value) is None:
        raise invalid_response(tr("it is not the record of a key"))
    return value


def fetch_key_log(
    client: JsonClient, key_in_query: Secret | None = None
) -> Generator[TurnEvent, None, object]:
    """Request the key's log, and return its JSON value after checking that it is one.

    New API before 2026-02 expects the key in the query, where proxies log it; without it the log
    is that of a key without calls.
    """
    query = f"?key={quote(key_in_query.reveal(), safe='')}" if key_in_query is not None else ""
    value = yield from client.fetch_json(f"{KEY_LOG}{query}")
    if log_from_json(value) is None:
        raise invalid_response(tr("it is not the log of a key"))
    return without_details(value)


def _data(value: object) -> object:
    return value.get("data") if isinstance(value, dict) else None


def _is(value: object, expected: int) -> bool:
    return value == expected and not isinstance(value, bool)


def _non_negative(value: object) -> Decimal | None:
    amount = number(value)
    return amount if amount is not None and amount >= 0 else None


def _rate(value: object, *, missing: Decimal) -> Decimal | None:
    if value is None:
        return missing
    rate = number(value)
    is_valid = rate is not None and 1 / MAX_RATE <= rate <= MAX_RATE
    return rate if is_valid else None


def _without_noise(amount: Decimal) -> Decimal:
    """Round an amount that the gateway calculated in floating point, as 0.0012179999999999999.

    Quota is a whole number, and a dollar has always been less than 10¹² of it.
    """
    return amount.quantize(NOISE).normalize() if abs(amount) < LARGEST_NOISY else amount


def _member(value: object, name: str) -> Decimal | None:
    return number(value.get(name)) if isinstance(value, dict) else None
