"""An answer that ends with `[DONE]` but no finish reason is kept and reported as incomplete."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.promises.conftest import PIECES
from tests.repl.conversation import conversation
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.steps import Pause, Step, sse
from tests.support.wire import DONE, PING, REQUEST_ID, chunk, event, usage_chunk

PART = "".join(PIECES[:2])
ID_HEADER = [("X-Oneapi-Request-Id", REQUEST_ID)]
# After its own timeout the gateway invents token counts and ends the stream as if complete.
STALLED: list[Step] = sse(
    event(chunk("", delta={"role": "assistant"})),
    *(event(chunk(piece)) for piece in PIECES[:2]),
    PING,
    Pause(0.3),
    PING,
    event(usage_chunk(9, 0, is_estimated=True)),
    DONE,
    headers=ID_HEADER,
)


@pytest.mark.parametrize("args", [[], ["--json"]], ids=["text", "json"])
def test_the_text_is_kept_and_reported_as_incomplete(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    home.configure(server.url, retries=3)
    server.add(*STALLED)
    result = observe("chat", *args, "hi", home=home)
    assert result.code == 9
    assert PART in result.text
    assert args or result.text == f"{PART}\n"
    lines = result.err.splitlines()
    message = f"answer possibly cut off after {len(PART)} characters: no finish reason was sent"
    assert lines[0] == f"error: {message}"
    assert f"  id: {REQUEST_ID}" in lines
    assert "require_finish_reason false" in result.err
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert (turn.status, turn.answer, turn.finish_reason) == (Status.INCOMPLETE, PART, None)


def test_a_conversation_reports_it_and_continues(home: Home, server: FaultServer) -> None:
    server.add(*STALLED)
    with conversation(home) as repl:
        assert "no finish reason was sent" in repl.output_of("a")
        repl.enter("more")
        repl.leave()
    first, second = only_session(home).path
    assert (first.status, first.answer) == (Status.INCOMPLETE, PART)
    assert second.status is Status.COMPLETE


def test_a_setting_accepts_answers_without_a_finish_reason(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=0, require_finish_reason=False)
    server.add(*STALLED)
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, f"{PART}\n", "")
    assert last_turn(home).status is Status.COMPLETE
