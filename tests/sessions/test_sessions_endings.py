"""However an answer ends, its turn is stored with its ending and all text that arrived."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import TurnRecord
from tests.repl.conversation import PART, conversation, part_then_silence
from tests.sessions.helpers import answer_numbered, last_turn, only_session, sent_texts
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import (
    newapi_command,
    run_command,
    run_newapi,
    run_newapi_process,
)
from tests.support.steps import Fin, Reset, Send, Stall, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import DONE, answer_events, chunk, error, event, response

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
BEGUN = [event(chunk("Par")), event(chunk("is", reasoning="hm"))]
# A renderer that fails at the second text: a bug of ours, in a run that is real for the rest.
BUG = """
from newapi_cli.render.plain import PlainRenderer
from newapi_cli.render.live.renderer import LiveRenderer
for kind in (PlainRenderer, LiveRenderer):
    def show(self, event, real=kind.show):
        if "is" in getattr(event, "content", ""):
            raise ZeroDivisionError("boom")
        real(self, event)
    kind.show = show
from newapi_cli.__main__ import main
main()
"""


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.` after its scripts."""
    answer_numbered(fault_server, home, retries=0)
    return fault_server


def cut(*last: Step) -> list[Step]:
    """Return the steps of an answer that is cut off."""
    return [*sse(*BEGUN, end=False), *last]


def assert_turn(
    turn: TurnRecord, status: Status, answer: str, *, finish: str | None = None, message: str = ""
) -> None:
    assert (turn.status, turn.answer, turn.finish_reason) == (status, answer, finish), turn
    assert message in turn.error if message else turn.error == ""


# -- one answer -------------------------------------------------------------------------------


