"""`newapi` with one fault in it: the Nth call through a door of its rooms fails. Run as a module.

    FAULT='write 3 ENOSPC' FAULT_REPORT=hit python -m tests.support.faults chat hi
    FAULT='write 3+ ENOSPC' …                       and so do all calls after it

The doors: `write` (to stdout, by whoever), `open` (of a file below NEWAPI_HOME, from Python),
`connect`, `recv` (of a plain connection), `execute` (of a statement by SQLite). The report is a
file that is made when the fault strikes: N was not beyond the last call.
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
    """Counts the calls through a door, and lets one of them, or all from there on, fail."""

    def __init__(self, number: str, error: str, report: Path) -> None:
        self._left = int(number.rstrip("+"))
        self._stays = number.endswith("+")
        self._error = error
        self._report = report

    def pass_or_fail(self) -> None:
        """Let a call through, or raise `OSError` in its place, `sqlite3.Error` for SQLite's."""
        self._left -= 1
        if self._left == 0 or (self._left < 0 and self._stays):
            self._report.touch()
            self._fail()

    def _fail(self) -> NoReturn:
        if self._error.startswith("SQLITE_"):
            failure = sqlite3.OperationalError(f"the test says {self._error}")
            failure.sqlite_errorname = self._error
            raise failure
        number: int = getattr(errno, self._error)
        raise OSError(number, os.strerror(number))


class FaultyStdout(io.RawIOBase):
    """Standard output, unbuffered, for those who write to `sys.stdout`."""

    def writable(self) -> bool:
        """Say so."""
        return True

    def isatty(self) -> bool:
        """Ask the descriptor."""
        return os.isatty(STDOUT)

    def fileno(self) -> int:
        """Give the descriptor."""
        return STDOUT

    def write(self, data: Any) -> int:
        """Write through the same door as all others."""
        return os.write(STDOUT, data)


def watch_write(fault: Fault) -> None:
    """Count writes to standard output, by whichever descriptor of its terminal."""
    write = os.write
    output = os.fstat(STDOUT)
    device = output.st_rdev if os.isatty(STDOUT) else None

    def counted(fd: int, data: Any) -> int:
        if fd == STDOUT or (device and fd > STDERR and os.fstat(fd).st_rdev == device):
            fault.pass_or_fail()
        return write(fd, data)

    os.write = counted
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(FaultyStdout()), sys.stdout.encoding)


def watch_open(fault: Fault) -> None:
    """Count what is opened in the folders of the program."""
    home = os.environ["NEWAPI_HOME"]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(home):
            fault.pass_or_fail()

    sys.addaudithook(hook)


def watch_connect(fault: Fault) -> None:
    """Count connections."""
    _wrap("connect", fault)


def watch_recv(fault: Fault) -> None:
    """Count reads from connections."""
    for name in ("recv", "recv_into"):
        _wrap(name, fault)


def watch_execute(fault: Fault) -> None:
    """Count statements, those that begin and end a transaction among them."""
    connect = sqlite3.connect

    class FaultyConnection(sqlite3.Connection):
        """A connection whose statements pass the door."""

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            """Run a statement."""
            fault.pass_or_fail()
            return super().execute(*arguments)

        def commit(self) -> None:
            """End a transaction."""
            fault.pass_or_fail()
            super().commit()

    def connected(*arguments: Any, **more: Any) -> sqlite3.Connection:
        return connect(*arguments, **more, factory=FaultyConnection)

    sqlite3.connect = connected  # type: ignore[assignment]  # takes what connect takes


def _wrap(name: str, fault: Fault) -> None:
    original: Callable[..., Any] = getattr(socket.socket, name)

    def counted(self: socket.socket, *arguments: Any, **more: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):  # not what an event loop wakes up by
            fault.pass_or_fail()
        return original(self, *arguments, **more)

    setattr(socket.socket, name, counted)


DOORS = {
    "write": watch_write,
    "open": watch_open,
    "connect": watch_connect,
    "recv": watch_recv,
    "execute": watch_execute,
}


def main() -> None:
    """Set the fault up and run the program."""
    door, number, error = os.environ["FAULT"].split()
    DOORS[door](Fault(number, error, Path(os.environ["FAULT_REPORT"])))
    from newapi_cli.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
