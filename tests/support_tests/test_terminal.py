"""The terminal harness shows what a terminal would, and reports how a process ended."""

from __future__ import annotations

import re
import signal
import sys
import threading

import pytest

from tests.support.cases import each
from tests.support.emulator import Emulator
from tests.support.home import CANARY, Home
from tests.support.terminal import Terminal

READ_RAW = """
import os, sys, termios, tty
old = termios.tcgetattr(0)
tty.setraw(0)
os.write(1, b"ab\\x1b[6n")
answer = b""
while not answer.endswith(b"R"):
    answer += os.read(0, 1)
termios.tcsetattr(0, termios.TCSANOW, old)
print(repr(answer))
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def emulator(columns: int = 10, rows: int = 3) -> Emulator:
    return Emulator(columns, rows, lambda _: None)


def test_the_process_sits_on_a_terminal_of_the_given_size(home: Home) -> None:
    code = "import os, sys; print(sys.stdin.isatty(), os.ttyname(1) != '', *os.get_terminal_size())"
    with Terminal(python(code), home=home, columns=61, rows=7) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.screen_text() == "True True 61 7"
        assert terminal.raw == b"True True 61 7\r\n"


def test_typed_text_arrives_and_the_answer_is_waited_for(home: Home) -> None:
    with Terminal(python("print('got', input('> '))"), home=home) as terminal:
        terminal.wait_for(">")
        terminal.send(b"hello\r")
        terminal.wait_for(re.compile(r"^got hello$", re.MULTILINE))
        assert terminal.wait_exit() == 0


def test_waiting_for_what_never_comes_fails_as_soon_as_the_process_ends(home: Home) -> None:
    with (
        Terminal(python("print('this')"), home=home) as terminal,
        pytest.raises(AssertionError, match=r"exited with 0(.|\n)*this"),
    ):
        terminal.wait_for("that", timeout_s=60)


def test_waiting_has_a_limit(home: Home) -> None:
    with Terminal(["sleep", "1000"], home=home) as terminal:
        with pytest.raises(AssertionError, match="not met"):
            terminal.wait_for("that", timeout_s=0.05)
        with pytest.raises(AssertionError, match="still running"):
            terminal.wait_exit(0.05)


def test_ctrl_c_interrupts_the_process(home: Home) -> None:
    code = (
        "import sys, signal\n"  # blocked before and waited for: no signal falls between
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "print('ready', flush=True)\nsys.exit(75 + signal.sigwait([signal.SIGINT]))"
    )
    with Terminal(python(code), home=home) as terminal:
        terminal.wait_for("ready")
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 77
        assert terminal.exited_at is not None


def test_a_death_by_signal_keeps_its_sign(home: Home) -> None:
    with Terminal(["sleep", "1000"], home=home) as terminal:
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait_exit() == -signal.SIGTERM


def test_closing_the_window_hangs_the_process_up(home: Home) -> None:
    code = "import signal; print('ready', flush=True); signal.pause()"
    with Terminal(python(code), home=home) as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        assert terminal.wait_exit() == -signal.SIGHUP


def test_a_resize_reaches_the_process_and_the_screen(home: Home) -> None:
    code = (
        "import os, signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
        "print('ready', flush=True)\n"
        "signal.sigwait([signal.SIGWINCH])\n"
        "print(*os.get_terminal_size())"
    )
    with Terminal(python(code), home=home) as terminal:
        terminal.wait_for("ready")
        terminal.resize(50, 9)
        terminal.wait_for("50 9")
        assert (terminal.emulator.columns, terminal.emulator.lines) == (50, 9)


def test_the_cursor_can_be_asked_for(home: Home) -> None:
    with Terminal(python(READ_RAW), home=home) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.screen_text() == r"abb'\x1b[1;3R'"


def test_rows_that_scroll_out_are_kept(home: Home) -> None:
    with Terminal(python("print(*range(6), sep='\\n')"), home=home, rows=3) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.scrollback_text() == "0\n1\n2\n3"
        assert terminal.screen_text() == "4\n5"
        assert terminal.all_text() == "0\n1\n2\n3\n4\n5"


def test_a_key_on_the_screen_fails(home: Home) -> None:
    with (
        pytest.raises(AssertionError, match="the key"),
        Terminal(["echo", CANARY], home=home) as terminal,
    ):
        terminal.wait_exit()


def test_leaving_kills_what_still_runs(home: Home) -> None:
    before = threading.active_count()
    with Terminal(["bash", "-c", "sleep 1000 & echo on; wait"], home=home) as terminal:
        terminal.wait_for("on")
    assert terminal.exit_code == -signal.SIGKILL
    assert threading.active_count() == before


@each(
    ("data", "lines"),
    [
        ("ab\u200dcd", ["ab\u200dcd", "", ""]),
        ("❤\ufe0fx", ["❤\ufe0fx", "", ""]),
        ("e\u0301", ["é", "", ""]),
        ("你\u0301好", ["你\u0301好", "", ""]),
        ("123456789你", ["123456789", "你", ""]),
        ("1234567890\r\nx", ["1234567890", "x", ""]),
        ("a\r\nb\r\nc\x1b[1;1H\x1b[M", ["b", "c", ""]),
        ("a\x1b[3;1Hc\x1b[1;1H\x1b[M", ["", "c", ""]),
        ("a\x1b[?6nb", ["ab", "", ""]),
        ("\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\z", ["yz", "", ""]),
        ("\x1b[?2026hx\x1b[?2026l\x1b[?25l", ["x", "", ""]),
    ],
)
def test_the_emulator_knows_what_pyte_gets_wrong(data: str, lines: list[str]) -> None:
    whole, bytewise = emulator(), emulator()
    whole.feed(data.encode())
    for byte in data.encode():
        bytewise.feed(bytes([byte]))
    assert whole.screen_lines() == lines
    assert bytewise.screen_lines() == lines


def test_a_smaller_window_keeps_its_rows() -> None:
    screen = emulator(10, 4)
    screen.feed(b"a\r\nb\r\nc\r\nd")
    screen.resize(2, 3)
    assert (screen.scrollback_lines(), screen.screen_lines()) == (["a", "b"], ["c", "d"])
    assert (screen.cursor.x, screen.cursor.y) == (1, 1)
    screen.feed(b"e\r\nf")
    assert (screen.scrollback_lines(), screen.screen_lines()) == (["a", "b", "c"], ["de", "f"])
    screen.resize(4, 5)
    assert screen.screen_lines() == ["de", "f", "", ""]
