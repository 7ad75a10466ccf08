"""Helpers of the session tests: the stored sessions of a home, and disk and permission failures."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from newapi_cli.domain.session import StoredSession, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Environment, Result, run_newapi, run_newapi_process
from tests.support.steps import sse
from tests.support.wire import answer_events

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
)


def data_dir(home: Home) -> Path:
    """Return the data folder."""
    return home.newapi_home / "data"


def sessions_file(home: Home) -> Path:
    """Return the sessions file."""
    return data_dir(home) / "sessions.db"


def stored_sessions(home: Home) -> list[StoredSession]:
    """Return all sessions, the last used first, and assert that the file is sound."""
    assert_sound(sessions_file(home))
    with SessionStore(sessions_file(home)) as store:
        found = [store.load(session.id) for session in store.sessions()]
    return [each for each in found if each is not None]


def only_session(home: Home) -> StoredSession:
    """Return the only stored session."""
    [stored] = stored_sessions(home)
    return stored


def last_turn(home: Home) -> TurnRecord:
    """Return the last turn of the last used session."""
    return stored_sessions(home)[0].path[-1]


def assert_sound(path: Path) -> None:
    """Assert that the file passes SQLite's checks and every turn has its parent."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return  # created, and killed before the tables were
        orphans = (
            "SELECT id FROM turns t WHERE parent_id IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM turns p WHERE p.id = t.parent_id AND p.session_id = t.session_id)"
        )
        assert connection.execute(orphans).fetchall() == []


def answer_numbered(server: FaultServer, home: Home, **settings: str | float | bool) -> None:
    """Answer each request with `Answer N.`, and configure the home for the server."""
    server.answer_with(lambda _: sse(*answer_events("Answer ", f"{len(server.requests)}.")))
    home.configure(server.url, **settings)


def chat(
    home: Home, *args: str, env: Environment | None = None, stdin: bytes | None = b""
) -> Result:
    """Return the result of a run that succeeds."""
    result = run_newapi("chat", *args, home=home, env=env, stdin=stdin)
    assert result.code == 0, result
    return result


def chat_in_a_process(home: Home, *args: str) -> Result:
    """Return the result of a run that succeeds, in a process of its own, for use in threads."""
    result = run_newapi_process("chat", *args, home=home)
    assert result.code == 0, result
    return result


def warnings_of(err: str) -> list[str]:
    """Return the warnings on stderr."""
    return [line for line in err.splitlines() if line.startswith("warning:")]


def assert_answered_unsaved(result: Result, *message: str, answer: str = "Answer 1.\n") -> None:
    """Assert a complete answer and one warning about why it is not saved."""
    assert (result.code, result.text) == (0, answer), result
    [warning] = warnings_of(result.err)
    assert "this conversation is not saved" in warning
    assert [text for text in message if text not in result.err] == [], result.err
    assert "error:" not in result.err


def tree(path: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, modification time and content of a folder and everything in it."""
    found = {}
    for each in [path, *sorted(path.rglob("*"))]:
        status = each.lstat()
        content = each.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(each.relative_to(path))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def without_root(*command: str) -> list[str]:
    """Return a command that respects file modes, even if root starts it."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]


@contextmanager
def small_disk(path: Path, size: str = "400k") -> Iterator[None]:
    """Mount a small file system at a path."""
    path.mkdir(0o700, parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk; see the tests with a limit on file sizes")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def make_read_only(folder: Path) -> None:
    """Make the file system that is mounted at a folder read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def fill(folder: Path, *, leave_bytes: int = 0) -> None:
    """Fill the file system of a folder."""
    descriptor = os.open(folder / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while True:
            os.write(descriptor, b"\xff" * 4096)
    except OSError:
        size = os.fstat(descriptor).st_size
        os.ftruncate(descriptor, max(size - leave_bytes, 0))
    finally:
        os.close(descriptor)


def sent_texts(server: FaultServer, request: int = -1) -> Sequence[str]:
    """Return the contents of the messages of a request, in order."""
    return [message["content"] for message in server.requests[request].json["messages"]]
