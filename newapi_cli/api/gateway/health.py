"""The public endpoints about the state of a gateway: performance, announcements, notice.

Performance is measured by New API since 2026-05 (pkg/perf_metrics). Announcements are a member of
`/api/status`, the notice is a text of its own; operators write them in Markdown or HTML.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

from newapi_cli.api.gateway.responses import data_of, non_negative
from newapi_cli.api.json_values import str_or_empty
from newapi_cli.domain.health import Announcement, GroupHealth, ModelHealth
from newapi_cli.text import well_formed

PERFORMANCE = "/api/perf-metrics/summary?hours=24"
MODEL_PERFORMANCE = "/api/perf-metrics?hours=24&model="
NOTICE = "/api/notice"
MAX_TEXT = 300  # characters of an announcement
MAX_SOURCE = 10_000
TAG = re.compile(r"<[^<>]{0,200}>")
MARKS = re.compile(r"^\s*(?:#{1,6} |[-*+] |> )|\*\*|__|`", re.MULTILINE)
LINK = re.compile(r"!?\[([^\]\[]{0,200})\]\(([^()\s]{0,500})\)")


def health_from_json(value: object) -> dict[str, ModelHealth] | None:
    """Return the models of `/api/perf-metrics/summary` by name, None if there are no figures."""
    data = data_of(value)
    rows = data.get("models") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        return None
    models = (_health(row) for row in rows if isinstance(row, dict))
    return {health.model: health for health in models if health is not None}


def groups_from_json(value: object) -> tuple[GroupHealth, ...]:
    """Return the groups in `/api/perf-metrics`, the best first."""
    data = data_of(value)
    rows = data.get("groups") if isinstance(data, dict) else None
    found = [
        GroupHealth(name, rate, _seconds(row.get("avg_ttft_ms")), _positive(row.get("avg_tps")))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
        and (name := str_or_empty(row.get("group")))
        and (rate := _percent(row.get("success_rate"))) is not None
    ]
    return tuple(sorted(found, key=lambda each: (-each.success_rate, each.group)))


def _health(row: dict[str, object]) -> ModelHealth | None:
    name, rate = str_or_empty(row.get("model_name")), _percent(row.get("success_rate"))
    if not name or rate is None:
        return None
    recent = row.get("recent_success_rates")
    rates = [_percent(each) for each in recent] if isinstance(recent, list) else []
    return ModelHealth(
        name,
        rate,
        latest_rate=rates[-1] if rates else None,
        tokens_per_s=_positive(row.get("avg_tps")),
        latency_s=_seconds(row.get("avg_latency_ms")),
    )


def _seconds(milliseconds: object) -> float | None:
    amount = _positive(milliseconds)
    return None if amount is None else amount / 1000


def _percent(value: object) -> float | None:
    rate = non_negative(value)
    return float(rate) if rate is not None and rate <= 100 else None


def _positive(value: object) -> float | None:
    amount = non_negative(value)
    return float(amount) if amount else None


def announcements_from_json(status: object, notice: object) -> list[Announcement]:
    """Return the announcements in `/api/status`, newest first, after the notice if there is one."""
    data = data_of(status)
    rows = data.get("announcements") if isinstance(data, dict) else None
    found = [
        Announcement(text, _time(row.get("publishDate")))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and (text := plain_text(row.get("content")))
    ]
    oldest = datetime.fromtimestamp(0, UTC)
    found.sort(key=lambda each: each.published_at or oldest, reverse=True)
    text = plain_text(data_of(notice))
    return [Announcement(text), *found] if text else found


def plain_text(source: object) -> str:
    """Return a text of an operator as one line without markup, cut if it is long.

    >>> plain_text("## News\\n**gpt-5** is [here](https://a.example)<br>now &amp; then")
    'News gpt-5 is here (https://a.example) now & then'
    """
    if not isinstance(source, str):
        return ""
    text = TAG.sub(" ", well_formed(source[:MAX_SOURCE]))
    text = MARKS.sub("", LINK.sub(r"\1 (\2)", text))
    text = " ".join(html.unescape(text).split())
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1].rstrip()}…"


def _time(value: object) -> datetime | None:
    """Return a time that is written as ISO 8601."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if time is None else time.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
