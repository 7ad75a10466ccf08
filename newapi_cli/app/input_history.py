"""The input history: a private file, from which deleted sessions are removed.

The format is prompt-toolkit's, with the session id in the comment line of each entry, so that the
entries of a deleted session can be found:

    # 2026-11-24 21:31:00.123456 1a2b3c4d5e6f
    +the first line
    +the second line
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

if sys.platform != "win32":
    import fcntl

FILE = "history"
MAX_READ_BYTES = 4 * 1024 * 1024
ENTRY = re.compile(r"(?:^#[^\n]*\n)(?:^\+[^\n]*\n)+", re.MULTILINE)


def append(path: Path, text: str, session_id: str) -> None:
    """Append an entry.

    Raises `OSError`.
    """
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    entry = f"\n# {datetime.now()} {session_id}\n{lines}"
    with _locked(path) as descriptor:
        os.write(descriptor, entry.encode("utf-8", "replace"))


def make_private(path: Path) -> None:
    """Create the file with mode 0600, or change an existing one to it.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def forget(
    path: Path, ids: Iterable[str], texts: Iterable[str], write: Callable[[Path, str], None]
) -> None:
    """Remove the entries of these sessions, and those with one of these texts.

    `write` replaces the file. Without a file this does nothing. Raises what `write` raises.
    """
    removed_ids, removed_texts = frozenset(ids), frozenset(texts)

    def without_removed(match: re.Match[str]) -> str:
        head, text = _parts(match.group())
        is_removed = head.rpartition(" ")[2] in removed_ids or text in removed_texts
        return "" if is_removed else match.group()

    if not path.exists():
        return
    with _locked(path):
        before = path.read_text("utf-8", "replace")
        after = ENTRY.sub(without_removed, before)
        if after != before:
            write(path, re.sub(r"\n{3,}", "\n\n", after))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file for appending and lock it, so that a replacement loses no entry.

    If the file was replaced while waiting for the lock, the new one is opened.
    """
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_same_file(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def entries(path: Path) -> list[str]:
    """Return the most recent texts, oldest first; empty if the file cannot be read."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - MAX_READ_BYTES, 0))
        matches = ENTRY.findall(file.read().decode("utf-8", "replace"))
        return [_parts(entry)[1] for entry in matches]
    return []


def _parts(entry: str) -> tuple[str, str]:
    """Return the comment line and the text. Only LF ends a line; U+2028 and the like are text."""
    head, *lines = entry.removesuffix("\n").split("\n")
    return head, "\n".join(line[1:] for line in lines)
