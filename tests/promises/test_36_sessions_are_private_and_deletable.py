"""Sessions are private, and a deleted session leaves no byte in any file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing

import pytest

from tests.repl.conversation import CTRL_C, CTRL_J, conversation
from tests.sessions.deletion import CANARY, PICTURE_BYTES, remove, traces
from tests.sessions.helpers import (
    PICTURE,
    answer_numbered,
    chat,
    data_dir,
    sessions_file,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, Running
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, event

UMASKS = pytest.mark.parametrize("umask", [0o000, 0o077, 0o777], ids=oct)


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home)
    return fault_server


def store_canary_session(home: Home, server: FaultServer) -> str:
    """Hold a conversation with the canary in every field, and return the id of its session."""
    with conversation(home, columns=100) as repl:
        repl.enter(f"/system be {CANARY}-system")
        picture = f"![p](data:image/png;base64,{PICTURE}gg==)"
        server.add(
            *sse(
                event(chunk(reasoning=f"{CANARY}-reasoning")),
                *answer_events(f"{CANARY}-answer ", picture),
            )
        )
        repl.type_lines(f"{CANARY}-prompt{CTRL_J}{CANARY}-line")
        repl.enter("")
        repl.enter(f"/rename {CANARY}-title")
        repl.type(f"{CANARY}-cleared")
        repl.terminal.wait_for(f"> {CANARY}-cleared")
        repl.type(CTRL_C)
        repl.terminal.wait_until(lambda: "-cleared" not in repl.terminal.screen_text())
        repl.enter(f"{CANARY}-undone")
        repl.enter("/undo")
        repl.leave()
    return stored_sessions(home)[0].session.id


def store_other_session(home: Home) -> None:
    with conversation(home) as repl:
        repl.enter("/system be kind")
        repl.type_lines(f"other words{CTRL_J}of two lines")
        repl.enter("")
        repl.enter("/rename other")
        repl.leave()


def typed(home: Home) -> list[str]:
    """Return the lines of the input history."""
    lines = (data_dir(home) / "history").read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("+")]


# -- private ----------------------------------------------------------------------------------


@UMASKS
def test_each_file_is_readable_only_by_its_owner_whatever_the_umask(
    home: Home, server: FaultServer, umask: int
) -> None:
    before = os.umask(umask)
    try:
        with conversation(home) as repl:
            repl.enter("hello")
            server.add(*sse(*answer_events(f"![p](data:image/png;base64,{PICTURE}gg==)")))
            repl.enter("a picture")
            repl.leave()
    finally:
        os.umask(before)
    paths = [data_dir(home), *data_dir(home).rglob("*")]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()}
    assert {"sessions.db", "history"} < {*modes}
    assert len(modes) == 3, "the image is the third"
    assert {*modes.values()} == {0o600}
    folders = {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()}
    assert folders == {0o700}


@UMASKS
def test_the_journal_of_a_write_is_private_too(home: Home, server: FaultServer, umask: int) -> None:
    chat(home, "first")
    journal = sessions_file(home).with_name("sessions.db-journal")
    deadline = time.monotonic() + 10
    with closing(sqlite3.connect(sessions_file(home), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM turns").fetchall()  # no write is committed before this ends
        with Running("chat", "hi", home=home, conditions=Conditions(umask=umask)) as running:
            while not journal.exists():
                assert time.monotonic() < deadline, "no journal was created"
            mode = stat.S_IMODE(journal.stat().st_mode)
            reader.execute("COMMIT")
            assert running.end().code == 0
    assert mode == 0o600
    assert len(stored_sessions(home)) == 2


# -- deletion --------------------------------------------------------------------------------


def test_no_byte_of_a_deleted_session_is_left(home: Home, server: FaultServer) -> None:
    store_other_session(home)
    others = stored_sessions(home)
    kept = typed(home)
    id_ = store_canary_session(home, server)
    chat(home, "-S", "third", "third")
    shutil.copy(sessions_file(home), data_dir(home) / "sessions.db.v0-copy")
    assert len(traces(home)) == 4  # store, its copy, history, picture
    assert "Deleted 1 session" in remove(home, id_)
    assert traces(home) == []
    third, *left = stored_sessions(home)
    assert left == others
    assert [turn.prompt for turn in third.path] == ["third"]
    assert typed(home) == kept
    assert {each.stat().st_mode & 0o777 for each in data_dir(home).glob("*.*")} == {0o600}
    assert (data_dir(home) / "history").stat().st_mode & 0o777 == 0o600


def test_the_same_text_typed_in_another_session_is_deleted_from_the_history_too(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter("hello")
        repl.enter("/new")
        repl.enter(f"{CANARY} once")
        repl.enter("/new")
        repl.enter(f"{CANARY} once")
        repl.leave()
    first = next(each.session.id for each in stored_sessions(home) if CANARY in each.session.title)
    remove(home, first)
    assert typed(home) == ["+hello", "+/new", "+/new"]
    assert len(stored_sessions(home)) == 2


def test_a_conversation_works_after_lines_of_its_history_were_deleted(
    home: Home, server: FaultServer
) -> None:
    id_ = store_canary_session(home, server)
    remove(home, id_)
    with conversation(home) as repl:
        repl.enter("new words")
        repl.type("\x1b[A")
        repl.terminal.wait_for("> new words")
        repl.type("\x1b[A")
        repl.type(CTRL_C)
        assert CANARY not in repl.terminal.all_text()
        repl.leave()
    assert typed(home) == ["+new words"]


def test_an_image_that_another_session_shows_is_kept(home: Home, server: FaultServer) -> None:
    picture = f"![p](data:image/png;base64,{PICTURE}gg==)"
    for prompt in ("one", "two"):
        server.add(*sse(*answer_events(picture)))
        with Terminal(newapi_command("chat", "-S", prompt, prompt), home=home) as terminal:
            assert terminal.wait_exit() == 0
    [file] = (data_dir(home) / "pictures").iterdir()
    remove(home, "one")
    assert file.read_bytes() == PICTURE_BYTES
    remove(home, "two")
    assert not file.exists()


def test_deleting_all_sessions_leaves_nothing_of_any(home: Home, server: FaultServer) -> None:
    ids = [store_canary_session(home, server) for _ in range(2)]
    assert "Deleted 2 sessions" in remove(home, *ids)
    assert traces(home) == []
    assert stored_sessions(home) == []
    assert run_newapi("chat", "-c", "hi", home=home).code == 2


def test_what_an_earlier_deletion_had_to_leave_is_deleted_by_the_next(
    home: Home, server: FaultServer
) -> None:
    chat(home, f"{CANARY}-prompt")
    copy = data_dir(home) / "sessions.db.v0-copy"
    copy.mkdir()  # a folder cannot be unlinked
    result = run_newapi("sessions", "rm", "--yes", CANARY + "-prompt", home=home)
    assert result.code == 10
    assert "traces" in result.err
    copy.rmdir()
    shutil.copy(sessions_file(home), copy)
    assert "nothing to delete" in remove(home, "--older-than", "1000w")
    assert traces(home) == []
    assert not copy.exists()
