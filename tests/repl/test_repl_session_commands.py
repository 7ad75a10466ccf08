"""/sessions, /new, /rename, and resuming in a later run."""

from __future__ import annotations

import re

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import (
    CTRL_C,
    CTRL_D,
    ENTER,
    REFUSAL,
    ConversationTerminal,
    conversation,
    part_then_silence,
    sent_messages,
    stored_sessions,
)
from tests.repl.in_process import outputs
from tests.repl.test_repl_commands import add_profile
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.wire import MODEL

DIM = "\x1b[2m"


def leave_and_read(repl: ConversationTerminal, key: str = CTRL_D) -> str:
    """Leave and return what was printed at the end, as words."""
    before = len(repl.terminal.raw)
    repl.type(key)
    assert repl.terminal.wait_exit() == 0
    printed_last = repl.terminal.raw[before:].decode()
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", " ", printed_last).split())


def is_dim(repl: ConversationTerminal, text: str) -> bool:
    """Return whether a row that contains a text was printed dim."""
    rows = repl.terminal.raw.decode().split("\n")
    return any(DIM in row and text in row for row in rows)


def two_sessions(home: Home) -> tuple[str, str]:
    """Run two conversations and return their short ids, the older first."""
    with conversation(home) as repl:
        repl.enter("about ducks")
        repl.enter("more of ducks")
        repl.enter("/new")
        repl.enter("about geese")
        repl.leave()
    newer, older = stored_sessions(home)
    return older.session.short_id, newer.session.short_id


# -- /sessions, /new, /rename -------------------------------------------------------------------


def test_sessions_are_listed_most_recent_first(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert repl.output_of("/sessions") == "no sessions yet"
        repl.leave()
    older, newer = two_sessions(home)
    with conversation(home, "chat", "-c") as repl:
        repl.enter("/sessions")
        rows = [row for row in repl.screen.split("\n") if re.match(r"  [0-9a-f]{8}  ", row)]
        assert re.fullmatch(rf"  {newer}  .*  1 turn  about geese  \(current\)", rows[0])
        assert re.fullmatch(rf"  {older}  .*  2 turns  about ducks", rows[1])
        assert "/sessions ID switches to one" in repl.text
        repl.leave()


def test_turns_that_were_undone_are_not_counted(home: Home, server: FaultServer) -> None:
    listed = outputs(home, "one", "two", "/sessions", "/undo", "/sessions", "/undo", "/sessions")
    counts = [re.findall(r"  (\S[^ ]* .*turns?)  ", text.split("\n")[0]) for text in listed[2::2]]
    assert [count[0].split("  ")[-1] for count in counts] == [
        "2 turns",
        "1 of 2 turns",
        "0 of 2 turns",
    ]


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_a_session_takes_one_row_of_the_list(home: Home, server: FaultServer, columns: int) -> None:
    with conversation(home, columns=columns) as repl:
        repl.enter("为什么天空是蓝色的 " * 3 + "and a title that goes on and on and on and on")
        repl.enter("/sessions")
        rows = repl.screen.split("\n")
        (row,) = [row for row in rows if "just now" in row]
        assert re.search(r"1 turn  为什么.*…  \(current\)$", row)
        repl.leave()


@pytest.mark.parametrize("way", ["id", "beginning of an id", "title", "name"])
def test_switching_to_a_session_shows_its_last_turns_and_continues_it(
    home: Home, server: FaultServer, way: str
) -> None:
    older, _ = two_sessions(home)
    if way == "name":
        assert run_newapi("sessions", "rename", older, "quack", home=home).code == 0
    references = {"id": older, "beginning of an id": older[:6], "title": "about ducks"}
    with conversation(home) as repl:
        output = repl.output_of(f"/sessions {references.get(way, 'quack')}")
        assert output.startswith("> about ducks Answer 1. > more of ducks Answer 2.")
        assert f"session {older}" in output
        assert "2 turns" in output
        assert is_dim(repl, "> more of ducks")
        assert is_dim(repl, "Answer 2.")
        repl.enter("and swans?")
        repl.leave()
    assert sent_messages(server)[:2] == [("user", "about ducks"), ("assistant", "Answer 1.")]
    assert stored_sessions(home)[0].session.short_id == older


def test_an_unknown_session_changes_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        assert 'session "zzz" not found' in repl.output_of("/sessions zzz")
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]


def test_switching_to_a_session_uses_its_profile(home: Home, server: FaultServer) -> None:
    with FaultServer(answer=server._answer) as other:
        add_profile(home, "other", other.url, MODEL)
        with conversation(home, "chat", "-P", "other") as repl:
            repl.enter("said to the other")
            assert "newapi chat -S" in leave_and_read(repl)
        with conversation(home) as repl:
            repl.enter("/sessions said to the other")
            repl.terminal.wait_for("other · test-model · said to the other")
            repl.enter("on")
            repl.leave()
        assert len(other.requests) == 2
    assert server.requests == []


def test_a_failed_switch_keeps_the_profile(home: Home, server: FaultServer) -> None:
    add_profile(home, "other", "http://127.0.0.1:9", MODEL)
    with conversation(home, "chat", "-P", "other") as repl:
        repl.enter("said to the other")
        repl.leave()
    config = home.config_file.read_text("utf-8")
    home.config_file.write_text(config.replace("127.0.0.1:9", "127.0.0.1:10"))
    with conversation(home) as repl:
        output = repl.output_of("/sessions said to the other")
        assert "was sent to http://127.0.0.1:9" in output
        repl.enter("a")
        assert repl.output_of("/profile").startswith("profile: test")
        repl.leave()
    assert sent_messages(server) == [("user", "a")]


