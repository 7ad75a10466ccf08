"""A look at the file of the sessions that changes nothing: no migration, no mode, no new file."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from newapi_cli.errors import LocalError
from newapi_cli.store.migrations import MIGRATIONS

LARGEST_CHECKED_BYTES = 50_000_000  # a second or two of reading
BUSY_S = 1.0


class Inspection(NamedTuple):
    """What a store holds. `is_checked`: every page of it was read and is sound."""

    version: int
    sessions: int
    turns: int
    size_bytes: int
    is_checked: bool

    @property
    def is_old(self) -> bool:
        """Say whether it will be migrated when it is opened next."""
        return self.version < len(MIGRATIONS)


def inspect_store(path: Path) -> Inspection:
    """Look into a file that exists. Raises `LocalError` for one that cannot be used."""
    try:
        size_bytes = path.stat().st_size
        with contextlib.closing(_opened(path)) as connection:
            return _inspected(connection, path, size_bytes)
    except sqlite3.Error as error:
        quoted = shlex.quote(str(path))
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise LocalError(f"{path} is busy", why="another newapi holds it") from error
        raise LocalError(
            f"{path} cannot be read",
            why=str(error),
            hint=f"mv {quoted} {quoted}.damaged begins a new one",
        ) from error
    except OSError as error:
        raise LocalError(f"cannot look into {path}", why=error.strerror or "") from error


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_S)


def _inspected(connection: sqlite3.Connection, path: Path, size_bytes: int) -> Inspection:
    version = _number(connection, "PRAGMA user_version")
    if version > len(MIGRATIONS):
        raise LocalError(
            f"{path} was made by a newer newapi",
            why=f"its version is {version}, this newapi knows {len(MIGRATIONS)}",
            hint="update newapi",
        )
    is_checked = size_bytes <= LARGEST_CHECKED_BYTES
    if is_checked:
        (words,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if words != "ok":
            raise sqlite3.DatabaseError(str(words))
    if version == 0:
        return Inspection(0, 0, 0, size_bytes, is_checked)
    sessions = _number(connection, "SELECT count(*) FROM sessions")
    turns = _number(connection, "SELECT count(*) FROM turns")
    return Inspection(version, sessions, turns, size_bytes, is_checked)


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
