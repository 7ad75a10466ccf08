"""Which HTTP errors are retried, and after which pause. Pure except for the random jitter.

`api.errors.failures.is_transient`, and the one in `proxies`, decide it for failures without a
response; `Client._events` counts the retries. A request is only retried before its response has
begun, and never after an error that would repeat (an invalid request, the key, the quota). New API
retries upstream by itself, so a few are enough.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.explain import find_rule
from newapi_cli.i18n import Translatable, ntr, tr

TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
TOO_MANY_REQUESTS = 429
# Inside a response that has begun, others may have been charged: New API counts it as a success.
TRANSIENT_IN_STREAM = {429, 503, 529}
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 8.0
MAX_RETRY_AFTER_S = 60.0  # after a longer one, the hint names the time to retry
WITH_DATE_MINUTES = 12 * 60  # longer than this, a time without a date could be misread


def is_transient_status(status: int, error: ErrorObject, *, in_stream: bool = False) -> bool:
    """Return whether a request that failed with this status and error may succeed later.

    `in_stream`: the error was inside a response whose status was a success.
    """
    statuses = TRANSIENT_IN_STREAM if in_stream else TRANSIENT_STATUSES
    return status in statuses and not find_rule(status, error).is_final


def retry_after_s(
    headers: Mapping[str, str], status: int = 0, error: ErrorObject | None = None
) -> float | None:
    """Return the seconds that a server asks to wait, None if it does not.

    By Retry-After (RFC 9110) or retry-after-ms, else by the members and the words of the error,
    else, after a 429, by the headers that name the reset of a limit.

    >>> retry_after_s({"retry-after": "3"}), retry_after_s({"retry-after": "-1"})
    (3.0, None)
    """
    seconds = _retry_after_header_s(headers)
    if seconds is None and error is not None:
        seconds = error.wait_s
    if seconds is None and status == TOO_MANY_REQUESTS:
        from newapi_cli.api.errors.waits import wait_in_headers  # noqa: PLC0415  # 2 ms

        seconds = wait_in_headers(headers)
    return seconds


def _retry_after_header_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the headers for it, None if invalid or missing.

    A date is compared with the server's own Date, if it sent one: clocks differ.
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


def pause_s(attempt: int, retry_after_s: float | None) -> float:
    """Return the pause before retry number `attempt` (1, 2, …): Retry-After, else random."""
    if retry_after_s is not None:
        return retry_after_s
    return random.uniform(FIRST_PAUSE_S / 2, min(FIRST_PAUSE_S * 2**attempt, MAX_PAUSE_S))


def wait_hint(retry_after_s: float) -> Translatable:
    """Return a hint that names the time after which the server accepts requests again."""
    minutes = round(retry_after_s / 60)
    duration = ntr("{n} second", "{n:,} seconds", round(retry_after_s))
    if minutes >= 2:
        duration = ntr("{n} minute", "{n:,} minutes", minutes)
    time = datetime.now().astimezone() + timedelta(seconds=retry_after_s)
    date_format = "" if minutes < WITH_DATE_MINUTES else "%Y-%m-%d "
    return tr(
        "retry after {time}; the server asks to wait {duration}",
        time=f"{time:{date_format}%H:%M}",
        duration=duration,
    )


def rejects_stream_options(status: int, error: ErrorObject) -> bool:
    """Return whether a server rejected the request because of `stream_options`.

    The status does not decide: it is 400, 422, 500 or even 200. But a limit is no such rejection,
    nor is a rejected key.
    """
    names = ("stream_options", "include_usage")
    is_named = any(name in text for name in names for text in (error.message, *error.fields))
    return is_named and status not in (401, 403, TOO_MANY_REQUESTS)
