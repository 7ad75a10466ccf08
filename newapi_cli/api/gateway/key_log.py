"""The log of a key: its charged requests, and the ratios by which they were charged.

A row is written when an answer has ended. Its `other` is JSON as a text (New API
service/log_info_generate.go). Servers of 2025 return the rows in any order, and no request ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import (
    MAX_TIME_S,
    JsonClient,
    data_of,
    non_negative,
    number,
    time_at,
)
from newapi_cli.api.json_values import decode_json, str_or_empty
from newapi_cli.domain.completion import TurnEvent, Usage, UsageExtras
from newapi_cli.domain.money import LogEntry
from newapi_cli.domain.pricing import Price, PriceKind, charged_quota
from newapi_cli.domain.rates import NO_RATES, KeyRates, Rates
from newapi_cli.domain.settings import Secret
from newapi_cli.i18n import tr
from newapi_cli.text import well_formed

KEY_LOG = "/api/log/token"
CONSUMED = 2  # the type of log entries that were charged
MAX_OTHER = 64 * 1024
MAX_MODELS = 300
MAX_ROWS_READ = 5  # of a model in a group: decoding 1,000 rows takes 60 ms
LOG_MEMBERS = (
    "type",
    "request_id",
    "model_name",
    "group",
    "quota",
    "prompt_tokens",
    "completion_tokens",
    "created_at",
    "use_time",
)
# Rows of these were not charged by the ratios of text alone.
OTHER_MEDIA = ("audio", "ws", "image", "audio_input_seperate_price", "image_generation_call")

Row = Mapping[str, Any]


def log_from_json(value: object) -> list[LogEntry] | None:
    """Return the charged requests in `/api/log/token`, newest first, None if it is not a log."""
    rows = _rows(value)
    if rows is None:
        return None
    return [
        LogEntry(
            request_id=str_or_empty(row.get("request_id")),
            model=str_or_empty(row.get("model_name")),
            group=str_or_empty(row.get("group")),
            quota=quota,
            prompt_tokens=_count(row.get("prompt_tokens")),
            completion_tokens=_count(row.get("completion_tokens")),
            created_at=time_at(number(row.get("created_at"))) or datetime.fromtimestamp(0, UTC),
            use_time_s=None if (used := non_negative(row.get("use_time"))) is None else int(used),
        )
        for row in rows
        if (quota := non_negative(row.get("quota"))) is not None  # its cost is unknown
    ]


def without_details(log: object) -> dict[str, object]:
    """Return a key's log with only the members that `log_from_json` reads, for the cache."""
    rows = data_of(log)
    entries = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {"data": [{name: row.get(name) for name in LOG_MEMBERS} for row in entries]}


def fetch_key_log(
    client: JsonClient, key_in_query: Secret | None = None
) -> Generator[TurnEvent, None, object]:
    """Request the key's log, and return its JSON value after checking its form.

    New API before 2026-02 expects the key in the query, where proxies log it; without it the log
    is that of a key without calls.
    """
    query = f"?key={quote(key_in_query.reveal(), safe='')}" if key_in_query is not None else ""
    value = yield from client.fetch_json(f"{KEY_LOG}{query}")
    if _rows(value) is None:
        raise invalid_response(tr("it is not the log of a key"))
    return value


def has_rows(value: object) -> bool:
    """Return whether a log has charged requests."""
    return bool(_rows(value))


def _rows(value: object) -> list[Row] | None:
    """Return the rows of charged requests, newest first."""
    data = data_of(value)
    if not isinstance(data, list):
        return None
    rows = [row for row in data if isinstance(row, dict) and row.get("type") == CONSUMED]
    if len(rows) > 1 and _created_at(rows[0]) < _created_at(rows[-1]):
        rows.reverse()  # of the same second, the last one is the newest
    return sorted(rows, key=_created_at, reverse=True)


def _created_at(row: Row) -> float:
    """Return when a row was written, in Unix seconds."""
    at = row.get("created_at")
    if not isinstance(at, int | float) or isinstance(at, bool):
        return 0.0
    return float(at) if 0 <= at <= MAX_TIME_S else 0.0


# -- what was charged ------------------------------------------------------------------------------


def rates_from_log(value: object) -> KeyRates:
    """Return what the log of a key shows about its prices."""
    rows = [row for row in _rows(value) or () if isinstance(row.get("group"), str) and row["group"]]
    if not rows:
        return NO_RATES
    ratios: dict[str, Decimal] = {}
    models: dict[str, Rates] = {}
    read: Counter[tuple[str, str]] = Counter()
    for row in rows:
        group, model = well_formed(row["group"]), str_or_empty(row.get("model_name"))
        read[model, group] += 1
        if read[model, group] > MAX_ROWS_READ:
            continue
        other = _other(row)
        ratio = non_negative(other.get("group_ratio"))
        if ratio is not None:
            ratios.setdefault(group, ratio)
        if model and (model in models or len(models) < MAX_MODELS):
            rates = _rates(row, other, group)
            models[model] = _completed(models[model], rates) if model in models else rates
    return KeyRates(
        group=well_formed(rows[0]["group"]),
        ratios=ratios,
        models=models,
        alternates=_alternate([row["group"] for row in rows]),
    )


