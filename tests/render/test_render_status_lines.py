"""Errors on stderr: a line for each part, without keys and control characters."""

from __future__ import annotations

import pytest

from newapi_cli.errors import GatewayError, NewapiError
from newapi_cli.render.status_lines import print_error, print_warning
from tests.render.pipes import Pipes
from tests.support.home import CANARY


def printed(error: NewapiError, environ: dict[str, str] | None = None) -> str:
    with Pipes(environ) as pipes:
        pipes.streams.redactors.append(lambda text: text.replace(CANARY, "****"))
        print_error(pipes.streams, error)
    assert pipes.out == b""
    return pipes.err.decode()


def test_an_error_has_a_line_for_each_of_its_parts() -> None:
    error = GatewayError("it went wrong", why="the reason", hint="do this", request_id="42")
    assert printed(error) == ("error: it went wrong\n  why: the reason\n  id: 42\n  try: do this\n")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (GatewayError("a"), "error: a\n"),
        (GatewayError("a", why="b"), "error: a\n  why: b\n"),
        (GatewayError("a", hint="b"), "error: a\n  try: b\n"),
        (GatewayError("a", request_id="b"), "error: a\n  id: b\n"),
    ],
)
def test_missing_parts_of_an_error_are_left_out(error: NewapiError, text: str) -> None:
    assert printed(error) == text


def test_no_part_shows_a_key() -> None:
    why, hint, request_id = (f"{name} {CANARY} end" for name in ("why", "hint", "request_id"))
    error = GatewayError(f"message {CANARY} end", why=why, hint=hint, request_id=request_id)
    text = printed(error)
    assert CANARY not in text
    assert text.count("****") == 4


def test_no_part_contains_control_characters_or_line_breaks() -> None:
    evil = "a\x1b]0;x\x07b\r\nc\x9bd\u202ee"
    text = printed(GatewayError(evil, why=evil, hint=evil, request_id=evil))
    assert len(text.splitlines()) == 4
    assert not any(character in text for character in "\x1b\x07\r\x9b\u202e")


@pytest.mark.parametrize(
    ("environ", "has_color"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1"}, False),
    ],
)
def test_color_follows_the_environment(environ: dict[str, str], has_color: bool) -> None:
    text = printed(GatewayError("a", why="b"), environ)
    assert ("\x1b[" in text) is has_color
    assert "error:" in text


def test_a_warning_is_one_line() -> None:
    with Pipes() as pipes:
        print_warning(pipes.streams, "a\nb\x1b")
    assert pipes.err.decode() == "warning: a b␛\n"
