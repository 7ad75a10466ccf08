"""What is copied from the screen: code and formulas are written byte for byte, tabs included."""

from __future__ import annotations

import random
import re

from newapi_cli.render.live.leaves import leaves_of
from newapi_cli.render.live.markdown import markdown_parser
from tests.render.live.documents import (
    THEME,
    at_random,
    layout_for,
    new_answer,
    streamed_rows,
)
from tests.render.live.screens import Screen
from tests.render.live.test_live_painter import Desk
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

SGR = re.compile(r"\x1b\[[\d;]*m")
CODE = [
    "\t", "\t\t", " ", "  ", "    ", "x", "if x:", "# comment", "def f(a):", "你好", "é", '"s',
    "y" * 50, "/* c", "*/", "<b>", "&amp;", "\\n", "$(cc)", "- a", "> q", "| t |", "$$", "\\[",
]  # fmt: skip
PLACES = [("", ""), ("- ", "  "), ("> ", "> "), ("1. a\n   - ", "     "), ("> - b\n>   ", ">   ")]


def random_code(rnd: random.Random) -> list[str]:
    """Return lines of code with tabs anywhere, also at their ends, and empty ones."""
    lines = ["".join(rnd.choices(CODE, k=rnd.randint(0, 6))) for _ in range(rnd.randint(1, 6))]
    return [line for line in lines if not line.lstrip(" ").startswith("```")] or [""]


def written_code(source: str, max_tail_rows: int, pieces: list[str]) -> list[str]:
    """Return the rows of the last leaf of a streamed document, without prefixes and SGR."""
    layout = layout_for(40)
    rows = streamed_rows(pieces, layout, max_tail_rows)
    *_, leaf = leaves_of(markdown_parser().parse(source), THEME, follows_block=False)
    count = len(layout.rows(leaf)) - len(layout.gap(leaf))
    texts = [SGR.sub("", row.text) for row in rows[len(rows) - count :]]
    prefixes = ["".join(text for text, _ in place) for place in (leaf.place.first, leaf.place.rest)]
    assert len(texts) == count
    found = []
    for index, text in enumerate(texts):
        prefix = prefixes[index > 0]
        assert text.startswith(prefix) or text == prefix.rstrip(), text
        found.append(text[len(prefix) :])
    return found


@each("limit", [0, 3, 10])
@each("place", PLACES)
def test_code_is_written_as_it_is_in_its_fence(place: tuple[str, str], limit: int) -> None:
    first, rest = place
    rnd = random.Random(SEED + limit)
    for _ in range(scaled(15, 1000)):
        code = random_code(rnd)
        language = rnd.choice(["", "make", "python", "c", "nonsense"])
        lines = [f"{first}```{language}", *(rest + line for line in code), f"{rest}```"]
        source = "\n".join(lines) + "\n"
        pieces = at_random(rnd)(source)
        assert written_code(source, limit, pieces) == code, (REPEAT, source)


@each("place", PLACES)
def test_a_formula_is_written_with_its_tabs(place: tuple[str, str]) -> None:
    first, rest = place
    formula = ["$$", "\ta\t& b \\\\", "  + c  ", "$$"]
    source = "\n".join([first + formula[0], *(rest + line for line in formula[1:])]) + "\n"
    assert written_code(source, 10, list(source)) == formula


@each("width", [10, 20, 33, 80])
def test_tabs_are_where_the_stops_of_the_screen_are(width: int) -> None:
    """The screen is the same whether a row with tabs was repainted or written once."""
    rnd = random.Random(SEED)
    layout = layout_for(width)
    for _ in range(scaled(25, 2000)):
        source = "```\n" + "\n".join(random_code(rnd)) + "\n```\nend\n"
        desk = Desk(width, 6)
        answer = new_answer(layout, {})
        for piece in at_random(rnd, 5)(source):
            answer.feed(piece)
            frame = answer.frame(3)
            desk.paint(frame.permanent, frame.tail)
        desk.paint(answer.end(), [])
        written = Screen(width, 6)
        written.write("".join(f"{row.text}\n" for row in streamed_rows([source], layout, 3)))
        assert desk.screen.all_rows() == written.all_rows(), (REPEAT, source)
