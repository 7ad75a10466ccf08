"""Run `newapi` and kill it before the Nth change to one of its files. Run as a module.

    python -m tests.support.kill_at_change 3 config set model m

The process kills itself with SIGKILL, so each step of a write can be hit; a kill from outside would
never hit most of them. A run that makes fewer changes ends normally.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

WRITES = os.O_WRONLY | os.O_RDWR
CHANGES = ("os.rename", "os.remove", "os.chmod", "os.mkdir", "os.truncate", "fcntl.flock")


class ChangeCounter:
    """Counts the changes, and kills the process before the one with this number."""

    def __init__(self, number: int, home: str) -> None:
        self._left = number
        self._home = home

    def audit(self, event: str, args: Sequence[object]) -> None:
        """Count an audit event that changes a file."""
        if (event == "open" and isinstance(args[2], int) and args[2] & WRITES) or event in CHANGES:
            self._change(args[0])

    def fsync(self, fd: int) -> None:
        """Count a call of `os.fsync`, which has no audit event. A kill loses nothing unsynced."""
        self._change(fd)

    def _change(self, what: object) -> None:
        is_ours = isinstance(what, int) or str(what).startswith(self._home)
        if not is_ours:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the program."""
    number = int(sys.argv.pop(1))
    from newapi_cli.__main__ import main as newapi

    counter = ChangeCounter(number, os.environ["NEWAPI_HOME"])
    os.fsync = counter.fsync  # type: ignore[assignment]
    sys.addaudithook(counter.audit)
    newapi()


if __name__ == "__main__":
    main()
