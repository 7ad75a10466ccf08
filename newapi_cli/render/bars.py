"""Bars of a chart, and texts cut to cells, for tables that are laid out without rich."""

from __future__ import annotations

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
