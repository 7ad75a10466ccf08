"""An answer that is cut off is kept and reported, exits with 9 and is not retried."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Sequence

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import ENTER, conversation
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running, observe
from tests.support.steps import Fin, Reset, Send, Step, WaitFor, sse
from tests.support.wire import answer_events, chunk, event, framed, head, response

PART = "Paris 在 "
BEGUN = event(chunk(PART))
CUT_OFF = f"answer cut off after {len(PART)} characters"
WITH_LENGTH = [("Content-Type", "text/event-stream"), ("Content-Length", "5000")]

Cut = Callable[[threading.Event], Sequence[Step]]
CUTS: dict[str, Cut] = {
    # A reset loses text in transit, so it waits until the part is printed.
    "RST": lambda shown: [*sse(BEGUN, end=False), WaitFor(shown), Reset()],
    "FIN in a chunked body": lambda _: [*sse(BEGUN, end=False), Send(framed(BEGUN)[:20]), Fin()],
    "FIN before the length": lambda _: [Send(head(200, WITH_LENGTH)), Send(BEGUN), Fin()],
    "FIN without any framing": lambda _: sse(BEGUN, BEGUN[:20], chunked=False),
    "bad chunk": lambda _: [*sse(BEGUN, end=False), Send(b"zz\r\n" + framed(BEGUN))],
}


@pytest.mark.parametrize("cut", CUTS)
def test_the_partial_answer_is_printed_saved_and_reported_as_cut_off(
    home: Home, server: FaultServer, cut: str
) -> None:
    home.configure(server.url, retries=3)
    shown = threading.Event()
    server.add(*CUTS[cut](shown))
    with Running("chat", "hi", home=home) as running:
        running.wait_for(PART.encode())
        shown.set()
        result = running.end()
    assert (result.code, result.text) == (9, f"{PART}\n")
    assert f"error: {CUT_OFF}: " in result.err
    assert "try: send the prompt again, or continue with `newapi chat -c`" in result.err
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert (turn.status, turn.answer, turn.finish_reason) == (Status.INCOMPLETE, PART, None)
    assert turn.error.startswith(CUT_OFF)


@pytest.mark.parametrize("cut", CUTS)
def test_a_conversation_keeps_the_partial_answer_and_continues(
    home: Home, server: FaultServer, cut: str
) -> None:
    home.configure(server.url, retries=3)
    shown = threading.Event()
    server.add(*CUTS[cut](shown))
    with conversation(home, "chat", "--raw") as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for(PART.strip())
        shown.set()
        repl.wait_for_line()
        assert CUT_OFF in repl.words()
        assert len(server.requests) == 1
        repl.enter("more")
        repl.leave()
    first, second = only_session(home).path
    assert (first.status, first.answer) == (Status.INCOMPLETE, PART)
    assert second.status is Status.COMPLETE
    assert len(server.requests) == 2


PACKED = gzip.compress(b"".join(answer_events("Paris is ", "the capital.")))


@pytest.mark.parametrize("data", [PACKED, PACKED[:-20]], ids=["whole", "truncated"])
def test_a_compressed_answer_is_rejected_before_any_text(
    home: Home, server: FaultServer, data: bytes
) -> None:
    """Truncation does not matter: no encoding was requested, and none is decoded."""
    home.configure(server.url, retries=3)
    packed = [("Content-Encoding", "gzip")]
    server.add(Send(response(200, data, content_type="text/event-stream", headers=packed)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (6, b"")
    assert 'the content encoding "gzip" was not requested' in result.err
    [request] = server.requests
    assert request.header("Accept-Encoding") == "identity"
    assert (last_turn(home).status, last_turn(home).answer) == (Status.ERROR, "")
