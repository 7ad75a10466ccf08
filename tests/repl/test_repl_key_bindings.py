"""Keys of the input line: history, search, editor, vi, Ctrl-C, and tall messages."""

from __future__ import annotations

import re
import signal

import pytest

from tests.repl.conversation import (
    CTRL_C,
    CTRL_D,
    CTRL_J,
    ENTER,
    ESCAPE,
    UP,
    ConversationTerminal,
    conversation,
    default_modes,
    last_prompt,
    modes_of,
    sent_messages,
    wait_for_raw_keys,
    write_script,
)
from tests.support.fault_server import FaultServer
from tests.support.home import Home

DOWN, CTRL_R, CTRL_G, EDITOR_KEYS = "\x1b[B", "\x12", "\x07", "\x18\x05"
WINDOWS = [(80, 24), (100, 40), (20, 8)]
WINDOW_NAMES = [f"{columns}x{rows}" for columns, rows in WINDOWS]
BEAM, BLOCK = b"\x1b[6 q", b"\x1b[2 q"  # DECSCUSR
LINE_SEPARATOR = "\N{LINE SEPARATOR}"


def wait_for_row(repl: ConversationTerminal, row: str) -> None:
    """Wait until a row of the window equals a text."""
    repl.terminal.wait_until(lambda: row in repl.screen.split("\n"), what=row)


# -- history ----------------------------------------------------------------------------------


