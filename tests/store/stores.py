"""Helpers for the tests of the store: sessions, turns, and access to the raw database."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import ID_LENGTH, Session, TurnRecord
from newapi_cli.store.sessions import SessionStore

HANDSHAKE = b"ready\n"


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now


def new_session(title: str = "a title", **fields: object) -> Session:
    """Return a session that is not stored yet."""
    session = Session(id=os.urandom(ID_LENGTH // 2).hex(), title=title, profile="test")
    return session._replace(**fields)  # type: ignore[arg-type]  # names of fields


def add_turns(
    store: SessionStore, session: Session, *turns: tuple[str, str]
) -> tuple[Session, list[TurnRecord]]:
    """Add answered turns to a session, each after the one before."""
    ended = []
    for prompt, answer in turns:
        session, turn = store.begin_turn(session, TurnRecord(prompt), at_leaf=True)
        turn = turn._replace(answer=answer, status=Status.COMPLETE)
        store.end_turn(turn)
        ended.append(turn)
    return session, ended


def raw_rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Query the database without the store."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def change_raw(path: Path, sql: str, *values: object) -> None:
    """Change the database without the store."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql, values)


@contextmanager
def child(code: str, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python code in a process of its own, which must print `ready`, and kill it at the end."""
    command = [sys.executable, "-c", code, *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == HANDSHAKE
            yield process
        finally:
            process.kill()
