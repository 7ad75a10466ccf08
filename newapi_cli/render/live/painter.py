"""The rows at the bottom of the normal screen that may still change, and how they are rewritten.

The painter controls the live region: the rows that it wrote last, with the cursor at the end of
them. One operation writes a frame: `paint`. Rows above the region are permanent. The region is
never higher than the window minus one row, so the cursor can always reach its top.

    rows on screen   A B C            paint([A, B2], [C, D]):
    cursor           at the end of C   A is unchanged and costs nothing; the rows from B on are
                                       rewritten; A and B2 are then permanent
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from rich.cells import cell_len

from newapi_cli.errors import Interrupted
from newapi_cli.render.live.layout import TAB_STOP, Row, column_after
from newapi_cli.terminal import (
    BEGIN_FRAME,
    END_FRAME,
    ERASE_BELOW,
    HIDE_CURSOR,
    NO_WRAP,
    SHOW_CURSOR,
    WRAP,
)

PATIENCE = 6  # more attempts, of 50 ms each, to show the cursor again
NO_STYLE = "\x1b[0m"
SGR = re.compile(r"\x1b\[[\d;]*m")
AMBIGUOUS = frozenset("\u200d\ufe0e\ufe0f") | frozenset(map(chr, range(0x300, 0x370)))


class Painter:
    """Writes frames, each by one call of `write`. `size` is columns and rows of the window."""

    def __init__(self, write: Callable[[str], object], size: tuple[int, int]) -> None:
        self._write = write
        self._columns, self._height = size
        self._live: list[Row] = []
        self._is_hidden = False
        self._is_stale = False  # the window was resized since the last frame
        self._is_in_frame = False

    def resize(self, size: tuple[int, int]) -> None:
        """Use a new window size; the terminal has already reflowed its rows."""
        self._columns, self._height = size
        self._is_stale = True

    def paint(self, permanent: Sequence[Row], tail: Sequence[Row]) -> None:
        """Show permanent rows, and below them the rows that may still change."""
        end = self._end_of_cut_frame()
        rows = [*permanent, *self._cropped(tail)]
        text = self._change_to(rows, len(permanent))
        is_over = bool(rows) and len(rows) == len(permanent)
        self._live = rows[len(permanent) :]
        self._is_stale = False
        if not text and not is_over and not end:
            return
        newline = "\n" if is_over else ""  # the cursor is left on a new row
        hide = "" if self._is_hidden else HIDE_CURSOR
        self._is_hidden = True
        self._is_in_frame = True  # until all of it is written
        self._write(f"{end}{BEGIN_FRAME}{hide}{text}{newline}{END_FRAME}")
        self._is_in_frame = False

    def finish(self) -> None:
        """Make the region permanent and show the cursor on a new row."""
        end = self._end_of_cut_frame()
        newline = "\n" if self._live else ""
        show = SHOW_CURSOR if self._is_hidden else ""
        self._live, self._is_hidden = [], False
        if end or newline or show:
            self._write_patiently(end + newline + show)

    def _write_patiently(self, text: str) -> None:
        """Write to a terminal that was too slow when a signal arrived: it may catch up."""
        for _ in range(PATIENCE):
            try:
                self._write(text)
            except Interrupted:
                continue
            return
        self._write(text)

    def _end_of_cut_frame(self) -> str:
        """Return what ends a frame that a signal cut off, and forget its rows.

        How many of them are on the screen is unknown, so what follows begins on a new row.
        """
        if not self._is_in_frame:
            return ""
        self._live, self._is_in_frame = [], False
        return f"{NO_STYLE}{WRAP}\n{END_FRAME}"

    def forget(self) -> None:
        """Forget the region: another program used the screen, the next frame starts below."""
        self._live, self._is_hidden = [], False

    def _cropped(self, tail: Sequence[Row]) -> list[Row]:
        """Return the last rows of a tail that fit; the others appear when they are permanent."""
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
        """Return the end of a row that is higher than the window, as many cells as fit."""
        text, width = "", 0
        for character in reversed(SGR.sub("", row.text)):
            width += TAB_STOP if character == "\t" else cell_len(character)
            if width > (self._columns - 1) * max(self._height - 1, 1):
                break
            text = character + text
        return Row(text, column_after(text, 0))

    def _change_to(self, rows: list[Row], permanent_count: int) -> str:
        """Return the text that turns the live region into `rows`, the first of them permanent."""
        live = self._live
        same = 0 if self._is_stale else self._count_same(rows, permanent_count)
        if same == len(rows) == len(live):
            return ""
        if same == len(live):
            return ("\n" if live else "") + self._text_from(rows, same, permanent_count)
        if same == len(rows):
            same = max(same - 1, 0)  # the cursor goes to the end of the last row kept
        elif self._only_grew(rows, same, permanent_count):
            return rows[same].text[len(live[same].text) :]
        return self._move_up_to(same) + ERASE_BELOW + self._text_from(rows, same, permanent_count)

    def _count_same(self, rows: list[Row], permanent_count: int) -> int:
        for index, (new, old) in enumerate(zip(rows, self._live, strict=False)):
            if new != old or (index < permanent_count and self._has_ambiguous_width(old)):
                return index
        return min(len(rows), len(self._live))

    def _only_grew(self, rows: list[Row], same: int, permanent_count: int) -> bool:
        old, new = self._live[same], rows[same]
        return (
            same == len(rows) - 1 == len(self._live) - 1
            and new.text.startswith(old.text)
            and bool(old.text)
            and not self._has_ambiguous_width(new)
            and permanent_count <= same
        )

    def _move_up_to(self, index: int) -> str:
        height = sum(map(self._height_of, self._live[index:])) - 1
        up = min(height, self._height - 1)
        return f"\x1b[{up}A\r" if up > 0 else "\r"

    def _text_from(self, rows: list[Row], begin: int, permanent_count: int) -> str:
        return "\n".join(
            f"{NO_WRAP}{row.text}{WRAP}"
            if index >= permanent_count and self._has_ambiguous_width(row)
            else row.text
            for index, row in enumerate(rows[begin:], begin)
        )

    def _height_of(self, row: Row) -> int:
        if row.width <= self._columns or self._has_ambiguous_width(row):
            return 1
        if row.text.isascii() and "\t" not in row.text:
            return math.ceil(row.width / self._columns)
        height, column = 1, 0
        for character in SGR.sub("", row.text):
            if character == "\t":  # it never leaves its row
                column = max(column, min(column_after(character, column), self._columns - 1))
                continue
            width = cell_len(character)
            if column + width > self._columns:  # a wide character does not fit at the edge
                height, column = height + 1, 0
            column += width
        return height

    def _has_ambiguous_width(self, row: Row) -> bool:
        """Return whether it depends on how a terminal counts cells if the row wraps.

        Such a row is written without wrapping while it is live, so that it is certainly one row.
        """
        if row.text.isascii():
            return False
        ambiguous = sum(
            2 for character in row.text if character in AMBIGUOUS or character > "\uffff"
        )
        return ambiguous > 0 and self._columns < row.width + ambiguous
