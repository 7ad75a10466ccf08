"""A growing answer as rows: those that are now for good, and those that may still change."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.render.live.blocks import BlockStream
from newapi_cli.render.live.highlight import GrowingCode
from newapi_cli.render.live.layout import Layout, Row, code_lines, language_of
from newapi_cli.render.live.leaves import Leaf
from newapi_cli.render.live.theme import Theme


class Frame(NamedTuple):
    """What one frame shows: rows for good, then rows of the tail."""

    permanent: list[Row]
    tail: list[Row]


class GrowingAnswer:
    """Folds source into rows. All rows for good, in their order, are the rows of the whole answer.

    `layout` may be replaced at any time: what is for good stays as it was laid out.
    """

    def __init__(self, layout: Layout, theme: Theme) -> None:
        self.layout = layout
        self._theme = theme
        self._blocks = BlockStream(theme)
        self._code: GrowingCode | None = None  # of the open fence, where the first open leaf is one
        self._code_rows_given = 0

    def feed(self, text: str) -> None:
        """Take source."""
        self._blocks.feed(text)

    def frame(self, max_tail_rows: int) -> Frame:
        """Give the rows since the last frame. Long code is given up to the last `max_tail_rows`."""
        permanent = self.settle()
        leaves = self._blocks.open_leaves()
        tail: list[Row] = []
        for index, leaf in enumerate(leaves):
            if index == 0 and leaf.kind == "fence":
                given, left = self._rows_of_open_code(leaf, max_tail_rows)
                permanent += given
                tail += left
            else:
                tail += self.layout.rows(leaf)
        return Frame(permanent, tail)

    def settle(self) -> list[Row]:
        """Give the rows that are for good by now, without laying out the tail: for a backlog."""
        return self._rows_of_final(self._blocks.take_final())

    def end(self) -> list[Row]:
        """Take the end of the source and give all rows that are left."""
        return [*self.settle(), *self._rows_of_final(self._blocks.end())]

    def _rows_of_final(self, leaves: list[Leaf]) -> list[Row]:
        rows: list[Row] = []
        for leaf in leaves:
            rows += self.layout.rows(leaf)[self._code_rows_given :]
            self._code, self._code_rows_given = None, 0
        return rows

    def _rows_of_open_code(self, leaf: Leaf, max_rows: int) -> tuple[list[Row], list[Row]]:
        """Lay the open fence out; give the rows that overflow for good, and the others."""
        if self._code is None or self._code.language != language_of(leaf):
            self._code = GrowingCode(language_of(leaf), self._theme)  # ```p may become ```py
        code, lines = self._code, code_lines(leaf)
        whole = self._blocks.count_whole_code_lines(leaf, len(lines))
        code.extend(lines[len(code) : whole])
        gap = self.layout.gap(leaf)
        given = self._code_rows_given
        rows = gap[given:]
        first = max(given - len(gap), 0)
        rows += [self.layout.code_row(leaf, i, code.line(i)) for i in range(first, whole)]
        overflow = max(len(rows) - max_rows, 0)
        self._code_rows_given += overflow
        tail = rows[overflow:]
        tail += [
            self.layout.code_row(leaf, i, code.partial(lines[i])) for i in range(whole, len(lines))
        ]
        return rows[:overflow], tail
