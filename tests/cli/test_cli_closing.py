"""A command closes the session store, however it ends."""

from __future__ import annotations

import gc
import sqlite3

import pytest

from tests.sessions.helpers import answer_numbered, chat
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi

COMMANDS = {
    "a list": (("sessions", "list"), 0),
    "an answer": (("chat", "-c", "more"), 0),
    "no such session": (("sessions", "show", "nobody"), 2),
    "nothing to send": (("chat", "-c", "-s", "@missing", "more"), 2),
    "a report": (("usage",), 0),
    "what the demo says": (("demo", "Hi"), 0),
}


def open_stores() -> list[sqlite3.Connection]:
    """Return the open connections of this process."""
    found = [each for each in gc.get_objects() if isinstance(each, sqlite3.Connection)]
    return [each for each in found if _is_open(each)]


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        return connection.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


@pytest.mark.parametrize(("command", "code"), COMMANDS.values(), ids=COMMANDS.keys())
def test_the_store_is_closed_when_a_command_ends(
    home: Home, fault_server: FaultServer, command: tuple[str, ...], code: int
) -> None:
    answer_numbered(fault_server, home, retries=0)
    chat(home, "hi")
    before = open_stores()
    gc.disable()  # or the collector closes by chance what the command has left open
    try:
        result = run_newapi(*command, home=home)
        left = [each for each in open_stores() if each not in before]
    finally:
        gc.enable()
    assert result.code == code, result
    assert not left
