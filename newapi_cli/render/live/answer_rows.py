"""A streamed answer as rows: those that are permanent, and those that may still change.

Layout may take seconds: a signal ends it at once. So it first computes rows and changes nothing;
what it computed is then taken without being interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from newapi_cli.errors import Interrupted
from newapi_cli.render.live.blocks import BlockStream, Step
from newapi_cli.render.live.highlight import StreamedCode
from newapi_cli.render.live.layout import Layout, Row, code_lines, language_of
from newapi_cli.render.live.leaves import Leaf
from newapi_cli.render.live.tables import TableContent
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.live.wrapping import TAB_SIZE
from newapi_cli.render.sanitizer import safe_code
from newapi_cli.signals import Interrupts

MAX_BACKLOG = 8 * 1024  # characters: parsing in pieces limits the memory
MAX_WINDOW_ROWS = 100
Computed = TypeVar("Computed")


class Frame(NamedTuple):
    """The rows of one frame: new permanent rows, then the rows of the tail."""

    permanent: list[Row]
    tail: list[Row]


class OpenRows(NamedTuple):
    """The rows of open leaves: of code those that are permanent, and all others.

    `code_lines` of the open code are permanent then.
    """

    permanent: list[Row]
    tail: list[Row]
    code_lines: int


class StreamedAnswer:
    """Turns Markdown source into rows. All permanent rows, in order, are the rows of the answer.

    `layout` may be replaced at any time: rows that are permanent already do not change. Methods
    that return rows raise `Interrupted`; no row is lost by that, the next call returns it.
    """

    def __init__(self, layout: Layout, theme: Theme, interrupts: Interrupts | None = None) -> None:
        self.layout = layout
        self._theme = theme
        self._interrupts = interrupts or Interrupts(())
        self._blocks = BlockStream(theme)
        self._permanent: list[Row] = []  # not returned yet
        self._backlog = 0  # characters since the last parser run
        self._code: StreamedCode | None = None  # of the open fence, if the first open leaf is one
        self._code_rows_taken = self._code_lines_taken = 0
        self._table: TableContent | None = None  # likewise
        self._table_tokens = 0  # of the table's settled rows

    def feed(self, text: str) -> None:
        """Add source."""
        self._blocks.feed(text)
        self._backlog += len(text)

    def frame(self, max_tail_rows: int, window_rows: int = MAX_WINDOW_ROWS) -> Frame:
        """Return the rows since the last frame. Of long code only `max_tail_rows` stay in the tail.

        Its earlier rows become permanent before the code is complete. Of a long table only rows
        that the window may show are returned.
        """
        self._advance()
        rows = self._computed(lambda: self._open_rows(max_tail_rows, window_rows))
        self._code_rows_taken += len(rows.permanent)
        self._code_lines_taken = rows.code_lines
        self._permanent += rows.permanent
        return Frame(self._taken(), rows.tail)

    def take_permanent(self) -> list[Row]:
        """Return the new permanent rows without rendering the tail."""
        self._advance()
        return self._taken()

    def take_backlog(self) -> list[Row]:
        """Return the new permanent rows if there is much to parse, else none.

        The more must be parsed again, the rarer: a long paragraph costs as much as its length.
        """
        is_due = self._backlog > max(MAX_BACKLOG, self._blocks.parsed_size // 2)
        return self.take_permanent() if is_due else []

    def end(self, *, is_interruptible: bool = True) -> list[Row]:
        """End the source and return all remaining rows."""
        if not is_interruptible:
            self._interrupts = Interrupts(())
        self._advance()
        self._permanent += self._computed(lambda: self._rows_of_final(self._blocks.rest()))
        self._blocks.close()
        self._forget_open_leaf()
        return self._taken()

    @property
    def rest_size(self) -> int:
        """The characters of source that `end` renders."""
        return sum(map(len, self._blocks.rest_lines()))

    def end_as_source(self, max_characters: int) -> tuple[list[Row], int]:
        """End the source. Return what remains as it was written, and the count of lines left out.

        This takes no time, however much remains.
        """
        lines = self._blocks.rest_lines()
        begin = 0
        if self._code_lines_taken > 0:
            begin = self._blocks.count_head_lines() + self._code_lines_taken
        self._blocks.close()
        rows, end = self._taken(), begin
        for line in lines[begin:]:
            if end > begin and len(line) > max_characters:
                break
            text = line[:max_characters].expandtabs(TAB_SIZE)
            rows.append(Row(text, len(text)))
            max_characters -= len(line) + 1
            end += 1
        is_last_cut = max_characters < -1
        return rows, len(lines) - end + is_last_cut

    def _taken(self) -> list[Row]:
        rows, self._permanent = self._permanent, []
        return rows

    def _computed(self, work: Callable[[], Computed]) -> Computed:
        """Return what `work` returns. It changes only what is forgotten if a signal ends it."""
        try:
            return self._interrupts.interruptible(work)
        except Interrupted:
            self._code = self._table = None
            raise

    def _advance(self) -> None:
        """Make the leaves permanent that have become final."""
        step, rows = self._computed(self._next_rows)
        self._blocks.commit(step)
        if step.leaves:
            self._forget_open_leaf()
        self._permanent += rows
        self._backlog = 0

    def _next_rows(self) -> tuple[Step, list[Row]]:
        step = self._blocks.plan()
        return step, self._rows_of_final(step.leaves)

    def _forget_open_leaf(self) -> None:
        self._code = self._table = None
        self._code_rows_taken = self._code_lines_taken = 0

    def _rows_of_final(self, leaves: list[Leaf]) -> list[Row]:
        rows: list[Row] = []
        for index, leaf in enumerate(leaves):
            if index == 0 and self._table is not None:
                self._table.add(leaf.nodes, skip=len(self._table))
                rows += self.layout.table_rows(leaf, self._table)
            else:
                rows += self.layout.rows(leaf)[0 if index else self._code_rows_taken :]
        return rows

    def _open_rows(self, max_code_rows: int, window_rows: int) -> OpenRows:
        """Return the rows of the open leaves."""
        overflow: list[Row] = []
        tail: list[Row] = []
        code_lines_taken = 0
        for index, leaf in enumerate(self._blocks.open_leaves()):
            if index == 0 and leaf.kind == "fence":
                overflow, tail, code_lines_taken = self._rows_of_open_code(leaf, max_code_rows)
            elif index == 0 and leaf.kind == "table":
                tail = self._rows_of_open_table(leaf, window_rows)
            else:
                tail += self.layout.rows(leaf)
        return OpenRows(overflow, tail, code_lines_taken)

    def _rows_of_open_code(self, leaf: Leaf, max_rows: int) -> OpenRows:
        """Return the rows of the open fence: those that overflow, now permanent, and the others."""
        if self._code is None or self._code.language != language_of(leaf):
            self._code = StreamedCode(language_of(leaf), self._theme)  # ```p may become ```py
        code, lines = self._code, code_lines(leaf)
        whole = self._blocks.count_complete_code_lines(leaf, len(lines))
        settled = self._blocks.settled.code if self._blocks.has_settled else []
        if len(code) < len(settled):
            code.extend([safe_code(line) for line in settled[len(code) :]])
        code.extend(lines[len(code) - len(settled) : whole])
        gap = self.layout.gap(leaf)
        taken = self._code_rows_taken
        rows = gap[taken:]
        first = max(taken - len(gap), 0)
        rows += [self.layout.code_row(leaf, i, code.line(i)) for i in range(first, len(code))]
        overflow = max(len(rows) - max_rows, 0)
        tail = rows[overflow:]
        for index, line in enumerate(lines[whole:], len(code)):
            tail.append(self.layout.code_row(leaf, index, code.partial(line)))
        return OpenRows(rows[:overflow], tail, max(taken + overflow - len(gap), 0))

    def _rows_of_open_table(self, leaf: Leaf, window_rows: int) -> list[Row]:
        """Return the last rows of an open table."""
        if not self._blocks.has_settled:
            table = self.layout.new_table()
            table.add(leaf.nodes)
            return self.layout.table_rows(leaf, table, window_rows)
        if self._table is None:
            self._table, self._table_tokens = self.layout.new_table(), 0
            head = next(i for i, node in enumerate(leaf.nodes) if node.type == "tr_close") + 1
            self._table.add(leaf.nodes[:head])
        rows = self._blocks.settled.rows
        self._table.add(rows[self._table_tokens :])
        self._table_tokens = len(rows)
        with self._table.extended_by(leaf.nodes, skip=1):
            return self.layout.table_rows(leaf, self._table, window_rows)
