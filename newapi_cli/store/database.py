"""The session database: private from its first byte, migrated when it is opened.

A database with a newer schema is not changed. Before a migration a backup is made beside it; the
next deletion of a session removes the backups, because they contain its text.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from newapi_cli.errors import DISK_FULL_ERRNOS, LocalError, Reason, disk_hint
from newapi_cli.i18n import tr
from newapi_cli.store.mapping import storable
from newapi_cli.store.migrations import MIGRATIONS, Step

LOCK_TIMEOUT_S = 5.0
LOCK_POLL_S = 0.1  # how long SQLite waits at a time, during which no signal is handled
PRAGMAS = (
    "journal_mode = DELETE",
    "synchronous = FULL",
    "secure_delete = ON",
    "foreign_keys = ON",
    "cache_size = -256",  # kB; the default of 2 MB makes no scan faster
)
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
NO_ACCESS = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
Values = Sequence[object] | Mapping[str, object]
MIN_FILE_BYTES = 512  # the smallest page; SQLite treats a shorter file as empty


class Database:
    """One open database file, for one thread. All methods raise `LocalError`."""

    def __init__(
        self,
        path: Path,
        migrations: Sequence[Step] = MIGRATIONS,
        check_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the file, and create it if it is missing; its folder must exist.

        `check_wait` is called while a transaction waits for another process; it raises to end that.
        """
        self.path = path
        self._check_wait = check_wait
        with self._errors_converted():
            _ensure_private(path)
            if 0 < path.stat().st_size < MIN_FILE_BYTES:
                raise _damaged_error(path, tr("the file is too short"))
            self._connection = sqlite3.connect(path, timeout=LOCK_POLL_S, isolation_level=None)
        try:
            with self._errors_converted():
                self._prepare(migrations)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query."""
        with self._errors_converted():
            # No `yield from`: an unfinished one would close its cursor, which fails if the
            # connection was closed before.
            for row in self._cursor(sql, tuple(map(storable, values))):  # noqa: UP028
                yield row

    def row(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        return next(self.rows(sql, values), None)

    def execute(self, sql: str, values: Values = ()) -> int:
        """Run a statement, and return the id of the inserted row, if any."""
        with self._errors_converted():
            return self._cursor(sql, values).lastrowid or 0

    def execute_without_waiting(self, sql: str, values: Values = ()) -> None:
        """Run a statement that fails at once if another process has locked the file."""
        with self._errors_converted():
            self._connection.execute(sql, values)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all statements of the block, or none."""
        with self._errors_converted():
            self._cursor("BEGIN IMMEDIATE", (), self._check_wait)
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # on a full disk SQLite has rolled back
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
        """Run a statement, and retry it while another process has locked the file.

        A statement that fails on a lock has done nothing, and its transaction stays valid. Python
        handles signals between two attempts.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                return self._connection.execute(sql, values)
            except sqlite3.OperationalError as error:
                if not _is_locked(error) or time.monotonic() > deadline:
                    raise
            check_wait()

    def _prepare(self, migrations: Sequence[Step]) -> None:
        self._connection.row_factory = sqlite3.Row
        version = self._version()
        if version > len(migrations):
            hint = tr("update newapi, or use -n to save nothing")
            raise newer_schema_error(self.path, version, len(migrations), hint)
        for pragma in PRAGMAS:
            self._cursor(f"PRAGMA {pragma}")
        if version < len(migrations):
            self._migrate(migrations)

    def _version(self) -> int:
        return int(self._cursor("PRAGMA user_version").fetchone()[0])

    def _migrate(self, migrations: Sequence[Step]) -> None:
        with self.transaction():
            version = self._version()  # another process may have been faster
            if 0 < version < len(migrations):
                self._back_up(version)
            for step in migrations[version:]:
                for statement in step:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(migrations)}")

    def _back_up(self, version: int) -> None:
        """Copy the database over a second connection: a file copy would drop SQLite's locks."""
        target = self.path.with_name(f"{self.path.name}.v{version}-copy")
        target.unlink(missing_ok=True)
        _ensure_private(target)
        with (
            contextlib.closing(sqlite3.connect(self.path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)

    @contextlib.contextmanager
    def _errors_converted(self) -> Iterator[None]:
        """Raise errors of SQLite and the system as `LocalError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise _local_error(self.path, error) from error
        except OSError as error:
            is_full = error.errno in DISK_FULL_ERRNOS
            raise LocalError(
                tr("cannot open the session store {path}", path=self.path),
                reason=Reason.DISK_FULL if is_full else Reason.LOCAL,
                why=error.strerror or "",
                hint=write_failure_hint(self.path, error.errno),
            ) from error


def migration_backups(path: Path) -> list[Path]:
    """Return the backups that migrations made of a database, incomplete ones included."""
    return sorted(path.parent.glob(f"{path.name}.v*-copy*"))


def _is_locked(error: sqlite3.Error) -> bool:
    """Return whether another process or connection has locked the file."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _local_error(path: Path, error: sqlite3.Error) -> LocalError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(DAMAGED):
        return _damaged_error(path, str(error))
    if _is_locked(error):
        return LocalError(
            tr("the session store {path} is busy", path=path),
            why=tr(
                "another newapi process has locked it for {seconds:.0f} seconds",
                seconds=LOCK_TIMEOUT_S,
            ),
            hint=tr("retry"),
        )
    reason, why, hint = Reason.LOCAL, str(error), ""
    if name == "SQLITE_FULL":
        reason, hint = Reason.DISK_FULL, write_failure_hint(path, errno.ENOSPC)
    elif name.startswith("SQLITE_IOERR"):  # a full quota too, and a file beyond `ulimit -f`
        folder = shlex.quote(str(path.parent))
        reason, why = Reason.IO_ERROR, f"{error} ({name})"
        hint = tr("check the disk, its quota and `ulimit -f`: df -h {folder}", folder=folder)
    elif name.startswith(NO_ACCESS):
        hint = write_failure_hint(path, errno.EROFS if _is_on_read_only_disk(path) else None)
    message = tr("the session store {path} cannot be used", path=path)
    return LocalError(message, reason=reason, why=why, hint=hint)


def _is_on_read_only_disk(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def write_failure_hint(path: Path, error: int | None) -> str:
    """Return what to do about a file that cannot be written, by the number of the error."""
    return disk_hint(error, path.parent) or tr(
        "check the permissions of the file and its folder: ls -ld {folder} {path}",
        folder=shlex.quote(str(path.parent)),
        path=shlex.quote(str(path)),
    )


def newer_schema_error(path: Path, version: int, supported: int, hint: str) -> LocalError:
    """Return the error for a database of a newer version of newapi."""
    return LocalError(
        tr("{path} was created by a newer version of newapi", path=path),
        why=tr(
            "its schema version is {version}; this version of newapi supports {supported}",
            version=version,
            supported=supported,
        ),
        hint=hint,
    )


def _damaged_error(path: Path, why: str) -> LocalError:
    quoted = shlex.quote(str(path))
    return LocalError(
        tr("the session store {path} is damaged", path=path),
        why=why,
        hint=tr("move it away to start a new one: mv {path} {path}.damaged", path=quoted),
    )


def _ensure_private(path: Path) -> None:
    """Create the file with mode 0600 before SQLite opens it: its journal gets the same mode."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        _restrict(path)
        return
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
    finally:
        os.close(descriptor)


def _restrict(path: Path) -> None:
    """Set mode 0600 on our own file; for the file of another user SQLite reports the error."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):  # a folder needs x
            path.chmod(0o600)
