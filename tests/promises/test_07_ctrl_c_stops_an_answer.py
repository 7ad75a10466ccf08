"""Ctrl-C stops an answer at once; the partial answer is shown once and saved."""

from __future__ import annotations

import signal
import time

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import (
    CTRL_C,
    ENTER,
    PART,
    STOPPED_MESSAGE,
    conversation,
    part_then_silence,
    sent_messages,
)
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running
from tests.support.process import newapi_command
from tests.support.steps import Stall, sse
from tests.support.terminal import Terminal
from tests.support.wire import chunk, event

AT_ONCE_S = 1.0
DELTAS = ("Paris is ", "the capital", " of Fr")


def assert_restored(terminal: Terminal) -> None:
    assert not terminal.emulator.cursor.hidden
    assert terminal.echoes
    assert terminal.emulator.cursor.x == 0, terminal.screen_text()


def test_a_pipe_receives_the_partial_answer(home: Home, server: FaultServer) -> None:
    server.add(*sse(*(event(chunk(each)) for each in DELTAS), end=False), Stall())
    with Running("chat", "hi", home=home) as running:
        running.wait_for(DELTAS[-1].encode())
        pressed_at = time.monotonic()
        running.send_signal(signal.SIGINT)
        closed_at = server.wait_for_close()
        result = running.end()
    assert (result.code, result.text, result.err) == (130, "".join(DELTAS) + "\n", STOPPED_MESSAGE)
    assert closed_at - pressed_at < AT_ONCE_S
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert (turn.status, turn.answer, turn.prompt) == (Status.INTERRUPTED, "".join(DELTAS), "hi")


def test_without_saving_nothing_is_reported_as_saved(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with Running("chat", "-n", "hi", home=home) as running:
        running.wait_for(b"It lies on")
        running.send_signal(signal.SIGINT)
        result = running.end()
    assert (result.code, result.text, result.err) == (130, f"{PART}\n", "stopped\n")


@pytest.mark.parametrize(
    ("args", "shown"),
    [(["hi"], "Paris is the capital."), (["--raw", "hi"], "It lies on")],
    ids=["markdown", "raw"],
)
def test_a_terminal_shows_the_partial_answer_once_and_is_restored(
    home: Home, server: FaultServer, args: list[str], shown: str
) -> None:
    server.add(*part_then_silence())
    with Terminal(newapi_command("chat", *args), home=home) as terminal:
        # On Ctrl-C the terminal driver discards output that has not been read yet.
        terminal.wait_for(shown)
        pressed_at = time.monotonic()
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert terminal.exited_at is not None
        assert terminal.exited_at - pressed_at < AT_ONCE_S
        assert server.wait_for_close() - pressed_at < AT_ONCE_S
        text = terminal.all_text()
        assert (text.count("Paris is the capital."), text.count("It lies on")) == (1, 1), text
        assert_restored(terminal)
    assert (last_turn(home).status, last_turn(home).answer) == (Status.INTERRUPTED, PART)


def test_it_stops_at_once_before_the_first_token_too(home: Home, server: FaultServer) -> None:
    server.add(Stall())
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        server.wait_for_requests(1)
        pressed_at = time.monotonic()
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert terminal.exited_at is not None
        assert terminal.exited_at - pressed_at < AT_ONCE_S
        server.wait_for_close()
        assert_restored(terminal)
    assert (last_turn(home).status, last_turn(home).answer) == (Status.INTERRUPTED, "")


def test_a_conversation_continues_with_the_partial_answer(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        pressed_at = time.monotonic()
        repl.type(CTRL_C)
        assert server.wait_for_close() - pressed_at < AT_ONCE_S
        repl.wait_for_line()
        assert "stopped; the partial answer is saved" in repl.words()
        assert (last_turn(home).status, last_turn(home).answer) == (Status.INTERRUPTED, PART)
        repl.enter("more")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", PART), ("user", "more")]
    first, second = only_session(home).path
    assert (first.status, first.answer) == (Status.INTERRUPTED, PART)
    assert second.status is Status.COMPLETE
