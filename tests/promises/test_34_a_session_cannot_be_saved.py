"""If a session cannot be saved, the answer is printed, with one warning that gives the reason."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import conversation
from tests.sessions.helpers import (
    answer_numbered,
    assert_answered_unsaved,
    chat,
    data_dir,
    fill,
    only_session,
    sent_texts,
    sessions_file,
    small_disk,
    tree,
    warnings_of,
    without_root,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_command, run_in_shell, run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events

UNKNOWN_USER = 54_321  # a uid without an entry in passwd
MOUNTS = pytest.mark.needs_root("mount a small disk")


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home, retries=0)
    return fault_server


# -- a full disk ------------------------------------------------------------------------------


@MOUNTS
@pytest.mark.parametrize("leave_bytes", [0, 4096, 12_288])
def test_a_disk_that_is_full_from_the_start(
    home: Home, server: FaultServer, leave_bytes: int
) -> None:
    with small_disk(data_dir(home)):
        fill(data_dir(home), leave_bytes=leave_bytes)
        result = run_newapi("chat", "hi", home=home)
        assert_answered_unsaved(result, "full")
        (data_dir(home) / "filler").unlink()
        chat(home, "again")
        assert [turn.prompt for turn in only_session(home).path] == ["again"]


@MOUNTS
def test_a_disk_that_became_full_loses_nothing(home: Home, server: FaultServer) -> None:
    with small_disk(data_dir(home)):
        chat(home, "first")
        before = only_session(home)
        fill(data_dir(home))
        for number in (2, 3):
            result = run_newapi("chat", "-c", "hi", home=home)
            assert_answered_unsaved(result, "full", answer=f"Answer {number}.\n")
            assert sent_texts(server) == ["first", "Answer 1.", "hi"]
        shown = run_newapi("sessions", "show", home=home)
        assert (shown.code, "Answer 1." in shown.text) == (0, True)
        assert only_session(home) == before
        (data_dir(home) / "filler").unlink()
        chat(home, "-c", "again")
        assert [turn.prompt for turn in only_session(home).path] == ["first", "again"]


@MOUNTS
def test_a_disk_that_fills_up_during_the_answer(home: Home, fault_server: FaultServer) -> None:
    answer_numbered(fault_server, home)
    with small_disk(data_dir(home)):
        chat(home, "first")
        long = ["word " * 1000] * 200
        fault_server.add(*sse(*answer_events(*long)))
        result = run_newapi("chat", "-c", "tell me all", home=home)
        assert_answered_unsaved(result, "full", answer="".join(long) + "\n")
        first, second = only_session(home).path
        assert (first.answer, second.prompt) == ("Answer 1.", "tell me all")
        assert second.status is Status.INCOMPLETE
        assert "the rest was not saved: database or disk is full" in second.error
        assert warnings_of(chat(home, "-c", "shorter").err) == []
        assert [turn.prompt for turn in only_session(home).path][-1] == "shorter"


@MOUNTS
def test_a_conversation_on_a_full_disk_warns_once_and_saves_when_there_is_space(
    home: Home, server: FaultServer
) -> None:
    with small_disk(data_dir(home)):
        chat(home, "first")
        fill(data_dir(home))
        with conversation(home, "chat", "-c") as repl:
            repl.enter("second")
            repl.enter("third")
            text = repl.terminal.all_text()
            assert text.count("warning:") == 1, text
            assert "Answer 3." in text
            (data_dir(home) / "filler").unlink()
            repl.enter("fourth")
            repl.leave()
        assert sent_texts(server)[-3:] == ["third", "Answer 3.", "fourth"]
        path = only_session(home).path
        assert [(turn.prompt, turn.answer) for turn in path] == [
            ("first", "Answer 1."),
            ("second", "Answer 2."),
            ("third", "Answer 3."),
            ("fourth", "Answer 4."),
        ]
        assert {turn.status for turn in path} == {Status.COMPLETE}


@pytest.mark.parametrize("blocks", [0, 8, 20])
def test_a_limit_on_file_sizes_is_an_io_error(home: Home, server: FaultServer, blocks: int) -> None:
    script = f'ulimit -f {blocks}; "$@"'
    result = run_in_shell(script, "chat", "hi", home=home)
    assert_answered_unsaved(result)


def test_an_answer_beyond_the_limit_on_file_sizes_is_printed_whole(
    home: Home, server: FaultServer
) -> None:
    chat(home, "first")
    long = ["word " * 1000] * 100
    server.add(*sse(*answer_events(*long)))
    result = run_in_shell('ulimit -f 200; "$@"', "chat", "-c", "all", home=home)
    assert_answered_unsaved(result, answer="".join(long) + "\n")
    first, second = only_session(home).path
    assert (first.prompt, second.prompt, second.status) == ("first", "all", Status.INCOMPLETE)


# -- missing permissions ---------------------------------------------------------------------


def test_a_home_that_is_not_writable(home: Home, server: FaultServer) -> None:
    home.newapi_home.chmod(0o500)
    before = tree(home.path)
    result = run_command(without_root(*newapi_command("chat", "hi")), home=home)
    assert_answered_unsaved(result, "Permission denied", "NEWAPI_HOME")
    assert tree(home.path) == before


@pytest.mark.parametrize("what", ["file and folder", "folder", "file"])
def test_a_read_only_store_is_used_without_saving(
    home: Home, server: FaultServer, what: str
) -> None:
    chat(home, "first")
    if "file" in what:
        sessions_file(home).chmod(0o400)
    if "folder" in what:
        data_dir(home).chmod(0o500)
    before = tree(home.path)
    result = run_command(without_root(*newapi_command("chat", "-c", "hi")), home=home)
    assert_answered_unsaved(result, answer="Answer 2.\n")
    assert sent_texts(server) == ["first", "Answer 1.", "hi"]
    listed = run_command(without_root(*newapi_command("sessions", "list")), home=home)
    assert (listed.code, listed.text.count("\n"), listed.err) == (0, 1, "")
    assert tree(home.path) == before


def test_a_store_that_is_not_readable(home: Home, server: FaultServer) -> None:
    chat(home, "first")
    sessions_file(home).chmod(0)
    before = tree(home.path)
    result = run_command(without_root(*newapi_command("chat", "hi")), home=home)
    assert_answered_unsaved(result, str(sessions_file(home)), answer="Answer 2.\n")
    failed = run_command(without_root(*newapi_command("chat", "-c", "hi")), home=home)
    assert (failed.code, failed.out) == (10, b"")
    assert len(server.requests) == 2
    assert tree(home.path) == before


@pytest.mark.needs_root("become a user that passwd does not know")
def test_a_user_without_a_home(home: Home, server: FaultServer) -> None:
    user = [f"--reuid={UNKNOWN_USER}", f"--regid={UNKNOWN_USER}", "--clear-groups"]
    reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    before = tree(home.path)
    env = {
        "HOME": None,
        "NEWAPI_HOME": None,
        "NEWAPI_BASE_URL": server.url,
        "NEWAPI_API_KEY": "sk-of-unknown-user",
        "NEWAPI_MODEL": "m",
    }
    command = ["setpriv", *user, *reads, *newapi_command("chat", "hi")]
    result = run_command(command, home=home, env=env)
    assert_answered_unsaved(result, "home folder", "NEWAPI_HOME")
    assert tree(home.path) == before


# -- files that are not a usable store ---------------------------------------------------------


def overwritten(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * path.stat().st_size)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4096)


def text_file(path: Path) -> None:
    path.write_text("my diary\n")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "precious").write_text("x")


def newer_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


DAMAGES: dict[Callable[[Path], None], str] = {
    overwritten: "damaged",
    truncated: "damaged",
    text_file: "damaged",
    folder: "cannot",
    newer_version: "newer",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_an_unusable_file_is_left_unchanged_and_the_answer_is_printed(
    home: Home, server: FaultServer, damage: Callable[[Path], None]
) -> None:
    chat(home, "first")
    damage(sessions_file(home))
    before = tree(home.path)
    result = run_newapi("chat", "hi", home=home)
    assert_answered_unsaved(result, DAMAGES[damage], str(sessions_file(home)), answer="Answer 2.\n")
    assert tree(home.path) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("args", [("-c",), ("-S", "x")], ids=["-c", "-S"])
def test_continuing_with_an_unusable_file_sends_nothing(
    home: Home, server: FaultServer, damage: Callable[[Path], None], args: tuple[str, ...]
) -> None:
    chat(home, "first")
    damage(sessions_file(home))
    before = tree(home.path)
    result = run_newapi("chat", *args, "hi", home=home)
    assert (result.code, result.out) == (10, b""), result
    assert result.err.count("error:") == 1
    assert warnings_of(result.err) == []
    assert DAMAGES[damage] in result.err
    assert len(server.requests) == 1
    assert tree(home.path) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("args", ["list", "show", "search x", "export", "rm --yes abc"])
def test_session_commands_on_an_unusable_file_exit_with_10(
    home: Home, server: FaultServer, damage: Callable[[Path], None], args: str
) -> None:
    chat(home, "first")
    damage(sessions_file(home))
    before = tree(home.path)
    result = run_newapi("sessions", *args.split(), home=home)
    assert (result.code, result.out) == (10, b""), result
    assert DAMAGES[damage] in result.err
    assert tree(home.path) == before


def test_a_conversation_with_an_unusable_file_warns_once(home: Home, server: FaultServer) -> None:
    chat(home, "first")
    overwritten(sessions_file(home))
    before = sessions_file(home).read_bytes()
    with conversation(home) as repl:
        repl.enter("hi")
        repl.enter("more")
        assert repl.terminal.all_text().count("warning:") == 1
        repl.leave()
    assert sent_texts(server) == ["hi", "Answer 2.", "more"]
    assert sessions_file(home).read_bytes() == before


def test_a_file_locked_by_another_process_is_waited_for_up_to_a_limit(
    home: Home, server: FaultServer
) -> None:
    chat(home, "first")
    with closing(sqlite3.connect(sessions_file(home), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = run_newapi("chat", "hi", home=home)
        other.execute("ROLLBACK")
    assert_answered_unsaved(result, "busy", answer="Answer 2.\n")
    assert [turn.prompt for turn in only_session(home).path] == ["first"]
