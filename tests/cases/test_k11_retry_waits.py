"""K11: without a `Retry-After` header, the wait that the body or other headers name is used.

openai/codex#2266, microsoft/action-python#12.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from newapi_cli.api.chat.response_reader import NoAnswer, no_answer
from newapi_cli.api.errors.waits import wait_in_words
from newapi_cli.api.http.exchange import ResponseHead
from tests.cases.answers import SSE, ask_server, error_in, played
from tests.support.cases import each
from tests.support.home import Home
from tests.support.wire import answer_events, error, event, json_bytes, response

FINE = response(200, b"".join(answer_events("Fine.")), content_type=SSE)


def refused(body: object, headers: dict[str, str] | None = None, status: int = 429) -> NoAnswer:
    data = body if isinstance(body, bytes) else json_bytes(body)
    return no_answer(ResponseHead(status, headers or {}), data)


@each(("name", "wait_s"), [("retryin", 4.0), ("az429", 3.0), ("gemini_retry", 2.0)])
def test_the_reported_cases(name: str, wait_s: float) -> None:
    _, _, head_and_body = played(name).partition(b"\r\n")
    head, _, body = head_and_body.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")]
    headers = {name.lower(): value for name, _, value in lines}
    assert refused(body, headers).error.retry_after_s == wait_s


def test_the_wait_of_the_body_is_waited(home: Home) -> None:
    body = error("Rate limit reached. Please try again in 450ms.", "tokens", "rate_limit_exceeded")
    started = time.monotonic()
    result = ask_server(home, response(429, body), FINE, args=("--retries", "1"))
    assert (result.code, result.text) == (0, "Fine.\n"), result.err
    assert "retrying in 0.5 s (1 of 1)" in result.err or "retrying in 0.4 s" in result.err
    assert time.monotonic() - started >= 0.45


@each("body", [
    error("Please try again in 20m3.5s.", "requests", "rate_limit_exceeded"),
    {"error": {"code": 429, "message": "no", "details": [{"retryDelay": "3600s"}]}},
    {"message": "请在 5 分钟后重试"},
    {"error": "busy", "retry_after": 90},
])  # fmt: skip
def test_a_long_wait_is_reported_and_not_waited(home: Home, body: object) -> None:
    result = ask_server(home, response(429, json_bytes(body)), args=("--retries", "3"))
    assert result.code == 7
    assert "the server asks to wait" in result.err


@each(
    ("text", "wait_s"),
    [
        ("Please try again in 4s. Visit https://x.example", 4),
        ("Please try again in 1m20.5s.", 80.5),
        ("try again in 6m0s", 360),
        ("try again in 20ms", 0.02),
        ("Try again in 0.5 seconds", 0.5),
        ("Please retry after 7 seconds.", 7),
        ("Please retry in 2.1s.", 2.1),
        ("Please wait 2 minutes and 5 seconds before the next request", 125),
        ("try again in 1 hour, 2 minutes", 3720),
        ("try again in 2 days", 172_800),
        ("retry after 1500 milliseconds", 1.5),
        ("请在 1 小时后重试", 3600),
        ("3 일 후", 259_200),
        ("Please try your request again in about 8 s", 8),
        ("Rate limited, retry_after: 12", 12),
        ("Retry-After: 7", 7),
        ("retry in 15", 15),
        ("wait for 12 seconds", 12),
        ("The model will be available in 20 seconds", 20),
        ("Your quota resets in 3h. Please try again in 9s.", 9),
        ("This limit will reset after 12s", 12),
        ("请在 5 秒后重试", 5),
        ("请5秒钟后再试", 5),
        ("請於 10 秒後再試", 10),
        ("请等待 10 秒再试", 10),
        ("请稍后 3 秒再试", 3),
        ("请求过于频繁，请1分30秒后再试", 90),
        ("请 2 小时之后重试", 7200),
        ("5秒後に再試行してください", 5),
        ("5초 후에 다시 시도하세요", 5),
        ("您已达到请求数限制：1分钟内最多请求3次", None),
        ("Limit 30000 tokens per 1 minute", None),
        ("Rate limit: 3 requests per 20 seconds", None),
        ("gpt-4o has a limit of 5 requests per 10s; please slow down", None),
        ("Please try again later", None),
        ("稍后重试", None),
        ("", None),
        ("try again at noon", None),
    ],
)
def test_the_wait_in_words(text: str, wait_s: float | None) -> None:
    assert wait_in_words(text) == pytest.approx(wait_s) if wait_s else wait_in_words(text) is None


@each(
    ("value", "wait_s"),
    [
        ({"error": {"details": [{"@type": "…RetryInfo", "retryDelay": "34s"}]}}, 34),
        ([{"error": {"code": 429, "details": [{"retryDelay": "1.5s"}]}}], 1.5),
        ({"error": {"retry_delay": {"seconds": 34}}}, 34),
        ({"error": {"message": "no", "retry_after": 12}}, 12),
        ({"error": {"message": "no", "retryAfterMs": 1500}}, 1.5),
        ({"error": "Model m is currently loading", "estimated_time": 20.5}, 20.5),
        ({"error": {"message": "usage limit", "resets_in_seconds": 40}}, 40),
        ({"error": {"message": "Provider returned error", "metadata": {"retry_after_seconds": 3}}},
         3),
        ({"retryable": True, "retry_after": 120, "detail": "slow down"}, 120),
        ({"error": {"message": json.dumps({"error": {"message": "retry after 6 seconds"}})}}, 6),
        ({"message": "no", "retry_after": "soon"}, None),
        ({"message": "no", "retry_after": -1}, None),
        ({"message": "no", "retry_after": True}, None),
    ],
)  # fmt: skip
def test_the_wait_in_members(value: object, wait_s: float | None) -> None:
    assert refused(value).error.retry_after_s == wait_s


@each(
    ("headers", "wait_s"),
    [
        ({"retry-after": "2", "x-ratelimit-reset-requests": "9s"}, 2),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"x-ratelimit-reset-requests": "3s"}, 3),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-tokens": "230ms"}, 0.23),
        (
            {
                "x-ratelimit-reset-requests": "2m",
                "x-ratelimit-reset-tokens": "4s",
                "x-ratelimit-remaining-requests": "12",
                "x-ratelimit-remaining-tokens": "0",
            },
            4,
        ),
        ({"x-ratelimit-reset-requests": "2m", "x-ratelimit-reset-tokens": "4s"}, 4),
        ({"ratelimit-reset": "17"}, 17),
        ({"x-ratelimit-reset-after": "1.25"}, 1.25),
        ({"x-ratelimit-reset": "nonsense"}, None),
        ({"x-ratelimit-reset-requests": "2m", "x-ratelimit-remaining-requests": "12"}, None),
    ],
)
def test_the_wait_in_headers(headers: dict[str, str], wait_s: float | None) -> None:
    assert refused({"error": "slow down"}, headers).error.retry_after_s == wait_s


def test_a_date_and_an_epoch_are_counted_from_now() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    stamps = {
        "x-ratelimit-reset": [str(int(soon.timestamp())), str(int(soon.timestamp() * 1000))],
        "anthropic-ratelimit-requests-reset": [soon.isoformat(), f"{soon:%Y-%m-%dT%H:%M:%SZ}"],
    }
    for name, texts in stamps.items():
        for text in texts:
            wait_s = refused({"error": "slow down"}, {name: text}).error.retry_after_s
            assert wait_s is not None
            assert 27 < wait_s <= 31, (name, text)
    words = f"Please try again at {soon:%Y-%m-%d %H:%M:%S} UTC"
    assert 27 < (wait_in_words(words) or 0) <= 31


def test_only_a_limit_is_waited_for_by_its_headers() -> None:
    headers = {"x-ratelimit-reset-requests": "3s"}
    assert refused({"error": "broken"}, headers, status=500).error.retry_after_s is None


def test_a_wait_inside_a_stream_is_known_too() -> None:
    body = event(error("Please try again in 4s.", "tokens", "rate_limit_exceeded"))
    assert error_in(body).retry_after_s == 4


@each("piece", ["retry in ", "again ", "1s ", "9" * 9, "retry after ", "wait a b c ", "1秒"])
def test_a_long_text_is_searched_in_linear_time(piece: str) -> None:
    started = time.process_time()
    wait_in_words(piece * 100_000)
    assert time.process_time() - started < 1
