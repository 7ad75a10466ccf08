"""Every row of the painter is on the screen once, whatever it rewrites."""

from __future__ import annotations

import random
import re

import pytest
from pyte import modes
from rich.cells import cell_len

from newapi_cli.errors import Interrupted
from newapi_cli.render.live.layout import Row
from newapi_cli.render.live.painter import Painter
from newapi_cli.render.sanitizer import Sanitizer
from tests.render.live.documents import (
    ANSWERS,
    NASTY,
    all_examples,
    answers,
    at_random,
    by_character,
    definitions_of,
    examples,
    layout_for,
    new_answer,
    random_document,
    reference_rows,
)
from tests.render.live.screens import GraphemeScreen, ReflowingScreen, Screen
from tests.support.cases import each
from tests.support.scale import IS_LONG, REPEAT, SEED, scaled

DOCUMENTS = scaled(150, 20_000)
STRANGE = [
    "👨\u200d👩\u200d👧\u200d👦 ", "❤\ufe0f ", "🇩🇪", "🏴\U000e0067\U000e0062\U000e007f", "👍🏽",
    "1\ufe0f\u20e3", "你好", "e\u0301", "x", "word ", "☀\ufe0f", "🎉", "नमस्ते ", "ไทย", "｡", "ｶ",
    "\t",
]  # fmt: skip
OURS = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh]|\?2026[hl]|\?7[lh]|\d+A|J)")


def row(text: str) -> Row:
    return Row(text, cell_len(OURS.sub("", text)))


def rows(*texts: str) -> list[Row]:
    return [row(text) for text in texts]


class Desk:
    """A painter and the screen it paints on; `writes` are its frames."""

    def __init__(self, columns: int = 20, height: int = 6, screen: Screen | None = None) -> None:
        self.screen = screen or Screen(columns, height)
        self.writes: list[str] = []
        self.painter = Painter(self._write, (columns, height))

    def _write(self, text: str) -> None:
        self.writes.append(text)
        self.screen.write(text)

    def paint(self, permanent: list[Row], tail: list[Row]) -> str:
        """Paint a frame and return what was written."""
        before = len(self.writes)
        self.painter.paint(permanent, tail)
        assert len(self.writes) - before <= 1, "a frame is one write"
        return "".join(self.writes[before:])

    def resize(self, columns: int, height: int) -> None:
        """Resize the window."""
        self.screen.resize(height, columns)
        self.painter.resize((columns, height))

    def assert_left_in_order(self) -> None:
        """Check that a shell finds the screen as it expects it."""
        assert self.screen.cursor.x == 0
        assert not self.screen.cursor.hidden
        assert modes.DECAWM in self.screen.mode


def printed(reference: list[Row], screen: Screen) -> Screen:
    """Return a screen on which rows were printed at once."""
    screen.write("".join(f"{each.text}\n" for each in reference))
    return screen


# -- random documents -----------------------------------------------------------------------------


def strange_document(rnd: random.Random) -> str:
    """Return a document of characters of ambiguous width, near all edges."""
    lines = ["".join(rnd.choices(STRANGE, k=rnd.randint(1, 40))) for _ in range(rnd.randint(1, 4))]
    marks = ["", "", "- ", "> ", "# ", "```\n", "| a |\n|---|\n| "]
    return "\n\n".join(rnd.choice(marks) + line for line in lines) + "\n"


def assert_painted_as_printed(
    source: str, rnd: random.Random, size: tuple[int, int], kind: type[Screen]
) -> None:
    """Stream a document into a screen and compare it with one on which it was printed at once."""
    columns, height = size
    layout = layout_for(columns)
    wanted = printed(reference_rows(source, layout), kind(columns, height)).all_rows()
    desk = Desk(columns, height, kind(columns, height))
    answer, sanitizer = new_answer(layout, definitions_of(source)), Sanitizer()
    checked = 0
    pieces = by_character(source) if rnd.random() < 0.2 else at_random(rnd)(source)
    for piece in pieces:
        answer.feed(sanitizer.feed(piece))
        status = rows("⠋ waiting") if rnd.random() < 0.2 else []
        frame = answer.frame(max(min(max(height - 3, 1), 10) - len(status), 1))
        desk.paint(frame.permanent, [*frame.tail, *status])
        new = desk.screen.scrolled_out[checked:]
        expected = wanted[checked : checked + len(new)]
        expected += [desk.screen.blank_row] * (len(new) - len(expected))  # blank code at the end
        assert new == expected, "the scrollback is no beginning of it"
        checked += len(new)
        region = sum(map(desk.painter._height_of, desk.painter._live))
        assert region <= max(height - 1, 1)
    answer.feed(sanitizer.end())
    desk.paint(answer.end(), [])
    desk.painter.finish()
    assert desk.screen.all_rows() == wanted
    desk.assert_left_in_order()


