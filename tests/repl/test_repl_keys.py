"""Keys of the input line: its history, its search, its editor, vi, Ctrl-C, and tall messages."""

from __future__ import annotations

import re
import signal
import threading

import pytest

from tests.repl.conversing import (
    CTRL_C,
    CTRL_D,
    CTRL_J,
    ENTER,
    ESCAPE,
    UP,
    Conversing,
    conversation,
    fresh_modes,
    last_prompt,
    modes_of,
    said,
    script,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home

DOWN, CTRL_R, CTRL_G, EDITOR_KEYS = "\x1b[B", "\x12", "\x07", "\x18\x05"
WINDOWS = [(80, 24), (100, 40), (20, 8)]
WINDOW_NAMES = [f"{columns}x{rows}" for columns, rows in WINDOWS]
BEAM, BLOCK = b"\x1b[6 q", b"\x1b[2 q"  # DECSCUSR
LINE_SEPARATOR = "\N{LINE SEPARATOR}"


def wait_for_row(talk: Conversing, row: str) -> None:
    """Wait until a row of the window says just this."""
    talk.terminal.wait_until(lambda: row in talk.screen.split("\n"), what=row)


def wait_for_raw_keys(talk: Conversing) -> None:
    """Wait until the terminal itself no longer echoes; a dumb one is told nothing of it."""
    for _ in range(1000):
        if not talk.terminal.echoes:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the terminal still echoes")


# -- history ----------------------------------------------------------------------------------


def test_up_and_down_walk_through_what_was_typed_in_two_runs(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.say("first run")
        talk.say("/model")
        talk.leave()
    with conversation(home) as talk:
        talk.say("second run")
        for row in ("> second run", "> /model", "> first run"):
            talk.type(UP)
            wait_for_row(talk, row)
        talk.type(DOWN)
        wait_for_row(talk, "> /model")
        talk.type(DOWN + DOWN)
        wait_for_row(talk, ">")
        talk.type(UP)
        talk.say(" again")
        talk.leave()
    assert last_prompt(server) == "second run again"


def test_up_brings_back_what_ctrl_c_has_cleared(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type("half a thought")
        wait_for_row(talk, "> half a thought")
        talk.type(CTRL_C)
        wait_for_row(talk, ">")
        talk.type(UP)
        wait_for_row(talk, "> half a thought")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "half a thought"


def test_a_recalled_message_is_the_very_same(home: Home, server: FaultServer) -> None:
    text = f"one{LINE_SEPARATOR}two\vthree"
    with conversation(home) as talk:
        talk.paste(text)
        talk.say("")
        assert last_prompt(server) == text
        talk.leave()
    with conversation(home) as talk:
        talk.type(UP)
        talk.terminal.wait_for("three")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == text


# -- Ctrl+R -----------------------------------------------------------------------------------


def ask_three(talk: Conversing) -> None:
    """Ask what can be searched."""
    for question in ("the blue sky", "the green sea", "the red sun"):
        talk.say(question)


def test_ctrl_r_finds_what_was_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        talk.type(CTRL_R + "blue")
        wait_for_row(talk, "> the blue sky")
        talk.type(ENTER)
        talk.terminal.wait_until(lambda: "I-search" not in talk.screen)
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "the blue sky"


def test_ctrl_r_again_goes_further_back(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        talk.type(CTRL_R + "the")
        wait_for_row(talk, "> the red sun")
        talk.type(CTRL_R)
        wait_for_row(talk, "> the green sea")
        talk.type(ESCAPE)
        talk.terminal.wait_until(lambda: "I-search" not in talk.screen)
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "the green sea"


@pytest.mark.parametrize("key", [CTRL_C, CTRL_G], ids=["Ctrl-C", "Ctrl-G"])
def test_a_search_is_left_with_the_line_as_it_was(
    home: Home, server: FaultServer, key: str
) -> None:
    with conversation(home) as talk:
        ask_three(talk)
        talk.type("new")
        wait_for_row(talk, "> new")
        talk.type(CTRL_R + "blue")
        wait_for_row(talk, "> the blue sky")
        talk.type(key)
        wait_for_row(talk, "> new")
        assert "I-search" not in talk.screen
        talk.say(" words")
        talk.leave()
    assert last_prompt(server) == "new words"


# -- the editor -------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_keys_open_the_editor_that_is_set(
    home: Home, server: FaultServer, mode: str, variable: str
) -> None:
    editor = script(home, "editor", 'cp "$1" seen; printf "one\\ntwo, edited\\n" > "$1"')
    home.configure(server.url, editing_mode=mode)
    with conversation(home, env={variable: str(editor)}) as talk:
        talk.type(f"hello{CTRL_J}there")
        talk.terminal.wait_for("  there")
        talk.type(f"{ESCAPE}v" if mode == "vi" else EDITOR_KEYS)
        talk.terminal.wait_for("Answer 1.")
        talk.wait_for_line()
        talk.wait_for_line()
        assert "> one\n  two, edited\n" in talk.text
        talk.leave()
    assert (home.path / "seen").read_text() == "hello\nthere"
    assert last_prompt(server) == "one\ntwo, edited"


def test_an_editor_that_fails_leaves_the_line_as_it_was(home: Home, server: FaultServer) -> None:
    editor = script(home, "editor", 'printf "spoilt" > "$1"; exit 1')
    with conversation(home, env={"VISUAL": str(editor)}) as talk:
        talk.type("hello")
        wait_for_row(talk, "> hello")
        talk.type(EDITOR_KEYS)
        talk.wait_for_line()
        wait_for_row(talk, "> hello")
        talk.say(" there")
        talk.leave()
    assert last_prompt(server) == "hello there"


# -- vi ---------------------------------------------------------------------------------------


def test_vi_moves_through_the_history_and_inserts(home: Home, server: FaultServer) -> None:
    home.configure(server.url, editing_mode="vi")
    with conversation(home) as talk:
        talk.say("older")
        talk.say("newer")
        talk.type("draft")
        wait_for_row(talk, "> draft")
        talk.type(ESCAPE)
        talk.type("k")
        wait_for_row(talk, "> newer")
        talk.type("k")
        wait_for_row(talk, "> older")
        talk.type("j")
        wait_for_row(talk, "> newer")
        talk.type("0i")
        talk.type("much ")
        wait_for_row(talk, "> much newer")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "much newer"


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_the_cursor_tells_the_modes_of_vi_apart(home: Home, server: FaultServer, mode: str) -> None:
    home.configure(server.url, editing_mode=mode)
    with conversation(home) as talk:
        talk.type("word" + ESCAPE)
        if mode == "vi":
            talk.terminal.wait_until(lambda: BLOCK in talk.terminal.raw, what="a block")
            talk.type("a")
            talk.terminal.wait_until(
                lambda: talk.terminal.raw.rindex(BEAM) > talk.terminal.raw.rindex(BLOCK)
            )
        talk.type(CTRL_C)
        wait_for_row(talk, ">")
        talk.leave()
    assert (BLOCK in talk.terminal.raw) is (mode == "vi")


# -- Ctrl-C and Ctrl-D ------------------------------------------------------------------------


def test_ctrl_d_in_a_line_deletes_and_does_not_leave(home: Home, server: FaultServer) -> None:
    with conversation(home) as talk:
        talk.type("xhello")
        wait_for_row(talk, "> xhello")
        talk.type("\x01" + CTRL_D)
        wait_for_row(talk, "> hello")
        talk.say("")
        talk.leave()
    assert last_prompt(server) == "hello"


def test_ctrl_c_leaves_only_where_it_comes_twice_at_an_empty_line(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as talk:
        talk.type("x")
        wait_for_row(talk, "> x")
        talk.type(CTRL_C)
        wait_for_row(talk, ">")
        talk.type(CTRL_C)
        talk.wait_for_line()
        talk.terminal.wait_for("press Ctrl-C again, or Ctrl-D, to leave")
        assert talk.terminal.exit_code is None
        talk.type(CTRL_C)
        assert talk.terminal.wait_exit() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_at_a_question_ends_in_order(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    (home.path / "x").write_text("old")
    with conversation(home) as talk:
        talk.say("a")
        talk.type("/save x" + ENTER)
        talk.terminal.wait_for("[y/N]")
        talk.wait_for_line()
        talk.terminal.send_signal(number)
        assert talk.terminal.wait_exit() == code
        assert modes_of(talk.terminal) == fresh_modes()
    assert (home.path / "x").read_text() == "old"


# -- what was typed, on the screen ------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=WINDOW_NAMES)
def test_a_message_taller_than_the_window_stands_above_its_answer_whole_and_once(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    lines = [f"pasted line {number:02}" for number in range(50)]
    with conversation(home, "chat", "-S", "bar", columns=columns, rows=rows) as talk:
        talk.paste("\n".join(lines))
        talk.terminal.wait_for("pasted line 49")
        talk.type(ENTER)
        talk.wait_for_line()
        assert f"> {lines[0]}\n" + "".join(f"  {line}\n" for line in lines[1:]) in talk.text
        for line in lines:
            assert talk.text.count(line) == 1, line
        talk.leave()
    assert last_prompt(server) == "\n".join(lines)


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=WINDOW_NAMES)
def test_a_message_wider_than_the_window_is_shown_once(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    text = " ".join(f"word{number}" for number in range(12))
    with conversation(home, "chat", "-S", "bar", columns=columns, rows=rows) as talk:
        talk.say(text)
        shown = re.sub(r"\n", "", talk.text)
        assert shown.count("word11") == shown.count("word3") == 1
        talk.leave()
    assert said(server) == [("user", text)]


def test_a_dumb_terminal_shows_a_message_once(home: Home, server: FaultServer) -> None:
    with conversation(home, env={"TERM": "dumb"}, is_ready=False) as talk:
        talk.terminal.wait_for(re.compile("^>", re.MULTILINE))
        wait_for_raw_keys(talk)
        talk.type("hello there" + ENTER)
        talk.terminal.wait_for(re.compile("Answer 1.*^>", re.MULTILINE | re.DOTALL))
        assert talk.text.count("hello there") == 1
        talk.type("exit" + ENTER)
        assert talk.terminal.wait_exit() == 0
