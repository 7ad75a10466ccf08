"""Tables of an answer: as columns while these are readable at the width, else as records.

    Model              Price            Model
    ─────────────────  ─────            gpt-4o-mini
    gpt-4o-mini        $0.15              Vendor  OpenAI
    claude-sonnet-4-5  $3.00              Price   $0.15

Cells are measured once, when their row is added. A table that still grows is rendered from its end,
as far as the window shows it: a frame costs as much as the rows on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, zip_longest
from typing import NamedTuple, Protocol

from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from newapi_cli.render.live.inline_text import InlineText
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.live.wrapping import least_width, wrapped
from newapi_cli.render.rows import shared_widths

GAP = 2  # blanks between columns, and before and after a head in a record
READABLE = 10  # cells that a column of text needs
BOLD = Style(bold=True)
RULE, RULE_BETWEEN_ROWS = "─", "┄"
Line = list[Segment]


class Cell(NamedTuple):
    """The lines of a cell, the width of the widest, and the width that its words need.

    `plains` are the texts by which lines with a formula are wrapped: it is one word.
    """

    lines: list[Text]
    plains: Sequence[str]
    width: int
    least: int


class Sizes(NamedTuple):
    """What the cells of each column need; each list has a number for each column."""

    widths: list[int]
    body_widths: list[int]  # without the header
    least: list[int]

    def add(self, row: list[Cell], *, is_header: bool) -> None:
        """Include the cells of a row."""
        for index, cell in enumerate(row):
            self.widths[index] = max(self.widths[index], cell.width)
            self.least[index] = max(self.least[index], cell.least)
            if not is_header:
                self.body_widths[index] = max(self.body_widths[index], cell.width)


class TableLines(NamedTuple):
    """Lines of a table: all of them, or the last ones."""

    lines: list[Line]
    are_all: bool


class TableContent:
    """The cells of a table. The first row that is added is the header."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._rows: list[list[Cell]] = []
        self._alignments: list[str] = []
        self._sizes = Sizes([], [], [])
        self._has_line_breaks = False  # in a cell below the header

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, tokens: Iterable[Token], skip: int = 0) -> None:
        """Add the rows among the tokens of a table, without the first `skip`."""
        row: list[Token] = []
        for token in tokens:
            if token.type == "inline":
                row.append(token)
            elif token.type == "tr_close":
                if skip > 0:
                    skip -= 1
                else:
                    self._add_row(row)
                row = []

    @contextmanager
    def extended_by(self, tokens: Iterable[Token], skip: int = 0) -> Iterator[None]:
        """Contain further rows, which may still change, while the block runs."""
        count, has_line_breaks = len(self._rows), self._has_line_breaks
        sizes = Sizes(*map(list, self._sizes))
        self.add(tokens, skip)
        yield
        del self._rows[count:]
        self._sizes, self._has_line_breaks = sizes, has_line_breaks

    def lines(self, console: Console, room: int, last: int | None = None) -> TableLines:
        """Return the lines for a width: all of them, or at least the `last` ones."""
        layout = self._layout(console, room)
        blocks: list[list[Line]] = []
        count = 0
        for index in range(len(self._rows) - 1, 0, -1):
            if last is not None and count >= last:
                return TableLines(list(chain(*reversed(blocks))), are_all=False)
            block = layout.row(self._rows[index])
            if block and blocks and layout.between is not None:
                block.append(layout.between)
            blocks += [block] if block else []
            count += len(block)
        blocks.append(layout.header())
        return TableLines(list(chain(*reversed(blocks))), are_all=True)

    def _add_row(self, tokens: list[Token]) -> None:
        is_header = not self._rows
        if is_header:
            self._alignments = [token.info for token in tokens]
            self._sizes = Sizes(*([0] * len(tokens) for _ in Sizes._fields))
        style = BOLD if is_header else Style.null()
        row = [_cell(InlineText(self._theme, style), token) for token in tokens]
        self._rows.append(row)
        self._sizes.add(row, is_header=is_header)
        if not is_header:
            self._has_line_breaks |= any(len(cell.lines) > 1 for cell in row)

    def _layout(self, console: Console, room: int) -> TableLayout:
        widths = column_widths(self._sizes, room)
        if widths is None:
            return Records(console, self._theme, self._rows[0], self._sizes, room)
        wraps = any(need > has for need, has in zip(self._sizes.body_widths, widths, strict=True))
        has_rules = wraps or self._has_line_breaks
        columns = [*zip(widths, self._alignments, strict=True)]
        return Columns(console, self._theme, self._rows[0], columns, has_rules=has_rules)


class TableLayout(Protocol):
    """How a table is written at a width."""

    between: Line | None  # written between two rows

    def header(self) -> list[Line]:
        """Return the lines above the rows."""

    def row(self, row: list[Cell]) -> list[Line]:
        """Return the lines of a row below the header, none if it is empty."""


