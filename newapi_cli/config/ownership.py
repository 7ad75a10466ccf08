"""Whose a file is that a run as root makes: that of the person, who must be able to use it later.

`sudo newapi` keeps HOME on many systems. What root left there, 0600, would lock the person out.
Only open descriptors are given away: a name may lead elsewhere by then.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


def give_to_owner_of(like: Path, descriptor: int) -> None:
    """Give what root has just made the owner and group of `like`; where that fails, it stays."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    with suppress(OSError):
        status = like.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def is_of_another(path: Path) -> bool:
    """Say whether something is there that belongs to another user."""
    if sys.platform == "win32":
        return False
    try:
        return path.lstat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def kind_of_no_file(status: os.stat_result) -> str:
    """Name what is no regular file; nothing for one that is.

    To replace a device or a socket by a file takes it from the whole machine.
    """
    for is_kind, name in (
        (stat.S_ISREG, ""),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if is_kind(status.st_mode):
            return name
    return "a device"
