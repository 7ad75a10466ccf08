"""Other kinds of terminals: one that measures grapheme clusters, and one that reflows rows."""

from __future__ import annotations

import pyte
from pyte import modes

from tests.support.emulator import Emulator, Row

JOINER, EMOJI_SELECTOR = "\u200d", "\ufe0f"
MODIFIERS = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
Cell = pyte.screens.Char


class Screen(Emulator):
    """A screen behind a terminal driver: LF goes to the first column."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__(columns, rows, lambda _: None)

    def write(self, text: str) -> None:
        """Process the output of a program."""
        self.feed(text.replace("\n", "\r\n").encode())

    def all_rows(self) -> list[Row]:
        """Return scrollback and screen without empty rows at the end."""
        rows = [*self.scrolled_out, *(self._row(y) for y in range(self.lines))]
        while rows and rows[-1] == self.blank_row:
            rows.pop()
        return rows

    @property
    def blank_row(self) -> Row:
        """Return a row on which nothing is written."""
        return (self.default_char,) * self.columns

    def text(self) -> str:
        """Return all rows as text."""
        return "\n".join([*self.scrollback_lines(), *self.screen_lines()]).rstrip("\n")


class GraphemeScreen(Screen):
    """A screen on which an emoji of several characters takes two cells."""

    def draw(self, data: str) -> None:
        """Write text at the cursor; joining characters take no cells."""
        for character in data:
            before = self._before()
            if before and self._joins(before, character):
                self._join_to(before, character)
            else:
                super().draw(character)

    def _before(self) -> str:
        line, x = self.buffer[self.cursor.y], self.cursor.x - 1
        if x > 0 and line[x].data == "":
            x -= 1
        return line[x].data if x >= 0 else ""

    @staticmethod
    def _joins(before: str, character: str) -> bool:
        if character in (JOINER, EMOJI_SELECTOR) or character in MODIFIERS | TAGS:
            return True
        if character in FLAG_LETTERS:
            return len(before) == 1 and before in FLAG_LETTERS
        return before.endswith(JOINER)

    def _join_to(self, before: str, character: str) -> None:
        line, x = self.buffer[self.cursor.y], self.cursor.x - 1
        if x > 0 and line[x].data == "":
            x -= 1
        line[x] = line[x]._replace(data=before + character)
        makes_wide = character == EMOJI_SELECTOR and len(before) == 1 and x == self.cursor.x - 1
        if makes_wide and self.cursor.x < self.columns:
            line[x + 1] = line[x]._replace(data="")
            self.cursor.x += 1


class ReflowingScreen(Screen):
    """A screen that reflows its rows when its width changes, as most terminals do."""

    def __init__(self, columns: int, rows: int, _reply: object = None) -> None:
        self._wrapped: set[int] = (
            set()
        )  # rows, counted from the first, that continue in the next one
        super().__init__(columns, rows)

    def _draw_wide(self, character: str, width: int) -> None:
        if self.cursor.x + width > self.columns and modes.DECAWM in self.mode:
            self._wrapped.add(len(self.scrolled_out) + self.cursor.y)
        super()._draw_wide(character, width)

    def erase_in_display(self, how: int = 0, *args: object, **kwargs: object) -> None:
        """Erase; erased rows are no longer wrapped."""
        here = len(self.scrolled_out) + self.cursor.y
        self._wrapped = {row for row in self._wrapped if row < here}
        super().erase_in_display(how, *args, **kwargs)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Change the size and reflow rows that were one line."""
        lines, columns = lines or self.lines, columns or self.columns
        here = len(self.scrolled_out) + self.cursor.y
        before = [*self.scrolled_out, *(self._row(y) for y in range(self.lines))][: here + 1]
        rows: list[list[Cell]] = []
        wrapped: set[int] = set()
        line: list[Cell] = []
        at = (0, 0)
        for index, row in enumerate(before):
            if index == here:
                at = (len(rows), len(line) + self.cursor.x)
            line += row if index in self._wrapped else _trimmed(row, self.default_char)
            if index not in self._wrapped:
                chunks = _chunks(line, columns)
                wrapped |= set(range(len(rows), len(rows) + len(chunks) - 1))
                rows += chunks
                line = []
        first, offset = at
        y = min(first + offset // columns, max(len(rows) - 1, 0))
        excess = max(0, max(len(rows), y + 1) - lines)
        self.scrolled_out = [_padded(row, columns, self.default_char) for row in rows[:excess]]
        self.buffer.clear()
        for index, cells in enumerate(rows[excess:]):
            self.buffer[index].update(dict(enumerate(cells)))
        self.lines, self.columns, self._wrapped = lines, columns, wrapped
        self.cursor.y = y - excess
        self.cursor.x = min(offset - (y - first) * columns, columns)
        self.margins = None
        self.dirty.update(range(lines))


def _trimmed(row: Row, blank: Cell) -> list[Cell]:
    cells = list(row)
    while cells and cells[-1] == blank:
        cells.pop()
    return cells


def _padded(cells: list[Cell], columns: int, blank: Cell) -> Row:
    return (*cells, *[blank] * (columns - len(cells)))


def _chunks(cells: list[Cell], columns: int) -> list[list[Cell]]:
    return [cells[at : at + columns] for at in range(0, len(cells), columns)] or [[]]
