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


def begun(path: Path) -> Path:
    """Give a path at which root, who would make a file of its own, finds one of the folder's owner.

    It is made empty and 0600. One that is there stays as it is; so does all where this fails.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return path
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
            give_to_owner_of(path.parent, descriptor)
        finally:
            os.close(descriptor)
    return path


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
