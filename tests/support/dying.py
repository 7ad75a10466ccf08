"""`newapi`, killed before the Nth change that it makes to a file of its own. Run as a module.

    python -m tests.support.dying 3 config set model m

`kill -9` from within, at each step of a write in turn, where a kill from outside would strike most
of them never. A run that makes fewer changes comes to its end.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

WRITES = os.O_WRONLY | os.O_RDWR
CHANGES = ("os.rename", "os.remove", "os.chmod", "os.mkdir", "os.truncate", "fcntl.flock")


class Dying:
    """Counts the changes."""

    def __init__(self, number: int, home: str) -> None:
        self._left = number
        self._home = home

    def see(self, event: str, args: Sequence[object]) -> None:
        """Take an audit event of Python's."""
        if (event == "open" and isinstance(args[2], int) and args[2] & WRITES) or event in CHANGES:
            self._change(args[0])

    def fsync(self, fd: int) -> None:
        """Stand in for `os.fsync`, which is no audit event; nothing is lost that a kill leaves."""
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

    dying = Dying(number, os.environ["NEWAPI_HOME"])
    os.fsync = dying.fsync  # type: ignore[assignment]
    sys.addaudithook(dying.see)
    newapi()


if __name__ == "__main__":
    main()
