"""A read-only summary of the session database: no migration, no change of mode, no new file."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from newapi_cli.errors import LocalError
from newapi_cli.i18n import tr
from newapi_cli.store.database import newer_schema_error
from newapi_cli.store.migrations import MIGRATIONS

MAX_CHECKED_BYTES = 50_000_000  # reading takes a second or two
LOCK_TIMEOUT_S = 1.0


class Inspection(NamedTuple):
    """The content of a database. `is_checked`: all of its pages were read and are valid."""

    version: int
    sessions: int
    turns: int
    size_bytes: int
    is_checked: bool

    @property
    def is_old(self) -> bool:
        """Whether it will be migrated when it is opened."""
        return self.version < len(MIGRATIONS)


def inspect_store(path: Path) -> Inspection:
    """Return a summary of an existing database.

    Raises `LocalError` if it cannot be used.
    """
    try:
        size_bytes = path.stat().st_size
        with contextlib.closing(_opened(path)) as connection:
            return _inspected(connection, path, size_bytes)
    except sqlite3.Error as error:
        quoted = shlex.quote(str(path))
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            why = tr("another newapi process has locked it")
            raise LocalError(tr("{path} is busy", path=path), why=why) from error
        raise LocalError(
            tr("cannot read {path}", path=path),
            why=str(error),
            hint=tr("move it away to start a new one: mv {path} {path}.damaged", path=quoted),
        ) from error
    except OSError as error:
        raise LocalError(tr("cannot read {path}", path=path), why=error.strerror or "") from error


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=LOCK_TIMEOUT_S)


def _inspected(connection: sqlite3.Connection, path: Path, size_bytes: int) -> Inspection:
    version = _number(connection, "PRAGMA user_version")
    if version > len(MIGRATIONS):
        raise newer_schema_error(path, version, len(MIGRATIONS), tr("update newapi"))
    is_checked = size_bytes <= MAX_CHECKED_BYTES
    if is_checked:
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(str(result))
    if version == 0:
        return Inspection(0, 0, 0, size_bytes, is_checked)
    sessions = _number(connection, "SELECT count(*) FROM sessions")
    turns = _number(connection, "SELECT count(*) FROM turns")
    return Inspection(version, sessions, turns, size_bytes, is_checked)


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
