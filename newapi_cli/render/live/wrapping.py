"""Where the text of a table cell, or of a paragraph in Chinese or Japanese, is wrapped.

rich breaks a word that is wider than the line anywhere. A column is narrow, so such words are
usual: here they are broken beside punctuation or between CJK characters, and only a run of letters
that is wider than the line is broken inside. No character is dropped.

Chinese and Japanese have no blanks between words: to rich, a sentence with the names and URLs in it
is one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from rich.text import Text

CJK = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
SEPARATORS = "\\s\x00-/:-@\\[-`{-\x7f\u2010-\u205f"
CLOSING = (  # what must not begin a line
    "!%),.:;?\\]}\u2019\u201d\u3001\u3002\u3009\u300b\u300d\u300f\u3011"
    "\uff01\uff09\uff0c\uff1a\uff1b\uff1f"
)
OPENING = "(\\[{\u2018\u201c\u3008\u300a\u300c\u300e\u3010\uff08\uffe5"  # what must not end a line
MARKS = "\u0300-\u036f\u200d\u20d0-\u20ff\ufe0e\ufe0f"
WORDS = re.compile(r"\s*\S+\s*")
WIDE_LETTERS = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff"  # of two cells each
TRAILING = f"{CLOSING}{MARKS}\u2026\u3099\u309a\U000e0100-\U000e01ef"
KEPT_LETTERS, KEPT_CELLS = 10, 16
TAB_SIZE = 4


def wrapped(text: Text, width: int, plain: str = "") -> list[Text]:
    """Return the lines of a text without line breaks, none wider than `width` (2 or more).

    `plain` is the text by which it is wrapped, as long as the text itself.
    """
    lines = list(text.divide(line_breaks(plain or text.plain, width)))
    for line in lines:
        line.rstrip()
    return lines


def wrapped_text(text: str, width: int) -> list[str]:
    """Return the lines of a text without line breaks.

    >>> wrapped_text("a word and/or two", 8)
    ['a word', 'and/or', 'two']
    """
    breaks = [0, *line_breaks(text, width), len(text)]
    return [text[begin:end].rstrip() for begin, end in pairwise(breaks)]


def line_breaks(text: str, width: int) -> list[int]:
    """Return the indices at which new lines begin.

    >>> line_breaks("a word and/or two", 8)
    [7, 14]
    """
    breaks: list[int] = []
    used = 0  # cells of the current line
    for match in WORDS.finditer(text):
        word = match.group()
        size = cell_len(word.rstrip())
        if used + size <= width:
            used += cell_len(word)
        elif size <= width:
            breaks.append(match.start())
            used = cell_len(word)
        else:
            used = _break_word(text, match.start(), match.end(), width, used, breaks)
    return breaks


@cache
def _atom() -> re.Pattern[str]:
    """Return the pattern of what is broken at its end only; it takes 3 ms to compile.

    A run of letters, digits, emoji; or one other character and what must not begin a line after it.
    Before these, what must not end a line.
    """
    letters = f"[^{SEPARATORS}{CJK}]+"
    other = rf"\S[{MARKS}]*(?:(?<=[{CJK}])[{CLOSING}]+)?"
    return re.compile(rf"((?:[{OPENING}]+(?!\s))?)(\s+|{letters}|{other})")


def _atoms(text: str, begin: int, end: int, width: int) -> Iterator[tuple[int, str]]:
    """Yield the atoms of a word with their indices."""
    for match in _atom().finditer(text, begin, end):
        opening, rest = match.groups()
        if opening and cell_len(match.group()) > width:
            yield match.start(), opening
            yield match.start(2), rest
        else:
            yield match.start(), match.group()


@cache
def _cjk() -> re.Pattern[str]:
    return re.compile(f"[{CJK}]")  # 2 ms


@cache
def _units() -> re.Pattern[str]:
    """Return the pattern of what is kept whole in a paragraph: words with what encloses them.

    Letters of two cells, between which it may be broken, are one match of any length.
    """
    return re.compile(
        rf"([{WIDE_LETTERS}]+(?![{TRAILING}]))|(\s+)"
        rf"|(?=\S)[{OPENING}]*+(?:[{CJK}]|[^\s{CJK}]+)?[{TRAILING}]*+"
    )


def has_cjk(text: str) -> bool:
    """Return whether a text has Chinese or Japanese letters or punctuation."""
    return not text.isascii() and _cjk().search(text) is not None


def paragraph_breaks(text: str, width: int) -> list[int]:
    """Return the indices at which new lines of a text in Chinese or Japanese begin.

    >>> paragraph_breaks("\u8c03\u7528 json.loads\uff0c\u7136\u540e", 12)
    [3, 14]
    """
    breaks: list[int] = []
    used = 0  # cells of the current line
    for match in _units().finditer(text):
        begin, end = match.span()
        if match.group(1):
            while end - begin > (count := max(width - used, 0) // 2):
                begin += count
                breaks.append(begin)
                used = 0
            used += 2 * (end - begin)
            continue
        size = cell_len(match.group())
        if used + size <= width or match.group(2):
            used += size
        elif size <= width:
            breaks.append(begin)
            used = size
        else:
            used = _break_word(text, begin, end, width, used, breaks)
    return breaks


def _break_word(text: str, begin: int, end: int, width: int, used: int, breaks: list[int]) -> int:
    """Add the breaks inside a word that is wider than a line; return the cells of its last line."""
    for start, atom in _atoms(text, begin, end, width):
        size = cell_len(atom)
        if used + size <= width or atom.isspace():
            used += size
            continue
        if used:
            breaks.append(start)
        pieces = chop_cells(atom, width) if size > width else [atom]
        for piece in pieces[:-1]:
            start += len(piece)
            breaks.append(start)
        used = cell_len(pieces[-1])
    return used


def least_width(text: str) -> int:
    """Return the width that a text needs to be readable: no word is broken that need not be.

    Words of up to `KEPT_LETTERS` letters or `KEPT_CELLS` cells are kept whole, except words in
    Chinese or Japanese, which are broken anywhere.
    """
    if text.isascii():
        return min(max(map(len, text.split()), default=0), KEPT_CELLS)
    return max(map(_least_width_of_word, text.split()), default=0)


def _least_width_of_word(word: str) -> int:
    cjk = _cjk()
    if cjk.search(word):
        return max(map(_least_width_of_word, filter(None, cjk.split(word))), default=2)
    return cell_len(word) if len(word) <= KEPT_LETTERS else min(cell_len(word), KEPT_CELLS)
