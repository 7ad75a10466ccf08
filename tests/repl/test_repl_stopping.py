"""Ctrl-Z in a conversation, under something that controls jobs as a shell does."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

from tests.repl.conversing import CTRL_C, ENTER, Conversing, last_prompt
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import WaitFor, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, event
from tests.terminal.test_terminal_live import JOB

CTRL_Z, STOPPED = "\x1a", "[stopped True]"


@contextlib.contextmanager
def job(home: Home) -> Iterator[Conversing]:
    """Start a conversation as a job; SIGUSR1 makes it go on, as `fg` does."""
    with Terminal([sys.executable, "-c", JOB, *newapi_command()], home=home) as terminal:
        talk = Conversing(terminal)
        talk.wait_for_line()
        yield talk


def test_ctrl_z_on_the_line_gives_the_terminal_back_and_keeps_the_line(
    home: Home, server: FaultServer
) -> None:
    with job(home) as talk:
        talk.type("half a ")
        talk.terminal.wait_for("> half a")
        talk.type(CTRL_Z)
        talk.terminal.wait_for(STOPPED)
        talk.terminal.send_signal(signal.SIGUSR1)
        talk.wait_for_line()
        talk.type("question")
        talk.terminal.wait_for("> half a question")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "half a question"


def test_ctrl_z_in_an_answer_stops_it_and_what_was_typed_becomes_a_draft(
    home: Home, server: FaultServer
) -> None:
    go_on = threading.Event()
    server.add(*sse(event(chunk("Begun.\n\n")), WaitFor(go_on), *answer_events("And ended.")))
    with job(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Begun.")
        talk.terminal.wait_until(lambda: not talk.terminal.echoes)
        talk.type("rm -rf" + CTRL_Z)
        talk.terminal.wait_for(STOPPED)
        talk.terminal.send_signal(signal.SIGUSR1)
        go_on.set()
        talk.wait_for_line()
        talk.terminal.wait_for("> rm -rf")
        assert talk.text.count("And ended.") == 1
        talk.type(CTRL_C)
        talk.terminal.wait_until(lambda: "> rm -rf" not in talk.screen)
        talk.leave()
    assert len(server.requests) == 1
