"""Durations as users type them."""

from __future__ import annotations

import re

from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

SPAN = re.compile(r"(\d{1,9})\s*(min|h|d|w|y)")  # no `m`: is it a minute or a month?
LENGTHS_S = {"min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
LONGEST_S = 1000 * 365 * 86_400


def duration_from_text(text: str) -> int:
    """Return a duration in seconds. Raises `UsageError`.

    >>> duration_from_text("30d"), duration_from_text("12 h")
    (2592000, 43200)
    """
    match = SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            tr("invalid duration: {text!r}", text=text),
            hint=tr("use a number with h, d, w or y, such as 30d"),
        )
    return min(int(match.group(1)) * LENGTHS_S[match.group(2)], LONGEST_S)
