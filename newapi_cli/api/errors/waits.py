"""How long a server asks to wait before a retry: in its headers, in members, in its words.

Loaded at an error only. A wait is returned however long it is: the caller limits it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_DEPTH = 5
MAX_TEXT = 4_000  # characters that are searched; the server chooses the text
MAX_WAIT_S = 1e9
MAX_VALUES = 200
# Values of members and headers above these are times since 1970, in seconds or milliseconds.
EPOCH_S, EPOCH_MS = 1e9, 1e12
_UNITS = {
    0.001: "ms msec msecs millisecond milliseconds 毫秒",
    1: "s sec secs second seconds 秒 秒钟 秒鐘 秒間 초",
    60: "m min mins minute minutes 分 分钟 分鐘 分間 분",
    3600: "h hr hrs hour hours 小时 小時 時間 시간",
    86400: "d day days 天 日 일",
}
UNITS_S = {unit: seconds for seconds, units in _UNITS.items() for unit in units.split()}
_UNIT = "|".join(sorted(map(re.escape, UNITS_S), key=len, reverse=True))
PART = rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?) ?({_UNIT})(?![a-z])"
DURATION = rf"{PART}(?:(?:,| and|,? ?和)? ?{PART}){{0,3}}"
PARTS = re.compile(PART)
AFTER = (
    r"(?: \w{1,12}){0,3}?(?:[ :=]{1,3}(?:in|after|for|within))?[ :=]{1,3}"
    rf"(?:about|around|approximately|at least|another|~|up to)? ?({DURATION})"
)
# In this order: a message may name both the wait before a retry and the next reset of a quota. All
# are matched against a text in lower case with single spaces.
WORDS = (
    rf"\b(?:again|retry|retrying|wait|waiting|later|resubmit)\b{AFTER}",
    rf"({DURATION})[钟鐘]?(?:之|以)?[后後](?!的)",  # 请在 5 秒后重试; 5秒後に
    rf"(?:等待|等候|稍等|稍候|稍[后後]|间隔|間隔)[约約]? ?({DURATION})",
    rf"({DURATION}) ?(?:후|뒤)",
    r"\bretry[-_ ]?(?:after|in)[\"']?(?: ?[:=])? ?([0-9]{1,6}(?:\.[0-9]{1,3})?)(?![\w.:-])",
    rf"\b(?:available|resets?|cooldown|expires)\b{AFTER}",
)
DATE = (
    r"\b(?:again|retry|available|resets?|access|until|after)\b(?: \w{1,12}){0,3}? (?:at|on|until"
    r"|after) ([0-9]{4}-[0-9]{2}-[0-9]{2}[t ](?:at )?[0-9]{2}:[0-9]{2}"
    r"(?::[0-9]{2}(?:\.[0-9]{1,9})?)? ?(?:z|utc|gmt|[+-][0-9]{2}:?[0-9]{2}))"
)
# Names of members without case, `_` and `-`, by the seconds of their unit. Google sends "34s" or
# {"seconds": 34} in `retryDelay`; Hugging Face `estimated_time`, until a model is loaded.
_MEMBERS = {
    0.001: "retryafterms retryinms retrydelayms",
    1.0: """
        retryafter retryafterseconds retryaftersec retryafters retryin retrydelay waitseconds
        waittime resetsinseconds resetinseconds resetafter resetsat resetat ratelimitreset
        xratelimitreset estimatedtime
        """,
}
MEMBERS_S = {name: unit_s for unit_s, names in _MEMBERS.items() for name in names.split()}
RESET_HEADERS = re.compile(
    r"(?:x-)?ratelimit-reset(?:-after)?(?:-[a-z_]{1,30})?|anthropic-ratelimit-[a-z-]{1,40}-reset"
)


def wait_in_words(text: str) -> float | None:
    """Return the seconds that a message asks to wait, None if it names none.

    >>> wait_in_words("Rate limit reached. Please try again in 1m20.5s. Visit …")
    80.5
    >>> wait_in_words("请求过于频繁，请在 5 秒后重试"), wait_in_words("3 requests per 1 minute")
    (5.0, None)
    """
    text = " ".join(text[:MAX_TEXT].lower().split())
    if not re.search("[0-9]", text):
        return None
    matches = (re.search(pattern, text) for pattern in WORDS)
    match = next(filter(None, matches), None)
    if match is not None:
        return _seconds(match.group(1))
    match = re.search(DATE, text)
    return _seconds_until(match.group(1)) if match is not None else None


def wait_in_value(value: object) -> float | None:
    """Return the seconds to wait in the members of a JSON value, None if there are none."""
    return max(_waits_in(value, MAX_DEPTH), default=None)


def wait_in_headers(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a limit is reset by headers other than `Retry-After`.

    With a count of what remains, only limits that are used up count; without any, the first reset.
    """
    used_up, unknown = [], []
    for name, text in headers.items():
        if not RESET_HEADERS.fullmatch(name):
            continue
        seconds = _wait_of(text, 1.0)
        if seconds is None:
            continue
        remaining = headers.get(name.replace("-reset", "-remaining"))
        if remaining is None:
            unknown.append(seconds)
        elif re.fullmatch(r"0+(?:\.0+)?", remaining.strip()):
            used_up.append(seconds)
    return max(used_up, default=min(unknown, default=None))


def _waits_in(value: object, depth: int) -> Iterator[float]:
    if depth == 0:
        return
    if isinstance(value, list):
        for each in value[:MAX_VALUES]:
            yield from _waits_in(each, depth - 1)
    elif isinstance(value, dict):
        for name, each in list(value.items())[:MAX_VALUES]:
            unit_s = MEMBERS_S.get(name.lower().replace("_", "").replace("-", ""))
            if unit_s is None:
                yield from _waits_in(each, depth - 1)
                continue
            if isinstance(each, dict):  # a duration of protobuf
                each = each.get("seconds")
            seconds = _wait_of(each, unit_s)
            if seconds is not None:
                yield seconds


def _wait_of(value: object, unit_s: float) -> float | None:
    """Return the seconds from now in a number, a duration such as 6m0s, a date or an epoch."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(DURATION, text.lower()):
            return _seconds(text.lower())
        try:
            value = float(text)
        except ValueError:
            return _plausible(_seconds_until(text))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value >= EPOCH_S:
        value = value / (1000 if value >= EPOCH_MS else 1) - datetime.now(UTC).timestamp()
        return _plausible(max(value, 0.0))
    return _plausible(value * unit_s)


def _plausible(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 <= seconds < MAX_WAIT_S else None


def _seconds(duration: str) -> float:
    """Return the seconds of a duration such as 1m20.5s; a bare number is in seconds."""
    if re.fullmatch(r"[0-9.]+", duration):
        return float(duration)
    return sum(
        float(match.group(1)) * UNITS_S[match.group(2)] for match in PARTS.finditer(duration)
    )


def _seconds_until(text: str) -> float | None:
    """Return the seconds until a date, 0 for one that has passed, None if it is not a date."""
    try:
        iso = text.upper().replace(" AT ", " ").replace(" UTC", "Z").replace(" GMT", "Z")
        until = datetime.fromisoformat(iso)
    except ValueError:
        try:
            until = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    if until.tzinfo is None:
        return None
    return max((until - datetime.now(UTC)).total_seconds(), 0.0)
