"""The input history: a file that only its owner may read, and that forgets what is deleted.

The format is prompt-toolkit's, with the session's id in the comment line of each entry, so that
deleting a session finds what was typed in it:

    # 2026-11-24 21:31:00.123456 1a2b3c4d5e6f
    +the first line
    +the second line
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # looked at before each use

FILE = "history"
MOST_READ_BYTES = 4 * 1024 * 1024
ENTRY = re.compile(r"(?:^#[^\n]*\n)(?:^\+[^\n]*\n)+", re.MULTILINE)


def append(path: Path, text: str, session_id: str) -> None:
    """Append an entry. Raises `OSError`."""
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    entry = f"\n# {datetime.now()} {session_id}\n{lines}"
    with _locked(path) as descriptor:
        os.write(descriptor, entry.encode("utf-8", "replace"))


def make_private(path: Path) -> None:
    """Make the file, 0600 from its first byte, and narrow one that is not. Raises `OSError`."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def forget(
    path: Path, ids: Iterable[str], texts: Iterable[str], write: Callable[[Path, str], None]
) -> None:
    """Take out the entries of these sessions, and those that say one of these texts.

    `write` replaces the file. Does nothing where there is no file. Raises what `write` raises.
    """
    gone_ids, gone_texts = frozenset(ids), frozenset(texts)

    def kept(match: re.Match[str]) -> str:
        head, text = _parts(match.group())
        is_gone = head.rpartition(" ")[2] in gone_ids or text in gone_texts
        return "" if is_gone else match.group()

    if not path.exists():
        return
    with _locked(path):
        known = path.read_text("utf-8", "replace")
        left = ENTRY.sub(kept, known)
        if left != known:
            write(path, re.sub(r"\n{3,}", "\n\n", left))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file for appending and hold its lock: a line is not lost to a replacement.

    Where the file was replaced while the lock was waited for, the new one is taken.
    """
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def entries(path: Path) -> list[str]:
    """Give what was typed last, oldest first; nothing where the file cannot be read."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - MOST_READ_BYTES, 0))
        found = ENTRY.findall(file.read().decode("utf-8", "replace"))
        return [_parts(entry)[1] for entry in found]
    return []


def _parts(entry: str) -> tuple[str, str]:
    """Give the comment line and the text: only LF ends a line, U+2028 and its like are text."""
    head, *lines = entry.removesuffix("\n").split("\n")
    return head, "\n".join(line[1:] for line in lines)
