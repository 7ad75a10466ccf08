"""Ctrl-C and signals in a conversation: what they stop, what stays, how the terminal is left."""

from __future__ import annotations

import signal
import time

import pytest

from tests.repl.conversing import (
    CTRL_C,
    ENTER,
    Conversing,
    conversation,
    fresh_modes,
    last_prompt,
    modes_of,
    part_then_silence,
    said,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Send, Stall
from tests.support.wire import response

LIMIT_S = 1.0
PART = "Paris is the capital.\n\nIt lies on"
HINT = "press Ctrl-C again"
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def wait_for_count(talk: Conversing, text: str, count: int) -> None:
    """Wait until a text has been shown so often."""
    talk.terminal.wait_until(lambda: talk.terminal.all_text().count(text) == count, what=text)


# -- Ctrl-C on the line -----------------------------------------------------------------------


def test_ctrl_c_clears_what_is_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type("wrong words")
        talk.terminal.wait_for("> wrong words")
        talk.type(CTRL_C)
        talk.terminal.wait_until(lambda: "wrong words" not in talk.terminal.screen_text())
        talk.say("right")
        assert HINT not in talk.terminal.all_text()
        talk.leave()
    assert last_prompt(server) == "right"


def test_ctrl_c_on_an_empty_line_hints(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert HINT in talk.terminal.all_text()
        talk.say("hi")
        talk.leave()
    assert last_prompt(server) == "hi"


def test_ctrl_c_twice_on_an_empty_line_leaves(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.type(CTRL_C)
        assert talk.terminal.wait_exit() == 0
        assert modes_of(talk.terminal) == fresh_modes()
    assert server.connections == []


# -- Ctrl-C in an answer ----------------------------------------------------------------------


def test_ctrl_c_in_an_answer_comes_back_to_the_line_with_the_part(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Paris is the capital.")
        pressed = time.monotonic()
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        assert server.wait_for_close() - pressed < LIMIT_S
        text = talk.terminal.all_text()
        assert text.count("Paris is the capital.") == 1, text
        assert text.count("It lies on") == 1, text
        assert "stopped" in text
        talk.leave()


def test_the_question_after_ctrl_c_carries_the_part(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Paris is the capital.")
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.say("go on")
        assert "Answer 2." in talk.terminal.all_text()
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", PART), ("user", "go on")]


def test_retry_after_ctrl_c_asks_the_same_without_the_part(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Paris is the capital.")
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.say("/retry")
        assert "Answer 2." in talk.terminal.all_text()
        talk.leave()
    assert said(server) == [("user", "a")]


def test_ctrl_c_before_the_first_word_comes_back_to_the_line(
    home: Home, server: FaultServer
) -> None:
    server.add(Stall())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        server.wait_for_requests(1)
        pressed = time.monotonic()
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        talk.say("b")
        assert "Answer 2." in talk.terminal.all_text()
        talk.leave()
    assert said(server) == [("user", "b")]


def test_each_answer_can_be_stopped(home: Home, server: FaultServer) -> None:
    with conversation(home, rows=60) as talk:
        for number in (1, 2, 3):
            server.add(*part_then_silence())
            talk.type("a" + ENTER)
            server.wait_for_requests(number)
            wait_for_count(talk, "the capital.", number)
            talk.type(CTRL_C)
            talk.wait_for_line()
        talk.leave()
    assert [content for role, content in said(server) if role == "assistant"] == [PART, PART]


def test_ctrl_c_in_the_first_answer_of_an_argument_stays(home: Home, server: FaultServer) -> None:
    server.add(*part_then_silence())
    with conversation(home, "chat", "-i", "a", is_ready=False) as talk:
        talk.terminal.wait_for("Paris is the capital.")
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.say("go on")
        talk.leave()
    assert said(server) == [("user", "a"), ("assistant", PART), ("user", "go on")]


def test_ctrl_c_in_a_pause_before_a_retry_comes_back_to_the_line(
    home: Home, server: FaultServer
) -> None:
    home.configure(server.url, retries=2)
    server.add(Send(response(429, headers=[("Retry-After", "50")])))
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("retrying in")
        pressed = time.monotonic()
        talk.type(CTRL_C)
        talk.wait_for_line()
        assert time.monotonic() - pressed < LIMIT_S
        talk.leave()


# -- signals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_on_the_line_ends_in_order(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    with conversation(home) as talk:
        talk.type("half a ques")
        talk.terminal.wait_for("> half a ques")
        assert modes_of(talk.terminal) != fresh_modes()
        sent = time.monotonic()
        talk.terminal.send_signal(number)
        assert talk.terminal.wait_exit() == code
        assert talk.terminal.exited_at is not None
        assert talk.terminal.exited_at - sent < LIMIT_S
        assert modes_of(talk.terminal) == fresh_modes()
        assert not talk.terminal.emulator.cursor.hidden
    assert server.connections == []


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_in_an_answer_ends_in_order(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Paris is the capital.")
        sent = time.monotonic()
        talk.terminal.send_signal(number)
        assert talk.terminal.wait_exit() == code
        assert talk.terminal.exited_at is not None
        assert talk.terminal.exited_at - sent < LIMIT_S
        server.wait_for_close()
        assert talk.terminal.all_text().count("It lies on") == 1
        assert modes_of(talk.terminal) == fresh_modes()
        assert not talk.terminal.emulator.cursor.hidden


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_after_an_answer_was_stopped_has_its_own_code(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Paris is the capital.")
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.terminal.send_signal(number)
        assert talk.terminal.wait_exit() == code
        assert modes_of(talk.terminal) == fresh_modes()


@pytest.mark.parametrize("is_answering", [False, True], ids=["on the line", "in an answer"])
def test_closing_the_window_ends_the_conversation(
    home: Home, server: FaultServer, is_answering: bool
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as talk:
        if is_answering:
            talk.type("a" + ENTER)
            talk.terminal.wait_for("Paris is the capital.")
        talk.terminal.hang_up()
        assert talk.terminal.wait_exit() == 129


@pytest.mark.parametrize("leaving", ["\x04", "/exit\r", ":q\r"], ids=["Ctrl-D", "/exit", ":q"])
def test_leaving_restores_the_terminal(home: Home, server: FaultServer, leaving: str) -> None:
    with conversation(home) as talk:
        talk.say("hi")
        talk.type(leaving)
        assert talk.terminal.wait_exit() == 0
        assert modes_of(talk.terminal) == fresh_modes()
        assert not talk.terminal.emulator.cursor.hidden
        assert talk.terminal.emulator.cursor.x == 0
        assert talk.terminal.raw.rindex(b"\x1b[?2004l") > talk.terminal.raw.rindex(b"\x1b[?2004h")
