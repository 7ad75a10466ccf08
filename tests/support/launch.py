"""Start a command in given conditions, wait for its end and report it; run as a script.

    python -I -S launch.py REPORT_FD '{"umask": 0}' COMMAND [ARGUMENT…]

A small process of its own, because Linux carries the peak memory of whoever forks over into the
command, and because only a subreaper learns which processes a command has left behind.

The report is one JSON object: `code` (negative for a death by signal), `peak_bytes` of the command
itself, and `left`, the command lines of what still ran below it, which is then killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_STARTED = 127


def main() -> None:
    """Run the command, and write the report."""
    report, conditions, command = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(report, False)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for number in FORWARDED:
        signal.signal(number, signal.SIG_IGN)  # they are sent to the whole group; the command dies
    child = os.fork()
    if child == 0:
        become(command, conditions)
    for fd in (0, 1, 2):
        os.close(fd)  # or a reader that waits for the end of the output would wait for us
    _, status, usage = os.wait4(child, 0)
    told = {
        "code": os.waitstatus_to_exitcode(status),
        "peak_bytes": usage.ru_maxrss * 1024,  # kB, getrusage(2)
        "left": kill_orphans(),
    }
    os.write(report, json.dumps(told).encode())


def become(command: list[str], conditions: dict[str, Any]) -> None:
    """Take the conditions on, and become the command."""
    try:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        if (user := conditions.get("user")) is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
        if (umask := conditions.get("umask")) is not None:
            os.umask(umask)
        for fd in conditions.get("closed", ()):
            os.close(fd)
        os.execvp(command[0], command)
    finally:
        os._exit(NOT_STARTED)


def kill_orphans() -> list[str]:
    """End what the command has left behind; give their command lines."""
    left = []
    for pid in children():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        left.append(b" ".join(words).decode("utf-8", "replace").strip())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return left


def children() -> list[int]:
    """Give the processes below this one that have not ended."""
    found = []
    me = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name stands in brackets and may hold anything, blanks and brackets included.
            state, parent = (folder / "stat").read_text("latin-1").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == me and state != "Z":
            found.append(int(folder.name))
    return found


if __name__ == "__main__":
    main()