def test_a_new_conversation_leaves_the_old_one_stored(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("a")
        (old,) = stored_sessions(home)
        assert repl.output_of("/new") == f"new conversation; {old.session.short_id} is saved"
        assert repl.output_of("/new") == "new conversation"
        repl.enter("b")
        repl.leave()
    assert sent_messages(server) == [("user", "b")]
    assert stored_sessions(home)[1] == old


def test_rename_names_the_session_and_refuses_a_name_in_use(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        assert repl.output_of("/rename") == "name: not set"
        repl.enter("a")
        assert repl.output_of("/rename my   trip") == 'renamed to "my trip"'
        repl.terminal.wait_for("test-model · my trip · 1 turn")
        assert repl.output_of("/rename") == "name: my trip"
        repl.enter("/new")
        repl.enter("b")
        assert "already has this name" in repl.output_of("/rename my trip")
        assert repl.output_of("/rename") == "name: b"
        repl.enter(f"/rename {'x' * 81}")
        assert "must have 1 to 80 characters" in repl.text
        repl.leave()
    with conversation(home, "chat", "-S", "my trip") as repl:
        assert "Answer 1." in repl.text
        repl.leave()


# -- coming back ------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [("-c",), ("-S", "id"), ("-S", "trip")], ids=["-c", "id", "name"])
def test_a_later_run_shows_the_last_turns_dim_and_continues(
    home: Home, server: FaultServer, args: tuple[str, ...]
) -> None:
    with conversation(home) as repl:
        repl.enter("first question")
        repl.enter("second question")
        repl.enter("third question")
        repl.enter("/rename trip")
        repl.leave()
    short_id = stored_sessions(home)[0].session.short_id
    with conversation(home, "chat", *(short_id if arg == "id" else arg for arg in args)) as repl:
        for shown in ("> second question", "Answer 2.", "> third question", "Answer 3."):
            assert is_dim(repl, shown)
        assert "first question" not in repl.text
        assert f'session {short_id} "trip": 3 turns' in repl.words()
        assert "/retry" not in repl.text
        repl.enter("fourth")
        repl.leave()
    assert len(sent_messages(server)) == 7


def test_an_undone_turn_is_not_shown_in_a_later_run(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("first question")
        repl.enter("second question")
        repl.enter("/undo")
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        assert "second question" not in repl.text
        repl.enter("third")
        repl.leave()
    assert sent_messages(server) == [
        ("user", "first question"),
        ("assistant", "Answer 1."),
        ("user", "third"),
    ]


def test_an_interrupted_last_answer_is_reported_with_the_next_step(
    home: Home, server: FaultServer
) -> None:
    server.add(*part_then_silence())
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Paris is the capital.")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        output = "the last answer was interrupted: /continue or /retry"
        assert output in repl.words()
        repl.enter("/retry")
        repl.leave()
    assert sent_messages(server) == [("user", "a")]
    assert stored_sessions(home)[0].path[-1].status is Status.COMPLETE


def test_a_failed_last_answer_is_reported_with_its_reason(home: Home, server: FaultServer) -> None:
    server.add(*REFUSAL)
    with conversation(home) as repl:
        repl.enter("a")
        repl.leave()
    with conversation(home, "chat", "-c") as repl:
        output = r"the last answer failed: /retry sends the prompt again \(.*no such thing.*\)"
        assert re.search(output, repl.words())
        repl.leave()


# -- leaving ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [CTRL_D, f"/exit{ENTER}", f":q{ENTER}"])
def test_leaving_prints_the_session_and_the_command_that_resumes_it(
    home: Home, server: FaultServer, key: str
) -> None:
    with conversation(home) as repl:
        repl.enter("about ducks")
        last = leave_and_read(repl, key)
    short_id = stored_sessions(home)[0].session.short_id
    assert last.endswith(f'saved as {short_id} "about ducks"; resume: newapi chat -c')


def test_leaving_without_a_turn_prints_nothing(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        assert "saved as" not in leave_and_read(repl)


def test_leaving_a_resumed_session_without_a_turn_prints_nothing(
    home: Home, server: FaultServer
) -> None:
    run_newapi("chat", "-S", "taxes", "about taxes", home=home)
    run_newapi("chat", "about ducks", home=home)
    with conversation(home, "chat", "-S", "taxes") as repl:
        assert "saved as" not in leave_and_read(repl)


def test_the_resume_command_of_another_profile_names_the_session(
    home: Home, server: FaultServer
) -> None:
    add_profile(home, "other", server.url)
    with conversation(home) as repl:
        repl.enter("/profile other")
        repl.enter("a")
        last = leave_and_read(repl)
    short_id = stored_sessions(home)[0].session.short_id
    assert last.endswith(f"resume: newapi chat -S {short_id}")
    with conversation(home, "chat", "-S", short_id) as repl:
        repl.terminal.wait_for("other · test-model · a · 1 turn")
        repl.leave()


def test_a_run_without_saving_says_so_and_leaves_no_file(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-n") as repl:
        repl.terminal.wait_for("0 turns · not saved")
        repl.enter("a")
        repl.enter("b")
        repl.terminal.wait_for("2 turns · 24 tokens · not saved")
        assert "saved as" not in leave_and_read(repl)
    assert sent_messages(server) == [("user", "a"), ("assistant", "Answer 1."), ("user", "b")]
    assert not list((home.newapi_home).rglob("*.db"))
    assert not list((home.newapi_home).rglob("history"))
