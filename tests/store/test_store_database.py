"""The database file: private, backed up before a migration, unchanged if it is not ours."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from newapi_cli.errors import LocalError, Reason
from newapi_cli.store.database import Database, migration_backups
from newapi_cli.store.mapping import TURN_COLUMNS
from newapi_cli.store.migrations import MIGRATIONS
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import add_turns, child, new_session, raw_rows

UMASKS = [0o000, 0o022, 0o077, 0o777]
EXTRA = ("CREATE TABLE extra (x TEXT)", "INSERT INTO extra VALUES ('new')")
UPPER = ("UPDATE turns SET answer = upper(answer)",)
LATER = (*MIGRATIONS, EXTRA, UPPER)
TODAY = len(MIGRATIONS)
BROKEN = (*MIGRATIONS, EXTRA, ("UPDATE turns SET answer = ''", "SELECT nothing FROM nowhere"))
MIGRATES = """
import sys
from pathlib import Path
from newapi_cli.store.database import Database
from newapi_cli.store.migrations import MIGRATIONS
print("ready", flush=True)
sys.stdin.readline()
steps = ("CREATE TABLE extra (x TEXT)", "INSERT INTO extra VALUES ('new')")
Database(Path(sys.argv[1]), (*MIGRATIONS, steps)).close()
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask in a block."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def filled(path: Path, count: int = 300) -> Path:
    """Make a store of many turns, several pages long."""
    with SessionStore(path) as store:
        add_turns(store, new_session(), *((f"prompt {n}", f"answer {n} " * 20) for n in range(3)))
        names = f"session_id, owner, {TURN_COLUMNS.removeprefix('id, ')}"
        store.database.execute(
            f"INSERT INTO turns ({names}) SELECT {names}"
            f" FROM turns, (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
            f" WHERE x < {count}) SELECT x FROM n)"
        )
    return path


