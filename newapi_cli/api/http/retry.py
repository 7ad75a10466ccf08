"""Whether a request is retried, and after which pause. Pure except for the random jitter.

A request is only retried before the first text, and never after an error that would repeat (an
invalid request, the key, the quota). New API retries upstream by itself, so a few are enough.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from newapi_cli.api.errors.body import ErrorObject
from newapi_cli.api.errors.explain import is_retryable
from newapi_cli.i18n import Translatable, ntr, tr

RETRIED_STATUSES = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 8.0
MAX_RETRY_AFTER_S = 60.0  # after a longer one, the hint names the time to try again
WITH_DATE_MINUTES = 12 * 60  # longer than this, a time without a date could be misread


def may_retry(status: int, error: ErrorObject) -> bool:
    """Return whether the same request may succeed a moment later."""
    return status in RETRIED_STATUSES and is_retryable(status, error)


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
        "try again after {time}; the server asks to wait {duration}",
        time=f"{time:{date_format}%H:%M}",
        duration=duration,
    )


def rejects_stream_options(status: int, message: str) -> bool:
    """Return whether a server rejected the request because of `stream_options`."""
    return status == 400 and ("stream_options" in message or "include_usage" in message)
