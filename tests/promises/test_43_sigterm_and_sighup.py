"""SIGTERM and SIGHUP end an answer within a second: it is saved, and the terminal restored."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import (
    ENTER,
    PART,
    STOPPED_MESSAGE,
    conversation,
    default_modes,
    modes_of,
    part_then_silence,
)
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running
from tests.support.process import newapi_command
from tests.support.steps import SetEvent, Stall, WaitFor, sse
from tests.support.terminal import Terminal
from tests.support.unread import UnreadPipe, UnreadTerminal
from tests.support.wire import answer_events, chunk, event

WITHIN_S = 1.0
SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["TERM", "HUP"]
)
Ending = Callable[[Terminal], None]
WAYS: dict[str, tuple[Ending, int]] = {
    "SIGTERM": (lambda terminal: terminal.send_signal(signal.SIGTERM), 143),
    "SIGHUP": (lambda terminal: terminal.send_signal(signal.SIGHUP), 129),
    "a closed window": (lambda terminal: terminal.hang_up(), 129),
}
EACH_WAY = pytest.mark.parametrize(("end", "code"), WAYS.values(), ids=WAYS)


def assert_saved(home: Home, answer: str) -> None:
    """Assert that the last turn is stored as interrupted, with the partial answer."""
    turn = last_turn(home)
    assert (turn.prompt, turn.status, turn.answer) == ("hi", Status.INTERRUPTED, answer)


def assert_ends_at_once(terminal: Terminal, server: FaultServer, end: Ending, code: int) -> None:
    """End the run; assert its exit code, that it ends in time, and that the connection closes."""
    ended_at = time.monotonic()
    end(terminal)
    assert terminal.wait_exit() == code
    assert terminal.exited_at is not None
    assert terminal.exited_at - ended_at < WITHIN_S
    server.wait_for_close()


@EACH_WAY
def test_the_partial_answer_on_a_terminal_is_saved(
    home: Home, server: FaultServer, end: Ending, code: int
) -> None:
    server.add(*part_then_silence())
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        # The first paragraph is shown when the second one has arrived.
        terminal.wait_for("Paris is the capital")
        assert_ends_at_once(terminal, server, end, code)
    assert_saved(home, PART)


@SIGNALS
def test_the_partial_answer_is_shown_once_and_the_terminal_is_restored(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        terminal.wait_for("Paris is the capital")
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
        assert terminal.all_text().count("It lies on") == 1
        assert not terminal.emulator.cursor.hidden
        assert terminal.echoes
        assert terminal.emulator.cursor.x == 0, terminal.screen_text()
        assert modes_of(terminal) == default_modes()


@SIGNALS
def test_the_partial_answer_in_a_pipe_is_written_and_saved(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with Running("chat", "hi", home=home) as running:
        running.wait_for(b"It lies on")
        ended_at = time.monotonic()
        running.send_signal(number)
        closed_at = server.wait_for_close()
        result = running.end()
    assert (result.code, result.text, result.err) == (code, f"{PART}\n", STOPPED_MESSAGE)
    assert closed_at - ended_at < WITHIN_S
    assert_saved(home, PART)


@SIGNALS
def test_the_prompt_is_saved_before_the_first_token(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(Stall())
    with Running("chat", "hi", home=home) as running:
        server.wait_for_requests(1)
        running.send_signal(number)
        result = running.end()
    assert (result.code, result.out) == (code, b"")
    assert_saved(home, "")


@EACH_WAY
def test_a_conversation_ends_too_and_saves_the_partial_answer(
    home: Home, server: FaultServer, end: Ending, code: int
) -> None:
    with conversation(home) as repl:
        repl.enter("first")
        server.add(*part_then_silence())
        repl.type("hi" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        assert_ends_at_once(repl.terminal, server, end, code)
    first, _ = only_session(home).path
    assert first.status is Status.COMPLETE
    assert_saved(home, PART)


LONG = "a line of an answer that is longer than any pipe is large\n" * 2000
CTRL_S = b"\x13"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["TERM", "HUP", "INT"],
)
@pytest.mark.parametrize("args", [["hi"], ["--json", "--stream", "hi"]], ids=["text", "JSON"])
def test_a_pipe_that_is_not_read_delays_nothing(
    home: Home, server: FaultServer, args: list[str], number: signal.Signals, code: int
) -> None:
    server.add(*sse(event(chunk(LONG)), end=False), Stall())
    with (
        UnreadPipe() as pipe,
        Running("chat", *args, home=home, stdout=pipe.writing) as running,
    ):
        pipe.wait_until_full()
        ended_at = time.monotonic()
        running.send_signal(number)
        result = running.end()
        assert time.monotonic() - ended_at < WITHIN_S
    assert (result.code, result.err) == (code, STOPPED_MESSAGE)
    assert_saved(home, LONG)


@contextlib.contextmanager
def answering(home: Home, *args: str) -> Iterator[Terminal]:
    """Send a prompt on a terminal: with these arguments, or in a conversation."""
    if args:
        with Terminal(newapi_command(*args), home=home) as terminal:
            yield terminal
    else:
        with conversation(home) as repl:
            repl.type("hi" + ENTER)
            yield repl.terminal


@pytest.mark.parametrize("args", [["chat", "hi"], ["chat", "--raw", "hi"], []], ids=str)
@SIGNALS
def test_a_terminal_paused_with_ctrl_s_delays_nothing(
    home: Home, server: FaultServer, args: list[str], number: signal.Signals, code: int
) -> None:
    is_paused, is_sent = threading.Event(), threading.Event()
    first, rest = event(chunk(PART)), event(chunk(LONG))
    server.add(*sse(first, WaitFor(is_paused), rest, SetEvent(is_sent), end=False), Stall())
    with answering(home, *args) as terminal:
        terminal.wait_for("Paris is the capital.")
        terminal.send(CTRL_S)
        is_paused.set()
        assert is_sent.wait(10)
        ended_at = time.monotonic()
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
        assert terminal.exited_at is not None
        assert terminal.exited_at - ended_at < WITHIN_S
    assert last_turn(home).answer.startswith(PART)


@pytest.mark.parametrize("args", [[], ["--raw"], ["--extract"]], ids=["markdown", "raw", "code"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["TERM", "HUP", "INT"],
)
def test_a_terminal_window_that_is_not_drawn_delays_nothing(
    home: Home, server: FaultServer, args: list[str], number: signal.Signals, code: int
) -> None:
    is_sent = threading.Event()
    server.add(*sse(*answer_events(f"```\n{LONG}```\n")), SetEvent(is_sent))
    with (
        UnreadTerminal() as terminal,
        subprocess.Popen(
            newapi_command("chat", *args, "hi"),
            stdin=terminal.slave,
            stdout=terminal.slave,
            stderr=terminal.slave,
            env=home.environment(),
            start_new_session=True,
        ) as process,
    ):
        try:
            assert is_sent.wait(10)  # a slow start must not count as a full terminal
            terminal.wait_until_full(process.pid)
            process.send_signal(number)
            assert process.wait(WITHIN_S) == code
        finally:
            process.kill()
    assert last_turn(home).answer.startswith("```\na line")
