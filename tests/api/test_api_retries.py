"""When a request is asked again, and after which pause."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newapi_cli.api.codec import Refusal
from newapi_cli.api.http.retry import (
    blames_stream_options,
    is_worth_a_retry,
    pause_s,
    too_long_to_wait,
    wished_pause_s,
)
from newapi_cli.errors import ExitCode, GatewayError, LimitError

RETRIED = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
POINTLESS = [
    "invalid_request",
    "sensitive_words_detected",
    "convert_request_failed",
    "count_token_failed",
    "model_price_error",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "insufficient_quota",
]
DATE = datetime(2026, 8, 8, 12, 0, 0, tzinfo=UTC)


def http_date(after: timedelta) -> str:
    return format_datetime(DATE + after, usegmt=True)


@pytest.mark.parametrize("status", range(300, 600))
def test_only_what_may_pass_is_worth_a_retry(status: int) -> None:
    assert is_worth_a_retry(status, Refusal("")) == (status in RETRIED)


@pytest.mark.parametrize("code", POINTLESS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_that_would_come_again_is_not(status: int, code: str) -> None:
    assert not is_worth_a_retry(status, Refusal("", code=code))


@pytest.mark.parametrize("code", ["", "do_request_failed", "get_channel_failed", "429"])
def test_other_codes_do_not_matter(code: str) -> None:
    assert is_worth_a_retry(500, Refusal("", code=code))


@pytest.mark.parametrize(
    ("headers", "wish_s"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-inf"}, None),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 5000}, None),
        ({"retry-after": http_date(timedelta(seconds=90)), "date": http_date(timedelta())}, 90.0),
        ({"retry-after": http_date(timedelta(hours=-1)), "date": http_date(timedelta())}, None),
        ({"retry-after": "Sat, 99 Aug 2026 99:00:00 GMT"}, None),
        ({"retry-after": "Sat, 08 Aug 2026 12:00:09 -0000", "date": http_date(timedelta())}, None),
    ],
)
def test_each_form_of_a_wish_is_read_and_nonsense_is_none(
    headers: dict[str, str], wish_s: float | None
) -> None:
    assert wished_pause_s(headers) == wish_s


def test_a_date_is_held_against_our_clock_where_the_server_tells_none() -> None:
    until = datetime.now(UTC) + timedelta(seconds=30)
    for headers in ({}, {"date": "yesterday"}):
        wish_s = wished_pause_s({**headers, "retry-after": format_datetime(until, usegmt=True)})
        assert wish_s is not None
        assert 20 < wish_s <= 30


def test_no_text_of_a_server_is_more_than_nonsense() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    words = ["Sat", ",", " ", "08", "Aug", "2026", "12:00", ":", "-", "+0000", "GMT", "99999", "é"]
    for _ in range(20_000):
        text = "".join(chance.choices(words, k=chance.randrange(9)))
        other = "".join(chance.choices(words, k=chance.randrange(9)))
        wish_s = wished_pause_s({"retry-after": text, "date": other, "retry-after-ms": other})
        assert wish_s is None or wish_s >= 0, (seed, text, other)


@pytest.mark.parametrize("attempt", range(1, 11))
def test_a_pause_of_our_own_grows_within_its_bounds(attempt: int) -> None:
    pauses = [pause_s(attempt, None) for _ in range(1000)]
    longest = min(0.5 * 2**attempt, 8.0)
    assert 0.25 <= min(pauses) < max(pauses) <= longest
    assert max(pauses) - min(pauses) > 0.5 * (longest - 0.25)


@pytest.mark.parametrize("wish_s", [0.0, 0.1, 60.0])
def test_the_servers_wish_is_kept_to(wish_s: float) -> None:
    assert pause_s(1, wish_s) == wish_s


@pytest.mark.parametrize(
    ("wish_s", "told"),
    [(61.0, "61 s"), (119.0, "119 s"), (120.0, "2 minutes"), (3600, "60 minutes")],
)
def test_a_wish_that_is_too_long_is_told(wish_s: float, told: str) -> None:
    limit = LimitError("the rate limit", why="too many", hint="later", request_id="rid")
    error = too_long_to_wait(limit, wish_s)
    again = re.fullmatch(rf"again after (\d\d:\d\d): the server asks to wait {told}", error.hint)
    assert again
    wished = datetime.now().astimezone() + timedelta(seconds=wish_s)
    near = [wished - timedelta(minutes=minutes) for minutes in (0, 1)]
    assert again.group(1) in [f"{each:%H:%M}" for each in near]
    assert (error.message, error.why, error.request_id) == ("the rate limit", "too many", "rid")


def test_a_wish_of_days_is_told_with_its_day() -> None:
    hint = too_long_to_wait(LimitError("x"), 3 * 86400).hint
    assert re.fullmatch(r"again after \d{4}-\d\d-\d\d \d\d:\d\d: .* 4320 minutes", hint)


def test_a_wish_that_is_too_long_changes_nothing_of_the_exit_code() -> None:
    assert too_long_to_wait(LimitError("x"), 3600).exit_code == ExitCode.LIMIT
    assert too_long_to_wait(GatewayError("x"), 3600).exit_code == ExitCode.GATEWAY


@pytest.mark.parametrize(
    ("status", "words", "blames"),
    [
        (400, "unknown field stream_options", True),
        (400, "include_usage is not supported", True),
        (400, "bad request", False),
        (500, "unknown field stream_options", False),
        (422, "stream_options", False),
        (400, "", False),
    ],
)
def test_stream_options_are_blamed_by_name_only(status: int, words: str, blames: bool) -> None:
    assert blames_stream_options(status, words) is blames