def _alternate(groups: Iterable[str]) -> bool:
    """Return whether a group is used again after another one.

    >>> _alternate(["a", "a", "b"]), _alternate(["a", "b", "a"])
    (False, True)
    """
    last, left = "", set[str]()
    for group in groups:
        if group in left:
            return True
        if last and group != last:
            left.add(last)
        last = group
    return False


def _other(row: Row) -> dict[str, Any]:
    other = row.get("other")
    if isinstance(other, str) and len(other) <= MAX_OTHER:
        try:
            other = decode_json(other.encode("utf-8", "replace"))
        except ValueError:
            return {}
    return other if isinstance(other, dict) else {}


def _rates(row: Row, other: Mapping[str, Any], group: str) -> Rates:
    """Return what one row shows. A price that is not a multiple of ratios shows only its group."""
    at = _created_at(row)
    if other.get("billing_mode"):  # an expression
        return Rates(group, at)
    per_call = non_negative(other.get("model_price"))  # -1: by tokens
    has_media = any(other.get(name) for name in OTHER_MEDIA)
    rates = Rates(
        group,
        at,
        model_ratio=None if per_call is not None else non_negative(other.get("model_ratio")),
        completion_ratio=non_negative(other.get("completion_ratio")),
        cache_ratio=None if has_media else non_negative(other.get("cache_ratio")),
        create_cache_ratio=non_negative(other.get("cache_creation_ratio")),
        per_call=per_call,
        search_price=_search_price(other, str_or_empty(row.get("model_name"))),
    )
    if has_media:
        return rates
    return rates._replace(difference=_difference(row, other, rates))


def _search_price(other: Mapping[str, Any], model: str) -> Decimal | None:
    """Return the price of 1,000 searches, 0 if a search model was charged without one."""
    for count, price in _surcharges(other):
        if count:
            return price
    return Decimal(0) if model.endswith("search-preview") and "model_ratio" in other else None


def _surcharges(other: Mapping[str, Any]) -> Iterator[tuple[Decimal, Decimal]]:
    """Yield count and price per 1,000 of each tool that was charged."""
    items = other.get("tool_surcharges")  # since mid-2026
    if not isinstance(items, list):
        items = [
            {"count": other.get(f"{name}_call_count"), "price": other.get(f"{name}_price")}
            for name in ("web_search", "file_search")
        ]
    for item in items:
        if isinstance(item, dict):
            count, price = non_negative(item.get("count")), non_negative(item.get("price"))
            yield count or Decimal(0), price or Decimal(0)


def _difference(row: Row, other: Mapping[str, Any], rates: Rates) -> int:
    """Return the sign of what a charge has beyond the amount that its ratios explain."""
    quota, ratio = non_negative(row.get("quota")), non_negative(other.get("group_ratio"))
    if quota is None or ratio is None or rates.model_ratio is None:
        return 0  # what a call costs needs the quota per dollar, which is not in the log
    if rates.completion_ratio is None or any(count for count, _ in _surcharges(other)):
        return 0
    price = Price(
        "",
        PriceKind.TOKENS,
        rates.model_ratio,
        completion_ratio=rates.completion_ratio,
        cache_ratio=rates.cache_ratio,
        create_cache_ratio=rates.create_cache_ratio or Decimal(1),
    )
    explained = charged_quota(_usage(row, other), price, ratio)
    if explained is None or abs(quota - explained) <= 1:  # it may be rounded otherwise
        return 0
    return 1 if quota > explained else -1


def _usage(row: Row, other: Mapping[str, Any]) -> Usage:
    writes = _count(other.get("cache_creation_tokens"))
    hour_writes = _count(other.get("cache_creation_tokens_1h"))
    excludes_cached = bool(other.get("claude")) or other.get("usage_semantic") == "anthropic"
    return Usage(
        _count(row.get("prompt_tokens")),
        _count(row.get("completion_tokens")),
        cached_tokens=_count(other.get("cache_tokens")),
        extras=UsageExtras(
            cache_writes=writes, cache_writes_1h=hour_writes, excludes_cached=excludes_cached
        ),
    )


def _count(value: object) -> int:
    return int(non_negative(value) or 0)


def _completed(newer: Rates, older: Rates) -> Rates:
    """Return the newer rates of a model with what only an older row shows."""
    missing = {
        name: getattr(older, name)
        for name in ("cache_ratio", "create_cache_ratio")
        if getattr(newer, name) is None
    }
    return newer._replace(**missing)
