"""Redaction of keys, in linear time."""

from __future__ import annotations

import time

import pytest

from newapi_cli.domain.redaction import redact
from newapi_cli.domain.settings import Secret
from tests.support.cases import each

KEY = "sk-CANARYcanary0123456789"


@each(
    ("text", "redacted"),
    [
        (f"key {KEY}.", "key ****."),
        (f"key {KEY[3:]}.", "key ****."),
        (f"{KEY}{KEY}", "********"),
        ("other sk-proj-0123456789_x!", "other sk-****!"),
        ("Authorization: Bearer 0123456789abcdef, next", "Authorization: Bearer ****, next"),
        ('{"authorization":"bearer  0123456789"}', '{"authorization":"bearer  ****"}'),
        ("http://me:pass@word@host/x", "http://****@host/x"),
        ("socks5://me@host:1", "socks5://****@host:1"),
        ("https://h/v1?key=abc&x=1", "https://h/v1?key=****&x=1"),
        ("https://h/v1?x=1&api_key=abc#f", "https://h/v1?x=1&api_key=****#f"),
        ("https://h/v1?access_token=abc", "https://h/v1?access_token=****"),
    ],
)
def test_keys_and_texts_that_look_like_keys_are_redacted(text: str, redacted: str) -> None:
    assert redact(text, [Secret(KEY)]) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a risk-assessment, a task-force and sk-short",
        "the bearer token is wrong",
        "write to me@example.org about https://example.org/a@b?q=c@d",
        "monkey=1 and ?q=key",
        "你好 é \x1b[0m \udcff",
    ],
)
def test_other_text_is_unchanged(text: str) -> None:
    assert redact(text, [Secret(KEY), Secret("abc"), Secret("")]) == text


def test_a_secret_inside_a_longer_one_leaves_no_part_of_it() -> None:
    assert redact("long-secret-value", [Secret("secret"), Secret("long-secret-value")]) == "****"


def test_redacting_twice_changes_nothing() -> None:
    once = redact(f"{KEY} Bearer {KEY} https://u:{KEY}@h?key={KEY}", [Secret(KEY)])
    assert "CANARY" not in once
    assert redact(once, [Secret(KEY)]) == once


@each(
    "piece",
    [
        "sk-",
        "sk-aaaaaaa ",
        "bearer ",
        "://",
        "://a:",
        "?",
        "&a",
        "&key",
        "key=",
        "@",
        "a",
        "-",
        " ",
    ],
)
def test_redacting_takes_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    started = time.process_time()
    assert len(redact(text, [Secret(KEY)])) <= len(text)
    assert time.process_time() - started < 2.0  # a quadratic pattern takes minutes
