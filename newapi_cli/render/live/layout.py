"""The rows of a leaf: strings with colors, and their width in cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from newapi_cli.render.live.highlight import StreamedCode
from newapi_cli.render.live.inline_text import InlineText
from newapi_cli.render.live.leaves import Leaf, Pieces
from newapi_cli.render.live.tables import TableContent
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.live.wrapping import TAB_SIZE
from newapi_cli.render.sanitizer import safe_code

TAB_STOP = 8  # of terminals
MIN_WIDTH = 4
VERBATIM = ("math_block", "source")


class Row(NamedTuple):
    """A row as it is written, without a line break. `width` is in terminal cells."""

    text: str
    width: int


class Layout:
    """Renders leaves for one width of the terminal."""

    def __init__(self, console: Console, theme: Theme) -> None:
        self._console = console
        self._theme = theme
        self._width = console.width

    def rows(self, leaf: Leaf) -> list[Row]:
        """Return all rows of a leaf, including the empty row before it if it has one."""
        rows = self.gap(leaf)
        if leaf.kind in ("fence", "code_block"):
            code = StreamedCode(language_of(leaf), self._theme)
            code.extend(code_lines(leaf))
            rows += [self.code_row(leaf, i, code.line(i)) for i in range(len(code))]
            return rows or [self._row(leaf, 0, [])]
        if leaf.kind == "table":
            table = self.new_table()
            table.add(leaf.nodes)
            return self.table_rows(leaf, table)
        if leaf.kind in VERBATIM:
            style = self._theme.math if leaf.kind == "math_block" else Style.null()
            lines = (Text(end="").append(line, style) for line in code_lines(leaf))
            return rows + [self.code_row(leaf, i, line) for i, line in enumerate(lines)]
        for index, line in enumerate(self._lines(leaf)):
            rows.append(self._row(leaf, index, line))
        return rows

    def line(self, text: str, style: Style) -> Row:
        """Return one row of safe text, truncated to the width."""
        line = Text(end="").append(text, style)  # the base style of a text is not in its segments
        line.truncate(self._width, overflow="ellipsis")
        return self._finished(list(line.render(self._console)))

    def paragraph(self, text: str, style: Style) -> list[Row]:
        """Return the rows of safe text, wrapped."""
        styled = Text(end="").append(text, style)
        lines = styled.wrap(self._console, self._width, tab_size=TAB_SIZE)
        return [self._finished(list(line.render(self._console))) for line in lines]

    def gap(self, leaf: Leaf) -> list[Row]:
        """Return the empty row before a leaf, if there is one."""
        return [self._finished(_segments(leaf.place.gap_prefix))] if leaf.place.gap else []

    def code_row(self, leaf: Leaf, index: int, line: Text) -> Row:
        """Return a line of code as one row: unwrapped and with its tabs, it is copied as it is."""
        if not line.plain:
            return self._row(leaf, index, [])
        prefix = _segments(leaf.place.rest if index else leaf.place.first)
        return self._as_row([*prefix, *line.render(self._console)])

    def new_table(self) -> TableContent:
        """Return a table without rows."""
        return TableContent(self._theme)

    def table_rows(self, leaf: Leaf, table: TableContent, last: int | None = None) -> list[Row]:
        """Return the rows of a table: all of them, or at least the `last` ones."""
        lines, are_all = table.lines(self._console, self._width_inside(leaf), last)
        begin, gap = (0, self.gap(leaf)) if are_all else (1, [])
        return gap + [self._row(leaf, index, line) for index, line in enumerate(lines, begin)]

    def _lines(self, leaf: Leaf) -> Iterator[list[Segment]]:
        if leaf.kind == "hr":
            yield [Segment("─" * self._width_inside(leaf), self._theme.rule)]
        elif leaf.kind == "empty":
            yield []
        else:
            text = InlineText(self._theme, self._base_style(leaf))
            width = self._width_inside(leaf)
            for line in text.wrapped(_inline_token(leaf.nodes), self._console, width):
                yield list(line.render(self._console))

    def _base_style(self, leaf: Leaf) -> Style:
        if leaf.kind == "definition":
            return self._theme.target
        if leaf.kind != "heading":
            return Style.null()
        level = int(leaf.nodes[0].tag[1:])
        return self._theme.headings[min(level, len(self._theme.headings)) - 1]

    def _width_inside(self, leaf: Leaf) -> int:
        taken = sum(cell_len(text) for text, _ in leaf.place.rest)
        return max(self._width - taken, MIN_WIDTH)

    def _row(self, leaf: Leaf, index: int, line: list[Segment]) -> Row:
        return self._finished(_segments(leaf.place.rest if index else leaf.place.first) + line)

    def _finished(self, segments: list[Segment]) -> Row:
        """Return segments as a row, without invisible blanks at the end."""
        while segments and not (last := segments[-1]).text.rstrip() and not _shows_blanks(last):
            segments = segments[:-1]
        if segments and not _shows_blanks(segments[-1]):
            text, style, _ = segments[-1]
            segments = [*segments[:-1], Segment(text.rstrip(), style)]
        return self._as_row(segments)

    def _as_row(self, segments: list[Segment]) -> Row:
        width = 0
        for segment in segments:
            width = column_after(segment.text, width)
        # Not public, but 1 µs a row; the same by `Console.capture` and `print` takes 23 µs.
        return Row(self._console._render_buffer(segments), width)


def column_after(text: str, column: int) -> int:
    """Return the column of the cursor after a text; a tab moves it to the next stop.

    >>> column_after("a\\tb", 0), column_after("你", 3)
    (9, 5)
    """
    if "\t" not in text:
        return column + cell_len(text)
    first, *others = text.split("\t")
    column += cell_len(first)
    for part in others:
        column += TAB_STOP - column % TAB_STOP + cell_len(part)
    return column


def language_of(leaf: Leaf) -> str:
    """Return the language that a fence names, or an empty text."""
    words = leaf.nodes[0].info.split() if leaf.kind == "fence" else []
    return words[0].strip("{}.").lower() if words else ""


def code_lines(leaf: Leaf) -> list[str]:
    """Return the lines of a code block."""
    content = safe_code(leaf.nodes[0].content)
    return content.removesuffix("\n").split("\n") if content else []


def _segments(pieces: Pieces) -> list[Segment]:
    return [Segment(text, style) for text, style in pieces]


def _shows_blanks(segment: Segment) -> bool:
    style = segment.style
    return bool(style and (style.bgcolor or style.underline or style.reverse or style.strike))


def _inline_token(nodes: list[Token]) -> Token:
    return next((node for node in nodes if node.type == "inline"), Token("inline", "", 0))
