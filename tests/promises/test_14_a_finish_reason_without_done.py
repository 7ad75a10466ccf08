"""A finish reason completes an answer, even without `[DONE]` or a final blank line."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import ANSWER, PIECES
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running, observe
from tests.support.steps import Fin, Reset, Step, WaitFor, sse
from tests.support.wire import chunk, event, usage_chunk

TEXT = [event(chunk(piece)) for piece in PIECES]
FINISH = event(chunk(finish="stop"))
UNTERMINATED = FINISH.removesuffix(b"\n\n")
LAST_WITH_REASON = event(chunk(PIECES[-1], finish="stop"))
AT_MOST_S = 5.0
ENDS: dict[str, Sequence[Step]] = {
    "no [DONE]": sse(*TEXT, FINISH),
    "no blank line": sse(*TEXT, FINISH.removesuffix(b"\n")),
    "no line feed": sse(*TEXT, UNTERMINATED),
    "no line feed, no framing": sse(*TEXT, UNTERMINATED, chunked=False),
    "no last chunk": [*sse(*TEXT, FINISH, end=False), Fin()],
    "the reason with the last text": sse(*TEXT[:-1], LAST_WITH_REASON.strip(), chunked=False),
    "token counts after it": sse(*TEXT, FINISH, event(usage_chunk()).strip(), chunked=False),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_answer_is_complete(home: Home, server: FaultServer, end: str) -> None:
    server.add(*ENDS[end])
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert result.seconds < AT_MOST_S
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert (turn.status, turn.answer, turn.finish_reason) == (Status.COMPLETE, ANSWER, "stop")


def test_a_reset_after_the_finish_reason_changes_nothing(home: Home, server: FaultServer) -> None:
    shown = threading.Event()  # a reset loses data in transit
    server.add(*sse(*TEXT, FINISH, end=False), WaitFor(shown), Reset())
    with Running("chat", "hi", home=home) as running:
        running.wait_for(ANSWER.encode())
        shown.set()
        result = running.end()
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert last_turn(home).status is Status.COMPLETE


def test_an_answer_at_the_token_limit_is_complete_with_a_note(
    home: Home, server: FaultServer
) -> None:
    server.add(*sse(*TEXT, event(chunk(finish="length")).strip(), chunked=False))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (0, f"{ANSWER}\n")
    assert len(result.err.splitlines()) == 1
    assert "limit" in result.err
    assert last_turn(home).finish_reason == "length"
