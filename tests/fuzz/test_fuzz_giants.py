"""Answers up to the size limits, of every width of text: accepted or rejected in bounded memory."""

from __future__ import annotations

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe_process
from tests.support.scale import IS_LONG
from tests.support.steps import Send, Step, sse
from tests.support.wire import DONE, chunk, completion, event, response

MEGABYTE = 1 << 20
AT_MOST_BYTES = 200_000_000
# By the widest character: what may be sent at most, a little below the limit, and what not.
WIDTHS = {"ASCII": ("x", 23.9, 24.1), "Chinese": ("\u4f60", 15.9, 16.1), "emoji": ("\U0001f600", 9.5, 9.7)}  # noqa: E501  # fmt: skip


def streamed(text: str) -> list[Step]:
    """Return a streamed answer of one event."""
    return sse(event(chunk(text)), event(chunk(finish="stop")), DONE, chunked=False)


def whole(text: str) -> list[Step]:
    """Return an answer that is not streamed."""
    return [Send(response(200, completion(text)))]


FORMS = {"streamed": streamed, "whole": whole}
ALL = [f"{form} {width}" for form in FORMS for width in WIDTHS]
IN_CI = ["whole Chinese", "streamed emoji"]  # two seconds each
CASES = pytest.mark.parametrize("case", ALL if IS_LONG else IN_CI)


@CASES
def test_the_largest_answer_is_taken_in_bounded_memory(case: str, home: Home) -> None:
    form, width = case.split()
    character, megabytes, _ = WIDTHS[width]
    text = "x" * int(megabytes * MEGABYTE) + character
    steps = FORMS[form](text)
    with FaultServer(answer=lambda _: steps) as server:
        seen = observe_process(
            "chat", "hi", home=home.configure(server.url, retries=0, prices=False)
        )
    assert seen.code == 0, seen.err
    assert seen.out == f"{text}\n".encode()
    assert seen.peak_bytes < AT_MOST_BYTES


@CASES
def test_a_larger_answer_is_refused_in_bounded_memory(case: str, home: Home) -> None:
    form, width = case.split()
    character, _, megabytes = WIDTHS[width]
    steps = FORMS[form]("x" * int(megabytes * MEGABYTE) + character)
    with FaultServer(answer=lambda _: steps) as server:
        seen = observe_process(
            "chat", "hi", home=home.configure(server.url, retries=0, prices=False)
        )
    assert (seen.code, seen.out) == (6, b"")
    assert "bytes" in seen.err
    assert seen.peak_bytes < AT_MOST_BYTES
