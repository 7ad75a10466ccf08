"""The file of the sessions: private from its first byte, migrated when it is opened.

A newer file than this program knows is left alone. Before a migration a copy is made beside it; the
next deletion of a session takes the copies away, for they would hold its text.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from newapi_cli.errors import LocalError, Reason
from newapi_cli.store.mapping import storable
from newapi_cli.store.migrations import MIGRATIONS, Step

FILE = "sessions.db"
BUSY_S = 5.0
SLICE_S = 0.1  # of it, SQLite waits at a time: in C, where no signal is seen
PRAGMAS = (
    "journal_mode = DELETE",
    "synchronous = FULL",
    "secure_delete = ON",
    "foreign_keys = ON",
    "cache_size = -256",  # kB; 2 MB by default, which no scan is faster for
)
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
NO_RIGHT = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
Values = Sequence[object] | Mapping[str, object]
SMALLEST_BYTES = 512  # one page of the smallest size; shorter ones SQLite would take for empty


class Database:
    """One open file. Not for two threads. `step` and `transaction` raise `LocalError`."""

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Step] = MIGRATIONS,
        check_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the file, made if need be in a folder that exists. Raises `LocalError`.

        `check_wait` is asked while a transaction waits for another process, before anything is
        done, and raises what ends that.
        """
        self.path = path
        self._check_wait = check_wait
        with self._translated():
            _ensure_private(path)
            if 0 < path.stat().st_size < SMALLEST_BYTES:
                raise _damaged(path, "it is too short")
            self._connection = sqlite3.connect(path, timeout=SLICE_S, isolation_level=None)
        try:
            with self._translated():
                self._prepare(migrations)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[sqlite3.Row]:
        """Give the rows of a query, one after the other."""
        with self._translated():
            # No `yield from`: one that is left half read would close its cursor, which fails where
            # the connection has been closed before.
            for row in self._cursor(sql, tuple(map(storable, values))):  # noqa: UP028
                yield row

    def row(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """Give the first row of a query."""
        return next(self.rows(sql, values), None)

    def execute(self, sql: str, values: Values = ()) -> int:
        """Run a statement and give the id of the row that it inserted, if it was an insertion."""
        with self._translated():
            return self._cursor(sql, values).lastrowid or 0

    def execute_without_waiting(self, sql: str, values: Values = ()) -> None:
        """Run a statement that is worth no waiting where another process holds the file."""
        with self._translated():
            self._connection.execute(sql, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all statements of the block one write, which happens whole or not at all."""
        with self._translated():
            self._cursor("BEGIN IMMEDIATE", (), self._check_wait)
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                self._connection.rollback()
            raise
        try:
            self.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            raise

    def _cursor(
        self, sql: str, values: Values = (), check_wait: Callable[[], None] = lambda: None
    ) -> sqlite3.Cursor:
        """Run a statement, again and again while another process holds the file.

        One that finds it held has done nothing, and leaves its transaction as it was. Between two
        tries Python looks for signals.
        """
        until = time.monotonic() + BUSY_S
        while True:
            try:
                return self._connection.execute(sql, values)
            except sqlite3.OperationalError as error:
                if not _is_held(error) or time.monotonic() > until:
                    raise
            check_wait()

    def _prepare(self, migrations: Sequence[Step]) -> None:
        self._connection.row_factory = sqlite3.Row
        version = self._version()
        if version > len(migrations):
            raise LocalError(
                f"{self.path} was made by a newer newapi",
                why=f"its version is {version}, this newapi knows {len(migrations)}",
                hint="update newapi; until then -n saves nothing",
            )
        for pragma in PRAGMAS:
            self._cursor(f"PRAGMA {pragma}")
        if version < len(migrations):
            self._migrate(migrations)

    def _version(self) -> int:
        return int(self._cursor("PRAGMA user_version").fetchone()[0])

    def _migrate(self, migrations: Sequence[Step]) -> None:
        with self.transaction():
            version = self._version()  # another newapi may have been faster
            if 0 < version < len(migrations):
                self._copy(version)
            for step in migrations[version:]:
                for statement in step:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(migrations)}")

    def _copy(self, version: int) -> None:
        """Copy the file by a second connection: closing a plain one would drop SQLite's locks."""
        target = self.path.with_name(f"{self.path.name}.v{version}-copy")
        target.unlink(missing_ok=True)
        _ensure_private(target)
        with (
            contextlib.closing(sqlite3.connect(self.path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what SQLite and the system say as a `LocalError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise _problem(self.path, error) from error
        except OSError as error:
            raise LocalError(
                f"cannot open the session store {self.path}",
                why=error.strerror or "",
                hint=write_failure_hint(self.path, is_full=error.errno in DISK_FULL_ERRNOS),
            ) from error


def migration_backups(path: Path) -> list[Path]:
    """Give the copies that migrations have made of a file, those that were cut off too."""
    return sorted(path.parent.glob(f"{path.name}.v*-copy*"))


def _is_held(error: sqlite3.Error) -> bool:
    """Say whether another process, or another connection, holds the file."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _problem(path: Path, error: sqlite3.Error) -> LocalError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(DAMAGED):
        return _damaged(path, str(error))
    if _is_held(error):
        return LocalError(
            f"the session store {path} is busy",
            why=f"another newapi has held it for {BUSY_S:.0f} seconds",
            hint="try again",
        )
    is_full = name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR")
    hint = ""
    if is_full or name.startswith(NO_RIGHT):
        hint = write_failure_hint(path, is_full=is_full)
    return LocalError(
        f"the session store {path} cannot be used",
        reason=Reason.DISK_FULL if is_full else Reason.LOCAL,
        why=str(error),
        hint=hint,
    )


def write_failure_hint(path: Path, *, is_full: bool) -> str:
    """Return what to do about a file that cannot be written."""
    if is_full:
        return f"free some room on that file system: df -h {shlex.quote(str(path.parent))}"
    places = f"{shlex.quote(str(path.parent))} {shlex.quote(str(path))}"
    return f"see who may write to the file and to its folder: ls -ld {places}"


def _damaged(path: Path, why: str) -> LocalError:
    quoted = shlex.quote(str(path))
    return LocalError(
        f"the session store {path} is damaged",
        why=why,
        hint=f"mv {quoted} {quoted}.damaged begins a new one; nothing has been changed",
    )


def _ensure_private(path: Path) -> None:
    """Make the file 0600 before SQLite sees it: its journal takes the same mode."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        _narrow(path)
        return
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
    finally:
        os.close(descriptor)


def _narrow(path: Path) -> None:
    """Take a file of ours from the eyes of others; of one that is not ours, SQLite will tell."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):  # a folder needs its x
            path.chmod(0o600)
