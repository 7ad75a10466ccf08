"""A person or the system stops an answer: the part stays, the server is let go, the code tells."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import Stall, sse
from tests.support.terminal import Terminal
from tests.support.wire import chunk, event

LIMIT_S = 1.0


PLAIN, RAW = ("chat", "hi"), ("chat", "--raw", "hi")


def part_then_silence(server: FaultServer, home: Home) -> None:
    """Send a paragraph and the beginning of another: what shows the first has got the second."""
    pieces = ("Paris is ", "the capital.\n\nIt lies on")
    server.add(*sse(*(event(chunk(piece)) for piece in pieces), end=False), Stall())
    home.configure(server.url)


def chat(home: Home, args: tuple[str, ...] = PLAIN) -> Terminal:
    return Terminal(newapi_command(*args), home=home)


def assert_part_is_shown_once(terminal: Terminal) -> None:
    text = terminal.all_text()
    assert text.count("Paris is the capital.") == 1, text
    assert text.count("It lies on") == 1, text


def assert_left_in_order(terminal: Terminal) -> None:
    assert not terminal.emulator.cursor.hidden
    assert terminal.echoes
    assert terminal.emulator.cursor.x == 0, terminal.screen_text()


@pytest.mark.parametrize(
    ("args", "shown"),
    [(PLAIN, "Paris is the capital."), (RAW, "It lies on")],
    ids=["markdown", "raw"],
)
def test_ctrl_c_keeps_the_part_and_ends_at_once(
    home: Home, fault_server: FaultServer, args: tuple[str, ...], shown: str
) -> None:
    part_then_silence(fault_server, home)
    with chat(home, args) as terminal:
        # The terminal driver drops what is written and not yet read when Ctrl-C is pressed.
        terminal.wait_for(shown)
        pressed = time.monotonic()
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert terminal.exited_at is not None
        assert terminal.exited_at - pressed < LIMIT_S
        assert fault_server.wait_for_close() - pressed < LIMIT_S
        assert_part_is_shown_once(terminal)
        assert_left_in_order(terminal)


def test_ctrl_c_before_the_first_word_ends_at_once(home: Home, fault_server: FaultServer) -> None:
    fault_server.add(Stall())
    home.configure(fault_server.url)
    with chat(home) as terminal:
        fault_server.wait_for_requests(1)
        pressed = time.monotonic()
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        assert terminal.exited_at is not None
        assert terminal.exited_at - pressed < LIMIT_S
        fault_server.wait_for_close()
        assert_left_in_order(terminal)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_keeps_the_part_and_has_its_code(
    home: Home, fault_server: FaultServer, number: signal.Signals, code: int
) -> None:
    part_then_silence(fault_server, home)
    with chat(home) as terminal:
        terminal.wait_for("Paris is the capital")
        sent = time.monotonic()
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
        assert terminal.exited_at is not None
        assert terminal.exited_at - sent < LIMIT_S
        fault_server.wait_for_close()
        assert_part_is_shown_once(terminal)
        assert_left_in_order(terminal)


def test_closing_the_window_lets_the_server_go(home: Home, fault_server: FaultServer) -> None:
    part_then_silence(fault_server, home)
    with chat(home) as terminal:
        terminal.wait_for("Paris is the capital")
        terminal.hang_up()
        assert terminal.wait_exit() == 129
        fault_server.wait_for_close()
