"""`newapi sessions rm`: its confirmation, what it deletes, and that nothing else is deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from newapi_cli.store.sessions import SessionStore
from tests.repl.conversation import conversation
from tests.sessions.deletion import CANARY, remove, traces
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    only_session,
    sent_texts,
    sessions_file,
    stored_sessions,
    tree,
)
from tests.store.stores import change_raw, raw_rows
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home)
    return fault_server


# -- asking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"n\r", b"\r", b"no\r"], ids=repr)
def test_answering_no_keeps_the_session(home: Home, server: FaultServer, answer: bytes) -> None:
    chat(home, "-S", "taxes", "hi")
    before = tree(home.path)
    with Terminal(newapi_command("sessions", "rm", "taxes"), home=home) as terminal:
        terminal.wait_for("Delete this session permanently?")
        assert "taxes" in terminal.all_text()
        terminal.send(answer)
        assert terminal.wait_exit() == 0
        assert "nothing was deleted" in terminal.all_text()
    assert tree(home.path) == before


@pytest.mark.parametrize("keys", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_ctrl_c_and_ctrl_d_keep_the_session(home: Home, server: FaultServer, keys: bytes) -> None:
    chat(home, "-S", "taxes", "hi")
    before = tree(home.path)
    with Terminal(newapi_command("sessions", "rm", "taxes"), home=home) as terminal:
        terminal.wait_for("Delete this session permanently?")
        terminal.send(keys)
        assert terminal.wait_exit() == 130
    assert tree(home.path) == before


def test_closing_the_window_at_the_confirmation_keeps_the_session(
    home: Home, server: FaultServer
) -> None:
    chat(home, "-S", "taxes", "hi")
    before = tree(home.path)
    with Terminal(newapi_command("sessions", "rm", "taxes"), home=home) as terminal:
        terminal.wait_for("Delete this session permanently?")
        terminal.hang_up()
        assert terminal.wait_exit() == 129
    assert tree(home.path) == before


def test_answering_yes_deletes_the_session(home: Home, server: FaultServer) -> None:
    chat(home, "-S", "taxes", f"{CANARY} a")
    chat(home, "-S", "work", "b")
    with Terminal(newapi_command("sessions", "rm", "taxes"), home=home) as terminal:
        terminal.wait_for("Delete this session permanently?")
        terminal.send(b"y\r")
        assert terminal.wait_exit() == 0
        assert "Deleted 1 session" in terminal.all_text()
    assert [each.session.title for each in stored_sessions(home)] == ["work"]
    assert traces(home) == []


def test_several_sessions_are_listed_before_the_confirmation(
    home: Home, server: FaultServer
) -> None:
    names = [f"name{number:02}" for number in range(12)]
    for name in names:
        chat(home, "-S", name, "hi")
    with Terminal(newapi_command("sessions", "rm", *names), home=home, rows=40) as terminal:
        terminal.wait_for("Delete these 12 sessions permanently?")
        text = terminal.all_text()
        assert [name in text for name in names] == [True] * 10 + [False] * 2
        assert "and 2 more" in text
        terminal.send(b"n\r")
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize("stdin", [b"", b"y\n", None], ids=["empty", "yes", "null"])
def test_without_a_terminal_nothing_is_deleted_without_yes(
    home: Home, server: FaultServer, stdin: bytes | None
) -> None:
    chat(home, "-S", "taxes", "hi")
    before = tree(home.path)
    result = run_newapi("sessions", "rm", "taxes", home=home, stdin=stdin)
    assert (result.code, result.out) == (2, b"")
    assert "--yes" in result.err
    assert tree(home.path) == before


@pytest.mark.parametrize(
    "args",
    [[], ["nobody"], ["taxes", "nobody"], ["--older-than", "soon"], ["--older-than", "-1d"],
     ["--older-than", ""], ["--older-than", "1x"]],
    ids=" ".join,
)  # fmt: skip
def test_invalid_arguments_delete_nothing(home: Home, server: FaultServer, args: list[str]) -> None:
    chat(home, "-S", "taxes", "hi")
    before = tree(home.path)
    result = run_newapi("sessions", "rm", "--yes", *args, home=home)
    assert (result.code, result.out) == (2, b""), result
    assert tree(home.path) == before


def test_a_session_named_twice_is_deleted_once(home: Home, server: FaultServer) -> None:
    chat(home, "-S", "taxes", "hi")
    id_ = only_session(home).session.id
    assert "Deleted 1 session" in remove(home, "taxes", id_, id_[:8])


# -- by age -----------------------------------------------------------------------------------


def test_sessions_older_than_an_age_are_deleted(home: Home, server: FaultServer) -> None:
    now = datetime.now(UTC)
    for name, days in (("new", 0), ("month", 29), ("old", 31), ("older", 400)):
        chat(home, "-S", name, f"{name} words")
        used_at = (now - timedelta(days=days)).timestamp()
        change_raw(
            sessions_file(home), "UPDATE sessions SET used_at = ? WHERE title = ?", used_at, name
        )
    assert "Deleted 2 sessions" in remove(home, "--older-than", "30d")
    assert raw_rows(sessions_file(home), "SELECT title FROM sessions ORDER BY title") == [
        ("month",),
        ("new",),
    ]
    assert home.files_holding(b"older words") == []
    assert "Deleted 1 session" in remove(home, "--older-than", "4w")
    assert "nothing to delete" in remove(home, "--older-than", "4w")
    for span in ("1m", "6M", "1", "d"):  # a minute or a month? what is deleted is gone
        refused = run_newapi("sessions", "rm", "--yes", "--older-than", span, home=home)
        assert (refused.code, "invalid duration" in refused.err) == (2, True)


def test_age_and_names_exclude_each_other(home: Home, server: FaultServer) -> None:
    chat(home, "-S", "new", "hi")
    args = ("rm", "--yes", "new", "--older-than", "1d")
    assert run_newapi("sessions", *args, home=home).code == 2
    assert len(stored_sessions(home)) == 1


def test_a_complete_id_wins_over_a_name(home: Home, server: FaultServer) -> None:
    chat(home, "keep me")
    kept = only_session(home).session.id
    chat(home, "-S", "talk", "junk")
    assert run_newapi("sessions", "rename", "talk", kept, home=home).code == 0
    exported = run_newapi("sessions", "export", "--all", "--json", home=home).text
    assert [s["turns"][0]["prompt"] for s in json.loads(exported)] == ["junk", "keep me"]
    remove(home, kept)
    assert only_session(home).turns[0].prompt == "junk"


def test_a_folder_in_place_of_the_history_is_reported(home: Home, server: FaultServer) -> None:
    chat(home, "hi")
    (home.newapi_home / "data" / "history").mkdir()
    result = run_newapi("sessions", "rm", "--yes", "hi", home=home)
    assert (result.code, "no session was deleted" in result.err) == (10, True)
    assert len(stored_sessions(home)) == 1


def test_a_conversation_whose_session_is_deleted_reports_it_and_starts_again(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.enter(f"{CANARY} one")
        remove(home, only_session(home).session.id)
        repl.enter("two")
        assert "deleted" in repl.terminal.all_text()
        repl.leave()
    assert sent_texts(server) == ["two"]
    assert [turn.prompt for turn in only_session(home).path] == ["two"]
    with SessionStore(sessions_file(home)) as store:
        assert store.count() == 1
