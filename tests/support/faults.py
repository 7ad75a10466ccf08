"""Run `newapi` with an injected fault: the Nth call of one kind fails. Run as a module.

    FAULT='write 3 ENOSPC' FAULT_REPORT=hit python -m tests.support.faults chat hi
    FAULT='write 3+ ENOSPC' …                       and so do all calls after it

The kinds: `write` (to stdout), `open` (of a file below NEWAPI_HOME, from Python), `connect`, `recv`
(from a connection without TLS), `execute` (of an SQL statement). The report is a file that is
created when the call fails: N was not beyond the last call.
"""

from __future__ import annotations

import errno
import io
import os
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

STDOUT, STDERR = 1, 2


class Fault:
    """Counts the calls of one kind; the one with this number fails, with `+` all later ones too."""

    def __init__(self, number: str, error: str, report: Path) -> None:
        self._left = int(number.rstrip("+"))
        self._stays = number.endswith("+")
        self._error = error
        self._report = report

    def count_call(self) -> None:
        """Count a call. Raise `OSError` or `sqlite3.OperationalError` if it is to fail."""
        self._left -= 1
        if self._left == 0 or (self._left < 0 and self._stays):
            self._report.touch()
            self._fail()

    def _fail(self) -> NoReturn:
        if self._error.startswith("SQLITE_"):
            failure = sqlite3.OperationalError(f"injected {self._error}")
            failure.sqlite_errorname = self._error
            raise failure
        number: int = getattr(errno, self._error)
        raise OSError(number, os.strerror(number))


class FaultyStdout(io.RawIOBase):
    """Standard output for libraries that write to `sys.stdout`, unbuffered and counted."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(STDOUT)

    def fileno(self) -> int:
        return STDOUT

    def write(self, data: Any) -> int:
        return os.write(STDOUT, data)


def watch_write(fault: Fault) -> None:
    """Count writes to standard output, through any descriptor of its terminal."""
    write = os.write
    output = os.fstat(STDOUT)
    device = output.st_rdev if os.isatty(STDOUT) else None

    def counted(fd: int, data: Any) -> int:
        if fd == STDOUT or (device and fd > STDERR and os.fstat(fd).st_rdev == device):
            fault.count_call()
        return write(fd, data)

    os.write = counted
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(FaultyStdout()), sys.stdout.encoding)


def watch_open(fault: Fault) -> None:
    """Count what is opened in the folders of the program."""
    home = os.environ["NEWAPI_HOME"]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(home):
            fault.count_call()

    sys.addaudithook(hook)


def watch_connect(fault: Fault) -> None:
    """Count connections."""
    for name in ("connect", "connect_ex"):
        _wrap(name, fault)


def watch_recv(fault: Fault) -> None:
    """Count reads from connections."""
    for name in ("recv", "recv_into"):
        _wrap(name, fault)


def watch_execute(fault: Fault) -> None:
    """Count statements, those that begin and end a transaction among them."""
    connect = sqlite3.connect

    class FaultyConnection(sqlite3.Connection):
        """A connection whose statements are counted."""

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            fault.count_call()
            return super().execute(*arguments)

        def commit(self) -> None:
            fault.count_call()
            super().commit()

    def connected(*arguments: Any, **more: Any) -> sqlite3.Connection:
        return connect(*arguments, **more, factory=FaultyConnection)

    sqlite3.connect = connected  # type: ignore[assignment]  # takes what connect takes


def _wrap(name: str, fault: Fault) -> None:
    original: Callable[..., Any] = getattr(socket.socket, name)

    def counted(self: socket.socket, *arguments: Any, **more: Any) -> Any:
        if self.family in (
            socket.AF_INET,
            socket.AF_INET6,
        ):  # not that of an event loop
            fault.count_call()
        return original(self, *arguments, **more)

    setattr(socket.socket, name, counted)


WATCHERS = {
    "write": watch_write,
    "open": watch_open,
    "connect": watch_connect,
    "recv": watch_recv,
    "execute": watch_execute,
}


def main() -> None:
    """Set up the fault and run the program."""
    kind, number, error = os.environ["FAULT"].split()
    WATCHERS[kind](Fault(number, error, Path(os.environ["FAULT_REPORT"])))
    from newapi_cli.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
