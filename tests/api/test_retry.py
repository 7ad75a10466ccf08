"""Whether a request is retried, and after which pause."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.http.retry import (
    is_transient_status,
    pause_s,
    rejects_stream_options,
    wait_hint,
)
from tests.support.cases import each

RETRIED = {408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529}
FINAL = [
    "invalid_request",
    "sensitive_words_detected",
    "convert_request_failed",
    "count_token_failed",
    "model_price_error",
    "insufficient_user_quota",
    "pre_consume_token_quota_failed",
    "insufficient_quota",
]


@each("status", range(300, 600))
def test_only_some_statuses_are_retried(status: int) -> None:
    assert is_transient_status(status, ErrorObject("")) == (status in RETRIED)


@each("code", FINAL)
@each("status", [429, 500, 503])
def test_an_error_that_would_repeat_is_not_retried(status: int, code: str) -> None:
    assert not is_transient_status(status, ErrorObject("", code=code))


@pytest.mark.parametrize("code", ["", "do_request_failed", "get_channel_failed", "429"])
def test_other_codes_are_retried(code: str) -> None:
    assert is_transient_status(500, ErrorObject("", code=code))


@each("attempt", range(1, 11))
def test_a_random_pause_grows_within_its_bounds(attempt: int) -> None:
    pauses = [pause_s(attempt, None) for _ in range(1000)]
    longest = min(0.5 * 2**attempt, 8.0)
    assert 0.25 <= min(pauses) < max(pauses) <= longest
    assert max(pauses) - min(pauses) > 0.5 * (longest - 0.25)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 60.0])
def test_retry_after_is_the_pause(seconds: float) -> None:
    assert pause_s(1, seconds) == seconds


@pytest.mark.parametrize(
    ("seconds", "duration"),
    [(61.0, "61 seconds"), (89.0, "89 seconds"), (120.0, "2 minutes"), (3600, "60 minutes")],
)
def test_the_hint_names_when_to_try_again(seconds: float, duration: str) -> None:
    hint = re.fullmatch(
        rf"retry after (\d\d:\d\d); the server asks to wait {duration}", wait_hint(seconds)
    )
    assert hint
    now = datetime.now().astimezone()
    ends = [now + timedelta(seconds=seconds) - timedelta(minutes=minutes) for minutes in (0, 1)]
    assert hint.group(1) in [f"{end:%H:%M}" for end in ends]


def test_a_wait_of_days_is_named_with_its_date() -> None:
    hint = wait_hint(3 * 86400)
    assert re.fullmatch(r"retry after \d{4}-\d\d-\d\d \d\d:\d\d; .* 4,320 minutes", hint)


@pytest.mark.parametrize(
    ("status", "error", "rejects"),
    [
        (400, ErrorObject("unknown field stream_options"), True),
        (400, ErrorObject("include_usage is not supported"), True),
        (422, ErrorObject("body.stream_options: Extra inputs are not permitted"), True),
        (422, ErrorObject("and 7 more", fields=("seed", "stream_options.include_usage")), True),
        (500, ErrorObject("unexpected keyword argument 'stream_options'"), True),
        (0, ErrorObject("stream_options is not supported"), True),
        (400, ErrorObject("bad request"), False),
        (400, ErrorObject(""), False),
        (401, ErrorObject("stream_options"), False),
        (403, ErrorObject("stream_options"), False),
        (429, ErrorObject("stream_options"), False),
    ],
)
def test_stream_options_are_rejected_by_name_only(
    status: int, error: ErrorObject, rejects: bool
) -> None:
    assert rejects_stream_options(status, error) is rejects
