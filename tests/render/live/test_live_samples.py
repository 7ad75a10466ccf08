"""Emphasis in CJK text, formulas, lines, tasks, tags, footnotes, URLs and names in answers."""

from __future__ import annotations

import random
import re
import time

from newapi_cli.render.live.layout import Row
from newapi_cli.render.live.markdown import markdown_parser
from tests.render.live.documents import (
    definitions_of,
    differences,
    layout_for,
    reference_rows,
    streamed_rows,
)
from tests.render.live.samples import EMPHASIS, FORMULAS, SAMPLES, Emphasis, random_formulas
from tests.render.live.screens import Screen
from tests.render.live.test_live_exactness import CUTS
from tests.render.live.test_live_painter import assert_painted_as_printed
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

WIDTHS = (24, 80, 140)
SGR = re.compile(r"\x1b\[([\d;]*)m")
BOLD, DIM, ITALIC, UNDERLINE, STRUCK, MAGENTA, GREEN = "1", "2", "3", "4", "9", "35", "32"


def parts(row: Row) -> list[tuple[str, set[str]]]:
    """Return the parts of a row with the numbers of their styles."""
    pieces = SGR.split(row.text)
    return [(pieces[0], set())] + [
        (text, set(numbers.split(";")))
        for numbers, text in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def spans(source: str, number: str, width: int = 80) -> list[str]:
    """Return the runs of text with a style, in order, without the marks of lists."""
    found: list[str] = []
    for row in reference_rows(source, layout_for(width)):
        run = ""
        for text, numbers in [*parts(row), ("", {"end"})]:
            if number in numbers:
                run += text
            elif run and (text or "end" in numbers):
                found.append(run.strip())
                run = ""
    return [text for span in found if (text := span.removeprefix("• "))]


def plain(source: str, width: int = 80) -> list[str]:
    return [SGR.sub("", row.text) for row in reference_rows(source, layout_for(width))]


# -- streams --------------------------------------------------------------------------------------


@each(("width", "cut"), zip(WIDTHS, ["characters", "small pieces", "bytes"], strict=True))
def test_streamed_samples_equal_complete_ones(width: int, cut: str) -> None:
    layout = layout_for(width)
    for document in SAMPLES:
        wanted = reference_rows(document.source, layout)
        pieces = CUTS[cut](width)(document.source)
        rows = streamed_rows(pieces, layout, 10, definitions_of(document.source))
        assert rows == wanted, "\n".join([document.source, *differences(wanted, rows)])


@each("width", WIDTHS)
def test_painted_samples_equal_printed_ones(width: int) -> None:
    rnd = random.Random(SEED)
    for document in SAMPLES:
        assert_painted_as_printed(document.source, rnd, (width, 8), Screen)


# -- emphasis in CJK text -------------------------------------------------------------------------


@each("sample", EMPHASIS, ids=lambda sample: sample.source)
def test_emphasis_is_where_people_mean_it(sample: Emphasis) -> None:
    assert spans(sample.source, BOLD) == list(sample.bold)
    assert spans(sample.source, ITALIC) == list(sample.italic)
    assert spans(sample.source, STRUCK) == list(sample.struck)


def test_there_are_enough_samples() -> None:
    assert len(EMPHASIS) >= 40
    assert len(FORMULAS) >= 20


# -- formulas -------------------------------------------------------------------------------------


def cells(source: str, width: int) -> str:
    """Return the cells of a screen on which a text is streamed and painted, joined."""
    layout = layout_for(width)
    screen = Screen(width, 24)
    screen.write("".join(f"{row.text}\n" for row in streamed_rows([source], layout, 10)))
    return "".join(cell.data for row in screen.all_rows() for cell in row)


@each("width", [20, 80, 140])
def test_the_cells_of_a_formula_are_its_source(width: int) -> None:
    for formula in random_formulas(random.Random(SEED), 200):
        text = cells(f"We *get*\n\n{formula}\n\nand so on.\n", width)
        missing = [line for line in formula.split("\n") if line not in text]
        assert missing == [], (formula, REPEAT)


@each(
    "place", ["We get {} so *it* holds.", "- {}", "> {}", "1. a\n   - {}", "# {}", "**a** {} *b*"]
)
def test_a_formula_is_shown_as_it_was_written_in_any_place(place: str) -> None:
    formulas = random_formulas(random.Random(SEED), scaled(60, 2000))
    for formula in (formula for formula in formulas if "\n" not in formula):
        assert formula in cells(place.format(formula) + "\n", 200), (formula, REPEAT)


@each(
    ("source", "wanted"),
    [
        ("cost $5 and $6", []),
        ("$5-$10, (≈$3), US$5 or A$", []),
        ('$HOME and $PATH, $HOME/$PATH, "$HOME" "$PATH"', []),
        ("**$HOME** and **$PATH**", []),
        (r"\$5 and \$6", []),
        ("A$AP Rocky and Ke$ha", []),
        ("`$x` and y$, $x and `y$`", []),
        ("$ x $ and $x $y", []),
        ("the $n$th and $x$s, 设$x_1$为", ["$n$", "$x$", "$x_1$"]),
        ("$a$b $f(x)$, $x$.", ["$a$", "$f(x)$", "$x$"]),
        (r"$a \$ b$ and $\text{$c$}$", [r"$a \$ b$", "$c$"]),
        ("$a ** b$ $V^{**}$", ["$a ** b$", "$V^{**}$"]),
        (r"see \[1\], \[2, 3\] and [\[4\]](/u)", []),
        (r"\[1] Title, \[t](u) \( \) \[ \]", []),
        (r"\[ x \in ]0, 1[ \] \[y \in (0, 1]\]", [r"\[ x \in ]0, 1[ \]", r"\[y \in (0, 1]\]"]),
        (r"\(a\) \(1\) \[b\]", [r"\(a\)", r"\(1\)", r"\[b\]"]),
        ("$$a$$ b $$ c_1 * d_1 $$.", ["$$a$$", "$$ c_1 * d_1 $$"]),
        (r"\begin{a}b\end{a} \begin{b}\begin{b}\end{b}", [r"\begin{a}b\end{a}"]),
        ("| $P(A|B)$ | b |\n|---|---|\n| $\\|x\\|$ | $5 |", ["$P(A|B)$", "$\\|x\\|$"]),
        ("|$A|$B|\n|--|--|\n|$1|$c|", []),
        ("never $closed and \\(closed", []),
    ],
)
def test_what_is_a_formula(source: str, wanted: list[str]) -> None:
    assert spans(source, MAGENTA) == wanted


def test_a_formula_is_wrapped_as_one_word() -> None:
    assert plain("word word $a + b + c$ word", 20) == ["word word", "$a + b + c$ word"]
    assert plain(r"x \(a = b\), y", 11) == ["x", r"\(a = b\),", "y"]


UNCLOSED = [
    r"\(a \[b $c \begin{d} $$e ", r"\(", r"\[ a \\] ", "$a ", "$$a ", "**$a**b ", "$`", "<!-- ",
    "<a ", "http://a ", "http://a.b/((", "https://a.b/" + ")" * 9, "__a", "[^a", "**注：",
    "text $$\n", "- a \\[\n",
]  # fmt: skip


@each("source", UNCLOSED)
def test_what_is_never_closed_takes_linear_time(source: str) -> None:
    parser = markdown_parser()
    seconds = []
    for size in (1_000, 8_000):
        began = time.process_time()
        parser.parse(source * (size // len(source)))
        seconds.append(time.process_time() - began)
    assert seconds[1] <= 20 * seconds[0] + 0.1, "8 times as much text"