def test_painted_random_documents_equal_printed_ones() -> None:
    rnd = random.Random(SEED)
    spliced = examples("CommonMark") or NASTY
    for number in range(DOCUMENTS):
        is_strange = rnd.random() < 0.3
        source = strange_document(rnd) if is_strange else random_document(rnd, spliced)
        size = (rnd.randint(20, 120), rnd.randint(4, 24))
        kind = rnd.choice([Screen, GraphemeScreen])
        try:
            assert_painted_as_printed(source, rnd, size, kind)
        except AssertionError as error:
            note = f"{REPEAT}, document {number}, {size}, {kind}: {source!r}"
            raise AssertionError(note) from error


SIZES = [(20, 6), (80, 24), (140, 10)]


@each("turn", range(len(SIZES)))
def test_painted_examples_equal_printed_ones(turn: int) -> None:
    """Each example is painted in a window of one size, in `.ci/long` of every size."""
    rnd = random.Random(SEED)
    documents = all_examples() or NASTY
    for document in documents if IS_LONG else documents[turn :: len(SIZES)]:
        try:
            assert_painted_as_printed(document.source, rnd, SIZES[turn], Screen)
        except AssertionError as error:
            raise AssertionError(f"{REPEAT}, {document}") from error


@each("size", [(20, 6), (80, 24), (300, 50)], ids=str)
@each("name", [path.stem for path in ANSWERS])
def test_painted_answers_equal_printed_ones(name: str, size: tuple[int, int]) -> None:
    source = next(document.source for document in answers() if document.name == name)
    columns, height = size
    layout = layout_for(columns)
    wanted = printed(reference_rows(source, layout), Screen(columns, height))
    desk = Desk(columns, height)
    answer = new_answer(layout, {})
    for piece in at_random(random.Random(name), 60)(source):
        answer.feed(piece)
        frame = answer.frame(min(height - 3, 10))
        desk.paint(frame.permanent, frame.tail)
    desk.paint(answer.end(), [])
    desk.painter.finish()
    assert desk.screen.text() == wanted.text()
    if height > 6:  # no lexer looks ahead further than the height of the tail
        assert desk.screen.all_rows() == wanted.all_rows()
    desk.assert_left_in_order()


# -- one operation --------------------------------------------------------------------------------

SEQUENCES: dict[str, list[tuple[list[str], list[str]]]] = {
    "a row": [([], ["a"])],
    "rows grow": [([], ["a"]), ([], ["a", "b"]), ([], ["a", "b", "c"])],
    "rows shrink": [([], ["a", "b", "c"]), ([], ["a", "b"]), ([], ["a"])],
    "rows become others": [([], ["a", "b", "c"]), ([], ["x", "b", "c"]), ([], ["x", "y"])],
    "rows vanish": [([], ["a", "b"]), ([], [])],
    "the only row vanishes": [([], ["a"]), ([], []), ([], ["b"])],
    "rows become permanent": [([], ["a", "b", "c"]), (["a", "b"], ["c"]), (["c"], [])],
    "permanent and changed": [([], ["a", "b", "c"]), (["a", "b2"], ["c", "d"])],
    "permanent alone": [(["a"], []), (["b", "c"], []), ([], ["d"])],
    "permanent above a tail": [([], ["tail"]), (["a", "b"], ["tail"]), (["c"], ["tail"])],
    "a tail that vanishes when all is permanent": [([], ["a", "b", "st"]), (["a"], []), ([], [])],
    "a suffix": [([], ["one", "tw"]), ([], ["one", "two"]), ([], ["one", "two three"])],
    "a suffix that fills the row": [([], ["x" * 18]), ([], ["x" * 20]), ([], ["x" * 20, "y"])],
    "a suffix beyond the edge": [([], ["x" * 18]), ([], ["x" * 20]), ([], ["x" * 23]), ([], ["z"])],
    "full rows": [([], ["x" * 20, "y" * 20]), (["x" * 20], ["y" * 20, "z"]), ([], ["z"])],
    "a row of several": [([], ["x" * 50]), ([], ["x" * 50, "b"]), ([], ["c"])],
    "a wide character at an odd edge": [([], ["a" + "你" * 19 + "b"]), ([], ["b"]), ([], ["c"])],
    "emoji of several": [([], ["👨\u200d👩\u200d👧" * 3]), ([], ["b"]), (["👍🏽" * 9], ["c"])],
    "empty rows": [([], ["", "", "a"]), (["", ""], ["a", ""]), (["a", ""], [])],
    "more than the window": [([], list("abcdefghij")), ([], list("abcdefghijk"))],
    "much for good at once": [([], ["a", "t"]), (list("abcdefghijklmnop"), ["t"])],
    "the tail was cropped": [([], list("abcdefghij")), (list("abcdefgh"), ["i", "j"]), ([], ["j"])],
    "colors": [([], ["\x1b[1ma\x1b[0m"]), ([], ["\x1b[2ma\x1b[0m"]), (["\x1b[2ma\x1b[0m"], [])],
}


