"""Ctrl-Z in a conversation, with job control as in a shell."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

from tests.repl.conversation import CTRL_C, ENTER, ConversationTerminal, last_prompt
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import WaitFor, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, event
from tests.terminal.test_terminal_live import JOB

CTRL_Z, STOPPED = "\x1a", "[stopped True]"


@contextlib.contextmanager
def job(home: Home) -> Iterator[ConversationTerminal]:
    """Start a conversation as a job; SIGUSR1 continues it, as `fg` does."""
    with Terminal([sys.executable, "-c", JOB, *newapi_command()], home=home) as terminal:
        repl = ConversationTerminal(terminal)
        repl.wait_for_line()
        yield repl


def test_ctrl_z_at_the_line_restores_the_terminal_and_keeps_the_line(
    home: Home, server: FaultServer
) -> None:
    with job(home) as repl:
        repl.type("half a ")
        repl.terminal.wait_for("> half a")
        repl.type(CTRL_Z)
        repl.terminal.wait_for(STOPPED)
        repl.terminal.send_signal(signal.SIGUSR1)
        repl.wait_for_line()
        repl.type("question")
        repl.terminal.wait_for("> half a question")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "half a question"


def test_ctrl_z_during_an_answer_stops_it_and_typed_text_becomes_a_draft(
    home: Home, server: FaultServer
) -> None:
    go_on = threading.Event()
    server.add(*sse(event(chunk("Begun.\n\n")), WaitFor(go_on), *answer_events("And ended.")))
    with job(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Begun.")
        repl.terminal.wait_until(lambda: not repl.terminal.echoes)
        repl.type("rm -rf" + CTRL_Z)
        repl.terminal.wait_for(STOPPED)
        repl.terminal.send_signal(signal.SIGUSR1)
        go_on.set()
        repl.wait_for_line()
        repl.terminal.wait_for("> rm -rf")
        assert repl.text.count("And ended.") == 1
        repl.type(CTRL_C)
        repl.terminal.wait_until(lambda: "> rm -rf" not in repl.screen)
        repl.leave()
    assert len(server.requests) == 1
