"""A pipe that nobody reads, as `less` leaves it for the first page, and such a terminal."""

from __future__ import annotations

import array
import fcntl
import os
import termios
import time
from pathlib import Path
from types import TracebackType

TIMEOUT_S = 10.0
LOOK_S = 0.01
STUCK_S = 0.5
AN_EVENT = 4096  # what may be left of the room where the next write does not fit


class UnreadPipe:
    """The reading end, and the writing end for a process. Leaving the `with` closes both."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()

    def __enter__(self) -> UnreadPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._reading)
        if self.writing >= 0:
            os.close(self.writing)

    def wait_until_full(self) -> None:
        """Wait until whoever writes has to wait."""
        room = fcntl.fcntl(self.writing, fcntl.F_GETPIPE_SZ)
        deadline = time.monotonic() + TIMEOUT_S
        while self._waiting_bytes() < room - AN_EVENT:
            assert time.monotonic() < deadline, f"{self._waiting_bytes()} of {room} bytes"
            time.sleep(LOOK_S)

    def read_all(self) -> bytes:
        """Read to the end, at last."""
        os.close(self.writing)
        self.writing = -1
        with os.fdopen(os.dup(self._reading), "rb") as file:
            return file.read()

    def _waiting_bytes(self) -> int:
        size = array.array("i", [0])
        fcntl.ioctl(self._reading, termios.FIONREAD, size)
        return size[0]


class UnreadTerminal:
    """A terminal whose window shows nothing any more. Leaving the `with` closes it."""

    def __init__(self) -> None:
        self._master, self.slave = os.openpty()

    def __enter__(self) -> UnreadTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._master)
        os.close(self.slave)

    def wait_until_full(self, pid: int) -> None:
        """Wait until a process writes no more, by what the kernel counts of its writing."""
        deadline = time.monotonic() + TIMEOUT_S
        last, since = -1, time.monotonic()
        while time.monotonic() < since + STUCK_S or last < AN_EVENT:
            assert time.monotonic() < deadline, f"{last} bytes"
            counts = dict(
                line.split(": ") for line in Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
            )
            if (written := int(counts["wchar"])) != last:
                last, since = written, time.monotonic()
            time.sleep(LOOK_S)
