"""Untrusted text is made safe for a terminal: control characters become symbols, none is lost."""

from __future__ import annotations

import random
import re
import unicodedata
from io import StringIO
from itertools import combinations, combinations_with_replacement, pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console

from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import Layout
from newapi_cli.render.live.painter import Painter
from newapi_cli.render.live.theme import theme_named
from newapi_cli.render.sanitizer import REPLACEMENT, Sanitizer, safe_code, safe_line, safe_text
from newapi_cli.text import wrap_line
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

KEPT = ("\t", "\n")
C0 = [chr(code) for code in range(0x20) if chr(code) not in KEPT]
C1 = [chr(code) for code in range(0x80, 0xA0)]
BIDI = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]  # noqa: E501  # fmt: skip


@each("character", [*C0, "\x7f"], ids=ascii)
def test_a_control_character_is_shown_as_its_symbol(character: str) -> None:
    symbol = "␡" if character == "\x7f" else chr(0x2400 + ord(character))
    assert safe_text(f"a{character}b") == f"a{symbol}b"


@each("character", [*C1, *BIDI, "\ufeff", "\ud800", "\udfff"], ids=ascii)
def test_a_character_without_a_symbol_becomes_the_replacement_character(character: str) -> None:
    assert safe_text(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
def test_unicode_separators_become_spaces(separator: str) -> None:
    assert safe_text(f"a{separator}b") == "a b"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "tab\tand\nline", "é你👋", "👨\u200d👩\u200d👧", "❤\ufe0f", "[red]x[/red]"],
)
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert safe_text(text) == text


def test_no_control_character_of_unicode_passes() -> None:
    for code in range(0x110000):
        for found in safe_text(chr(code)):
            kind = unicodedata.category(found)
            assert found in KEPT or kind not in ("Cc", "Cs", "Zl", "Zp"), hex(code)
            assert unicodedata.bidirectional(found) not in (
                "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
            ), hex(code)  # fmt: skip


ATTACKS = {
    "title": "\x1b]0;pwned\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "link": "\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\",
    "screen cleared": "\x1b[2J\x1b[H",
    "question": "\x1b[6n\x1b[c",
    "reset": "\x1bc",
    "C1 CSI": "\x9b31m",
    "C1 OSC": "\x9d0;x\x9c",
    "line rewritten": "transfer $10\rtransfer $9999",
    "backspaces": "safe\b\b\b\bevil",
    "unfinished": "\x1b]0;",
    "two returns": "a\r\r\nb\r",
    "CRLF": "a\r\nb\r\n",
    "spoofed order": "a\u202eb\u2069c",
}


@each("text", ATTACKS.values(), ids=ATTACKS)
def test_a_stream_is_made_safe_wherever_it_is_split(text: str) -> None:
    for first, second in combinations(range(len(text) + 1), 2):
        sanitizer = Sanitizer()
        pieces = [text[:first], text[first:second], text[second:]]
        found = "".join([*(sanitizer.feed(piece) for piece in pieces), sanitizer.end()])
        assert found == safe_text(text), pieces


@each("text", ATTACKS.values(), ids=ATTACKS)
def test_a_stream_is_made_safe_character_by_character(text: str) -> None:
    sanitizer = Sanitizer()
    found = "".join([*(sanitizer.feed(character) for character in text), sanitizer.end()])
    assert found == safe_text(text)
    assert not any(character in found for character in "\x1b\x07\x08\r\x9b\x9d")


def test_crlf_is_one_line_break() -> None:
    assert safe_text("a\r\nb\rc") == "a\nb␍c"


def test_only_a_carriage_return_is_held_back() -> None:
    sanitizer = Sanitizer()
    assert sanitizer.feed("a\x1b") == "a␛"
    assert sanitizer.feed("b\r") == "b"
    assert sanitizer.feed("") == ""
    assert sanitizer.end() == "␍"
    assert sanitizer.end() == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("  two\nlines\r\n\there ", "two lines here"),
        ("a\x1b[31mb", "a␛[31mb"),
        ("a\u2028b\x85c", "a b\ufffdc"),
    ],
)
def test_foreign_text_becomes_one_line(text: str, line: str) -> None:
    assert safe_line(text) == line


# -- emoji, and hidden text in the same characters -------------------------------------------------

SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
SEQUENCES = {
    "family": "👨\u200d👩\u200d👧\u200d👦",
    "profession": "👩🏽\u200d💻",
    "heart": "❤\ufe0f",
    "rainbow flag": "🏳\ufe0f\u200d🌈",
    "flag of two letters": "🇩🇪",
    "flag of tags": SCOTLAND,
    "two flags of tags": SCOTLAND + SCOTLAND,
    "keycap": "1\ufe0f\u20e3",
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
}
LONE_TAGS = {
    "a tag alone": "a\U000e0041b",
    "a word of tags": "a" + "".join(chr(0xE0000 + ord(x)) for x in "ignore all") + "b",
    "the tag of language": "a\U000e0001b",
    "the end without a flag": "a\U000e007fb",
    "tags behind another emoji": "😀\U000e0067\U000e0062b",
    "tags behind a whole flag": SCOTLAND + "\U000e0041\U000e0042",
    "a flag of tags without its end": "\U0001f3f4\U000e0067\U000e0062 b",
    "a message inside of a flag": "\U0001f3f4"
    + "".join(chr(0xE0000 + ord(x)) for x in "ignore all that was said")
    + "\U000e007f",
}


def in_pieces(text: str, *cuts: int) -> str:
    """Return what a stream becomes that is split there."""
    sanitizer = Sanitizer()
    edges = [0, *cuts, len(text)]
    pieces = [text[begin:end] for begin, end in pairwise(edges)]
    return "".join([*map(sanitizer.feed, pieces), sanitizer.end()])


def tags_in(text: str) -> list[str]:
    return [character for character in text if 0xE0000 <= ord(character) <= 0xE007F]


@each("text", SEQUENCES.values(), ids=SEQUENCES)
def test_emoji_sequences_stay_whole_wherever_they_are_split(text: str) -> None:
    whole = f"a {text} b"
    assert safe_text(whole) == whole
    for first, second in combinations_with_replacement(range(len(whole) + 1), 2):
        assert in_pieces(whole, first, second) == whole, (first, second)


@pytest.mark.parametrize("text", LONE_TAGS.values(), ids=LONE_TAGS)
def test_tags_outside_flags_are_visible(text: str) -> None:
    kept = tags_in(SCOTLAND) if SCOTLAND in text else []
    assert tags_in(safe_text(text)) == kept
    assert tags_in(safe_code(text)) in ([], kept)
    assert REPLACEMENT in safe_text(text)
    for cut in range(len(text) + 1):
        assert tags_in(in_pieces(text, cut)) == kept, cut


@each(
    "character", ["\u200b", "\u200c", "\u200d", "\u2060", "\u00ad", "\ufeff", "\U000e0041", *BIDI]
)
def test_invisible_characters_are_visible_in_code(character: str) -> None:
    assert safe_code(f"ad{character}min") == "ad\ufffdmin"


# -- all the way to the terminal -------------------------------------------------------------------

OURS = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh]|\?2026[hl]|\?7[lh]|\d+A|J)")
ALLOWED_CONTROLS = "\r\n"
ALLOWED_FORMATS = frozenset("\u200b\u200c\u200d\u2060\u00ad") | set(tags_in(SCOTLAND))
PAYLOADS = [
    *ATTACKS.values(),
    "\x1b[31m", "\x1b]2;t\x07", "\x1bP1$r0m\x1b\\", "\x1b_G\x1b\\", "\x1b[?1049h", "\x1b(0",
    "\x1b#8",
    "\x07", "\x08", "\x0b", "\x0c", "\r", "\x00", "\x0e", "\x0f", "\x7f", "\x1b", "\x1b[",
    "\x80", "\x85", "\x90q\x9c", "\x98x\x9c", "\x9b2J", "\x9dt\x9c", "\x9e", "\x9f",
    "\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c", "\ufeff", "\u2028",
    "\u2029", "\ud800", "\udfff", "\ud83d\ude00", "\U000e0041\U000e0042", "\U000e0001",
    "&#27;[31m", "&#x1b;]0;x&#7;", "&#155;2J", "&#x202e;evil", "&#8238;", "&#x2066;", "&#xFEFF;",
    "&#xE0041;", "&#x200f;", "&#0;", "&#13;", "&#x85;", "&#127;", "&#x2028;", "&#xD800;", "&rlm;",
    "&lrm;", "&#8;&#8;", "&NewLine;x", "&Tab;x",
    "https://evil/\x1b]8;;x\x07", "[red]x[/red]", "\x1b]1337;File=:AAAA\x07", "\x1b]9;7;cmd\x07",
]  # fmt: skip
PLACES = [
    "{}", "text {} text\n\nmore", "# {}\n", "- a{}\n- {}\n", "> {}\n", "`{}`", "```\n{}\n```\n",
    "```py\nx = '{}'  # {}\n", "```{}\ncode\n```\n", "    {}\n", "| a |\n|---|\n| {} |\n",
    "[{}](http://a/{} \"{}\")", "![{}](<b {}> '{}')", "<http://x/{}>", "[a]: /u{} '{}'\n\n[a]\n",
    "**{}** *{}* ~~{}~~", "{}\n===\n", "<b {}>{}</b>", "&{};", "\\{}", "1. {}\n\n   {}\n",
]  # fmt: skip
COUNT = scaled(1500, 20_000)


