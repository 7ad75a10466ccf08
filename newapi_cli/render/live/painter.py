"""The rows at the bottom of the normal screen that may still change, and how they change.

The painter owns the live region: rows that it wrote last, with the cursor at the end of the last of
them. One operation writes a frame: `paint`. What is above the region belongs to the terminal, for
good; the region never is higher than the window less one row, so the cursor always reaches its top.

    rows on screen   A B C            paint([A, B2], [C, D]):
    cursor           at the end of C   A stands already and costs nothing; from B on the rows
                                       are rewritten; A and B2 are then no longer ours
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from rich.cells import cell_len

from newapi_cli.render.live.layout import Row
from newapi_cli.terminal import (
    BEGIN_FRAME,
    END_FRAME,
    ERASE_BELOW,
    HIDE_CURSOR,
    NO_WRAP,
    SHOW_CURSOR,
    WRAP,
)

SGR = re.compile(r"\x1b\[[\d;]*m")
DISPUTED = frozenset("\u200d\ufe0e\ufe0f") | frozenset(map(chr, range(0x300, 0x370)))


class Painter:
    """Writes frames, each by one call of `write`. `size` gives columns and rows of the window."""

    def __init__(self, write: Callable[[str], object], size: tuple[int, int]) -> None:
        self._write = write
        self._columns, self._height = size
        self._live: list[Row] = []
        self._is_hidden = False
        self._is_stale = False  # the window was resized since the last frame

    def resize(self, size: tuple[int, int]) -> None:
        """Take a new size of the window; the terminal has re-flowed what it shows by now."""
        self._columns, self._height = size
        self._is_stale = True

    def paint(self, permanent: Sequence[Row], tail: Sequence[Row]) -> None:
        """Show rows for good, and below them the rows that may still change."""
        rows = [*permanent, *self._cropped(tail)]
        text = self._change_to(rows, len(permanent))
        is_over = bool(rows) and len(rows) == len(permanent)
        self._live = rows[len(permanent) :]
        self._is_stale = False
        if not text and not is_over:
            return
        newline = "\n" if is_over else ""  # the cursor waits on a fresh row
        hide = "" if self._is_hidden else HIDE_CURSOR
        self._is_hidden = True
        self._write(f"{BEGIN_FRAME}{hide}{text}{newline}{END_FRAME}")

    def finish(self) -> None:
        """Leave the region as it is, for good, with the cursor shown on a fresh row."""
        newline = "\n" if self._live else ""
        show = SHOW_CURSOR if self._is_hidden else ""
        self._live, self._is_hidden = [], False
        if newline or show:
            self._write(newline + show)

    def forget(self) -> None:
        """Give the region up: somebody else has the screen. The next frame begins where it is."""
        self._live, self._is_hidden = [], False

    def _cropped(self, tail: Sequence[Row]) -> list[Row]:
        """Give the last rows of a tail that find room; the others come when they are for good."""
        room = max(self._height - 1, 1)
        rows: list[Row] = []
        for row in reversed(tail):
            room -= self._height_of(row)
            if room < 0:
                break
            rows.append(row)
        if tail and not rows:
            rows.append(self._end_of(tail[-1]))
        return rows[::-1]

    def _end_of(self, row: Row) -> Row:
        """Give the end of a row that is higher than the window, in as many cells as find room."""
        text, width = "", 0
        for character in reversed(SGR.sub("", row.text)):
            width += cell_len(character)
            if width > (self._columns - 1) * max(self._height - 1, 1):
                break
            text = character + text
        return Row(text, cell_len(text))

    def _change_to(self, rows: list[Row], count_permanent: int) -> str:
        """Give what turns the live region into the rows, of which the first ones are for good."""
        live = self._live
        same = 0 if self._is_stale else self._count_same(rows, count_permanent)
        if same == len(rows) == len(live):
            return ""
        if same == len(live):
            return ("\n" if live else "") + self._written(rows, same, count_permanent)
        if same == len(rows):
            same = max(same - 1, 0)  # rows go away: the cursor ends behind the last that stays
        elif self._only_grew(rows, same, count_permanent):
            return rows[same].text[len(live[same].text) :]
        return self._up_to(same) + ERASE_BELOW + self._written(rows, same, count_permanent)

    def _count_same(self, rows: list[Row], count_permanent: int) -> int:
        for index, (new, old) in enumerate(zip(rows, self._live, strict=False)):
            if new != old or (index < count_permanent and self._is_disputed(old)):
                return index
        return min(len(rows), len(self._live))

    def _only_grew(self, rows: list[Row], same: int, count_permanent: int) -> bool:
        old, new = self._live[same], rows[same]
        return (
            same == len(rows) - 1 == len(self._live) - 1
            and new.text.startswith(old.text)
            and bool(old.text)
            and not self._is_disputed(new)
            and count_permanent <= same
        )

    def _up_to(self, index: int) -> str:
        height = sum(map(self._height_of, self._live[index:])) - 1
        up = min(height, self._height - 1)
        return f"\x1b[{up}A\r" if up > 0 else "\r"

    def _written(self, rows: list[Row], begin: int, count_permanent: int) -> str:
        return "\n".join(
            f"{NO_WRAP}{row.text}{WRAP}"
            if index >= count_permanent and self._is_disputed(row)
            else row.text
            for index, row in enumerate(rows[begin:], begin)
        )

    def _height_of(self, row: Row) -> int:
        if row.width <= self._columns or self._is_disputed(row):
            return 1
        if row.text.isascii():
            return math.ceil(row.width / self._columns)
        height, column = 1, 0
        for width in map(cell_len, SGR.sub("", row.text)):
            if column + width > self._columns:  # a wide character that finds no room at the edge
                height, column = height + 1, 0
            column += width
        return height

    def _is_disputed(self, row: Row) -> bool:
        """Say whether terminals may count the cells of a row so differently that it wraps or not.

        Such a row is written without wrapping while it is live, so that it surely is one row.
        """
        if row.text.isascii():
            return False
        strange = sum(2 for character in row.text if character in DISPUTED or character > "\uffff")
        return strange > 0 and self._columns < row.width + strange
