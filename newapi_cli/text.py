"""Plain text: its width in terminal cells, wrapping, truncating, valid Unicode, similar names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

ELLIPSIS, ASCII_ELLIPSIS = "…", ".."
MIN_WRAP_CELLS = 10
SURROGATES = re.compile("[\ud800-\udfff]")

# Chinese and Japanese text may be wrapped between any two characters, but not before closing
# punctuation nor after opening punctuation. Sequences of emoji are never split.
_OPENING = "（〔［｛〈《「『【"
_CLOSING = "，。、；：？！）〕］｝〉》」』】…ー々"
_CLOSING += "\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"  # dakuten, variation selectors
_IDEOGRAPH = (
    f"(?![{_OPENING}{_CLOSING}])"
    "[\u2e80-\u2fdf\u3001-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60"
    "\U00020000-\U0003fffd]"
)
_WORD = f"(?:{_IDEOGRAPH}|(?:(?!{_IDEOGRAPH})[^ {_OPENING}])+)"
_PIECES = f" +|[{_OPENING}]*{_WORD}[{_CLOSING}]*|[{_OPENING}]+"
_EMOJI_VARIATION = "\ufe0f"  # some terminals then draw two cells: wrapping assumes the wider

# Short words with separators. Every setting and profile is named like that, and no API key is.
_PLAIN_NAME = re.compile(r"[^\W_]{1,20}(?:[_. -][^\W_]{1,20})*")
MAX_NAME = 40
_MAX_COMPARED = 128
_MAX_CANDIDATES = 5000  # 0.1 s to compare


def cell_width(text: str) -> int:
    """Return the number of terminal cells that a line without control characters takes.

    >>> cell_width("abc"), cell_width("你好"), cell_width("e\\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_character_width, text))


def truncate(text: str, width: int, *, is_ascii: bool = False) -> str:
    """Cut a line to `width` cells, with an ellipsis if anything was cut.

    >>> truncate("a long name", 6), truncate("你好世界", 6), truncate("a long name", 6, is_ascii=True)
    ('a lon…', '你好…', 'a lo..')
    """  # noqa: E501
    if cell_width(text) <= width:
        return text
    ellipsis = ASCII_ELLIPSIS if is_ascii else ELLIPSIS
    room = width - len(ellipsis)
    kept = ""
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept += character
    return kept + ellipsis[: max(width, 0)]


def wrap_line(line: str, width: int, indent: str = "") -> str:
    """Wrap a line between words to `width` cells; the rows after the first are indented.

    A word is never split: a command or a URL can be copied whole.

    >>> wrap_line("one two three", 12, "  ").split("\\n")
    ['one two', '  three']
    >>> wrap_line("密钥：该令牌已过期。", 14, "  ").split("\\n")
    ['密钥：该令牌已', '  过期。']
    """
    if width < len(indent) + MIN_WRAP_CELLS:
        return line
    rows, row, gap, used = [], "", "", 0
    for piece in _pieces().findall(line.expandtabs()):
        size = cell_width(piece) + piece.count(_EMOJI_VARIATION)
        if piece[0] == " ":
            gap = piece
        elif used and used + len(gap) + size > width:
            rows.append(row)
            row, gap, used = indent + piece, "", len(indent) + size
        else:
            row, gap, used = row + gap + piece, "", used + len(gap) + size
    return "\n".join((*rows, row)) or line


def well_formed(text: str) -> str:
    """Return the text with surrogate pairs joined and lone surrogates replaced.

    Anything else cannot be written as UTF-8, nor stored.

    >>> well_formed("\\ud83d\\ude00"), well_formed("a\\ud83d")
    ('😀', 'a�')
    """
    if text.isascii() or not SURROGATES.search(text):  # a text of megabytes is not copied
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shorten(text: str, limit: int) -> str:
    """Cut a text to `limit` characters, but never inside an ASCII word.

    Half a word could be half a key, which nothing would recognize and redact.

    >>> shorten("one two three", 9), shorten("one", 9), shorten("一二三四", 3)
    ('one two …', 'one', '一二三 …')
    """
    if len(text) <= limit:
        return text
    end = limit
    while end and text[end - 1 : end + 1].isascii() and not text[end - 1].isspace():
        end -= 1
    return f"{text[:end].rstrip()} {ELLIPSIS}".lstrip()


def near_names(
    word: str, known: Iterable[str], *, limit: int = 3, cutoff: float = 0.6
) -> list[str]:
    """Return the known names most similar to a mistyped one, in any case, most similar first.

    >>> near_names("GPT4o-mini", ["gpt-4o-mini", "gpt-4o", "whisper"])
    ['gpt-4o-mini', 'gpt-4o']
    """
    from difflib import get_close_matches  # noqa: PLC0415  # 2 ms

    names: dict[str, str] = {}
    for name in known:
        if len(name) <= _MAX_COMPARED and len(names) < _MAX_CANDIDATES:
            names.setdefault(name.lower(), name)
    matches = get_close_matches(word[:_MAX_COMPARED].lower(), names, limit, cutoff)
    return [names[match] for match in matches]


def is_plain_name(name: str) -> bool:
    """Return whether a name cannot be an API key that was put in its place.

    >>> is_plain_name("require_finish_reason"), is_plain_name("sk-0123456789")
    (True, False)
    >>> is_plain_name("x" * 32)
    False
    """
    is_short = len(name) <= MAX_NAME and _PLAIN_NAME.fullmatch(name) is not None
    return is_short and not name.lower().startswith("sk-")


def quote_name(name: str) -> str:
    """Return a name in quotes, or a placeholder for one that may be an API key.

    >>> quote_name("work"), quote_name("sk-0123456789")
    ('"work"', '(name not shown: it may be a key)')
    """
    return f'"{name}"' if is_plain_name(name) else "(name not shown: it may be a key)"


@cache
def _pieces() -> re.Pattern[str]:
    return re.compile(_PIECES)  # 5 ms, and only long lines need it


def _character_width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Me", "Mn", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
