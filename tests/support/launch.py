"""Start a command under given conditions, wait for its end and report it. Run as a script.

    python -I -S launch.py REPORT_FD '{"umask": 0}' COMMAND [ARGUMENT…]

This is a small process of its own, because on Linux a command inherits the peak memory of the
process that forks it, and because only a subreaper can find the processes that a command left.

The report is one JSON object: `code` (negative for a signal), `peak_bytes` of the command itself,
and `left`, the command lines of the processes that it left running, which are killed.
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
    result = {
        "code": os.waitstatus_to_exitcode(status),
        "peak_bytes": usage.ru_maxrss * 1024,  # kB, getrusage(2)
        "left": kill_orphans(),
    }
    os.write(report, json.dumps(result).encode())


def become(command: list[str], conditions: dict[str, Any]) -> None:
    """Apply the conditions and execute the command."""
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
    """Kill the processes that the command left running. Return their command lines."""
    left = []
    for pid in children():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        left.append(b" ".join(words).decode("utf-8", "replace").strip())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return left


def children() -> list[int]:
    """Return the running child processes of this one."""
    running = []
    own_pid = os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name is in parentheses and may contain anything, parentheses too.
            state, parent = (folder / "stat").read_text("latin-1").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == own_pid and state != "Z":
            running.append(int(folder.name))
    return running


if __name__ == "__main__":
    main()
