"""Ctrl-C and signals in a conversation: what they stop, what is kept, the terminal's state."""

from __future__ import annotations

import signal
import time

import pytest

from tests.repl.conversation import (
    CTRL_C,
    ENTER,
    ConversationTerminal,
    conversation,
    default_modes,
    last_prompt,
    modes_of,
    part_then_silence,
    sent_messages,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Send, Stall
from tests.support.wire import response

LIMIT_S = 1.0
PART = "Paris is the capital.\n\nIt lies on"
HINT = "press Ctrl-C twice within a second"
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def wait_for_count(repl: ConversationTerminal, text: str, count: int) -> None:
    """Wait until a text is visible a number of times."""
    repl.terminal.wait_until(lambda: repl.terminal.all_text().count(text) == count, what=text)


# -- Ctrl-C on the line -----------------------------------------------------------------------


def test_ctrl_c_clears_what_is_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("wrong words")
        repl.terminal.wait_for("> wrong words")
        repl.type(CTRL_C)
        repl.terminal.wait_until(lambda: "wrong words" not in repl.terminal.screen_text())
        repl.enter("right")
        assert HINT not in repl.terminal.all_text()
        repl.leave()
    assert last_prompt(server) == "right"


def test_ctrl_c_on_an_empty_line_prints_a_hint(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert HINT in repl.terminal.all_text()
        repl.enter("hi")
        repl.leave()
    assert last_prompt(server) == "hi"


def test_ctrl_c_twice_on_an_empty_line_leaves(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.type(CTRL_C)
        assert repl.terminal.wait_exit() == 0
        assert modes_of(repl.terminal) == default_modes()
    assert server.connections == []


# -- Ctrl-C in an answer ----------------------------------------------------------------------


def test_ctrl_c_during_an_answer_keeps_the_part_and_returns_to_the_line(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        pressed = time.monotonic()
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        assert server.wait_for_close() - pressed < LIMIT_S
        text = repl.terminal.all_text()
        assert text.count("Paris is the capital.") == 1, text
        assert text.count("It lies on") == 1, text
        assert "stopped" in text
        repl.leave()


def test_the_prompt_after_ctrl_c_is_sent_with_the_part(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.enter("go on")
        assert "Answer 2." in repl.terminal.all_text()
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", PART), ("user", "go on")]


def test_retry_after_ctrl_c_is_sent_without_the_part(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.enter("/retry")
        assert "Answer 2." in repl.terminal.all_text()
        repl.leave()
    assert sent_messages(server) == [("user", "a")]


def test_ctrl_c_before_the_first_word_returns_to_the_line(home: Home, server: FaultServer) -> None:
    server.add(Stall())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        server.wait_for_requests(1)
        pressed = time.monotonic()
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        repl.enter("b")
        assert "Answer 2." in repl.terminal.all_text()
        repl.leave()
    assert sent_messages(server) == [("user", "b")]


def test_each_answer_can_be_stopped(home: Home, server: FaultServer) -> None:
    with conversation(home, rows=60) as repl:
        for number in (1, 2, 3):
            server.add(*part_then_silence())
            repl.type("a" + ENTER)
            server.wait_for_requests(number)
            wait_for_count(repl, "the capital.", number)
            repl.type(CTRL_C)
            repl.wait_for_line()
        repl.leave()
    assert [content for role, content in sent_messages(server) if role == "assistant"] == [
        PART,
        PART,
    ]


def test_ctrl_c_during_the_first_answer_of_an_argument_starts_the_conversation(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home, "chat", "-i", "a", is_ready=False) as repl:
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.enter("go on")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", PART), ("user", "go on")]


def test_ctrl_c_in_a_pause_before_a_retry_returns_to_the_line(
    home: Home, server: FaultServer
) -> None:
    home.configure(server.url, retries=2)
    server.add(Send(response(429, headers=[("Retry-After", "50")])))
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("retrying in")
        pressed = time.monotonic()
        repl.type(CTRL_C)
        repl.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        repl.leave()


# -- signals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_at_the_line_restores_the_terminal(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    with conversation(home) as repl:
        repl.type("half a ques")
        repl.terminal.wait_for("> half a ques")
        assert modes_of(repl.terminal) != default_modes()
        sent = time.monotonic()
        repl.terminal.send_signal(number)
        assert repl.terminal.wait_exit() == code
        assert repl.terminal.exited_at is not None
        assert repl.terminal.exited_at - sent < LIMIT_S
        assert modes_of(repl.terminal) == default_modes()
        assert not repl.terminal.emulator.cursor.hidden
    assert server.connections == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_during_an_answer_restores_the_terminal(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        sent = time.monotonic()
        repl.terminal.send_signal(number)
        assert repl.terminal.wait_exit() == code
        assert repl.terminal.exited_at is not None
        assert repl.terminal.exited_at - sent < LIMIT_S
        server.wait_for_close()
        assert repl.terminal.all_text().count("It lies on") == 1
        assert modes_of(repl.terminal) == default_modes()
        assert not repl.terminal.emulator.cursor.hidden


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_after_an_answer_was_stopped_has_its_own_code(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.terminal.send_signal(number)
        assert repl.terminal.wait_exit() == code
        assert modes_of(repl.terminal) == default_modes()


@pytest.mark.parametrize("is_answering", [False, True], ids=["on the line", "in an answer"])
def test_closing_the_window_ends_the_conversation(
    home: Home, server: FaultServer, is_answering: bool
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        if is_answering:
            repl.type("a" + ENTER)
            repl.terminal.wait_for("Paris is the capital.")
        repl.terminal.hang_up()
        assert repl.terminal.wait_exit() == 129


@pytest.mark.parametrize("leaving", ["\x04", "/exit\r", ":q\r"], ids=["Ctrl-D", "/exit", ":q"])
def test_leaving_restores_the_terminal(home: Home, server: FaultServer, leaving: str) -> None:
    with conversation(home) as repl:
        repl.enter("hi")
        repl.type(leaving)
        assert repl.terminal.wait_exit() == 0
        assert modes_of(repl.terminal) == default_modes()
        assert not repl.terminal.emulator.cursor.hidden
        assert repl.terminal.emulator.cursor.x == 0
        assert repl.terminal.raw.rindex(b"\x1b[?2004l") > repl.terminal.raw.rindex(b"\x1b[?2004h")
