"""The input line: several lines, pastes, and a history without API keys."""

from __future__ import annotations

import re
import stat
import threading
from pathlib import Path

import pytest

from tests.repl.conversation import (
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
from tests.repl.in_process import outputs
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import WaitFor, sse
from tests.support.wire import answer_events, chunk, event

KEY = "sk-anotherQ3wE5rT7yU9iO1pA2sD4fG6hJ8kL0zX"


def history(home: Home) -> Path:
    """Return the history file, which must be the only file beside the sessions."""
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
    with conversation(home) as repl:
        repl.type_lines(keys)
        repl.enter("")
        repl.leave()
    assert len(server.requests) == 1
    assert last_prompt(server) == sent


def test_spaces_and_line_breaks_of_a_message_are_kept(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type_lines(f"  indented{CTRL_J}\N{NO-BREAK SPACE}two  ")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "  indented\n\N{NO-BREAK SPACE}two  "


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["no end", "LF", "CRLF"])
def test_a_paste_is_one_message_and_is_not_sent_by_itself(
    home: Home, server: FaultServer, end: str
) -> None:
    lines = [f"line {number}" for number in range(40)]
    with conversation(home) as repl:
        repl.paste(("\r\n" if end == "\r\n" else "\n").join(lines) + end)
        repl.type("!")
        repl.terminal.wait_for("!")
        assert server.connections == []
        repl.enter("")
        repl.leave()
    assert len(server.requests) == 1
    assert last_prompt(server) == "\n".join(lines) + ("\n" if end else "") + "!"


def test_a_pasted_text_that_begins_like_a_command_is_a_message(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        for pasted in ("/etc/hosts\n/etc/fstab", "/nope\nwas pasted", "exit\nnow"):
            repl.paste(pasted)
            repl.enter("")
            assert last_prompt(server) == pasted
        repl.leave()


def test_a_text_whose_first_line_is_a_command_is_not_sent(home: Home, server: FaultServer) -> None:
    printed = outputs(home, "/help\n/model", "/system be brief\nand kind", "/EXIT\nwas pasted")
    refusal = "a command is a single line; //{} … sends the text as a message"
    assert printed[:3] == [refusal.format(word) for word in ("help", "system", "exit")]
    assert server.connections == []


def test_escape_sequences_in_a_paste_are_shown_as_text(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.paste("red \x1b[31m and a title \x1b]0;owned\x07 end")
        repl.terminal.wait_for("end")
        repl.enter("")
        repl.leave()
    assert b"\x1b]0;owned" not in repl.terminal.raw
    assert last_prompt(server) == "red \x1b[31m and a title \x1b]0;owned\x07 end"


def test_a_large_paste_arrives_complete(home: Home, server: FaultServer) -> None:
    text = "".join(f"Zeile {number} 一二三\n" for number in range(2000)) + "end"
    with conversation(home) as repl:
        repl.paste(text)
        repl.terminal.wait_for("end")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == text


def test_any_script_can_be_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        for text in ("你好，世界", "👋🏽 été", "🇩🇪 👨‍👩‍👧"):
            repl.enter(text)
            assert last_prompt(server) == text
        repl.leave()


def test_text_typed_during_an_answer_becomes_the_next_line(home: Home, server: FaultServer) -> None:
    typed = threading.Event()
    server.add(*sse(event(chunk("Begun.\n\n")), WaitFor(typed), *answer_events("Done.")))
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        repl.terminal.wait_for("Begun.")
        repl.type("next")
        typed.set()
        repl.wait_for_line()
        repl.terminal.wait_for("> next")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "next"


# -- history ----------------------------------------------------------------------------------


def test_up_recalls_messages_of_the_last_run(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("the older question")
        repl.type_lines(f"one{CTRL_J}two")
        repl.enter("")
        repl.leave()
    with conversation(home) as repl:
        repl.type(UP)
        repl.terminal.wait_for(re.compile("one\n +two"))
        repl.type(UP + UP)
        repl.terminal.wait_for("> the older question")
        repl.enter(" again")
        repl.leave()
    assert last_prompt(server) == "the older question again"


def test_the_history_is_private(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("hello there")
        repl.leave()
    session_id = stored_sessions(home)[0].session.id
    head, line = history(home).read_text("utf-8").strip().split("\n")
    assert re.fullmatch(rf"# \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ {session_id}", head)
    assert line == "+hello there"
    assert stat.S_IMODE(history(home).stat().st_mode) == 0o600
    assert stat.S_IMODE(history(home).parent.stat().st_mode) == 0o700


def test_a_readable_history_is_made_private(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("hello there")
        repl.leave()
    history(home).chmod(0o644)
    with conversation(home) as repl:
        repl.leave()
    assert stat.S_IMODE(history(home).stat().st_mode) == 0o600


def test_a_line_with_a_key_is_not_stored_in_the_history(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        for typed in (f"is {KEY} good?", f"/system {KEY}", f"one{CTRL_J}{KEY}", f"x={KEY}", KEY):
            repl.type_lines(typed)
            repl.enter("")
        repl.enter("kept")
        repl.leave()
    text = history(home).read_text("utf-8")
    assert KEY[3:] not in text
    assert "kept" in text


def test_the_conversation_works_without_a_history_file(home: Home, server: FaultServer) -> None:
    (home.newapi_home / "data").mkdir(mode=0o700)
    (home.newapi_home / "data" / "history").mkdir()
    with conversation(home) as repl:
        repl.enter("hello")
        repl.type(UP)
        repl.terminal.wait_for(re.compile("> hello\n.*> hello", re.DOTALL))
        repl.type(CTRL_C)
        repl.leave()
    assert last_prompt(server) == "hello"


# -- vi ---------------------------------------------------------------------------------------


def test_vi_keys_work_if_they_are_set(home: Home, server: FaultServer) -> None:
    home.configure(server.url, editing_mode="vi")
    with conversation(home) as repl:
        repl.type("hello world" + ESCAPE)
        repl.type("0")
        repl.type("dw")
        repl.terminal.wait_for(re.compile("^> world$", re.MULTILINE))
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "world"


def test_without_the_setting_escape_starts_no_vi_command(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("0dw")
        repl.leave()
    assert last_prompt(server) == "0dw"


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_the_editor_opens_the_line(home: Home, server: FaultServer, mode: str) -> None:
    editor = home.path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s, edited" "$(cat "$1")" > "$1"\n')
    editor.chmod(0o700)
    home.configure(server.url, editing_mode=mode)
    with conversation(home, env={"VISUAL": str(editor)}) as repl:
        repl.type("hello")
        repl.type(f"{ESCAPE}" if mode == "vi" else "\x18\x05")
        if mode == "vi":
            repl.type("v")
        server.wait_for_requests(1)
        repl.wait_for_line()
        repl.wait_for_line()
        repl.leave()
    assert last_prompt(server) == "hello, edited"
