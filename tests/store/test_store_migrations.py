"""Databases of every schema version open and keep their content."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Source, Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment
from newapi_cli.store.database import Database
from newapi_cli.store.migrations import MIGRATIONS
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import raw_rows

DUMPS = sorted((Path(__file__).parents[1] / "data" / "databases").glob("v*.sql"))
FAILED_BEFORE = (("gpt-big", "503 无可用渠道"), ("gpt-new", "no such model"))
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def old_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a file as an old version has written it."""
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param.read_text("utf-8"))
    path.chmod(0o600)
    return path


def test_there_is_a_database_of_each_version() -> None:
    assert [path.stem for path in DUMPS] == [f"v{n}" for n in range(1, len(MIGRATIONS) + 1)]


def test_an_old_database_has_the_schema_of_its_migrations(old_file: Path, tmp_path: Path) -> None:
    [(version,)] = raw_rows(old_file, "PRAGMA user_version")
    assert isinstance(version, int)
    Database(tmp_path / "new.db", MIGRATIONS[:version]).close()
    assert raw_rows(old_file, SCHEMA) == raw_rows(tmp_path / "new.db", SCHEMA)


def test_an_old_database_is_migrated_to_the_current_schema(old_file: Path, tmp_path: Path) -> None:
    SessionStore(old_file).close()
    SessionStore(tmp_path / "new.db").close()
    assert raw_rows(old_file, SCHEMA) == raw_rows(tmp_path / "new.db", SCHEMA)
    assert raw_rows(old_file, "PRAGMA user_version") == [(len(MIGRATIONS),)]


def test_a_migration_keeps_sessions_and_turns(old_file: Path) -> None:
    with SessionStore(old_file) as store:
        hello, taxes = (store.load(session.id) for session in store.sessions())
        [killed] = store.close_orphaned_turns()
    assert hello is not None
    assert taxes is not None
    assert [turn.error for turn in hello.path] == ["refused"]
    session, (first, second, third) = taxes
    assert (session.id, session.title, session.is_named) == ("1a2b3c4d5e6f", "taxes", True)
    assert (session.profile, session.host) == ("work", "https://gateway.example/v1")
    assert (session.system, session.turns) == ("用中文回答", 3)
    assert taxes.path == (first, third)
    assert (first.prompt, first.answer) == ("天空为什么是蓝色的？", "因为散射。🌌")
    assert (first.usage, first.cost) == (Usage(9, 3, 12, 1, 2), "0.0001")
    assert (first.request, first.duration_s) == ({"temperature": 0.5}, 1.25)
    assert second.attachments == (Attachment("a.png", "/tmp/a.png", "image/png", 12, "ab" * 32),)
    assert second.tool_calls == (ToolCall("1", "weather", "{}"),)
    assert (second.status, third.status) == (Status.INCOMPLETE, Status.OPEN)
    assert (killed.turn.id, killed.turn.answer) == (third.id, "was still coming")


def test_a_migration_keeps_costs(old_file: Path) -> None:
    [(version,)] = raw_rows(old_file, "PRAGMA user_version")
    is_first = version == 1  # which had neither column
    with SessionStore(old_file) as store:
        sessions = [store.load(session.id) for session in store.sessions()]
    turns = sorted((turn for each in sessions if each for turn in each.turns), key=lambda t: t.id)
    kinds = ["", "", "", ""] if is_first else ["exact", "tiered", "", "unknown"]
    assert [turn.cost_kind for turn in turns] == kinds
    assert [turn.cost for turn in turns] == ["0.0001", None, None, None]
    assert [turn.tried for turn in turns] == [() if is_first else FAILED_BEFORE, (), (), ()]


def test_a_migration_keeps_sources(old_file: Path) -> None:
    [(version,)] = raw_rows(old_file, "PRAGMA user_version")
    assert isinstance(version, int)
    with SessionStore(old_file) as store:
        sessions = [store.load(session.id) for session in store.sessions()]
    turns = sorted((turn for each in sessions if each for turn in each.turns), key=lambda t: t.id)
    cited = (Source("https://a.example/boil", "Boiling"), Source("https://b.example/steam"))
    first = () if version < 3 else cited
    assert [turn.sources for turn in turns] == [first, (), (), ()]


def test_a_migration_gives_old_turns_profile_and_host_of_their_session(old_file: Path) -> None:
    [(version,)] = raw_rows(old_file, "PRAGMA user_version")
    there = ("work", "https://gateway.example/v1")
    first = there if version == 1 else ("home", "https://other.example/v1")  # 1: the session's
    SessionStore(old_file).close()
    rows = raw_rows(old_file, "SELECT profile, host FROM turns ORDER BY id")
    assert rows == [first, there, there, ("", "")]


def test_a_turn_without_a_session_does_not_stop_the_migration(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMPS[0].read_text("utf-8"))
        connection.executescript("DELETE FROM sessions WHERE title = 'taxes'")
    SessionStore(path).close()
    assert raw_rows(path, "SELECT DISTINCT profile, host FROM turns") == [("", "")]