WAYS: dict[str, tuple[Sequence[Step], int, Status, str, str | None, str]] = {
    "whole": (sse(*answer_events("Par", "is")), 0, Status.COMPLETE, "Paris", "stop", ""),
    "token limit": (
        sse(*answer_events("Par", finish="length")), 0, Status.COMPLETE, "Par", "length", ""),
    "RST": (cut(Reset()), 9, Status.INCOMPLETE, "Paris", None, "cut off after 5 characters"),
    "FIN in a chunked body": (
        cut(Fin()), 9, Status.INCOMPLETE, "Paris", None, "cut off after 5 characters"),
    "FIN as the end of the body": (
        sse(*BEGUN, chunked=False), 9, Status.INCOMPLETE, "Paris", None, "the connection ended"),
    "[DONE] without a finish reason": (
        sse(*BEGUN, DONE), 9, Status.INCOMPLETE, "Paris", None, "no finish reason was sent"),
    "an error in the stream": (
        sse(*BEGUN, event(error("the channel broke"))), 6, Status.ERROR, "Paris", None,
        "the channel broke"),
    "content filter": (
        sse(*answer_events("Par", finish="content_filter")), 6, Status.ERROR, "Par",
        "content_filter", "content_filter"),
    "nothing": (sse(DONE), 6, Status.ERROR, "", None, "empty answer"),
    "reasoning only": (
        sse(event(chunk(reasoning="hm")), DONE), 6, Status.ERROR, "", None, "only reasoning"),
    "refused": ([Send(response(400, error("no such thing")))], 6, Status.ERROR, "", None,
                "no such thing"),
    "wrong key": ([Send(response(401, error("bad key")))], 4, Status.ERROR, "", None, "key"),
    "rate limit": ([Send(response(429))], 7, Status.ERROR, "", None, "rate"),
    "RST before the answer": ([Reset()], 5, Status.ERROR, "", None, ""),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_how_an_answer_ended_is_stored(home: Home, server: FaultServer, way: str) -> None:
    script, code, status, answer, finish, output = WAYS[way]
    server.add(*script)
    result = run_newapi("chat", "hi", home=home)
    assert result.code == code, result
    turn = last_turn(home)
    assert (turn.prompt, turn.status, turn.answer, turn.finish_reason) == (
        "hi", status, answer, finish,
    )  # fmt: skip
    assert output in turn.error
    assert bool(turn.error) == (status is not Status.COMPLETE)
    first_line = result.err.partition("\n")[0].removeprefix("error: ")
    assert turn.error == "" or turn.error.startswith(first_line), result.err


@pytest.mark.parametrize("way", ["RST", "an error in the stream", "[DONE] without a finish reason"])
def test_reasoning_and_partial_answer_are_stored_together(
    home: Home, server: FaultServer, way: str
) -> None:
    server.add(*WAYS[way][0])
    run_newapi("chat", "hi", home=home)
    assert last_turn(home).reasoning == "hm"


def test_a_timeout_ends_the_answer_and_keeps_the_part(home: Home, server: FaultServer) -> None:
    server.add(*cut(Stall()))
    result = run_newapi("chat", "--timeout", "0.3", "hi", home=home)
    assert result.code == 9, result
    assert_turn(last_turn(home), Status.INCOMPLETE, "Paris", message="cut off")


def test_a_timeout_before_the_answer_is_an_error(home: Home, server: FaultServer) -> None:
    server.add(Stall())
    result = run_newapi("chat", "--timeout", "0.3", "hi", home=home)
    assert result.code == 8, result
    assert_turn(last_turn(home), Status.ERROR, "", message="0.3")


def test_an_unreachable_server_is_an_error(home: Home, server: FaultServer) -> None:
    server.stop()
    result = run_newapi("chat", "hi", home=home)
    assert result.code == 5, result
    assert_turn(last_turn(home), Status.ERROR, "", message="refused")


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_during_the_answer_stores_the_part(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with Terminal(newapi_command("chat", "--raw", "hi"), home=home) as terminal:
        terminal.wait_for("It lies on")
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
    assert_turn(last_turn(home), Status.INTERRUPTED, PART)


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_before_the_first_word_stores_the_prompt(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(Stall())
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        server.wait_for_requests(1)
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
    assert_turn(last_turn(home), Status.INTERRUPTED, "")
    result = run_newapi("chat", "-c", "more", home=home)
    assert (result.code, sent_texts(server)) == (0, ["more"]), result


def test_ctrl_c_twice_stores_the_part_too(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with Terminal(newapi_command("chat", "--raw", "hi"), home=home) as terminal:
        terminal.wait_for("It lies on")
        terminal.send(b"\x03\x03")
        assert terminal.wait_exit() == 130
    assert_turn(last_turn(home), Status.INTERRUPTED, PART)


def test_output_that_cannot_be_written_stores_the_part(home: Home, server: FaultServer) -> None:
    server.add(*cut(Stall()))
    with open("/dev/full", "wb") as full:  # noqa: PTH123  # a device
        result = run_newapi_process("chat", "hi", home=home, stdout=full)
    assert result.code == 10, result
    turn = last_turn(home)
    assert turn.status is Status.INTERRUPTED
    assert turn.answer.startswith("Par")


def test_a_bug_stores_the_part(home: Home, server: FaultServer) -> None:
    server.add(*cut(Stall()))
    result = run_command([sys.executable, "-c", BUG, "chat", "hi"], home=home)
    assert result.code == 1, result
    assert "a bug in newapi (ZeroDivisionError" in result.err
    assert_turn(last_turn(home), Status.INTERRUPTED, "Paris")


# -- in a conversation ------------------------------------------------------------------------


def test_an_error_in_a_conversation_is_stored_and_the_conversation_continues(
    home: Home, server: FaultServer
) -> None:
    server.add(*WAYS["refused"][0])
    with conversation(home) as repl:
        repl.enter("a")
        repl.enter("more")
        repl.leave()
    first, second = only_session(home).path
    assert_turn(first, Status.ERROR, "", message="no such thing")
    assert_turn(second, Status.COMPLETE, "Answer 2.", finish="stop")


def test_a_bug_in_a_conversation_stores_the_part(home: Home, server: FaultServer) -> None:
    server.add(*cut(Stall()))
    with Terminal([sys.executable, "-c", BUG, "chat", "-i", "hi"], home=home) as terminal:
        assert terminal.wait_exit() == 1
        assert "a bug in newapi (ZeroDivisionError" in terminal.all_text()
        assert terminal.echoes
    assert_turn(last_turn(home), Status.INTERRUPTED, "Paris")
