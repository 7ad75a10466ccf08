"""A session store of a newer version is never written to, and the program reports it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from tests.repl.conversation import conversation
from tests.sessions.helpers import sessions_file, tree
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe

NEWER = "created by a newer version of newapi"


@pytest.fixture
def newer_store(home: Home, server: FaultServer) -> None:
    """Store a turn, and mark the store as written by a later version."""
    assert observe("chat", "first", home=home).code == 0
    with closing(sqlite3.connect(sessions_file(home))) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.commit()
    server.requests.clear()


@pytest.mark.usefixtures("newer_store")
def test_an_answer_is_printed_with_one_warning_that_it_is_not_saved(home: Home) -> None:
    before = tree(sessions_file(home).parent)
    result = observe("chat", "second", home=home)
    assert (result.code, result.text) == (0, "Paris is the capital of France.\n")
    [warning] = [line for line in result.err.splitlines() if line.startswith("warning:")]
    assert NEWER in warning
    assert "update newapi" in result.err
    assert tree(sessions_file(home).parent) == before


@pytest.mark.usefixtures("newer_store")
def test_a_conversation_continues_without_saving(home: Home) -> None:
    before = tree(sessions_file(home).parent)
    with conversation(home) as repl:
        repl.enter("second")
        repl.enter("third")
        assert repl.words().count("Paris is the capital of France.") == 2
        assert repl.words().count(NEWER) == 1
        repl.leave()
    after = tree(sessions_file(home).parent)
    assert {name: after[name] for name in before if name != "."} == {
        name: state for name, state in before.items() if name != "."
    }  # the input history is a file of its own


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
    result = observe(*args, home=home)
    assert (result.code, result.out) == (10, b""), result
    assert NEWER in result.err
    assert os.fspath(sessions_file(home)) in result.err
    assert server.requests == []
    assert tree(sessions_file(home).parent) == before
