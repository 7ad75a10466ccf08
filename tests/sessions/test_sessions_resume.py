"""Which session a run of `chat` continues, and the modes of the stored files."""

from __future__ import annotations

import stat

import pytest

from tests.repl.conversation import conversation
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    data_dir,
    only_session,
    sent_texts,
    sessions_file,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_in_shell, run_newapi


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers `Answer N.`."""
    answer_numbered(fault_server, home)
    return fault_server


def modes(home: Home) -> dict[str, int]:
    """Return the modes of the data folder and its files."""
    folder = data_dir(home)
    found = {"": stat.S_IMODE(folder.stat().st_mode)}
    return found | {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


# -- which one --------------------------------------------------------------------------------


def test_every_run_is_a_new_session(home: Home, server: FaultServer) -> None:
    chat(home, "one")
    chat(home, "two")
    assert sent_texts(server) == ["two"]
    assert [len(each.path) for each in stored_sessions(home)] == [1, 1]


def test_the_last_session_is_continued(home: Home, server: FaultServer) -> None:
    chat(home, "one", "-s", "be brief")
    chat(home, "-c", "two")
    chat(home, "--continue", "three")
    assert sent_texts(server) == ["be brief", "one", "Answer 1.", "two", "Answer 2.", "three"]
    assert len(only_session(home).path) == 3


def test_a_new_name_starts_a_session_and_a_known_one_continues_it(
    home: Home, server: FaultServer
) -> None:
    chat(home, "-S", "taxes", "one")
    chat(home, "other")
    chat(home, "--session", "taxes", "two")
    assert sent_texts(server) == ["one", "Answer 1.", "two"]
    chat(home, "-c", "three")
    assert sent_texts(server)[-3:] == ["two", "Answer 3.", "three"]


def test_an_id_is_continued_by_its_beginning_and_a_new_name_is_reported(
    home: Home, server: FaultServer
) -> None:
    chat(home, "one")
    id_ = only_session(home).session.id
    chat(home, "-S", id_[:8], "two")
    chat(home, "-S", id_, "three")
    assert len(only_session(home).path) == 3
    result = run_newapi("chat", "-S", "taxse", "four", home=home)
    assert "new session: taxse" in result.err
    assert stored_sessions(home)[0].session.title == "taxse"
    assert run_newapi("chat", "-q", "-S", "quiet", "five", home=home).err == ""


def test_model_and_system_prompt_are_kept_and_can_be_changed(
    home: Home, server: FaultServer
) -> None:
    chat(home, "-S", "t", "-m", "big", "-s", "first", "one")
    chat(home, "-S", "t", "two")
    assert (server.requests[-1].json["model"], sent_texts(server)[0]) == ("big", "first")
    chat(home, "-S", "t", "-m", "small", "-s", "second", "three")
    assert (server.requests[-1].json["model"], sent_texts(server)[0]) == ("small", "second")
    chat(home, "-S", "t", "four")
    assert (server.requests[-1].json["model"], sent_texts(server)[0]) == ("small", "second")


def test_a_turn_without_an_answer_is_not_sent_again(home: Home, server: FaultServer) -> None:
    chat(home, "one")
    server.add()
    assert run_newapi("chat", "-c", "--retries", "0", "two", home=home).code == 5
    chat(home, "-c", "three")
    assert sent_texts(server) == ["one", "Answer 1.", "three"]
    assert [turn.prompt for turn in only_session(home).path] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-c"], 'no session to continue in profile "test"'),
        (["-c", "-S", "x"], "one of them"),
        (["-S", ""], "80"),
        (["-S", " "], "80"),
        (["-S", "x" * 81], "80"),
    ],
    ids=["-c", "both", "empty", "blank", "long"],
)
def test_an_invalid_session_reference_is_a_usage_error(
    home: Home, server: FaultServer, args: list[str], message: str
) -> None:
    result = run_newapi("chat", *args, "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert message in result.err
    assert server.connections == []


def test_a_conversation_continues_a_session_that_a_pipe_started(
    home: Home, server: FaultServer
) -> None:
    chat(home, stdin=b"from a pipe")
    with conversation(home, "chat", "-c") as repl:
        assert "from a pipe" in repl.terminal.all_text()
        assert "Answer 1." in repl.terminal.all_text()
        repl.enter("from the keyboard")
        repl.leave()
    chat(home, "-c", "and back")
    assert sent_texts(server)[::2] == ["from a pipe", "from the keyboard", "and back"]


# -- who may read it --------------------------------------------------------------------------


@pytest.mark.parametrize("mask", ["000", "022", "077", "777"])
def test_stored_files_are_private_under_any_umask(
    home: Home, server: FaultServer, mask: str
) -> None:
    for args in (["one"], ["-c", "two"]):
        result = run_in_shell(f'umask {mask}; "$@"', "chat", *args, home=home)
        assert result.code == 0, result
    assert modes(home) == {"": 0o700, "sessions.db": 0o600}
    assert len(only_session(home).path) == 2


def test_the_files_of_a_conversation_are_private_too(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("hi")
        repl.leave()
    assert modes(home) == {"": 0o700, "sessions.db": 0o600, "history": 0o600}


def test_a_readable_store_is_made_private(home: Home, server: FaultServer) -> None:
    chat(home, "one")
    (data_dir(home) / "history").touch(0o644)
    sessions_file(home).chmod(0o644)
    chat(home, "-c", "two")
    assert modes(home)["sessions.db"] == 0o600
    with conversation(home) as repl:
        repl.leave()
    assert modes(home)["history"] == 0o600
