"""K2: tables that are too wide for the window, through the command line on a terminal.

google-gemini/gemini-cli#18240: nothing is lost, and what columns cannot show is shown as records.
"""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path

import pytest

from tests.render.live.documents import at_random
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events

WIDE = (Path(__file__).parent.parent / "data/cases/md/wide.md").read_text("utf-8")


def table(*rows: list[str]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"


def numbered(prefix: str, columns: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(columns)]


SIBLINGS = {
    "31 columns": table(numbered("h", 31), numbered("c", 31)),
    "14 columns": table(numbered("i", 14), numbered("d", 14)),
    "60 columns, 3 rows": table(*(numbered(prefix, 60) for prefix in "jke")),
    "columns of sentences": table(
        ["Model", "Advantages", "Disadvantages", "Recommended"],
        ["small", "answers at once, costs little", "forgets long conversations", "summaries"],
        ["large", "understands complicated instructions", "slow, expensive", "programming"],
    ),
    "Chinese": table(
        ["模型", "上下文长度", "输入价格", "输出价格", "适合的任务", "备注"],
        ["通义千问", "十二万八千", "每百万三元", "每百万九元", "中文写作与翻译", "默认分组可用"],
    ),
    "long words": table(
        ["file", "a-very-long-setting-name", "https://h.example/a/path"],
        ["newapi_cli/render/live/tables.py", "some_identifier_of_python", "x" * 50],
    ),
    "cells that exceed the header": table(["p1", "p2"], ["q1", "q2 || q3"], ["q4", "q5 | q6"]),
    "markup": table(["**bold**", "`code`"], ["[text](https://h.example/t)", "one<br>two ~~old~~"]),
    "in a quote": "".join(f"> {line}\n" for line in table(numbered("r", 12), numbered("s", 12))
                          .splitlines()),
    "in a list": "- t\n\n" + "".join(f"  {line}\n" for line in
                                     table(numbered("u", 12), numbered("v", 12)).splitlines()),
}  # fmt: skip
SHORT_WORDS = [
    "answers", "forgets", "Recommended", "complicated", "programming", "identifier", "understands",
    *(f"{prefix}{number}" for prefix in "hcidjkersuv" for number in (0, 7, 11)), "value12", "alpha",
    "q3", "q6", "two", "old", "bold",
]  # fmt: skip


def shown(home: Home, columns: int, *, in_pieces: bool) -> list[str]:
    """Return the rows of a terminal with all tables."""
    source = "\n\ntext\n\n".join([WIDE, *SIBLINGS.values()])
    pieces = at_random(random.Random(columns), 80)(source) if in_pieces else [source]
    with FaultServer(sse(*answer_events(*pieces))) as server:
        home.configure(server.url)
        command = newapi_command("chat", "-n", "--no-usage", "hi")
        with Terminal(command, home=home, columns=columns, rows=20) as terminal:
            assert terminal.wait_exit() == 0
            return terminal.all_text().split("\n")


@pytest.mark.parametrize("columns", [80, 40, 120])
def test_wide_tables_lose_nothing(home: Home, columns: int) -> None:
    rows = shown(home, columns, in_pieces=False)
    assert shown(home, columns, in_pieces=True) == rows
    text = "\n".join(rows)
    words = set(
        chain.from_iterable(row.replace("-", " ").replace("_", " ").split() for row in rows)
    )
    assert [word for word in SHORT_WORDS if word not in words] == []
    joined = "".join(text.split())
    cells = ["https://h.example/t", "q2||q3", "通义千问", "每百万九元", "默认分组可用", "x" * 20]
    assert [cell for cell in cells if cell not in joined] == []
    if columns == 80:
        at = rows.index("alpha")
        assert rows[at : at + 4] == ["alpha", "value01", "  beta     value02", "  gamma    value03"]
