"""K10: a wait for standard input that is still open is reported after a second.

openai/codex#27019.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Running
from tests.support.process import newapi_command
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events

WAITING = "waiting for standard input, which is still open; to send none: < /dev/null\n"
REPORTED = Path(__file__).parent.parent / "data/cases/br29-open-stdin.sh"


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers."""
    fault_server.answer_with(lambda _: sse(*answer_events("Paris")))
    home.configure(fault_server.url)
    return fault_server


COMMANDS = [
    ("chat", "-n", "hello"),
    ("chat", "hello"),
    ("chat", "-n", "--json", "hello"),
    ("chat", "-n", "-f", "-", "hello"),
    ("chat", "-n", "-s", "@/dev/stdin", "hello"),
    ("chat", "-n", "--curl", "hello"),
    ("login", "https://gateway.invalid", "--stdin"),
    ("sessions", "import", "-"),
]


def test_a_silent_pipe_is_reported_once(home: Home, server: FaultServer) -> None:
    reading, writing = os.pipe()
    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(os.close, reading)
        with os.fdopen(writing, "wb"):
            runs = [
                stack.enter_context(Running(*args, home=home, stdin=reading)) for args in COMMANDS
            ]
            for run in runs:
                run.wait_for(WAITING.encode(), in_err=True)
            assert time.monotonic() - started >= 1.0
            assert server.requests == []
        for run in runs:
            assert run.end().err.count("waiting for standard input") == 1


def test_the_reported_script_says_what_it_waits_for(home: Home, server: FaultServer) -> None:
    script = REPORTED.read_text().replace("newapi", '"$@"').replace("sleep 8", "sleep 3")
    script = script.replace("timeout 6", "timeout 2.8")
    command = ["sh", "-c", script, "sh", *newapi_command()]
    with Running(home=home, command=command) as running:
        result = running.end()
    assert result.text == "rc=124\n"
    assert result.err == WAITING
    assert server.requests == []


def test_input_that_comes_late_is_sent(home: Home, server: FaultServer) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe, Running("chat", "-n", home=home, stdin=reading) as run:
        os.close(reading)
        pipe.write(b"the beginning, ")
        pipe.flush()
        run.wait_for(WAITING.encode(), in_err=True)
        pipe.write(b"and the end")
        pipe.close()
        result = run.end()
    assert (result.code, result.text, result.err) == (0, "Paris\n", WAITING)
    assert server.requests[0].json["messages"][-1]["content"] == "the beginning, and the end"


@pytest.mark.parametrize("stdin", [b"", b"text", None], ids=["empty", "text", "/dev/null"])
def test_input_that_ends_is_not_waited_for(
    home: Home, server: FaultServer, stdin: bytes | None
) -> None:
    with Running("chat", "-n", "hello", home=home, stdin=stdin) as running:
        result = running.end()
    assert (result.code, result.text, result.err) == (0, "Paris\n", "")


def test_quiet_prints_nothing(home: Home, server: FaultServer) -> None:
    command = ["sh", "-c", 'sleep 1.4 | "$@"', "sh", *newapi_command("chat", "-n", "-q", "hello")]
    with Running(home=home, command=command) as running:
        result = running.end()
    assert (result.code, result.text, result.err) == (0, "Paris\n", "")


def test_a_terminal_as_standard_input_is_named(home: Home, server: FaultServer) -> None:
    with Terminal(newapi_command("chat", "-n", "-f", "-", "hello"), home=home) as terminal:
        terminal.wait_for("reading standard input from the terminal; Ctrl-D on an empty line ends")
        terminal.send(b"typed\r\x04")
        terminal.wait_for("Paris")
        assert terminal.wait_exit() == 0
