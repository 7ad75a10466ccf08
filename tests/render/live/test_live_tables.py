"""Tables: nothing is lost and no short word is broken, as columns or as records, at any width."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from newapi_cli.render.live.layout import Row
from newapi_cli.render.live.wrapping import line_breaks
from tests.render.live.documents import at_random, layout_for, reference_rows, streamed_rows
from tests.support.cases import each
from tests.support.scale import IS_LONG, REPEAT, SEED

COLORS = re.compile(r"\x1b\[[\d;]*m")
WIDTHS = range(12, 201)
COLUMNS = range(1, 61)
SHORT = 10  # letters of a word that is not broken
MIN_WIDTH = 20  # from which on it is not
RULES = re.compile("[─┄ ]+")
LETTERS = re.compile(r"[^\W\d_]+")
PREFIXES = ["", "", "", "> ", "- ", "> > ", "1. "]
ALIGNMENTS = ["---", ":--", "--:", ":-:", "-"]


class CellText(NamedTuple):
    """The source of a cell, and what of it is visible."""

    source: str
    shown: str


EMPTY = CellText("", "")


class Sample(NamedTuple):
    """A table; the first row is the header."""

    rows: list[list[CellText]]
    source: str


def word(rnd: random.Random, longest: int = SHORT) -> str:
    return "".join(rnd.choices("abcdefghijklmnopqrstuvwxyzäé", k=rnd.randint(1, longest)))


WITH_PIPES = [  # whole if the row has as many cells as the header
    CellText("`a | b`", "a | b"),
    CellText("`` ` || ``", "` ||"),
    CellText("$|v| + x$", "$|v| + x$"),
]
PECULIAR = [
    CellText("a \\| b", "a | b"),
    CellText("`c \\| d`", "c | d"),
    CellText("안녕하세요 세계 🎉👨\u200d👩\u200d👧 ❤\ufe0f", ""),
    CellText("e\u0301a\u0308o\u0302 n\u0303 व\u094d\u092f", ""),
    CellText("$x_1 * \\frac{a}{b}$ and $y_1 * c$", ""),
    CellText("\\(a \\| b \\{c\\}\\)", ""),
    CellText("one<br>two<br/>three", "one two three"),
    CellText("**全部（重要）**は *x* ~~y~~ ***z***", "全部（重要）は x y z"),
    CellText("![alt](i.png 't') www.h.example <b>b</b>", "alt (i.png, t) www.h.example <b>b</b>"),
    CellText("[^1] snake_case_name __init__ &amp; \\*", "[^1] snake_case_name __init__ & *"),
]


def cell(rnd: random.Random) -> CellText:
    kind = rnd.randrange(16)
    text = word(rnd)
    if kind < 5:
        return CellText(text, text)
    if kind < 8:
        text = " ".join(word(rnd) for _ in range(rnd.randint(2, 12)))
        return CellText(text, text)
    return [
        CellText("", ""),
        CellText(f"**{text}** `{text}`", f"{text} {text}"),
        CellText("-".join([text] * 5), "-".join([text] * 5)),
        CellText(f"[{text}](http://h.example/a/b)", f"{text} (http://h.example/a/b)"),
        CellText(text * 4, text * 4),
        CellText("你好世界，" * rnd.randint(1, 9), ""),
        rnd.choice(PECULIAR),
        rnd.choice(WITH_PIPES),
    ][kind - 8]


def row(rnd: random.Random, columns: int) -> list[CellText]:
    """Return a row that is usually as long as the header."""
    count = max(columns + rnd.choice([0, 0, 0, 0, -1, -3, 1, 3]), 1)
    cells = [cell(rnd) for _ in range(count)]
    cells = [text._replace(shown=text.shown or text.source) for text in cells]
    if count <= columns:
        is_whole = count == columns
        return [text if is_whole or text not in WITH_PIPES else EMPTY for text in cells]
    # Pipes in code separate cells, and the last column has what exceeds.
    cells = [text if text not in WITH_PIPES else CellText("x", "x") for text in cells]
    cells[-1] = CellText("last", "last")
    rest = CellText(*map("|".join, zip(*cells[columns - 1 :], strict=True)))
    return [*cells[: columns - 1], rest]


def sample(rnd: random.Random, columns: int) -> Sample:
    """Return a table of that many columns, with some rows, perhaps in a quote or a list."""
    header = [cell(rnd) for _ in range(columns)]
    header = [text._replace(shown=text.shown or text.source) for text in header]
    rows = [header, *(row(rnd, columns) for _ in range(rnd.randint(0, 3)))]
    lines = ["| " + " | ".join(text.source for text in row) + " |" for row in rows]
    lines.insert(1, "|" + "|".join(rnd.choice(ALIGNMENTS) for _ in range(columns)) + "|")
    first = rnd.choice(PREFIXES)
    rest = first if first.startswith(">") else " " * len(first)
    source = "\n".join((rest if i else first) + line for i, line in enumerate(lines))
    rows = [[*row, *[EMPTY] * (columns - len(row))] for row in rows]
    return Sample(rows, source + rnd.choice(["", "\n"]))


def letters(text: str) -> Counter[str]:
    """Count the characters that are not blank."""
    return Counter(text.replace(" ", ""))


def records_of(table: Sample) -> str:
    """Return all text of a table as records: each head beside each of its values."""
    heads, *rows = ([text.shown for text in row] for row in table.rows)
    shown = [heads[0]]
    for index, head in enumerate(heads[1:], 1):
        count = sum(bool(row[index]) for row in rows)
        shown += [head] * max(count, 1)
    return "".join(shown) + "".join(text for row in rows for text in row)


def short_words(table: Sample) -> set[str]:
    shown = (text.shown for row in table.rows for text in row)
    found = {each for text in shown for each in LETTERS.findall(text) if len(each) <= SHORT}
    return {each for each in found if each < "\u0300"}  # CJK is broken anywhere


def problems(table: Sample, rows: list[Row], width: int) -> Iterator[str]:
    """Yield what is wrong with the rows of a table."""
    texts = [COLORS.sub("", row.text).replace("▌", " ") for row in rows]
    texts[0] = re.sub(r"^ *(•|1\.)", "", texts[0])
    is_records = not any("─" in text for text in texts)
    written = letters("".join(text for text in texts if not RULES.fullmatch(text)))
    wanted = records_of(table) if is_records else "".join(t.shown for r in table.rows for t in r)
    if written != letters(wanted):
        yield f"lost {letters(wanted) - written}, added {written - letters(wanted)}"
    yield from (f"{row.width} cells: {row.text}" for row in rows if row.width > width)
    if width >= MIN_WIDTH:
        whole = set(LETTERS.findall("\n".join(texts)))
        yield from (f"broken: {each}" for each in sorted(short_words(table) - whole))


def test_no_character_is_lost_at_any_width() -> None:
    rnd = random.Random(SEED)
    pairs = [(columns, width) for columns in COLUMNS for width in WIDTHS]
    for number, (columns, width) in enumerate(pairs if IS_LONG else rnd.sample(pairs, 300)):
        table = sample(rnd, columns)
        rows = reference_rows(table.source, layout_for(width))
        found = list(problems(table, rows, width))
        assert not found, (REPEAT, width, table.source, found)
        if IS_LONG or number % 4 == 0:
            pieces = at_random(rnd, len(table.source) // 3)(table.source)
            assert streamed_rows(pieces, layout_for(width), 10) == rows, (REPEAT, width, pieces)


# -- examples -------------------------------------------------------------------------------------

WIDE = (
    "| Model | Vendor | In | Out |\n|---|---|--:|--:|\n"
    "| gpt | OpenAI | $0.15 | |\n| qwen | | $1 | $2 |\n"
)
EXAMPLES: dict[str, tuple[int, str, list[str]]] = {
    "columns": (
        40,
        WIDE,
        [
            "Model  Vendor     In  Out",
            "─────  ──────  ─────  ───",
            "gpt    OpenAI  $0.15",
            "qwen              $1   $2",
        ],
    ),
    "records": (
        22,
        WIDE,
        [
            "Model", "gpt", "  Vendor  OpenAI", "  In      $0.15", "",
            "qwen", "  In      $1", "  Out     $2",
        ],
    ),
    "columns that are just wide enough": (
        22,
        "| a | b |\n|-|-|\n| some words | more words here |\n",
        ["a           b", "──────────  ──────────", "some words  more words", "            here"],
    ),
    "columns that are too narrow by one cell": (
        21,
        "| a | b |\n|-|-|\n| some words | more words here |\n",
        ["a", "some words", "  b  more words here"],
    ),
    "records in a very narrow window": (
        12,
        "| name | description |\n|-|-|\n| a-name | conversations |\n",
        ["name", "a-name", "description", "conversation", "s"],
    ),
    "records whose heads do not fit beside their values": (
        16,
        WIDE,
        ["Model", "gpt", "  Vendor", "    OpenAI", "  In", "    $0.15", "",
         "qwen", "  In", "    $1", "  Out", "    $2"],
    ),
    "wide columns share the width, and rows are separated": (
        36,
        "| id | this | that |\n|:-:|---|---|\n"
        "| 1 | words of a text | words of another text |\n| 22 |",
        [
            "id  this             that",
            "──  ───────────────  ───────────────",
            "1   words of a text  words of",
            "                     another text",
            "┄┄  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄",
            "22",
        ],
    ),
    "alignment": (
        30,
        "| left | center | right |\n|:--|:-:|--:|\n| a | b | c |\n",
        ["left  center  right", "────  ──────  ─────", "a       b         c"],
    ),
    "cells that exceed the header stay in the last column": (
        30,
        "| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |\n| 5 | 6 | |\n",
        ["a  b", "─  ─────────", "1  2 | 3 | 4", "5  6"],
    ),
    "pipes in the code of the last column": (
        30,
        "| a | b |\n|---|---|\n| 1 | `x || y` |\n| 2 | `p | q` |\n",
        ["a  b", "─  ──────", "1  x || y", "2  p | q"],
    ),
    "pipes in the code of any column": (
        40,
        "| `a|b` | c |\n|---|---|\n| `x || y` | or |\n| ``p`|q`` | $|x|$ |\n| `r \\| s|t` | u |\n",
        ["a|b      c", "───────  ─────", "x || y   or", "p`|q     $|x|$", "r | s|t  u"],
    ),
    "a pipe in code separates cells where the row has no others": (
        30, "| a | b |\n|---|---|\n| `x | y` |\n", ["a   b", "──  ──", "`x  y`"]
    ),
    "one column": (
        12, "| a |\n|---|\n| some words in it |\n", ["a", "─" * 12, "some words", "in it"]
    ),
    "a header alone": (20, "| a | b |\n|---|---|\n", ["a  b", "─  ─"]),
    "records without values": (
        12, "| a | words | more | values |\n|-|-|-|-|\n", ["a", "  words", "  more", "  values"]
    ),
    "a column without a value": (
        14,
        "| a | bbbb | cccc | d |\n|-|-|-|-|\n| x | | y | |\n",
        ["a", "  bbbb", "  d", "x", "  cccc  y"],
    ),
    "a long head beside its value": (
        40,
        "| a | a head of words | b | c |\n|-|-|-|-|\n"
        "| title | some words of a value | more and more text | words and words |\n",
        [
            "a", "title", "  a head of  some words of a value", "  words",
            "  b          more and more text", "  c          words and words",
        ],
    ),
    "a record without a title": (
        14,
        "| a | bbbb | cccc | d |\n|-|-|-|-|\n| | x | yyyy | z |\n| | | x | yyyy |\n",
        ["a", "  bbbb  x", "  cccc  yyyy", "  d     z", "", "  cccc  x", "  d     yyyy"],
    ),
    "31 columns": (
        80,
        "|" + "a|" * 31 + "\n|" + "-|" * 31 + "\n|" + "b|" * 31 + "\n",
        ["a", "b", *["  a  b"] * 30],
    ),
    "14 columns in 40 cells": (
        40,
        "|" + "a|" * 14 + "\n|" + "-|" * 14 + "\n|" + "b|" * 14 + "\n",
        ["  ".join("a" * 14), "  ".join("─" * 14), "  ".join("b" * 14)],
    ),
    "in a quote": (
        20, "> | a | b |\n> |---|---|\n> | 1 | 2 |\n", ["▌ a  b", "▌ ─  ─", "▌ 1  2"]
    ),
    "in a list": (
        20, "- a\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- c\n",
        [" • a", "", "   a  b", "   ─  ─", "   1  2", " • c"],
    ),
    "wide characters": (
        30,
        "| 模型 | 价格 |\n|---|--:|\n| 通义千问 | ¥1 |\n| ab | 免费 |\n",
        ["模型      价格", "────────  ────", "通义千问    ¥1", "ab        免费"],
    ),
    "line breaks in cells": (
        30,
        "| a | b |\n|---|---|\n| one<br>two<br/>three | x |\n| 1 | <br> |\n",
        ["a      b", "─────  ─", "one    x", "two", "three", "┄┄┄┄┄  ┄", "1"],
    ),
    "formulas are words": (
        26,
        "| a | b |\n|---|---|\n| $a + b$ and $c_1 + d$ | words |\n",
        ["a" + " " * 20 + "b", "─" * 19 + "  ─────", "$a + b$ and          words", "$c_1 + d$"],
    ),
    "styles in cells": (
        30,
        "| **a** | `b` |\n|---|---|\n| *x* ~~y~~ | `c \\| d` |\n| [t](http://h.x) | ![i](j) |\n",
        [
            "a               b",
            "──────────────  ─────",
            "x y             c | d",
            "t (http://h.x)  i (j)",
        ],
    ),
    "empty rows are left out": (
        20, "| a | b |\n|---|---|\n| | |\n| 1 | 2 |\n", ["a  b", "─  ─", "1  2"]
    ),
}  # fmt: skip


@each(("width", "source", "wanted"), EXAMPLES.values(), ids=EXAMPLES)
def test_the_rows_of_a_table(width: int, source: str, wanted: list[str]) -> None:
    rows = reference_rows(source, layout_for(width))
    assert [COLORS.sub("", row.text) for row in rows] == wanted


@each(
    ("text", "width", "wanted"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("a  b", 3, ["a", "b"]),
        ("a-very-long-identifier-one", 16, ["a-very-long-", "identifier-one"]),
        ("https://h.example/path/to/file", 12, ["https://h.", "example/path", "/to/file"]),
        ("abcdefghijklmnop", 6, ["abcdef", "ghijkl", "mnop"]),
        ("see snake_case_name now", 10, ["see snake_", "case_name", "now"]),
        ("数据库的选择取决于团队。", 8, ["数据库的", "选择取决", "于团队。"]),
        ("使用数据库，然后", 10, ["使用数据", "库，然后"]),
        ("agents (https://h.example/p)", 9, ["agents", "(https://", "h.example", "/p)"]),
        ("数据库（「团队」）的", 8, ["数据库", "（「团", "队」）的"]),
        ("（abcdefgh", 8, ["（", "abcdefgh"]),
        ("f( x", 3, ["f(", "x"]),
        ("e\u0301" * 5, 3, ["e\u0301" * 3, "e\u0301" * 2]),
        ("👨\u200d👩\u200d👧" * 2, 2, ["👨\u200d👩\u200d👧"] * 2),
        ("", 4, [""]),
    ],
)
def test_where_a_cell_is_wrapped(text: str, width: int, wanted: list[str]) -> None:
    breaks = [0, *line_breaks(text, width), len(text)]
    lines = [text[begin:end].rstrip() for begin, end in pairwise(breaks)]
    assert lines == wanted
