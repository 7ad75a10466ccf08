"""The system stops an answer: the part stays, the server is let go, the code tells."""

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


def part_then_silence(server: FaultServer, home: Home) -> None:
    """Send a paragraph and the beginning of another: what shows the first has got the second."""
    pieces = ("Paris is ", "the capital.\n\nIt lies on")
    server.add(*sse(*(event(chunk(piece)) for piece in pieces), end=False), Stall())
    home.configure(server.url)


def chat(home: Home) -> Terminal:
    return Terminal(newapi_command("chat", "hi"), home=home)


def assert_part_is_shown_once(terminal: Terminal) -> None:
    text = terminal.all_text()
    assert text.count("Paris is the capital.") == 1, text
    assert text.count("It lies on") == 1, text


def assert_left_in_order(terminal: Terminal) -> None:
    assert not terminal.emulator.cursor.hidden
    assert terminal.echoes
    assert terminal.emulator.cursor.x == 0, terminal.screen_text()


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