def test_up_and_down_move_through_the_history_of_two_runs(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.enter("first run")
        repl.enter("/model")
        repl.leave()
    with conversation(home) as repl:
        repl.enter("second run")
        for row in ("> second run", "> /model", "> first run"):
            repl.type(UP)
            wait_for_row(repl, row)
        repl.type(DOWN)
        wait_for_row(repl, "> /model")
        repl.type(DOWN + DOWN)
        wait_for_row(repl, ">")
        repl.type(UP)
        repl.enter(" again")
        repl.leave()
    assert last_prompt(server) == "second run again"


def test_up_recalls_a_line_that_ctrl_c_cleared(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("half a thought")
        wait_for_row(repl, "> half a thought")
        repl.type(CTRL_C)
        wait_for_row(repl, ">")
        repl.type(UP)
        wait_for_row(repl, "> half a thought")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "half a thought"


def test_a_recalled_message_is_unchanged(home: Home, server: FaultServer) -> None:
    text = f"one{LINE_SEPARATOR}two\vthree"
    with conversation(home) as repl:
        repl.paste(text)
        repl.enter("")
        assert last_prompt(server) == text
        repl.leave()
    with conversation(home) as repl:
        repl.type(UP)
        repl.terminal.wait_for("three")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == text


# -- Ctrl+R -----------------------------------------------------------------------------------


def send_three_prompts(repl: ConversationTerminal) -> None:
    """Send prompts that can be searched."""
    for question in ("the blue sky", "the green sea", "the red sun"):
        repl.enter(question)


def test_ctrl_r_finds_what_was_typed(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        repl.type(CTRL_R + "blue")
        wait_for_row(repl, "> the blue sky")
        repl.type(ENTER)
        repl.terminal.wait_until(lambda: "I-search" not in repl.screen)
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "the blue sky"


def test_ctrl_r_again_goes_further_back(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        repl.type(CTRL_R + "the")
        wait_for_row(repl, "> the red sun")
        repl.type(CTRL_R)
        wait_for_row(repl, "> the green sea")
        repl.type(ESCAPE)
        repl.terminal.wait_until(lambda: "I-search" not in repl.screen)
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "the green sea"


@pytest.mark.parametrize("key", [CTRL_C, CTRL_G], ids=["Ctrl-C", "Ctrl-G"])
def test_a_canceled_search_restores_the_line(home: Home, server: FaultServer, key: str) -> None:
    with conversation(home) as repl:
        send_three_prompts(repl)
        repl.type("new")
        wait_for_row(repl, "> new")
        repl.type(CTRL_R + "blue")
        wait_for_row(repl, "> the blue sky")
        repl.type(key)
        wait_for_row(repl, "> new")
        assert "I-search" not in repl.screen
        repl.enter(" words")
        repl.leave()
    assert last_prompt(server) == "new words"


# -- the editor -------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["VISUAL", "EDITOR"])
@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_ctrl_x_ctrl_e_opens_the_editor(
    home: Home, server: FaultServer, mode: str, variable: str
) -> None:
    editor = write_script(home, "editor", 'cp "$1" seen; printf "one\\ntwo, edited\\n" > "$1"')
    home.configure(server.url, editing_mode=mode)
    with conversation(home, env={variable: str(editor)}) as repl:
        repl.type(f"hello{CTRL_J}there")
        repl.terminal.wait_for("  there")
        repl.type(f"{ESCAPE}v" if mode == "vi" else EDITOR_KEYS)
        repl.terminal.wait_for("Answer 1.")
        repl.wait_for_line()
        repl.wait_for_line()
        assert "> one\n  two, edited\n" in repl.text
        repl.leave()
    assert (home.path / "seen").read_text() == "hello\nthere"
    assert last_prompt(server) == "one\ntwo, edited"


def test_an_editor_that_fails_leaves_the_line_unchanged(home: Home, server: FaultServer) -> None:
    editor = write_script(home, "editor", 'printf "spoilt" > "$1"; exit 1')
    with conversation(home, env={"VISUAL": str(editor)}) as repl:
        repl.type("hello")
        wait_for_row(repl, "> hello")
        repl.type(EDITOR_KEYS)
        repl.wait_for_line()
        wait_for_row(repl, "> hello")
        repl.enter(" there")
        repl.leave()
    assert last_prompt(server) == "hello there"


# -- vi ---------------------------------------------------------------------------------------


def test_vi_moves_through_the_history_and_inserts(home: Home, server: FaultServer) -> None:
    home.configure(server.url, editing_mode="vi")
    with conversation(home) as repl:
        repl.enter("older")
        repl.enter("newer")
        repl.type("draft")
        wait_for_row(repl, "> draft")
        repl.type(ESCAPE)
        repl.type("k")
        wait_for_row(repl, "> newer")
        repl.type("k")
        wait_for_row(repl, "> older")
        repl.type("j")
        wait_for_row(repl, "> newer")
        repl.type("0i")
        repl.type("much ")
        wait_for_row(repl, "> much newer")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "much newer"


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_the_cursor_shape_shows_the_mode_of_vi(home: Home, server: FaultServer, mode: str) -> None:
    home.configure(server.url, editing_mode=mode)
    with conversation(home) as repl:
        repl.type("word" + ESCAPE)
        if mode == "vi":
            repl.terminal.wait_until(lambda: BLOCK in repl.terminal.raw, what="a block")
            repl.type("a")
            repl.terminal.wait_until(
                lambda: repl.terminal.raw.rindex(BEAM) > repl.terminal.raw.rindex(BLOCK)
            )
        repl.type(CTRL_C)
        wait_for_row(repl, ">")
        repl.leave()
    assert (BLOCK in repl.terminal.raw) is (mode == "vi")


# -- Ctrl-C and Ctrl-D ------------------------------------------------------------------------


def test_ctrl_d_in_a_line_deletes_and_does_not_leave(home: Home, server: FaultServer) -> None:
    with conversation(home) as repl:
        repl.type("xhello")
        wait_for_row(repl, "> xhello")
        repl.type("\x01" + CTRL_D)
        wait_for_row(repl, "> hello")
        repl.enter("")
        repl.leave()
    assert last_prompt(server) == "hello"


def test_ctrl_c_leaves_only_if_pressed_twice_on_an_empty_line(
    home: Home, server: FaultServer
) -> None:
    with conversation(home) as repl:
        repl.type("x")
        wait_for_row(repl, "> x")
        repl.type(CTRL_C)
        wait_for_row(repl, ">")
        repl.type(CTRL_C)
        repl.wait_for_line()
        repl.terminal.wait_for("to exit, press Ctrl-C twice within a second, or Ctrl-D")
        assert repl.terminal.exit_code is None
        repl.type(CTRL_C)
        assert repl.terminal.wait_exit() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_at_a_confirmation_restores_the_terminal(
    home: Home, server: FaultServer, number: signal.Signals, code: int
) -> None:
    (home.path / "x").write_text("old")
    with conversation(home) as repl:
        repl.enter("a")
        repl.type("/save x" + ENTER)
        repl.terminal.wait_for("[y/N]")
        repl.wait_for_line()
        repl.terminal.send_signal(number)
        assert repl.terminal.wait_exit() == code
        assert modes_of(repl.terminal) == default_modes()
    assert (home.path / "x").read_text() == "old"


# -- what was typed, on the screen ------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=WINDOW_NAMES)
def test_a_message_taller_than_the_window_is_shown_once_and_complete(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    lines = [f"pasted line {number:02}" for number in range(50)]
    with conversation(home, "chat", "-S", "bar", columns=columns, rows=rows) as repl:
        repl.paste("\n".join(lines))
        repl.terminal.wait_for("pasted line 49")
        repl.type(ENTER)
        repl.wait_for_line()
        assert f"> {lines[0]}\n" + "".join(f"  {line}\n" for line in lines[1:]) in repl.text
        for line in lines:
            assert repl.text.count(line) == 1, line
        repl.leave()
    assert last_prompt(server) == "\n".join(lines)


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=WINDOW_NAMES)
def test_a_message_wider_than_the_window_is_shown_once(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    text = " ".join(f"word{number}" for number in range(12))
    with conversation(home, "chat", "-S", "bar", columns=columns, rows=rows) as repl:
        repl.enter(text)
        shown = re.sub(r"\n", "", repl.text)
        assert shown.count("word11") == shown.count("word3") == 1
        repl.leave()
    assert sent_messages(server) == [("user", text)]


def test_a_dumb_terminal_shows_a_message_once(home: Home, server: FaultServer) -> None:
    with conversation(home, env={"TERM": "dumb"}, is_ready=False) as repl:
        repl.terminal.wait_for(re.compile("^>", re.MULTILINE))
        wait_for_raw_keys(repl)
        repl.type("hello there" + ENTER)
        repl.terminal.wait_for(re.compile("Answer 1.*^>", re.MULTILINE | re.DOTALL))
        assert repl.text.count("hello there") == 1
        repl.type("exit" + ENTER)
        assert repl.terminal.wait_exit() == 0
