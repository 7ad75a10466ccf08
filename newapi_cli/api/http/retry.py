"""When a request is asked again, and after which pause. Pure but for the random jitter.

Only before the first text; never for a refusal that would come again (a bad request, the key, the
quota). New API retries upstream by itself, so few are enough.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from newapi_cli.api.codec import Refusal
from newapi_cli.api.errors.rules import explanation_of
from newapi_cli.errors import NewapiError

RETRIED_STATUSES = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
LONGEST_WISH_S = 60.0
NO_DAY_MINUTES = 12 * 60  # beyond, a time of day alone could be misread


def is_worth_a_retry(status: int, refusal: Refusal) -> bool:
    """Say whether the same request may well succeed a moment later."""
    return status in RETRIED_STATUSES and not explanation_of(status, refusal).comes_again


def pause_s(attempt: int, wish_s: float | None) -> float:
    """Give the pause before the retry number `attempt` (1, 2, …): the server's wish, or jitter."""
    if wish_s is not None:
        return wish_s
    return random.uniform(FIRST_PAUSE_S / 2, min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S))


def wished_pause_s(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (seconds or a date, RFC 9110) or retry-after-ms; nonsense counts as none.

    A date is held against the server's own Date where it sent one: clocks differ.

    >>> wished_pause_s({"retry-after": "3"}), wished_pause_s({"retry-after": "-1"})
    (3.0, None)
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit_s
        except (KeyError, ValueError):
            continue
        return seconds if 0 <= seconds < 1e9 else None
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        now = _date(headers.get("date")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def too_long_to_wait(error: NewapiError, wish_s: float) -> NewapiError:
    """Say with an error that the server wants a longer pause than a person would wait."""
    minutes = wish_s / 60
    how_long = f"{minutes:.0f} minutes" if minutes >= 2 else f"{wish_s:.0f} s"
    until = datetime.now().astimezone() + timedelta(seconds=wish_s)
    day = "" if minutes < NO_DAY_MINUTES else "%Y-%m-%d "
    error.hint = f"again after {until:{day}%H:%M}: the server asks to wait {how_long}"
    return error


def blames_stream_options(status: int, words: str) -> bool:
    """Say whether a server refused the request because of `stream_options`."""
    return status == 400 and ("stream_options" in words or "include_usage" in words)