def written_for(pieces: list[str], columns: int) -> str:
    """Return everything that a terminal gets of an answer."""
    written: list[str] = []
    theme = theme_named("ansi")
    console = Console(
        width=columns, force_terminal=True, color_system="truecolor", _environ={}, file=StringIO()
    )
    answer, sanitizer = StreamedAnswer(Layout(console, theme), theme), Sanitizer()
    painter = Painter(written.append, (columns, 10))
    for piece in pieces:
        answer.feed(sanitizer.feed(piece))
        frame = answer.frame(7)
        painter.paint(frame.permanent, frame.tail)
    answer.feed(sanitizer.end())
    painter.paint(answer.end(), [])
    painter.finish()
    return "".join(written)


def unexpected_controls(written: str) -> list[str]:
    """Return the characters that should not have been written, with their surroundings."""
    text = OURS.sub("", written)
    found = []
    for index, character in enumerate(text):
        kind = unicodedata.category(character)
        is_foreign = kind in ("Cc", "Cs", "Zl", "Zp") and character not in ALLOWED_CONTROLS
        if is_foreign or (kind == "Cf" and character not in ALLOWED_FORMATS):
            found.append(ascii(text[max(index - 8, 0) : index + 8]))
    flags = text.replace(SCOTLAND, "")
    return found + [ascii(tag) for tag in tags_in(flags)]


@each("payload", PAYLOADS, ids=ascii)
def test_no_control_sequence_reaches_the_terminal_wherever_it_is_split(payload: str) -> None:
    text = f"a {payload} b\n\n`{payload}`\n"
    for cut in range(2, len(payload) + 3):
        written = written_for([text[:cut], text[cut:]], 40)
        assert unexpected_controls(written) == [], cut
        assert "a" in OURS.sub("", written)


def test_no_control_sequence_reaches_the_terminal_from_any_block() -> None:
    rnd = random.Random(SEED)
    for number in range(COUNT):
        place = rnd.choice(PLACES)
        text = place.format(*(rnd.choice(PAYLOADS) for _ in range(place.count("{}"))))
        if rnd.random() < 0.5:
            text += "\n" + rnd.choice(PLACES[:7]).replace("{}", rnd.choice(PAYLOADS))
        cuts = sorted(rnd.sample(range(len(text) + 1), k=min(2, len(text))))
        pieces = [text[begin:end] for begin, end in pairwise([0, *cuts, len(text)])]
        found = unexpected_controls(written_for(pieces, rnd.choice([20, 60])))
        assert found == [], f"{REPEAT}, text {number}: {pieces!r}"


def test_the_oracle_finds_control_sequences() -> None:
    for payload in (
        "\x1b[6n",
        "\x1b]0;x\x07",
        "\x9b",
        "\u202e",
        "\x1b[2J",
        "\t",
        "\U000e0041",
        "\ud800",
    ):
        assert unexpected_controls(f"a\x1b[1m{payload}b\x1b[0m"), ascii(payload)
    assert (
        unexpected_controls(f"\x1b[?2026h\x1b[?25l\x1b[3A\r\x1b[J\x1b[1;31m你\x1b[0m{SCOTLAND}\n")
        == []
    )


WORDS = [
    "¥36.50 left of ¥40.00, ¥3.50 used, expires 2026-12-31",
    "the key is refused: 令牌额度已用尽，请在控制台（设置）中充值。「好」 (request id 2026)",
    "a family 👨\u200d👩\u200d👧 and a heart ❤\ufe0f and a flag 🇩🇪 and thumbs 👍🏽 of the model",
    "한국어 문장도 낱말 사이에서 나뉩니다 그리고 끝납니다",
]


@each("text", WORDS)
@each("width", [16, 24, 40])
def test_a_line_of_any_script_is_wrapped_by_its_width(text: str, width: int) -> None:
    rows = wrap_line(text, width, "  ").split("\n")
    assert len(rows) > 1
    assert max(map(cell_len, rows)) <= width
    assert "".join("".join(rows).split()) == "".join(text.split())
    assert all(row.startswith("  ") for row in rows[1:])
    assert not any(row.strip()[0] in "，。）」\u200d\ufe0f🏽" for row in rows)
    assert not any(row[-1] in "（「\u200d" for row in rows)


def test_a_line_of_ideographs_fills_its_rows() -> None:
    assert wrap_line("令牌" * 12, 20) == "\n".join(["令牌" * 5, "令牌" * 5, "令牌" * 2])


def test_a_word_longer_than_a_row_stays_whole() -> None:
    assert wrap_line("¥ " + "x" * 30 + " y", 12) == "¥\n" + "x" * 30 + "\ny"
