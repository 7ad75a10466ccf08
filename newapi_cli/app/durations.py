"""Durations and dates as users type them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo

from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

DURATION = re.compile(r"(\d{1,9})\s*(min|h|d|w|y)")  # no `m`: is it a minute or a month?
UNITS_S = {"min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
SINCE_HINT = tr("use 12h, 7d, 2w or 1y, a date such as 2026-11-01, or all")
MAX_DURATION_S = 1000 * 365 * 86_400


def duration_from_text(text: str) -> int:
    """Return a duration in seconds.

    >>> duration_from_text("30d"), duration_from_text("12 h")
    (2592000, 43200)
    """
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            tr('invalid duration: "{text}"', text=text),
            hint=tr("use a number with h, d, w or y, such as 30d"),
        )
    return min(int(match.group(1)) * UNITS_S[match.group(2)], MAX_DURATION_S)


def since_from_text(text: str, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """Return the time after `--since`, None for all time.

    A date means its midnight in `zone`, by default the machine's.

    >>> since_from_text("2d", datetime(2026, 11, 3, 12, tzinfo=UTC)).isoformat()
    '2026-11-01T12:00:00+00:00'
    """
    text = text.strip()
    if text.lower() == "all":
        return None
    with suppress(ValueError):
        return _midnight(date.fromisoformat(text), zone)
    try:
        return now - timedelta(seconds=duration_from_text(text))
    except UsageError as problem:
        raise UsageError(
            tr('invalid duration or date: "{text}"', text=text), hint=SINCE_HINT
        ) from problem


def _midnight(day: date, zone: tzinfo | None) -> datetime | None:
    """Return the first moment of a day, None for one before the calendar begins."""
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError, OSError):  # an edge of the calendar; which, Python decides
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year > 1 else None
