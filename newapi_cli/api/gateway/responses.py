"""The gateway's endpoints except chat completions: domain values from their JSON, and requests.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
Numbers become `Decimal` from the shortest text that represents them, which is the text on the wire.

What a key has left comes from the endpoints of OpenAI's old dashboard, limited to 360 calls in 180
seconds. The key's record and log share 20 calls in 20 minutes with all clients behind the same
address (New API middleware/rate-limit.go), so callers count them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.json_values import str_or_empty, str_tuple
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import Balance, Currency, KeyUsage
from newapi_cli.domain.pricing import (
    DOLLAR,
    UNCONFIGURED_RATIO,
    ModelInfo,
    Price,
    PriceKind,
    PriceList,
)
from newapi_cli.i18n import tr
from newapi_cli.text import well_formed

MODELS = "/v1/models"
STATUS = "/api/status"
PRICING = "/api/pricing"
KEY_USAGE = "/api/usage/token/"  # it redirects without the last slash
SUBSCRIPTION = "/v1/dashboard/billing/subscription"
USAGE = "/v1/dashboard/billing/usage"
MODEL_LISTS = ("data", "models", "model_list", "modelSummaries", "items", "results", "result")
MODEL_NAMES = ("id", "model", "name", "model_name", "model_id", "modelId", "slug")
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NOISE, LARGEST_NOISY = Decimal("1E-12"), Decimal("1E+12")
UNLIMITED = Decimal(100_000_000)  # sent for a key without a limit, in any currency
MAX_TIME_S = 253_402_300_799  # 9999-12-31
MIN_QUOTA, MAX_QUOTA = Decimal("1E-6"), Decimal("1E+12")  # per dollar
MAX_RATE = Decimal("1E+9")  # of a currency per dollar: the weakest had a few million
MAX_SYMBOL = 8  # characters of a currency's symbol
MAX_NUMBER = Decimal(10) ** 18
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
    """Return the models in a list of models of any server by name, None if it is not one.

    New API sends them in another order each time. Servers name a model by its `id`, `model` or
    `name`, and the list `data`, `models` and more.
    """
    entries = _model_entries(value)
    if entries is None:
        return None
    models: dict[str, ModelInfo] = {}
    for entry in entries:
        members = {"id": entry} if isinstance(entry, str) else entry
        name = _model_name(members) if isinstance(members, dict) else ""
        if name and name not in models:
            models[name] = ModelInfo(
                id=name,
                owned_by=str_or_empty(members.get("owned_by")),
                endpoint_types=str_tuple(members.get("supported_endpoint_types")),
            )
    if not models and any(entries):
        return None
    return sorted(models.values(), key=lambda model: (model.id.casefold(), model.id))


def _model_entries(value: object) -> list[Any] | None:
    """Return the entries of a list of models, None if there is no list. Go sends null for none."""
    if isinstance(value, list) or not isinstance(value, dict):
        return value if isinstance(value, list) else None
    for name in MODEL_LISTS:
        listed = value.get(name)
        if isinstance(listed, list):
            return listed
        if isinstance(listed, dict):
            inner = _model_entries(listed)
            named = [{**each, "id": id_} for id_, each in listed.items() if isinstance(each, dict)]
            return inner or named or None
    return [] if value.get("object") == "list" and value.get("data", 0) is None else None


def _model_name(entry: dict[str, Any]) -> str:
    """Return what requests call a model; an `id` that is a URL or a UUID is a catalog's own."""
    values = ((name, entry.get(name)) for name in MODEL_NAMES)
    names = {name: well_formed(text) for name, text in values if isinstance(text, str) and text}
    own_id = names.pop("id", "")
    is_internal = "://" in own_id or UUID.fullmatch(own_id) is not None
    if own_id and not (is_internal and names):
        return own_id
    return next((text.removeprefix("models/") for text in names.values()), "")  # of Gemini