@each("kind", [Screen, GraphemeScreen], ids=["characters", "graphemes"])
@each("frames", SEQUENCES.values(), ids=SEQUENCES)
def test_the_screen_shows_permanent_rows_and_the_end_of_the_tail(
    frames: list[tuple[list[str], list[str]]], kind: type[Screen]
) -> None:
    desk = Desk(screen=kind(20, 6))
    for_good: list[Row] = []
    for permanent, tail in frames:
        desk.paint(rows(*permanent), rows(*tail))
        for_good += rows(*permanent)
        shown = for_good + desk.painter._live
        assert desk.painter._live == rows(*tail)[len(tail) - len(desk.painter._live) :]
        assert desk.screen.all_rows() == printed(shown, kind(20, 6)).all_rows()
        assert bool(desk.painter._live) == bool(tail)
        heights = printed(desk.painter._live, kind(20, 6)).all_rows() if desk.painter._live else []
        assert len(heights) <= 5
    desk.painter.finish()
    desk.assert_left_in_order()


def test_unchanged_rows_are_not_written() -> None:
    desk = Desk()
    desk.paint([], rows("aaa", "bbb", "ccc"))
    assert desk.paint([], rows("aaa", "bbb", "ccc")) == ""
    changed = desk.paint([], rows("aaa", "bXb", "ccc"))
    assert "aaa" not in changed
    assert "bXb" in changed
    moved = desk.paint(rows("aaa", "bXb"), rows("ccc", "ddd"))
    assert "aaa" not in moved
    assert "ccc" not in moved
    assert "ddd" in moved


def test_only_the_suffix_of_a_longer_row_is_written() -> None:
    desk = Desk()
    desk.paint([], rows("aaa", "one tw"))
    assert OURS.sub("", desk.paint([], rows("aaa", "one two"))) == "o"
    assert OURS.sub("", desk.paint([], rows("aaa", "one two three"))) == " three"


def test_the_cursor_is_hidden_from_the_first_frame_to_the_last() -> None:
    desk = Desk()
    assert not desk.screen.cursor.hidden
    for text in ("a", "ab", "abc"):
        desk.paint([], rows(text))
        assert desk.screen.cursor.hidden
    desk.painter.finish()
    assert not desk.screen.cursor.hidden


STYLED = [Row(f"\x1b[1m{letter * 3}\x1b[0m", 3) for letter in "abc"]


def painter_with_cut_frame(written: list[str]) -> Painter:
    """Return a painter whose first frame was written until the middle of its second row."""

    def write(text: str) -> None:
        if not written:
            written.append(text[: text.index("bb")])
            raise Interrupted
        written.append(text)

    painter = Painter(write, (80, 24))
    with pytest.raises(Interrupted):
        painter.paint(STYLED[:1], STYLED[1:])
    return painter


def screen_after(written: list[str]) -> Screen:
    text = "".join(written)
    assert text.count("\x1b[?2026h") == text.count("\x1b[?2026l")
    screen = Screen(80, 24)
    screen.write(text + "after")
    assert not screen.buffer[screen.cursor.y][0].bold
    assert not screen.cursor.hidden
    assert modes.DECAWM in screen.mode
    return screen


def test_a_frame_that_a_signal_cut_off_is_ended() -> None:
    written: list[str] = []
    painter_with_cut_frame(written).finish()
    assert screen_after(written).text() == "aaa\n\nafter"


def test_a_frame_after_one_that_was_cut_off_is_written_below_it() -> None:
    written: list[str] = []
    painter = painter_with_cut_frame(written)
    painter.paint(STYLED, [])
    painter.finish()
    assert screen_after(written).text() == "aaa\n\naaa\nbbb\nccc\nafter"


