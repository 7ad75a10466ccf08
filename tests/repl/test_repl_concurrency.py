"""Conversations in two terminals, keys pressed too early, and unusual titles and arguments."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from newapi_cli.domain.session import StoredSession
from tests.repl.conversation import CTRL_D, ENTER, conversation, sent_messages
from tests.sessions.helpers import only_session, stored_sessions, without_root
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command, run_command, run_newapi
from tests.support.steps import Pause, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, chunk, event

KEY = "abcdefQ3wE5rT7yU9iO1pA2sD4fG6hJ8kL0zX"
TALK = ("chat", "-S", "same")


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every request."""
    fault_server.answer_with(lambda _: sse(*answer_events("Fine.")))
    home.configure(fault_server.url)
    return fault_server


def prompts(stored: StoredSession) -> list[str]:
    return [turn.prompt for turn in stored.path]


@pytest.mark.parametrize("command", ["/undo", "/retry", "/edit"])
def test_a_turn_of_another_terminal_is_reported_before_the_last_turn_changes(
    home: Home, server: FaultServer, command: str
) -> None:
    with conversation(home, *TALK) as one:
        one.enter("base")
        assert run_newapi(*TALK, "IMPORTANT", home=home).code == 0
        one.enter(command)
        one.terminal.wait_for("another newapi process continued this session: 1 turn was added")
        assert prompts(only_session(home)) == ["base", "IMPORTANT"]
        one.enter("/undo")
        one.terminal.wait_for('removed "IMPORTANT"; 1 turn left')
        one.leave()
    assert prompts(only_session(home)) == ["base"]


def test_turns_that_another_terminal_removed_are_reported(home: Home, server: FaultServer) -> None:
    with conversation(home, *TALK) as one:
        one.enter("first")
        one.enter("second")
        with conversation(home, *TALK) as other:
            other.enter("/undo")
            other.enter("/undo")
            other.leave()
        one.enter("third")
        one.terminal.wait_for("another newapi process removed 2 turns of this session")
        assert "deleted this session" not in one.terminal.all_text()
        one.leave()
    assert prompts(only_session(home)) == ["third"]
    assert [content for _, content in sent_messages(server)] == ["third"]


def test_ctrl_d_leaves_after_enter_was_pressed_during_an_answer(
    home: Home, fault_server: FaultServer
) -> None:
    slow: list[Step] = sse(event(chunk("Slowly")), Pause(0.5), *answer_events(" done."))
    fault_server.answer_with(lambda _: slow)
    home.configure(fault_server.url)
    with conversation(home) as repl:
        repl.type(f"hi{ENTER}")
        repl.terminal.wait_for("Slowly")
        repl.type(ENTER * 3)
        repl.wait_for_line()
        repl.type(CTRL_D)
        assert repl.terminal.wait_exit() == 0


def test_keys_typed_during_a_raw_answer_are_not_shown_in_it(
    home: Home, fault_server: FaultServer
) -> None:
    slow = sse(event(chunk("Good things ")), Pause(0.5), *answer_events("come."))
    fault_server.answer_with(lambda _: slow)
    home.configure(fault_server.url)
    with Terminal(newapi_command("chat", "--raw", "hi"), home=home) as terminal:
        terminal.wait_for("Good things")
        terminal.send(b"typed")
        assert terminal.wait_exit() == 0
        assert "Good things come." in terminal.all_text()
        assert "typed" not in terminal.all_text()
        assert terminal.echoes


def test_the_status_bar_and_the_store_contain_no_key(home: Home, server: FaultServer) -> None:
    home.configure(server.url, api_key=KEY)
    with conversation(home, columns=120) as repl:
        for typed in (
            f"/rename {KEY}",
            f"/model {KEY}",
            f"/system {KEY}",
            "hi",
            f"/fork {KEY} two",
        ):
            repl.enter(typed)
            assert KEY not in repl.terminal.screen_text().rpartition("\n")[2]
        repl.leave()
    assert home.files_holding(KEY.encode()) == []


def test_another_profile_uses_its_own_model(home: Home, server: FaultServer) -> None:
    assert run_newapi("chat", "-S", "talk", "-m", "old-model", "one", home=home).code == 0
    text = home.config_file.read_text("utf-8")
    profile = text[text.index("[profiles.test]") :]
    other = profile.replace("profiles.test", "profiles.other").replace("test-model", "new-model")
    home.config_file.write_text(f"{text}\n{other}", "utf-8")
    assert run_newapi("chat", "-S", "talk", "-P", "other", "two", home=home).code == 0
    assert server.requests[-1].json["model"] == "new-model"
    assert run_newapi("chat", "-S", "talk", "three", home=home).code == 0
    assert server.requests[-1].json["model"] == "new-model"


@pytest.mark.parametrize(
    "args",
    [
        ["chat", "-S", "\udcff", "hi"],
        ["sessions", "show", "\udcff"],
        ["sessions", "search", "\udcff"],
        ["sessions", "rm", "--yes", "\udcff"],
        ["sessions", "list", "-P", "\udcff"],
    ],
    ids=" ".join,
)
def test_arguments_that_are_not_utf_8_are_not_a_bug(
    home: Home, server: FaultServer, args: list[str]
) -> None:
    run_newapi("chat", "hi", home=home)
    result = run_newapi(*args, home=home)
    assert result.code in ((3,) if "-P" in args else (0, 2)), result  # 3: no such profile
    assert len(stored_sessions(home)) == 1


def test_control_characters_in_a_title_are_escaped_in_a_pipe_too(
    home: Home, server: FaultServer
) -> None:
    title = "a\x1b]0;PWN\x07b\x9bc\\d"
    run_newapi("chat", title, home=home)
    for command in (["list"], ["search", "PWN"]):
        out = run_newapi("sessions", *command, home=home).text
        assert "a\\x1b]0;PWN\\x07b\\x9bc\\\\d\t" in out
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", out)
    listed = json.loads(run_newapi("sessions", "list", "--json", home=home).text)
    assert listed[0]["title"] == title


def test_an_unreadable_data_folder_is_reported(home: Home, server: FaultServer) -> None:
    run_newapi("chat", "hi", home=home)
    data: Path = home.newapi_home / "data"
    data.chmod(0)
    try:
        command = without_root(*newapi_command("sessions", "list"))
        result = run_command(command, home=home)
    finally:
        data.chmod(stat.S_IRWXU)
    assert (result.code, "cannot read the folder" in result.err) == (10, True)
