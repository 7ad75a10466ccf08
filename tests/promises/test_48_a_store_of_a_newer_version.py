"""A session store of a newer version is never written to, and the program reports it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from tests.repl.conversing import conversation
from tests.sessions.keeping import sessions_file, tree
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe

NEWER = "created by a newer newapi"


@pytest.fixture
def newer_store(home: Home, server: FaultServer) -> None:
    """Store a turn, and say that a later version has done it."""
    assert observe("chat", "first", home=home).code == 0
    with closing(sqlite3.connect(sessions_file(home))) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.commit()
    server.requests.clear()


@pytest.mark.usefixtures("newer_store")
def test_an_answer_is_printed_with_one_warning_that_it_is_not_saved(home: Home) -> None:
    before = tree(sessions_file(home).parent)
    seen = observe("chat", "second", home=home)
    assert (seen.code, seen.text) == (0, "Paris is the capital of France.\n")
    [warning] = [line for line in seen.err.splitlines() if line.startswith("warning:")]
    assert NEWER in warning
    assert "update newapi" in seen.err
    assert tree(sessions_file(home).parent) == before


@pytest.mark.usefixtures("newer_store")
def test_a_conversation_continues_without_saving(home: Home) -> None:
    before = tree(sessions_file(home).parent)
    with conversation(home) as talk:
        talk.say("second")
        talk.say("third")
        assert talk.words().count("Paris is the capital of France.") == 2
        assert talk.words().count(NEWER) == 1
        talk.leave()
    after = tree(sessions_file(home).parent)
    assert {name: after[name] for name in before if name != "."} == {
        name: kept for name, kept in before.items() if name != "."
    }  # the history of the input line is a file of its own


@pytest.mark.parametrize(
    "args",
    [
        ("chat", "-c", "and then?"),
        ("chat", "-S", "taxes", "and then?"),
        ("sessions", "list"),
        ("sessions", "show"),
        ("sessions", "search", "first"),
        ("sessions", "export"),
        ("sessions", "rm", "--yes", "--older-than", "0d"),
        ("usage",),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("newer_store")
def test_commands_that_need_the_store_exit_with_10_and_send_nothing(
    home: Home, server: FaultServer, args: tuple[str, ...]
) -> None:
    before = tree(sessions_file(home).parent)
    seen = observe(*args, home=home)
    assert (seen.code, seen.out) == (10, b""), seen
    assert NEWER in seen.err
    assert os.fspath(sessions_file(home)) in seen.err
    assert server.requests == []
    assert tree(sessions_file(home).parent) == before