def currency_from_json(status: object) -> Currency | None:
    """Return the currency that a site displays, from `/api/status`; None if it is unknown.

    It is unknown, too, if its exchange rate is invalid. Servers without `quota_display_type`
    display dollars, or quota (New API controller/misc.go).
    """
    data = data_of(status)
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
    data = data_of(status)
    quota = number(data.get("quota_per_unit")) if isinstance(data, dict) else None
    return quota if quota is not None and MIN_QUOTA <= quota <= MAX_QUOTA else None


def price_list_from_json(status: object, pricing: object, model: str = "") -> PriceList | None:
    """Return the prices in `/api/status` and `/api/pricing`, None without any.

    Only the price of `model`, if it is given: a thousand prices take 10 ms.
    """
    quota_per_unit = quota_per_unit_from_json(status)
    entries = data_of(pricing)
    if quota_per_unit is None or not isinstance(entries, list) or not isinstance(pricing, dict):
        return None
    rows = [entry for entry in entries if isinstance(entry, dict)]
    publishes_cache_ratios = any(row.get("cache_ratio") is not None for row in rows)
    is_self_use = _is_self_use(status)
    prices = [
        _price(row, publishes_cache_ratios=publishes_cache_ratios, is_self_use=is_self_use)
        for row in rows
        if not model or row.get("model_name") == model
    ]
    ratios = {} if pricing.get("group_ratio") is None else pricing["group_ratio"]
    if not isinstance(ratios, dict):  # the prices of groups are unknown
        return None
    return PriceList(
        prices={price.model: price for price in prices if price.model},
        group_ratios={well_formed(name): non_negative(value) for name, value in ratios.items()},
        quota_per_unit=quota_per_unit,
        currency=currency_from_json(status) or DOLLAR,
    )


def _is_self_use(status: object) -> bool:
    """Return whether a site charges the placeholder ratio for models without a price."""
    data = data_of(status)
    return isinstance(data, dict) and data.get("self_use_mode_enabled") is True


def _price(entry: dict[str, Any], *, publishes_cache_ratios: bool, is_self_use: bool) -> Price:
    """Return one price. Servers before mid-2026 do not publish the ratios of cached tokens."""
    values = {name: entry[name] for name in RATIOS if entry.get(name) is not None}
    ratios: dict[str, Any] = {
        name: ratio for name, value in values.items() if (ratio := non_negative(value)) is not None
    }
    model_ratio = non_negative(entry.get("model_ratio"))
    per_call = non_negative(entry.get("model_price"))
    if entry.get("billing_mode") == "tiered_expr":
        kind = PriceKind.TIERED
    elif _is(entry.get("quota_type"), 1) and per_call is not None:
        kind = PriceKind.CALL
    elif _is(entry.get("quota_type", 0), 0) and len(ratios) == len(values):
        is_known = model_ratio is not None and (model_ratio != UNCONFIGURED_RATIO or is_self_use)
        kind = PriceKind.TOKENS if is_known else PriceKind.UNKNOWN
    else:  # the price is in a form that is not supported
        kind = PriceKind.UNKNOWN
    if not publishes_cache_ratios:
        ratios = {"cache_ratio": None, "create_cache_ratio": None, **ratios}
    return Price(
        model=str_or_empty(entry.get("model_name")),
        kind=kind,
        model_ratio=model_ratio or Decimal(0),
        per_call=per_call or Decimal(0),
        groups=tuple(sorted(str_tuple(entry.get("enable_groups")))),
        endpoint_types=str_tuple(entry.get("supported_endpoint_types")),
        expression=str_or_empty(entry.get("billing_expr")),
        **ratios,
    )


def key_usage_from_json(value: object) -> KeyUsage | None:
    """Return the record in `/api/usage/token/`, None if it is invalid.

    The fields are those of New API controller/token.go. Amounts may be negative, as a key can be
    overdrawn. Those of an unlimited key mean nothing.
    """
    data = data_of(value)
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


def data_of(value: object) -> object:
    """Return the member `data` of a response, None if there is none."""
    return value.get("data") if isinstance(value, dict) else None


def _is(value: object, expected: int) -> bool:
    return value == expected and not isinstance(value, bool)


def non_negative(value: object) -> Decimal | None:
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