def test_the_cursor_is_shown_on_a_terminal_that_was_slow_when_a_signal_arrived() -> None:
    written: list[str] = []
    painter = painter_with_cut_frame(written)
    attempts = iter([Interrupted, Interrupted, None])

    def write(text: str) -> None:
        if error := next(attempts):
            raise error
        written.append(text)

    painter._write = write
    painter.finish()
    assert screen_after(written).text() == "aaa\n\nafter"


def test_a_frame_is_synchronized_and_finishing_writes_nothing_twice() -> None:
    desk = Desk()
    frame = desk.paint(rows("a"), rows("b"))
    assert frame.startswith("\x1b[?2026h")
    assert frame.endswith("\x1b[?2026l")
    desk.painter.finish()
    written = len(desk.writes)
    desk.painter.finish()
    assert len(desk.writes) == written


def test_nothing_is_written_for_an_empty_answer() -> None:
    desk = Desk()
    desk.paint([], [])
    desk.painter.finish()
    assert desk.writes == []


@each(
    "text",
    ["❤\ufe0f" * 9, "👨\u200d👩\u200d👧" * 4, "🇩🇪" * 5, "e\u0301" * 19, "👍🏽" * 9],
    ids=["selector", "joined", "flags", "combining", "skin"],
)
@each("kind", [Screen, GraphemeScreen], ids=["characters", "graphemes"])
def test_a_row_of_ambiguous_width_is_one_row_while_it_may_change(
    text: str, kind: type[Screen]
) -> None:
    desk = Desk(screen=kind(20, 6))
    for tail in ([text], [text, "b"], [text, "c"], [text + "x", "c"]):
        desk.paint([], rows("top", *tail))
        assert desk.screen.cursor.y == len(tail)
        assert desk.screen.screen_lines()[0] == "top"
    desk.paint(rows("top", text), rows("c"))
    desk.paint(rows("c"), [])
    desk.painter.finish()
    whole = printed(rows("top", text, "c"), kind(20, 6))
    assert desk.screen.all_rows() == whole.all_rows()
    desk.assert_left_in_order()


def test_a_row_higher_than_the_window_shows_its_end() -> None:
    """A line of code is not wrapped, so a single one can be too high."""
    desk = Desk(20, 6)
    desk.paint([], rows("above", "x" * 200 + "newest"))
    assert desk.screen.text() != ""
    assert desk.screen.text().endswith("newest")
    desk.paint(rows("above", "x" * 200 + "newest"), rows("after"))
    desk.painter.finish()
    wanted = printed(rows("above", "x" * 200 + "newest", "after"), Screen(20, 6))
    assert desk.screen.all_rows() == wanted.all_rows()


def test_forgotten_rows_are_not_rewritten() -> None:
    desk = Desk()
    desk.paint([], rows("old tail"))
    desk.painter.finish()
    desk.painter.forget()
    desk.screen.write("somebody else\n")
    desk.paint(rows("new"), rows("tail"))
    desk.painter.finish()
    assert desk.screen.text() == "old tail\nsomebody else\nnew\ntail"


# -- windows that change --------------------------------------------------------------------------


@each("height", [4, 6, 12])
@each("columns", [10, 15, 20, 33, 60])
def test_a_terminal_that_reflows_keeps_every_row_once(columns: int, height: int) -> None:
    desk = Desk(30, 8, ReflowingScreen(30, 8))
    for_good = [f"{n} permanent row" for n in "abcdefghijkl"]
    tail = ["tail that fills the whole row.", "second", "third row of it"]
    desk.paint(rows(*for_good), rows(*tail))
    desk.resize(columns, height)
    desk.paint(rows("last permanent row"), rows("new tail", "and end"))
    desk.painter.finish()
    text = " ".join(desk.screen.text().split())
    shown = "".join(desk.screen.text().split())
    for row in [*for_good, "last permanent row", "new tail", "and end"]:
        assert shown.count(row.replace(" ", "")) == 1, (row, text)
    old_height = sum(-(-len(each) // columns) for each in tail)
    if old_height < height:  # else some of it has scrolled out of reach
        assert "second" not in shown
        assert "tailthatfills" not in shown
    desk.assert_left_in_order()


def test_a_terminal_that_does_not_reflow_keeps_every_row() -> None:
    desk = Desk(30, 8)
    desk.paint(rows("one", "two"), rows("tail", "end"))
    desk.resize(60, 12)
    desk.paint(rows("three"), rows("new tail"))
    desk.resize(60, 5)
    desk.paint(rows("four"), rows("newest tail"))
    desk.painter.finish()
    assert desk.screen.text() == "one\ntwo\nthree\nfour\nnewest tail"
    desk.assert_left_in_order()
