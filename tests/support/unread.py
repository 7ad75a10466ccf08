"""A pipe that is not read, such as that of `less` on its first page, and such a terminal."""

from __future__ import annotations

import array
import fcntl
import os
import termios
import time
from pathlib import Path
from types import TracebackType

TIMEOUT_S = 10.0
POLL_S = 0.01
STUCK_S = 0.5
MAX_FREE_BYTES = 4096  # of a full pipe: the next write is larger


class UnreadPipe:
    """A pipe whose write end is for a process. Leaving the `with` closes both ends."""

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
        """Wait until the writer is blocked."""
        room = fcntl.fcntl(self.writing, fcntl.F_GETPIPE_SZ)
        deadline = time.monotonic() + TIMEOUT_S
        while self._waiting_bytes() < room - MAX_FREE_BYTES:
            assert time.monotonic() < deadline, f"{self._waiting_bytes()} of {room} bytes"
            time.sleep(POLL_S)

    def read_all(self) -> bytes:
        """Read to the end."""
        os.close(self.writing)
        self.writing = -1
        with os.fdopen(os.dup(self._reading), "rb") as file:
            return file.read()

    def _waiting_bytes(self) -> int:
        size = array.array("i", [0])
        fcntl.ioctl(self._reading, termios.FIONREAD, size)
        return size[0]


class UnreadTerminal:
    """A terminal whose output is not read. Leaving the `with` closes it."""

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
        """Wait until a process writes no more, by the byte count of the kernel."""
        deadline = time.monotonic() + TIMEOUT_S
        last, since = -1, time.monotonic()
        while time.monotonic() < since + STUCK_S or last < MAX_FREE_BYTES:
            assert time.monotonic() < deadline, f"{last} bytes"
            counts = dict(
                line.split(": ") for line in Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
            )
            if (written := int(counts["wchar"])) != last:
                last, since = written, time.monotonic()
            time.sleep(POLL_S)
