"""Whether there was room to write, and what to do where there was none. Loads no SQLite."""

from __future__ import annotations

import errno
import shlex
from pathlib import Path

from newapi_cli.errors import LocalError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_full(error: LocalError) -> bool:
    """Say whether a failure was that of a disk, or of a file, that may not grow."""
    return is_of_no_room(error.__cause__)


def room_or_right_hint(path: Path, *, is_full: bool) -> str:
    """Say what to do where a file, or what stands beside it, cannot be written."""
    if is_full:
        return f"free some room on that file system: df -h {shlex.quote(str(path.parent))}"
    places = f"{shlex.quote(str(path.parent))} {shlex.quote(str(path))}"
    return f"see who may write to the file and to its folder: ls -ld {places}"


def is_of_no_room(error: BaseException | None) -> bool:
    """Say whether what SQLite raised was of a disk, or of a file, that may not grow."""
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR")
