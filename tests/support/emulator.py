"""A terminal emulator to read the screen from: pyte, with its errors fixed.

Against pyte 0.8.2: `draw` drops the rest of a text after a joiner (U+200D) or a variation selector
(U+FE0F) and does not wrap a wide character at the last column; `delete_lines` leaves a stale row
if the source row was never written; a request with a `?` raises TypeError; a shrinking window loses
its top rows; a tab at the end of a full row goes back; HistoryScreen is slow, so rows that scroll
out are kept here.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable

import pyte
from pyte import modes
from pyte.screens import wcwidth

Row = tuple[pyte.screens.Char, ...]


class Emulator(pyte.Screen):
    """A screen and its scrollback. `reply` is called with the responses of the terminal."""

    def __init__(self, columns: int, rows: int, reply: Callable[[bytes], None]) -> None:
        self.scrolled_out: list[Row] = []
        self._reply = reply
        self._stream = pyte.Stream()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        super().__init__(columns, rows)
        self._stream.attach(self)

    def feed(self, data: bytes) -> None:
        """Process output of the program."""
        self._stream.feed(self._decoder.decode(data))

    def screen_lines(self) -> list[str]:
        """Return the rows of the screen without trailing blanks."""
        return [_text(self._row(y)) for y in range(self.lines)]

    def scrollback_lines(self) -> list[str]:
        """Return the rows that have scrolled out at the top, oldest first."""
        return [_text(row) for row in self.scrolled_out]

    def _row(self, y: int) -> Row:
        line = self.buffer[y]
        return tuple(line[x] for x in range(self.columns))

    def draw(self, data: str) -> None:
        """Write text at the cursor, character by character."""
        for character in data:
            width = 0 if character in "\u200d\ufe0e\ufe0f" else wcwidth(character)
            if width > 0:
                self._draw_wide(character, width)
            elif unicodedata.combining(character) or character in "\u200d\ufe0e\ufe0f":
                self._join(character)

    def _draw_wide(self, character: str, width: int) -> None:
        if self.cursor.x + width > self.columns:
            if modes.DECAWM in self.mode:
                self.carriage_return()
                self.linefeed()
            else:
                self.cursor.x = self.columns - width
        if modes.IRM in self.mode:
            self.insert_characters(width)
        line = self.buffer[self.cursor.y]
        line[self.cursor.x] = self.cursor.attrs._replace(data=character)
        if width == 2:
            line[self.cursor.x + 1] = self.cursor.attrs._replace(data="")
        self.cursor.x += width
        self.dirty.add(self.cursor.y)

    def _join(self, character: str) -> None:
        line = self.buffer[self.cursor.y]
        x = self.cursor.x - 1
        if x > 0 and line[x].data == "":
            x -= 1  # the second cell of a wide character
        if x >= 0:
            joined = unicodedata.normalize("NFC", line[x].data + character)
            line[x] = line[x]._replace(data=joined)

    def tab(self) -> None:
        """Go to the next stop; at the end of a full row the next character still wraps."""
        if self.cursor.x < self.columns:
            super().tab()

    def index(self) -> None:
        """Move down one row; at the bottom the first row scrolls out."""
        top, bottom = self.margins or pyte.screens.Margins(0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self.scrolled_out.append(self._row(0))
        super().index()

    def delete_lines(self, count: int | None = None) -> None:
        """Delete rows at the cursor."""
        for y in range(self.lines):
            self.buffer[y]  # reading a row creates it
        super().delete_lines(count)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Change the size as xterm does: rows scroll out only to keep the cursor visible."""
        lines, columns = lines or self.lines, columns or self.columns
        rows = [dict(self.buffer[y]) for y in range(self.lines)]
        excess = max(0, self.cursor.y - (lines - 1))
        self.scrolled_out += [self._row(y) for y in range(excess)]
        self.buffer.clear()
        for y, row in enumerate(rows[excess : excess + lines]):
            self.buffer[y].update({x: cell for x, cell in row.items() if x < columns})
        self.lines, self.columns = lines, columns
        self.cursor.y -= excess
        self.cursor.x = min(self.cursor.x, columns - 1)
        self.margins = None
        self.dirty.update(range(lines))

    def report_device_status(self, mode: int, **kwargs: bool) -> None:
        """Report the position of the cursor; requests with a `?` are not supported."""
        if not kwargs.get("private"):
            super().report_device_status(mode)

    def write_process_input(self, data: str) -> None:
        """Pass on a response of the terminal."""
        self._reply(data.encode())


def _text(row: Row) -> str:
    return "".join(cell.data for cell in row).rstrip()
