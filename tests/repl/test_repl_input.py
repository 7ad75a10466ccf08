"""What a person types: many lines, pastes, and a history that keeps no keys."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest

from tests.repl.conversing import (
    ALT_ENTER,
    CTRL_C,
    CTRL_J,
    ENTER,
    ESCAPE,
    UP,
    conversation,
    last_prompt,
    stored_sessions,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import WaitFor, sse
from tests.support.wire import answer_events, chunk, event

KEY = "sk-anotherQ3wE5rT7yU9iO1pA2sD4fG6hJ8kL0zX"


def history(home: Home) -> Path:
    """Give the file of the history, which stands beside the sessions and nothing else."""
    files = {path for path in (home.newapi_home / "data").rglob("*") if path.is_file()}
    assert {file.name for file in files} == {"history", "sessions.db"}
    return home.newapi_home / "data" / "history"


# -- many lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        (f"one{ALT_ENTER}two", "one\ntwo"),
        (f"one{CTRL_J}two", "one\ntwo"),
        (f"one\\{ENTER}two", "one\ntwo"),
        (f'"""{ENTER}one{ENTER}{ENTER}  two{ENTER}"""', "one\n\n  two"),
        (f'"""one{ENTER}two"""', "one\ntwo"),
        (f"one{CTRL_J}/exit", "one\n/exit"),
        ('"""/exit"""', "/exit"),
    ],
    ids=["Alt+Enter", "Ctrl+J", "\\", "quotes", "quotes beside", "no command", "quoted command"],
)
def test_a_message_of_many_lines(home: Home, server: FaultServer, keys: str, sent: str) -> None:
    with conversation(home) as talk:
        talk.say(keys)
        talk.leave()
    assert len(server.requests) == 1
    assert last_prompt(server) == sent


def test_spaces_and_line_ends_of_a_message_stay(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say(f"  indented{CTRL_J}\N{NO-BREAK SPACE}two  ")
        talk.leave()
    assert last_prompt(server) == "  indented\n\N{NO-BREAK SPACE}two  "


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no end", "LF", "CRLF"])
def test_a_paste_is_one_message_and_is_not_sent_by_itself(
    home: Home, server: FaultServer, end: str
) -> None:
    lines = [f"line {number}" for number in range(40)]
    with conversation(home) as talk:
        talk.paste(("\r\n" if end == "\r\n" else "\n").join(lines) + end)
        talk.type("!")
        talk.terminal.wait_for("!")
        assert server.connections == []
        talk.say("")
        talk.leave()
    assert len(server.requests) == 1
    assert last_prompt(server) == "\n".join(lines) + ("\n" if end else "") + "!"


def test_a_paste_that_begins_like_a_command_is_a_message(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        for pasted in ("/etc/hosts\n/etc/fstab", "/exit\nwas pasted", "exit\nnow"):
            talk.paste(pasted)
            talk.say("")
            assert last_prompt(server) == pasted
        talk.leave()


def test_a_paste_with_escape_sequences_is_shown_harmlessly(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.paste("red \x1b[31m and a title \x1b]0;owned\x07 end")
        talk.terminal.wait_for("end")
        talk.say("")
        talk.leave()
    assert b"\x1b]0;owned" not in talk.terminal.raw
    assert last_prompt(server) == "red \x1b[31m and a title \x1b]0;owned\x07 end"


def test_a_large_paste_arrives_whole(home: Home, server: FaultServer) -> None:
    text = "".join(f"Zeile {number} 一二三\n" for number in range(2000)) + "end"
    with conversation(home) as talk:
        talk.paste(text)
        talk.terminal.wait_for("end")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == text


def test_any_script_can_be_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        for text in ("你好，世界", "👋🏽 été", "🇩🇪 👨‍👩‍👧"):
            talk.say(text)
            assert last_prompt(server) == text
        talk.leave()


def test_what_is_typed_while_an_answer_runs_waits_for_the_next_line(
    home: Home, server: FaultServer
) -> None:
    typed = threading.Event()
    server.add(*sse(event(chunk("Begun.\n\n")), WaitFor(typed), *answer_events("Done.")))
    with conversation(home) as talk:
        talk.type("a" + ENTER)
        talk.terminal.wait_for("Begun.")
        talk.type("next")
        typed.set()
        talk.wait_for_line()
        talk.terminal.wait_for("> next")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "next"


# -- history ----------------------------------------------------------------------------------


def test_up_recalls_what_was_said_in_the_last_run(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("the older question")
        talk.say(f"one{CTRL_J}two")
        talk.leave()
    with conversation(home) as talk:
        talk.type(UP)
        talk.terminal.wait_for(re.compile("one\n +two"))
        talk.type(UP + UP)
        talk.terminal.wait_for("> the older question")
        talk.say(" again")
        talk.leave()
    assert last_prompt(server) == "the older question again"


def test_the_history_is_the_owners_alone(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("hello there")
        talk.leave()
    session_id = stored_sessions(home)[0].session.id
    head, line = history(home).read_text("utf-8").strip().split("\n")
    assert re.fullmatch(rf"# \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ {session_id}", head)
    assert line == "+hello there"
    assert stat.S_IMODE(history(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(history(home).parent.stat().st_mode) == 0o700


def test_a_history_that_others_could_read_is_closed_to_them(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("hello there")
        talk.leave()
    history(home).chmod(0o644)
    with conversation(home) as talk:
        talk.leave()
    assert stat.S_IMODE(history(home).stat().st_mode) == 0o600


def test_a_line_with_a_key_is_never_in_the_history(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        for typed in (f"is {KEY} good?", f"/system {KEY}", f"one{CTRL_J}{KEY}", f"x={KEY}", KEY):
            talk.say(typed)
        talk.say("kept")
        talk.leave()
    text = history(home).read_text("utf-8")
    assert KEY[3:] not in text
    assert "kept" in text


def test_without_a_place_for_the_history_the_conversation_works(
    home: Home, server: FaultServer
) -> None:
    (home.newapi_home / "data").mkdir(mode=0o700)
    (home.newapi_home / "data" / "history").mkdir()
    with conversation(home) as talk:
        talk.say("hello")
        talk.type(UP)
        talk.terminal.wait_for(re.compile("> hello\n.*> hello", re.DOTALL))
        talk.type(CTRL_C)
        talk.leave()
    assert last_prompt(server) == "hello"


# -- vi ---------------------------------------------------------------------------------------


def test_vi_keys_work_where_the_setting_says_so(home: Home, server: FaultServer) -> None:
    home.configure(server.url, editing_mode="vi")
    with conversation(home) as talk:
        talk.type("hello world" + ESCAPE)
        talk.type("0")
        talk.type("dw")
        talk.terminal.wait_for(re.compile("^> world$", re.MULTILINE))
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "world"


def test_without_the_setting_escape_starts_no_commands(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.say("0dw")
        talk.leave()
    assert last_prompt(server) == "0dw"


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_the_editor_opens_the_line(home: Home, server: FaultServer, mode: str) -> None:
    editor = home.path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s, edited" "$(cat "$1")" > "$1"\n')
    editor.chmod(0o700)
    home.configure(server.url, editing_mode=mode)
    with conversation(home, env={"VISUAL": str(editor)}) as talk:
        talk.type("hello")
        talk.type(f"{ESCAPE}" if mode == "vi" else "\x18\x05")
        if mode == "vi":
            talk.type("v")
        server.wait_for_requests(1)
        talk.wait_for_line()
        talk.wait_for_line()
        talk.leave()
    assert last_prompt(server) == "hello, edited"
