"""A streamed answer as rows: those that are permanent, and those that may still change."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.render.live.blocks import BlockStream
from newapi_cli.render.live.highlight import StreamedCode
from newapi_cli.render.live.layout import Layout, Row, code_lines, language_of
from newapi_cli.render.live.leaves import Leaf
from newapi_cli.render.live.theme import Theme


class Frame(NamedTuple):
    """The rows of one frame: new permanent rows, then the rows of the tail."""

    permanent: list[Row]
    tail: list[Row]


class StreamedAnswer:
    """Turns Markdown source into rows. All permanent rows, in order, are the rows of the answer.

    `layout` may be replaced at any time: rows that are permanent already do not change.
    """

    def __init__(self, layout: Layout, theme: Theme) -> None:
        self.layout = layout
        self._theme = theme
        self._blocks = BlockStream(theme)
        self._code: StreamedCode | None = None  # of the open fence, if the first open leaf is one
        self._code_rows_taken = 0

    def feed(self, text: str) -> None:
        """Add source."""
        self._blocks.feed(text)

    def frame(self, max_tail_rows: int) -> Frame:
        """Return the rows since the last frame. Of long code only `max_tail_rows` stay in the tail.

        Its earlier rows become permanent before the code is complete.
        """
        permanent = self.take_permanent()
        leaves = self._blocks.open_leaves()
        tail: list[Row] = []
        for index, leaf in enumerate(leaves):
            if index == 0 and leaf.kind == "fence":
                overflow, rest = self._rows_of_open_code(leaf, max_tail_rows)
                permanent += overflow
                tail += rest
            else:
                tail += self.layout.rows(leaf)
        return Frame(permanent, tail)

    def take_permanent(self) -> list[Row]:
        """Return the new permanent rows without rendering the tail."""
        return self._rows_of_final(self._blocks.take_final())

    def end(self) -> list[Row]:
        """End the source and return all remaining rows."""
        return [*self.take_permanent(), *self._rows_of_final(self._blocks.end())]

    def _rows_of_final(self, leaves: list[Leaf]) -> list[Row]:
        rows: list[Row] = []
        for leaf in leaves:
            rows += self.layout.rows(leaf)[self._code_rows_taken :]
            self._code, self._code_rows_taken = None, 0
        return rows

    def _rows_of_open_code(self, leaf: Leaf, max_rows: int) -> tuple[list[Row], list[Row]]:
        """Return the rows of the open fence: those that overflow, now permanent, and the others."""
        if self._code is None or self._code.language != language_of(leaf):
            self._code = StreamedCode(language_of(leaf), self._theme)  # ```p may become ```py
        code, lines = self._code, code_lines(leaf)
        whole = self._blocks.count_complete_code_lines(leaf, len(lines))
        code.extend(lines[len(code) : whole])
        gap = self.layout.gap(leaf)
        taken = self._code_rows_taken
        rows = gap[taken:]
        first = max(taken - len(gap), 0)
        rows += [self.layout.code_row(leaf, i, code.line(i)) for i in range(first, whole)]
        overflow = max(len(rows) - max_rows, 0)
        self._code_rows_taken += overflow
        tail = rows[overflow:]
        tail += [
            self.layout.code_row(leaf, i, code.partial(lines[i])) for i in range(whole, len(lines))
        ]
        return rows[:overflow], tail
