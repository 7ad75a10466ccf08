"""The rows of a leaf: strings with colors, and their width in cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.token import Token
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from newapi_cli.i18n import tr
from newapi_cli.render.live.highlight import StreamedCode
from newapi_cli.render.live.leaves import Leaf, Pieces
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.sanitizer import safe_code, safe_text

TAB_SIZE = 4
MIN_WIDTH = 4


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
        """Return a line of code as one row: unwrapped, it is copied as one line."""
        line = line.copy()
        line.expand_tabs(TAB_SIZE)
        return self._row(leaf, index, list(line.render(self._console)))

    def _lines(self, leaf: Leaf) -> Iterator[list[Segment]]:
        if leaf.kind == "table":
            yield from self._table(leaf)
        elif leaf.kind == "hr":
            yield [Segment("─" * self._width_inside(leaf), self._theme.rule)]
        elif leaf.kind == "empty":
            yield []
        else:
            text = _InlineText(self._theme, self._base_style(leaf)).build(_inline_token(leaf.nodes))
            width = self._width_inside(leaf)
            for line in text.wrap(self._console, width, justify="default", tab_size=TAB_SIZE):
                yield list(line.render(self._console))

    def _base_style(self, leaf: Leaf) -> Style:
        if leaf.kind == "definition":
            return self._theme.target
        if leaf.kind != "heading":
            return Style.null()
        level = int(leaf.nodes[0].tag[1:])
        return self._theme.headings[min(level, len(self._theme.headings)) - 1]

    def _table(self, leaf: Leaf) -> Iterator[list[Segment]]:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
        rows = _table_rows(leaf.nodes)
        for cell in rows[0] if rows else ():
            align = str(cell.attrs.get("style", "")).removeprefix("text-align:")
            justify = align if align in ("left", "center", "right") else "left"
            head = _InlineText(self._theme, Style(bold=True)).build(_cell_content(leaf.nodes, cell))
            table.add_column(head, justify=justify, overflow="fold")  # type: ignore[arg-type]  # a literal
        for row in rows[1:]:
            cells = (_cell_content(leaf.nodes, cell) for cell in row)
            table.add_row(*(_InlineText(self._theme, Style.null()).build(cell) for cell in cells))
        options = self._console.options.update(width=self._width_inside(leaf))
        yield from self._console.render_lines(table, options, pad=False)

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
        width = sum(cell_len(segment.text) for segment in segments)
        # Not public, but 1 µs a row; the same by `Console.capture` and `print` takes 23 µs.
        return Row(self._console._render_buffer(segments), width)


class _InlineText:
    """Builds a styled text from the content of a paragraph, a heading or a table cell."""

    def __init__(self, theme: Theme, base: Style) -> None:
        self._theme = theme
        self._styles = [base]
        self._text = Text(style=base, end="")
        self._links: list[tuple[str, int]] = []  # targets, and where their text starts

    def build(self, token: Token) -> Text:
        """Return the text of an inline token. A link is followed by its target."""
        for child in token.children or ():
            self._add_token(child)
        return self._text

    def _add_token(self, token: Token) -> None:
        kind = token.type
        if kind.endswith("_open"):
            self._open(token)
        elif kind.endswith("_close"):
            self._close(kind)
        elif kind == "softbreak":
            self._add(" ")
        elif kind == "hardbreak":
            self._add("\n")
        elif kind == "code_inline":
            self._add(safe_code(token.content), self._theme.code)
        elif kind == "image":
            self._image(token)
        else:
            self._add(safe_text(token.content))

    def _add(self, text: str, style: Style | None = None) -> None:
        self._text.append(text, self._styles[-1] + style if style else self._styles[-1])

    def _open(self, token: Token) -> None:
        style = self._theme.inline.get(token.type.removesuffix("_open"), Style.null())
        self._styles.append(self._styles[-1] + style)
        if token.type == "link_open":
            self._links.append((safe_text(str(token.attrs.get("href", ""))), len(self._text)))

    def _close(self, kind: str) -> None:
        self._styles.pop()
        if kind == "link_close":
            target, start = self._links.pop()
            self._add_target(target, self._text.plain[start:])

    def _image(self, token: Token) -> None:
        alt = safe_text(token.content)
        self._add(alt or tr("image"), self._theme.inline["link"])
        source, title = (safe_text(str(token.attrs.get(x, ""))) for x in ("src", "title"))
        self._add_target(f"{source}, {title}" if title else source, alt)

    def _add_target(self, target: str, shown: str) -> None:
        if target and shown not in (target, target.removeprefix("mailto:")):
            self._add(f" ({target})", self._theme.target)


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


def _cell_content(nodes: list[Token], cell: Token) -> Token:
    return nodes[next(i for i, node in enumerate(nodes) if node is cell) + 1]


def _table_rows(nodes: list[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = []
    for node in nodes:
        if node.type == "tr_open":
            rows.append([])
        elif node.type in ("th_open", "td_open"):
            rows[-1].append(node)
    return rows
