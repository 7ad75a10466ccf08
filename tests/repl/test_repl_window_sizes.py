"""The conversation in wide, narrow and tiny windows, and in one that is resized."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from tests.render.live.screens import ReflowingScreen
from tests.repl.conversation import ENTER, ConversationTerminal, conversation, last_prompt
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import SetEvent, WaitFor, sse
from tests.support.wire import DONE, MODEL, answer_events, chunk, event

WINDOWS = [(80, 24), (100, 40), (20, 8)]
NAMES = [f"{columns}x{rows}" for columns, rows in WINDOWS]
TABLE_AND_CODE = (
    "# Head\n\nSome words before.\n\n"
    "| name | value |\n|---|---|\n| alpha | ones |\n| beta | twos |\n\n"
    "```python\nprint('omega')\n```\n\nThe end."
)
CHINESE = "为什么天空是蓝色的而大海是绿色的还有太阳为什么是红色的呢"
BAR = re.compile(r"\d+ turns?\b|" + re.escape(MODEL))


class ReflowingWindow(ReflowingScreen):
    """A screen that also reports its cursor position, which the input line queries."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None]) -> None:
        super().__init__(columns, rows)
        self._reply = reply


def in_pieces(text: str) -> list[str]:
    """Cut a text into pieces of seven characters."""
    return [text[begin : begin + 7] for begin in range(0, len(text), 7)]


def bar_rows(repl: ConversationTerminal) -> list[str]:
    """Return the last rows of the window, from the status bar on."""
    rows = repl.screen.split("\n")
    bar = max(index for index, row in enumerate(rows) if row.startswith(" ") and BAR.search(row))
    return rows[bar:]


def wait_for_bar(repl: ConversationTerminal, text: str) -> None:
    """Wait until the last row of the window is the status bar and contains a text."""
    repl.terminal.wait_until(
        lambda: text in repl.screen.split("\n")[-1] and repl.screen.count("\n") >= 1, what=text
    )


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=NAMES)
def test_the_status_bar_takes_one_row_and_drops_the_least_important_parts(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as repl:
        wait_for_bar(repl, MODEL)
        repl.enter("a question of many words that gives the session its long title")
        wait_for_bar(repl, MODEL)
        (bar,) = bar_rows(repl)
        parts = bar.strip().split(" · ")
        if columns == 20:
            assert parts == [MODEL]
        else:
            assert parts[:2] == ["test", MODEL]
            assert "1 turn" in parts
        if columns == 100:
            title = "a question of many words that…"
            keys = ["/help", "Ctrl-D exits"]
            assert parts == ["test", MODEL, title, "1 turn", "12 tokens", *keys]
        repl.leave()


@pytest.mark.parametrize("columns", [30, 41, 60, 80])
def test_a_title_of_wide_characters_fits_into_the_status_bar(
    home: Home, server: FaultServer, columns: int
) -> None:
    with conversation(home, columns=columns) as repl:
        repl.enter(CHINESE)
        wait_for_bar(repl, "1 turn")
        (bar,) = bar_rows(repl)
        width = sum(2 if "一" <= character <= "龥" else 1 for character in bar)
        assert width <= columns
        assert bar.split(" · ")[-1] in ("1 turn", "12 tokens", "/help", "Ctrl-D exits")
        repl.leave()


def test_a_long_model_name_is_truncated_in_the_status_bar(home: Home, server: FaultServer) -> None:
    with conversation(home, "chat", "-m", "a-model-of-a-very-long-name", columns=20) as repl:
        wait_for_bar(repl, "a-model-of-a-very…")
        repl.leave()


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=NAMES)
def test_an_answer_with_a_table_and_code_is_readable_in_every_window(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    server.answer_with(lambda _: sse(*answer_events(*in_pieces(TABLE_AND_CODE))))
    with conversation(home, columns=columns, rows=rows) as repl:
        repl.enter("a")
        for word in ("Head", "before", "alpha", "ones", "beta", "twos", "print('omega')", "end."):
            assert repl.text.count(word) == 1, word
        repl.enter("b")
        assert repl.text.count("print('omega')") == 2
        repl.leave()


@pytest.mark.parametrize(("columns", "rows"), WINDOWS, ids=NAMES)
def test_messages_wrap_between_words(
    home: Home, server: FaultServer, columns: int, rows: int
) -> None:
    with conversation(home, columns=columns, rows=rows) as repl:
        repl.enter("/zzz")
        wanted = "unknown command /zzz; /help lists them, //zzz sends it as a message"
        assert wanted in repl.words()
        repl.enter("/undo")
        assert "nothing to undo" in repl.words()
        repl.leave()


def test_a_name_with_hyphens_is_not_split(home: Home, server: FaultServer) -> None:
    with conversation(home, columns=20, rows=8) as repl:
        repl.enter("/model a-model-name-1")
        assert "\na-model-name-1\n" in repl.text
        repl.leave()


def words(begin: int, count: int = 30) -> str:
    """Return a paragraph of unique words."""
    return " ".join(f"w{number:03}x" for number in range(begin, begin + count))


def test_a_resize_during_an_answer_loses_no_word(
    home: Home, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.terminal.Emulator", ReflowingWindow)
    gates = [(threading.Event(), threading.Event()) for _ in range(3)]
    pieces: list[object] = []
    for number, (shown, go_on) in enumerate(gates):
        text = (
            f"{words(number * 100)}\n\n- {words(number * 100 + 30)}\n- {words(number * 100 + 60)}"
        )
        pieces += [event(chunk(f"{text}\n\nbegun{number}")), SetEvent(shown), WaitFor(go_on)]
    last = [event(chunk(" and done.")), event(chunk(finish="stop")), DONE]
    server.add(*sse(*pieces, *last))  # type: ignore[arg-type]  # bytes and steps, mixed
    with conversation(home) as repl:
        repl.type("a" + ENTER)
        for number, size in enumerate([(41, 20), (80, 24), None]):
            repl.terminal.wait_for(f"w{number * 100 + 29:03}x")
            if size:
                repl.terminal.resize(*size)
            gates[number][1].set()
        repl.wait_for_line()
        for number in range(3):
            for word in range(number * 100, number * 100 + 90):
                assert f"w{word:03}x" in repl.text, word
        assert "and done." in repl.words()
        repl.enter("usable?")
        assert "Answer 2." in repl.text
        wait_for_bar(repl, "2 turns")
        assert len(bar_rows(repl)) == 1
        repl.leave()
    assert last_prompt(server) == "usable?"


def test_a_resize_while_typing_keeps_the_line(
    home: Home, server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.terminal.Emulator", ReflowingWindow)
    with conversation(home) as repl:
        repl.type("half a ")
        repl.terminal.wait_for("> half a")
        repl.terminal.resize(41, 20)
        wait_for_bar(repl, MODEL)
        repl.type("question ")
        repl.terminal.wait_for("> half a question")
        repl.terminal.resize(80, 24)
        wait_for_bar(repl, "Ctrl-D exits")
        repl.enter("of mine")
        wait_for_bar(repl, "1 turn")
        repl.leave()
    assert last_prompt(server) == "half a question of mine"