def content(path: Path) -> list[str]:
    """Return all that a file of SQLite holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


# -- privacy ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", UMASKS, ids=oct)
def test_the_file_is_private_under_any_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "s.db"
    with umask(mask):
        with SessionStore(path) as store:
            assert mode(path) == 0o600
            add_turns(store, new_session(), ("q", "a"))
        with SessionStore(path) as store:
            assert store.count() == 1
    assert mode(path) == 0o600


@pytest.mark.parametrize("mask", UMASKS, ids=oct)
def test_the_journal_is_private_too(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "s.db"
    with umask(mask), SessionStore(path) as store:
        database = store.database
        with database.transaction():
            database.execute("DELETE FROM sessions")
            database.execute("CREATE TABLE x (y)")
            assert mode(tmp_path / "s.db-journal") == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["s.db"]


@pytest.mark.parametrize("wide", [0o644, 0o666, 0o640, 0o604, 0o777])
def test_a_file_that_others_can_read_becomes_private(tmp_path: Path, wide: int) -> None:
    path = filled(tmp_path / "s.db")
    path.chmod(wide)
    with SessionStore(path) as store:
        assert store.count() == 1
    assert mode(path) == 0o600


def test_a_stricter_mode_is_kept(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    path.chmod(0o400)
    with SessionStore(path) as store:
        assert store.count() == 1
    assert mode(path) == 0o400


def test_a_link_is_followed_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = filled(tmp_path / "elsewhere" / "real.db")
    target.chmod(0o644)
    link = tmp_path / "s.db"
    link.symlink_to(target)
    with SessionStore(link) as store:
        add_turns(store, new_session(), ("q", "a"))
    assert link.is_symlink()
    assert mode(target) == 0o600


# -- versions ---------------------------------------------------------------------------------


def test_a_newer_database_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    filled(path)
    Database(path, LATER).close()
    for copy in migration_backups(path):
        copy.unlink()
    before = path.read_bytes()
    with pytest.raises(LocalError, match="newer version of newapi") as caught:
        SessionStore(path)
    assert str(path) in caught.value.message
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_a_migration_makes_a_private_backup(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    before = content(path)
    with umask(0), closing(Database(path, LATER)) as database:
        assert database.row("SELECT x FROM extra")[0] == "new"  # type: ignore[index]
        assert database.row("PRAGMA user_version")[0] == TODAY + 2  # type: ignore[index]
    assert raw_rows(path, "SELECT count(*) FROM turns WHERE answer GLOB '*[a-z]*'") == [(0,)]
    [copy] = migration_backups(path)
    assert copy.name == f"s.db.v{TODAY}-copy"
    assert mode(copy) == 0o600
    assert content(copy) == before
    assert raw_rows(copy, "PRAGMA user_version") == [(TODAY,)]
    assert sorted(tmp_path.iterdir()) == [path, copy]


def test_a_new_file_has_no_backup(tmp_path: Path) -> None:
    Database(tmp_path / "s.db", LATER).close()
    assert migration_backups(tmp_path / "s.db") == []


def test_a_current_database_is_not_written_to(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    with SessionStore(path) as store:
        assert store.count() == 1
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_migration_leaves_the_file_unchanged(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    before = path.read_bytes()
    with pytest.raises(LocalError, match="cannot be used"):
        Database(path, BROKEN)
    assert path.read_bytes() == before
    with SessionStore(path) as store:
        assert store.count() == 1
    Database(path, LATER).close()
    assert raw_rows(path, "SELECT x FROM extra") == [("new",)]


def test_without_a_backup_there_is_no_migration(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    before = path.read_bytes()
    (tmp_path / f"s.db.v{TODAY}-copy").mkdir()
    with pytest.raises(LocalError):
        Database(path, LATER)
    assert path.read_bytes() == before


def test_of_two_concurrent_processes_one_migrates(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    before = content(path)
    with child(MIGRATES, str(path)) as one, child(MIGRATES, str(path)) as two:
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        assert (one.wait(30), two.wait(30)) == (0, 0)
    assert raw_rows(path, "SELECT x FROM extra") == [("new",)]
    [copy] = migration_backups(path)
    assert content(copy) == before


def test_many_processes_can_create_the_file_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from newapi_cli.domain.session import *;"
        "from newapi_cli.store.sessions import SessionStore\n"
        "with SessionStore(Path(sys.argv[1])) as store:\n"
        "    store.begin_turn(Session(sys.argv[2]), TurnRecord('hi'), at_leaf=True)\n"
    )
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen([*command, f"{n:012x}"]) for n in range(4)]
    assert [process.wait(30) for process in processes] == [0] * 4
    with SessionStore(path) as store:
        assert store.count() == 4


def test_deleting_a_session_removes_the_backups(tmp_path: Path) -> None:
    path = filled(tmp_path / "s.db")
    (tmp_path / "s.db.v0-copy").write_bytes(b"prompt 1")
    (tmp_path / "s.db.v1-copy").write_bytes(b"prompt 1")
    (tmp_path / "s.db.v1-copy-journal").write_bytes(b"prompt 1")  # of a copy that was cut off
    with SessionStore(path) as store:
        store.delete([session.id for session in store.sessions()])
    assert list(tmp_path.iterdir()) == [path]
    assert b"prompt 1" not in path.read_bytes()


# -- strange files ----------------------------------------------------------------------------


def text_file(path: Path) -> None:
    path.write_text("This is my diary.\n" * 100)


def short_file(path: Path) -> None:
    path.write_bytes(b"x")


def short_text(path: Path) -> None:
    path.write_bytes(b"x" * 500)


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def half(path: Path) -> None:
    filled(path)
    os.truncate(path, path.stat().st_size // 2)


def only_a_header(path: Path) -> None:
    filled(path)
    os.truncate(path, 100)


def trashed_pages(path: Path) -> None:
    filled(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(b"\xa5" * 4096)


def trashed_first_page(path: Path) -> None:
    filled(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3996)


STRANGE = [
    text_file,
    short_file,
    short_text,
    noise,
    half,
    only_a_header,
    trashed_pages,
    trashed_first_page,
]


@pytest.mark.parametrize("spoil", STRANGE, ids=lambda f: f.__name__)
def test_a_damaged_file_is_an_error_and_unchanged(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "s.db"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(LocalError) as caught, SessionStore(path) as store:
        add_turns(store, new_session(), ("q", "a"))
    assert str(path) in caught.value.message
    assert "damaged" in caught.value.message
    assert "move it away to start a new one" in caught.value.hint
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["s.db"]


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "s.db").touch()
    with SessionStore(tmp_path / "s.db") as store:
        add_turns(store, new_session(), ("q", "a"))
    assert mode(tmp_path / "s.db") == 0o600


def test_a_folder_in_place_of_the_file_is_an_error_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    path.mkdir(0o755)
    (path / "x").touch()
    with pytest.raises(LocalError, match=r"s\.db"):
        SessionStore(path)
    assert mode(path) == 0o755
    assert (path / "x").exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"no/s\.db"):
        SessionStore(tmp_path / "no" / "s.db")


def test_a_file_locked_for_too_long_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newapi_cli.store.database.LOCK_TIMEOUT_S", 0.05)
    path = filled(tmp_path / "s.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other, SessionStore(path) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LocalError, match="busy"):
            add_turns(store, new_session(), ("q", "a"))
        other.execute("ROLLBACK")
        add_turns(store, new_session(), ("q", "a"))


# -- writing fails ----------------------------------------------------------------------------


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """Limit the size of files in a block. SQLite reports it as it reports a broken disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_database_without_space_is_a_full_disk(tmp_path: Path) -> None:
    with SessionStore(tmp_path / "s.db") as store:
        [[pages]] = store.database.rows("PRAGMA page_count")
        store.database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(LocalError) as caught:
            add_turns(store, new_session(), ("q" * 100_000, "a"))
    error = caught.value
    assert (error.reason, error.why) == (Reason.DISK_FULL, "database or disk is full")
    assert error.hint == f"free space on the disk: df -h {tmp_path}"


def test_another_io_error_is_not_reported_as_a_full_disk(tmp_path: Path) -> None:
    with (
        SessionStore(tmp_path / "s.db") as store,
        file_size_limit(50_000),
        pytest.raises(LocalError) as caught,
    ):
        add_turns(store, new_session(), ("q" * 100_000, "a"))
    error = caught.value
    assert (error.reason, error.why) == (Reason.IO_ERROR, "disk I/O error (SQLITE_IOERR_WRITE)")
    assert error.hint == f"check the disk, its quota and `ulimit -f`: df -h {tmp_path}"
