"""K2: Markdown as models write it, through the command line on a terminal.

commonmark/commonmark-spec#650, LionSR/TeXRA#4582, charmbracelet/glow#162, charmbracelet/crush#2039.
`tests/render/live` has the other inputs of the same kinds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pyte.screens import Char

from tests.render.live.documents import at_random
from tests.repl.conversation import conversation
from tests.support.emulator import Row
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events

INPUTS = Path(__file__).parent.parent / "data/cases/md"
ASCII = {"LC_ALL": "C", "LANG": None, "PYTHONUTF8": "0"}
CSI = re.compile(rb"\x1b\[[\d;?]*[A-Za-z]")


class Shown:
    """What a terminal shows of an answer: its rows, and its bytes without control sequences."""

    def __init__(self, terminal: Terminal) -> None:
        emulator = terminal.emulator
        self.cells: list[Row] = [*emulator.scrolled_out, *map(emulator._row, range(emulator.lines))]
        self.rows = terminal.all_text().split("\n")
        self.written = CSI.sub(b"", terminal.raw).replace(b"\r\n", b"\n").decode()

    def spans(self, has: Callable[[Char], bool]) -> list[str]:
        """Return the runs of cells with an attribute."""
        runs = []
        for row in self.cells:
            text = "".join(cell.data if has(cell) else "\n" for cell in row)
            runs += [run for part in text.split("\n") if (run := part.strip())]
        return runs


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    home.configure(fault_server.url, retries=0)
    return fault_server


@pytest.fixture(params=["whole", "pieces"])
def show(request: pytest.FixtureRequest, home: Home, server: FaultServer) -> Callable[[str], Shown]:
    """Answer with an input, whole or streamed in small pieces, and return what is shown."""

    def shown(name: str) -> Shown:
        source = (INPUTS / name).read_text("utf-8")
        pieces = [source] if request.param == "whole" else at_random(random.Random(1), 5)(source)
        server.add(*sse(*answer_events(*pieces)))
        command = newapi_command("chat", "-n", "hi")
        with Terminal(command, home=home, rows=40) as terminal:
            assert terminal.wait_exit() == 0
            return Shown(terminal)

    return shown


def test_emphasis_beside_cjk_punctuation(show: Callable[[str], Shown]) -> None:
    shown = show("cjkbold.md")
    assert shown.spans(lambda cell: cell.bold) == [
        "注意：", "“重点”", "价格（元）", "강조(emphasis)",
    ]  # fmt: skip
    assert shown.spans(lambda cell: cell.italics) == ["重要。"]
    assert "**" not in "\n".join(shown.rows)


def test_formulas_are_shown_as_they_were_written(show: Callable[[str], Shown]) -> None:
    shown = show("math.md")
    text = "\n".join(shown.rows)
    for formula in (r"\(a_1 * b_1 * c\)", r"\[ x_1 * y_1 * z \]", r"$x_i * y_i$"):
        assert formula in text
    assert r"$$\frac{a_{1}}{b_{2}} \\ c$$." in text
    assert "\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}" in text
    assert len(shown.spans(lambda cell: cell.fg == "magenta")) == 8


def test_breaks_in_text_and_cells_and_other_tags(show: Callable[[str], Shown]) -> None:
    shown = show("br.md")
    rows = [row.split() for row in shown.rows]
    start = rows.index(["one", "first"])
    assert rows[start + 1 : start + 3] == [["second"], ["third"]]
    for row in ("<details>", "<summary>More</summary>", "Hidden text bold", "</details>"):
        assert row in shown.rows
    assert "Press <kbd>Ctrl</kbd>+<kbd>C</kbd>. H<sub>2</sub>O <!-- note -->" in shown.rows
    lines = ["A line with two blanks", "next line and a backslash", "third line", "fourth"]
    at = shown.rows.index(lines[0])
    assert shown.rows[at : at + 4] == lines
    assert shown.spans(lambda cell: cell.bold)[-1] == "bold"


def test_tabs_and_underscores(show: Callable[[str], Shown]) -> None:
    shown = show("tab.md")
    assert "all:\n\tcc -o a a.c\n" in shown.written
    assert "Use __init__.py and __name__ or *.py and *.js; run cd <folder> with" in shown.rows
    assert "List<String>." in shown.rows
    assert f"{'x' * 120}END" in shown.written
    assert shown.spans(lambda cell: cell.bold) == []


def test_a_stored_answer_is_shown_as_the_live_one(
    home: Home, server: FaultServer, fault_server: FaultServer
) -> None:
    source = "".join((INPUTS / name).read_text("utf-8") for name in ("cjkbold.md", "math.md"))
    fault_server.add(*sse(*answer_events(*at_random(random.Random(2), 9)(source))))
    with Terminal(newapi_command("chat", "hi"), home=home, rows=40) as terminal:
        assert terminal.wait_exit() == 0
        live = terminal.all_text()
    command = newapi_command("sessions", "show")
    with Terminal(command, home=home, env={"PAGER": "cat"}, rows=40) as terminal:
        assert terminal.wait_exit() == 0
        stored = terminal.all_text()
    answer = live[live.index("注意") : live.index("\\end{aligned}")]
    assert answer in stored


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_our_marks_are_ascii_on_a_terminal_that_has_no_others(
    home: Home, server: FaultServer, encoding: str
) -> None:
    source = "- a\n  - b\n    - c\n> d\n\n---\n\n| e |\n|---|\n| f<br>g |\n| h |\n"
    server.add(*sse(*answer_events(source)))
    env = ASCII | {"PYTHONIOENCODING": encoding}
    with Terminal(newapi_command("chat", "-n", "hi"), home=home, env=env) as terminal:
        assert terminal.wait_exit() == 0
        rows = terminal.all_text().split("\n")
    assert rows[:6] == [" * a", "    - b", "       + c", "", "| d", ""]
    assert rows[6] == "-" * 80
    assert rows[8:14] == ["e", "-", "f", "g", "-", "h"]
    assert "\\u" not in "\n".join(rows)


def test_the_status_bar_is_ascii_on_a_terminal_that_has_nothing_else(
    home: Home, server: FaultServer
) -> None:
    env = ASCII | {"PYTHONIOENCODING": "ascii"}
    with conversation(home, env=env) as repl:
        repl.terminal.wait_for("0 turns . /help . Ctrl-D exits")
        repl.leave()
