"""A store with invalid values: every command ends with a documented exit code."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.sessions.helpers import answer_numbered, chat, sessions_file
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi

ODD = {"bytes": b"\xff\x00\xfe", "text": "odd \x1b]0;x\x07", "giant": 2**62, "infinite": 1e999}
COMMANDS = [
    ("chat", "-c", "more"),
    ("sessions", "list"),
    ("sessions", "list", "--json"),
    ("sessions", "show", "--all"),
    ("sessions", "search", "hi"),
    ("sessions", "export", "--json"),
    ("sessions", "export"),
    ("usage", "--by", "session"),
    ("sessions", "rm", "--yes", "--older-than", "0d"),
]
LEFT_ALONE = {"id", "session_id"}  # keys of the tables: SQLite refuses most of it


def columns(table: str, home: Home) -> list[str]:
    """Return the column names of a table."""
    with closing(sqlite3.connect(sessions_file(home))) as connection:
        rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return [row[1] for row in rows if row[1] not in LEFT_ALONE]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("table", ["sessions", "turns"])
def test_no_stored_value_is_a_bug(
    home: Home, fault_server: FaultServer, table: str, odd: object
) -> None:
    answer_numbered(fault_server, home, retries=0)
    chat(home, "hi")
    sound = sessions_file(home).read_bytes()
    for number, column in enumerate(columns(table, home)):
        # One command that reads all, and one of the others in turn.
        for command in (COMMANDS[3], COMMANDS[number % len(COMMANDS)], COMMANDS[5]):
            sessions_file(home).write_bytes(sound)
            with closing(sqlite3.connect(sessions_file(home))) as connection, connection:
                connection.execute(f"UPDATE {table} SET {column} = ?", (odd,))
            result = run_newapi(*command, home=home)
            assert result.code in {0, 10}, (column, command, result)
            assert "\x1b" not in result.text + result.err, (column, command, result)
            assert result.code == 0 or "error:" in result.err, (column, command, result)