class Columns:
    """Rows as lines of columns. `columns` are their widths and alignments."""

    def __init__(
        self,
        console: Console,
        theme: Theme,
        header: list[Cell],
        columns: list[tuple[int, str]],
        *,
        has_rules: bool,
    ) -> None:
        self._console = console
        self._theme = theme
        self._header = header
        self._columns = columns
        self.between = self._rule(RULE_BETWEEN_ROWS) if has_rules else None

    def header(self) -> list[Line]:
        """Return the header in bold, and a rule below it."""
        return [*self.row(self._header), self._rule(RULE)]

    def row(self, row: list[Cell]) -> list[Line]:
        """Return the lines of a row: as many as its highest cell has."""
        if not any(cell.width for cell in row):
            return []
        cells = [_fitted(cell, width) for cell, (width, _) in zip(row, self._columns, strict=False)]
        return [self._line(texts) for texts in zip_longest(*cells)]

    def _line(self, texts: tuple[Text | None, ...]) -> Line:
        line: Line = []
        blanks = 0  # to be written before the next text
        for text, (width, alignment) in zip(texts, self._columns, strict=False):
            if text is not None and text.plain:
                spare = width - text.cell_len
                left = {"right": spare, "center": spare // 2}.get(alignment, 0)
                if blanks + left:
                    line.append(Segment(" " * (blanks + left)))
                line += text.render(self._console)
                blanks = spare - left
            else:
                blanks += width
            blanks += GAP
        return line

    def _rule(self, character: str) -> Line:
        gap = " " * GAP
        return [
            Segment(gap.join(character * width for width, _ in self._columns), self._theme.rule)
        ]


class Records:
    """Rows as records: the first cell, and below it the others, each beside the head of its column.

    If a head and its value do not fit beside each other, the value is below its head.
    """

    def __init__(
        self, console: Console, theme: Theme, header: list[Cell], sizes: Sizes, room: int
    ) -> None:
        self.between: Line | None = []
        self._console = console
        self._style = theme.target
        self._room = room
        self._sizes = sizes
        first, *others = header
        need = max((least_of(sizes, index) for index in range(1, len(header))), default=0)
        head_width = max(room // 3, 2)
        self._title = self._head(first, room)
        self._heads = [self._head(cell, head_width) for cell in others]
        head_width = max((line.cell_len for lines in self._heads for line in lines), default=0)
        self._indent = GAP + head_width + GAP
        self._is_beside = room - self._indent >= need and all(
            cell.least <= head_width for cell in others
        )
        self._head_indent = GAP
        if not self._is_beside:
            self._indent = max(0, min(2 * GAP, room - need))
            self._head_indent = min(GAP, self._indent)
            self._heads = [self._head(cell, room - self._head_indent) for cell in others]

    def header(self) -> list[Line]:
        """Return the head of the first cells, and heads of columns without any value."""
        lines = [self._rendered(line) for line in self._title]
        for head, width in zip(self._heads, self._sizes.body_widths[1:], strict=True):
            lines += [] if width else [self._rendered(line, self._head_indent) for line in head]
        return lines

    def row(self, row: list[Cell]) -> list[Line]:
        """Return the lines of a record, without its empty cells."""
        lines = []
        for line in _fitted(row[0], self._room) if row and row[0].width else ():
            title = line.copy()
            title.stylize(BOLD)
            lines.append(self._rendered(title))
        for head, cell in zip(self._heads, row[1:], strict=False):
            if cell.width:
                lines += self._pair(head, _fitted(cell, self._room - self._indent))
        return lines

    def _pair(self, head: list[Text], value: list[Text]) -> Iterator[Line]:
        if not self._is_beside:
            yield from (self._rendered(line, self._head_indent) for line in head)
            yield from (self._rendered(line, self._indent) for line in value)
            return
        for left, right in zip_longest(head, value):
            line = self._rendered(left, GAP) if left is not None else []
            if right is not None:
                used = GAP + left.cell_len if left is not None else 0
                line.append(Segment(" " * (self._indent - used)))
                line += right.render(self._console)
            yield line

    def _head(self, cell: Cell, width: int) -> list[Text]:
        text = " ".join(line.plain for line in cell.lines)
        return wrapped(Text(end="").append(text, self._style), width) if text else []

    def _rendered(self, text: Text, indent: int = 0) -> Line:
        return [*([Segment(" " * indent)] if indent else ()), *text.render(self._console)]


def column_widths(sizes: Sizes, room: int) -> list[int] | None:
    """Return the widths of columns that fit, None if they would not be readable.

    Narrow columns have the width of their widest cell, the others share the rest.
    """
    widths = [max(width, 1) for width in sizes.widths]
    room -= GAP * (len(widths) - 1)
    if sum(widths) <= room:
        return widths
    if len(widths) == 1:
        return [room]
    least = [max(least_of(sizes, index), 1) for index in range(len(widths))]
    return shared_widths(widths, least, room) if sum(least) <= room else None


def least_of(sizes: Sizes, index: int) -> int:
    """Return the width below which a column is not readable."""
    return min(sizes.widths[index], max(sizes.least[index], READABLE))


def _cell(inline: InlineText, token: Token) -> Cell:
    text = inline.build(token)
    plain = text.plain
    if "\t" in plain:
        text.plain = plain = plain.replace("\t", " ")
    lines, plains = [text], [plain]
    if "\n" in plain:
        lines, plains = list(text.split("\n", allow_blank=True)), plain.split("\n")
    width = max(map(cell_len, plains))
    held = inline.plain_for_wrapping()
    if held is not plain:
        plains = held.split("\n")
    # A column as wide as READABLE is never narrower than its words.
    least = max(map(least_width, plains)) if width > READABLE else width
    return Cell(lines, () if held is plain else plains, width, least)


def _fitted(cell: Cell, width: int) -> list[Text]:
    if cell.width <= width:
        return cell.lines
    pairs = zip(cell.lines, cell.plains or [""] * len(cell.lines), strict=True)
    return list(chain(*(wrapped(line, width, plain) for line, plain in pairs)))
