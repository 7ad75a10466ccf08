"""A real model that a grammar forces to answer with formulas, a wide table or Chinese emphasis.

The grammar fixes all but a few characters, so the test knows what the server sent.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest

from tests.render.live.documents import layout_for, reference_rows
from tests.render.live.screens import Screen
from tests.support.emulator import Row
from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

TIMEOUT_S = 60.0
ROWS = 60
# What the model chooses: classes that grammars and regular expressions write alike.
CHOICES = {"word": "[a-z]{3,6}", "letter": "[a-z]", "digit": "[1-9]", "hanzi": "[一-鿿]{2}"}
CHOICE = re.compile("<([a-z]+)>")
PLACE = re.compile(r"<(\d+)>")


class Forced(NamedTuple):
    """An answer with `<choices>` of the model, and how it is shown; `<0>` is the first choice."""

    source: str
    columns: int
    shown: str
    style: tuple[str, str | bool]
    styled: str  # all characters with that style

    @property
    def grammar(self) -> str:
        """Return the grammar of the answer, as llama.cpp reads it."""
        parts = CHOICE.split(self.source)
        parts[::2] = [json.dumps(literal, ensure_ascii=False) for literal in parts[::2]]
        parts[1::2] = [CHOICES[name] for name in parts[1::2]]
        return "root ::= " + " ".join(parts)

    def choices_in(self, answer: str) -> list[str]:
        """Return what the model chose."""
        parts = CHOICE.split(self.source)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = [f"({CHOICES[name]})" for name in parts[1::2]]
        match = re.fullmatch("".join(parts), answer)
        assert match is not None, answer
        return list(match.groups())


FORMULAS = Forced(
    "Area: $<letter>_1 * <letter>_2$, so *it* is\n\n"
    "\\[\n+ \\frac{<letter>_1}{<digit>} \\\\\n- <letter>^*\n\\]\n",
    24,
    "Area: $<0>_1 * <1>_2$, so it\nis\n\n\\[\n+ \\frac{<2>_1}{<3>} \\\\\n- <4>^*\n\\]",
    ("fg", "magenta"),
    "$<0>_1 * <1>_2$\\[+ \\frac{<2>_1}{<3>} \\\\- <4>^*\\]",
)
TABLE = Forced(
    "| pet | legs | home | food |\n|--|--:|--|--|\n"
    "| <word> | <digit> | **<word>** | |\n| <word> | <digit> | | <word> |\n",
    16,  # too narrow for four columns
    "pet\n<0>\n  legs  <1>\n  home  <2>\n\n<3>\n  legs  <4>\n  food  <5>",
    ("bold", True),
    "<0><2><3>",
)
CHINESE = Forced(
    "**<hanzi>：**请看**“<hanzi>”**。\n**<hanzi>（<hanzi>）**是\n",
    12,
    "<0>：请看\n“<1>”。\n<2>（<3>）\n是",
    ("bold", True),
    "<0>：“<1>”<2>（<3>）",
)


def screen_rows(home: Home, columns: int, *args: str) -> list[Row]:
    """Return the cells that a command leaves on a terminal."""
    colors = {"COLORTERM": "truecolor"}
    command = newapi_command(*args)
    with Terminal(command, home=home, env=colors, columns=columns, rows=ROWS) as terminal:
        assert terminal.wait_exit(TIMEOUT_S) == 0
        screen = Screen(columns, ROWS)
        screen.feed(terminal.raw)
        return screen.all_rows()


def text_of(rows: list[Row]) -> str:
    """Return rows as text."""
    return "\n".join("".join(cell.data for cell in row).rstrip() for row in rows)


@pytest.mark.parametrize("forced", [FORMULAS, TABLE, CHINESE], ids=["formulas", "table", "chinese"])
def test_a_forced_answer_is_shown_as_the_server_sent_it(live_home: Home, forced: Forced) -> None:
    grammar = f"grammar={json.dumps(forced.grammar)}"
    command = ("chat", "-q", "-o", grammar, "--max-tokens", "400", "Say hello")
    piped = run_newapi(*command, home=live_home, stdin=None, timeout_s=TIMEOUT_S)
    assert (piped.code, piped.err) == (0, "")
    choices = forced.choices_in(piped.text)

    def filled(template: str) -> str:
        return PLACE.sub(lambda place: choices[int(place[1])], template)

    streamed = screen_rows(live_home, forced.columns, *command)
    assert text_of(streamed) == filled(forced.shown)
    name, value = forced.style
    cells = [cell for row in streamed for cell in row if getattr(cell, name) == value]
    assert "".join(cell.data for cell in cells) == filled(forced.styled)

    complete = Screen(forced.columns, ROWS)
    rows = reference_rows(piped.text, layout_for(forced.columns))
    complete.write("".join(f"{row.text}\n" for row in rows))
    assert streamed == complete.all_rows()
    page = screen_rows(live_home, forced.columns, "sessions", "show")
    starts = range(len(page) - len(streamed) + 1)
    assert any(page[start : start + len(streamed)] == streamed for start in starts)
