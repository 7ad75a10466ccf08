"""Any text on a terminal: displayed, never executed, the same however it is split."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from newapi_cli.render.live.painter import Painter
from newapi_cli.render.sanitizer import BIDI, Sanitizer, safe_code, safe_line, safe_text
from tests.fuzz.fuzzing import fuzzed
from tests.render.live.documents import layout_for, new_answer
from tests.support.emulator import Emulator

FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SPECIAL = [
    "\r", "\n", "\r\n", "\t", "\x1b", "\x1b[2J", "\x1b]0;evil\x07", "\x9b2J", "\x9d0;evil\x9c",
    "\x1b[?25l", "\x1b[?1049h", "\x1b[6n", "\x1bc", "\x0e", "\x0f", "\x08", "\x7f", "\0", "\x85",
    "\u202e", "\u2066", "\u200f", "\u2028", "\ufeff", "\ud83d", "\ude00", FLAG, FLAG[:4], FLAG[1:],
    "\U000e0041", "\u4f60\u597d", "e\u0301", "\u0301", "\ufe0f", "\u200d", "\U0001f468", "\u200b",
    "```\n", "# ", "- ", "> ", "**", "`", "| a | b |\n|---|---|\n", "[a](http://b)", "a", " ",
    "\n\n",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(SPECIAL), max_size=14).map("".join),
    st.text(st.characters(codec=None), max_size=24),
    st.lists(st.one_of(st.sampled_from(SPECIAL), st.characters(codec=None)), max_size=14).map(
        "".join
    ),
)
CUTS = st.lists(st.integers(0, 1 << 16), max_size=6)
FLAGS = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
SHOWN_OTHERWISE = {chr(code) for code in BIDI} | {"\u2028", "\u2029", "\ufeff"}


def pieces_of(text: str, places: Sequence[int]) -> list[str]:
    """Split a text at these positions modulo its length."""
    cuts = sorted(place % (len(text) + 1) for place in places)
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def is_harmless(character: str) -> bool:
    """Return whether a terminal draws or ignores a character, by its Unicode properties."""
    if character in "\n\t":
        return True
    return unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp") and (
        character not in SHOWN_OTHERWISE
    )


@fuzzed(250)
@given(TEXTS, CUTS)
def test_any_text_is_made_safe_alike_however_it_is_cut(text: str, places: list[int]) -> None:
    for pieces in ([text], pieces_of(text, places), list(text)):
        sanitizer = Sanitizer()
        got = "".join(map(sanitizer.feed, pieces)) + sanitizer.end()
        assert got == safe_text(text)


@fuzzed(250)
@given(TEXTS)
def test_nothing_that_a_terminal_obeys_gets_out_and_nothing_visible_is_lost(text: str) -> None:
    safe = safe_text(text)
    assert [ascii(character) for character in safe if not is_harmless(character)] == []
    assert not any("\U000e0000" <= character <= "\U000e007f" for character in FLAGS.sub("", safe))
    came = text.replace("\r\n", "\n")
    flags = {place for match in FLAGS.finditer(came) for place in range(*match.span())}
    assert len(safe) == len(came), "one character stands for each"
    for place, (before, after) in enumerate(zip(came, safe, strict=True)):
        is_tag = "\U000e0000" <= before <= "\U000e007f" and place not in flags
        if is_harmless(before) and not is_tag:
            assert after == before
        else:
            assert after.isprintable(), "what is not shown as itself is shown by something"


@fuzzed(200)
@given(TEXTS)
def test_safe_text_stays_as_it_is(text: str) -> None:
    for make_safe in (safe_text, safe_code, safe_line):
        assert make_safe(make_safe(text)) == make_safe(text)
    assert safe_line(text).splitlines() in ([], [safe_line(text)])


@fuzzed(200)
@given(TEXTS, CUTS)
def test_what_is_held_back_is_short(text: str, places: list[int]) -> None:
    """A flag has at most eight characters; more would be held back until other text arrives."""
    sanitizer = Sanitizer()
    taken = given_out = 0
    for piece in pieces_of(text, places):
        taken += len(piece.replace("\r\n", "\n"))
        given_out += len(sanitizer.feed(piece))
        assert taken - given_out <= 8


# -- through the emulator -----------------------------------------------------------------------

COLUMNS, ROWS, BEFORE = 30, 12, 4


@fuzzed(60)
@given(TEXTS, CUTS, st.integers(1, 8))
def test_an_answer_of_any_text_leaves_the_terminal_as_it_was(
    text: str, places: list[int], max_tail_rows: int
) -> None:
    replies: list[bytes] = []
    screen = Emulator(COLUMNS, ROWS, replies.append)
    earlier = [f"earlier row {number}" for number in range(BEFORE)]
    screen.feed(b"\x1b]0;mine\x07" + "".join(f"{row}\r\n" for row in earlier).encode())
    modes, attributes = set(screen.mode), screen.cursor.attrs
    layout = layout_for(COLUMNS)
    answer, sanitizer = new_answer(layout, {}), Sanitizer()
    painter = Painter(lambda out: screen.feed(out.replace("\n", "\r\n").encode()), (COLUMNS, ROWS))
    for piece in pieces_of(text, places):
        answer.feed(sanitizer.feed(piece))
        frame = answer.frame(max_tail_rows)
        painter.paint(frame.permanent, frame.tail)
        assert (screen.scrollback_lines() + screen.screen_lines())[:BEFORE] == earlier
    answer.feed(sanitizer.end())
    painter.paint(answer.end(), [])
    painter.finish()
    assert (screen.scrollback_lines() + screen.screen_lines())[:BEFORE] == earlier
    assert screen.title == "mine"
    assert not screen.cursor.hidden
    assert set(screen.mode) == modes
    assert screen.cursor.attrs == attributes
    assert screen.margins is None
    assert replies == []
