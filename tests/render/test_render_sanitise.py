"""Foreign text is made safe for a terminal: nothing obeyed, nothing dropped unseen."""

from __future__ import annotations

import unicodedata
from itertools import combinations

import pytest

from newapi_cli.render.sanitise import Sanitiser, safe_line, safe_text

KEPT = ("\t", "\n")
C0 = [chr(code) for code in range(0x20) if chr(code) not in KEPT]
C1 = [chr(code) for code in range(0x80, 0xA0)]
BIDI = [chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]  # noqa: E501  # fmt: skip


@pytest.mark.parametrize("character", [*C0, "\x7f"], ids=ascii)
def test_a_control_character_is_shown_as_its_symbol(character: str) -> None:
    symbol = "␡" if character == "\x7f" else chr(0x2400 + ord(character))
    assert safe_text(f"a{character}b") == f"a{symbol}b"


@pytest.mark.parametrize("character", [*C1, *BIDI, "\ufeff", "\ud800", "\udfff"], ids=ascii)
def test_what_has_no_symbol_is_shown_as_the_replacement_character(character: str) -> None:
    assert safe_text(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
def test_the_separators_of_unicode_become_spaces(separator: str) -> None:
    assert safe_text(f"a{separator}b") == "a b"


@pytest.mark.parametrize(
    "text",
    ["", "plain", "tab\tand\nline", "é你👋", "👨\u200d👩\u200d👧", "❤\ufe0f", "[red]x[/red]"],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
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


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_a_stream_is_made_safe_wherever_it_is_cut(text: str) -> None:
    for first, second in combinations(range(len(text) + 1), 2):
        sanitiser = Sanitiser()
        pieces = [text[:first], text[first:second], text[second:]]
        found = "".join([*(sanitiser.feed(piece) for piece in pieces), sanitiser.end()])
        assert found == safe_text(text), pieces


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_a_stream_is_made_safe_character_by_character(text: str) -> None:
    sanitiser = Sanitiser()
    found = "".join([*(sanitiser.feed(character) for character in text), sanitiser.end()])
    assert found == safe_text(text)
    assert not any(character in found for character in "\x1b\x07\x08\r\x9b\x9d")


def test_a_line_break_of_windows_is_one() -> None:
    assert safe_text("a\r\nb\rc") == "a\nb␍c"


def test_nothing_but_a_return_is_held_back() -> None:
    sanitiser = Sanitiser()
    assert sanitiser.feed("a\x1b") == "a␛"
    assert sanitiser.feed("b\r") == "b"
    assert sanitiser.feed("") == ""
    assert sanitiser.end() == "␍"
    assert sanitiser.end() == ""


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
