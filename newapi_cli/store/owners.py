"""Which process writes an answer, and whether it still lives: a killed one cannot say that it died.

An owner is `PID:START`, START being the process's start time where the system tells it (Linux, in
clock ticks since boot), so that a number used again is not taken for the same process.
"""

from __future__ import annotations

import os
from pathlib import Path


def own_name() -> str:
    """Give the owner that this process is."""
    return f"{os.getpid()}:{_start_of(os.getpid())}"


def is_alive(owner: str) -> bool:
    """Say whether the process of an owner still runs, as far as this machine can tell."""
    number, _, start = owner.partition(":")
    if not number.isascii() or not number.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    return start == _start_of(int(number))


def _start_of(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = line.rpartition(")")[2].split()  # a name may hold blanks and parentheses
    return fields[19] if len(fields) > 19 else ""
