"""Bars of a chart, and texts cut to cells, for tables that are laid out without rich."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

from newapi_cli.streams import Streams

FULL = "█"
EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
PLAIN = "#"


def wants_plain(streams: Streams) -> bool:
    """Say whether stdout shows ASCII alone: it is not UTF-8, or the terminal is a dumb one."""
    is_utf_8 = streams.stdout.encoding.lower().replace("-", "").replace("_", "") == "utf8"
    return streams.terminal_is_dumb or not is_utf_8


def bar(value: Decimal, largest: Decimal, width: int, *, is_plain: bool = False) -> str:
    """Give a bar of at most `width` cells; what is more than nothing is seen.

    >>> bar(Decimal(1), Decimal(3), 4), bar(Decimal(1), Decimal(999), 4), bar(Decimal(0), Decimal(3), 4)
    ('█▎', '▏', '')
    >>> bar(Decimal(2), Decimal(3), 6, is_plain=True)
    '####'
    """  # noqa: E501
    if value <= 0 or largest <= 0 or width <= 0:
        return ""
    if is_plain:
        return PLAIN * min(max(1, round(value * width / largest)), width)
    full, rest = divmod(min(max(1, int(value * width * 8 / largest)), width * 8), 8)
    return FULL * full + EIGHTHS[rest]


def cells(text: str) -> int:
    """Count the cells of a safe line on a terminal.

    >>> cells("abc"), cells("你好"), cells("e\\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def cut(text: str, width: int, *, is_plain: bool = False) -> str:
    """Cut a safe line to so many cells, and show that it was cut.

    >>> cut("a long name", 6), cut("你好世界", 6), cut("a long name", 6, is_plain=True)
    ('a lon…', '你好…', 'a lo..')
    """
    if cells(text) <= width:
        return text
    mark = ".." if is_plain else "…"
    room = width - len(mark)
    kept = ""
    for character in text:
        room -= _cells_of(character)
        if room < 0:
            break
        kept += character
    return kept + mark[: max(width, 0)]


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Me", "Mn", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
