"""Which parts of a streamed Markdown document are final, and which may still change.

A *block* is an element at the top level of the document: a paragraph, a list, a quote, a table. It
consists of *leaves*, the elements with text of their own (see `leaves`). Output is append-only: a
leaf is printed once, as soon as it is *final*, that is when nothing that can still arrive changes
its rows. The rest is the *tail*, which is parsed again for each frame.

    # Title            a heading is final at the end of its line
                       (an empty line)
    Some text.         a paragraph is final when an empty line follows
                       (an empty line)
    - one              an item is final when the next one starts
    - tw               open: more text, more items or a nested list may follow

Why all leaves but the last are final: the parser works from left to right. When it ends a leaf, it
has looked at the next line and at most at one more (the delimiter row of a table), and these belong
to the last leaf or are complete. Link definitions are the exception: see `link_definitions`.

`BlockStream` holds these invariants, on which the live renderer depends:

A  The source of the final leaves and the tail are together everything that was received.
B  The rows of the final leaves are the first rows of the complete document, except for links whose
   definition follows their use.
C  Decisions are based on complete lines. The incomplete last line decides only if it starts with a
   letter after an empty line: that is a new paragraph whatever follows.

The tail is cut at blocks and at the items of a list that is a block, so a frame costs as much as
the open block or item, not as much as the answer. The complete lines of an open table or fence are
moved out of the tail too: each is parsed once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from newapi_cli.render.live.leaves import Cut, Leaf, leaves_of
from newapi_cli.render.live.link_definitions import (
    Definition,
    LinkDefinitions,
    line_of_open_definition,
)
from newapi_cli.render.live.markdown import markdown_parser
from newapi_cli.render.live.theme import Theme

ONLY_MARKERS = re.compile(r"[\s>*+\-_=~`#|:.)\d\[<]*")  # "-", "2.", "```", "| |"
STARTS_WITH_LETTER = re.compile(r" ?[^\W\d_]")
BLANKS = " \t"  # of CommonMark: a line of other blanks, such as U+3000, is not empty
MAYBE_TITLE = re.compile(r"\s*[\"'(]")
FINAL_AT_ONCE = ("heading", "hr")
FINAL_BEFORE_EMPTY_LINE = ("paragraph", "table", "math_block")
LISTS = ("bullet_list_open", "ordered_list_open")
HEAD_LINES = {"table": 2, "fence": 1}  # before the lines of which each is final on its own


class Tail(NamedTuple):
    """The source after the last cut, without an incomplete last line."""

    lines: list[str]
    committed: int = 0  # leaves of it that were returned as final
    shown: int = 0  # lines of these leaves
    follows_block: bool = False
    item_number: int | None = None  # of the item that it starts with
    settled_at: int | None = None  # where the settled lines were


class Settled(NamedTuple):
    """Final lines of an open table or fence, which were moved out of the tail.

    What they were parsed to: `rows` of a table, `code` of a fence.
    """

    lines: list[str]
    rows: list[Token]
    code: list[str]


class Step(NamedTuple):
    """Leaves that are final, and what changes when they are taken."""

    leaves: list[Leaf]
    tail: Tail
    settled: Settled | None = None  # further lines
    definitions: Mapping[str, Definition] = MappingProxyType({})
    used: Mapping[str, str] = MappingProxyType({})  # labels that are not defined


class BlockStream:
    """Splits a stream of Markdown into leaves: each is in one step, as soon as it is final.

    A table or a fence that grows is parsed line by line: only its head and what is new.

    >>> from newapi_cli.render.live.theme import theme_named
    >>> stream = BlockStream(theme_named("ansi"))
    >>> stream.feed("# Title\\n\\nSome te")
    >>> step = stream.plan()
    >>> stream.commit(step)
    >>> [leaf.kind for leaf in step.leaves], [leaf.kind for leaf in stream.open_leaves()]
    (['heading'], ['paragraph'])
    """

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._parser = _shared_parser()
        self._definitions = LinkDefinitions(self._parser)
        self._tail = Tail([])
        self._pieces: list[str] = []  # of the incomplete last line
        self._has_new_lines = False
        self.settled = Settled([], [], [])
        self.parsed_size = 0  # characters in the last run of the parser

    @property
    def has_settled(self) -> bool:
        """Whether the first open leaf has lines in `settled`."""
        return self._tail.settled_at is not None

    def feed(self, text: str) -> None:
        """Add source, with LF as line breaks."""
        first, *others = text.split("\n")
        self._pieces.append(first)
        if others:
            self._tail.lines.append(self._partial_line())
            self._tail.lines.extend(others[:-1])
            self._pieces = [others[-1]]
            self._has_new_lines = True

    def plan(self) -> Step:
        """Return the leaves that have become final. Nothing changes until they are committed."""
        tail = self._tail
        starts_paragraph = self._partial_line_starts_paragraph()
        if not tail.lines or not (self._has_new_lines or starts_paragraph):
            return Step([], tail)
        tokens, environment = self._parse(tail.lines)
        leaves = self._leaves_of(tokens)
        is_over = starts_paragraph and not _ends_in_open_fence(leaves, tail.lines)
        limit = line_of_open_definition(tail.lines)
        final = len(leaves) if is_over else self._count_final(leaves, limit)
        final = max(tail.committed, final)
        taken = self._with_settled(leaves[tail.committed : final])
        end = Cut(len(tail.lines)) if is_over else self._cut_after_last_block(tokens)
        removed, cut = self._cut(tokens, environment, [*(leaf.cut for leaf in leaves), end], final)
        shown = leaves[final - 1].end if final > tail.committed else tail.shown
        new_tail, settled = self._cut_tail(removed, cut, final, shown), None
        if final == len(leaves) - 1 and self._settles(leaves[-1], limit):
            new_tail, settled = _settle(new_tail, leaves[-1])
        found = environment["references"].maps[0]
        definitions = {x: found[x] for x in found if cut and found[x]["map"][1] <= cut.line}
        used = self._definitions.used_in(taken, environment["references"])
        late = self._definitions.late_leaves(definitions)
        return Step(taken + late, new_tail, settled, definitions, used)

    def commit(self, step: Step) -> None:
        """Take the leaves of the last plan."""
        if step.tail is self._tail:
            return
        if self.has_settled and step.leaves:
            self.settled = Settled([], [], [])
        if step.settled is not None:
            self.settled.lines.extend(step.settled.lines)
            self.settled.rows.extend(step.settled.rows)
            self.settled.code.extend(step.settled.code)
        self._tail = step.tail
        self._has_new_lines = False
        self._definitions.add(step.definitions, step.used)

    def rest(self) -> list[Leaf]:
        """Return all remaining leaves as if the source had ended."""
        tokens, environment = self._parse(self._tail.lines, self._partial_line())
        rest = self._with_settled(self._leaves_of(tokens)[self._tail.committed :])
        return rest + self._definitions.late_leaves(environment["references"].maps[0])

    def rest_lines(self) -> list[str]:
        """Return the source of all remaining leaves."""
        lines, at = self._tail.lines, self._tail.settled_at
        if at is not None:
            lines = [*lines[:at], *self.settled.lines, *lines[at:]]
        return [*lines[self._tail.shown :], self._partial_line()]

    def count_head_lines(self) -> int:
        """Return how many of `rest_lines` precede the settled ones."""
        return (self._tail.settled_at or 0) - self._tail.shown

    def close(self) -> None:
        """Forget the source: its last leaves were returned."""
        self._tail, self._pieces = Tail([], follows_block=True), []

    def open_leaves(self) -> list[Leaf]:
        """Return the leaves that are not final, the incomplete last line included.

        A line of only markers is held back: `-` below a paragraph would be a heading for the
        duration of a frame. The first leaf does not have what is in `settled`.
        """
        lines, partial = self._tail.lines, self._partial_line()
        if partial and not ONLY_MARKERS.fullmatch(partial):
            lines = [*lines, partial]
        return self._leaves_of(self._parse(lines)[0])[self._tail.committed :]

    def count_complete_code_lines(self, leaf: Leaf, count: int) -> int:
        """Return how many of the `count` lines of an open fence are complete."""
        is_incomplete = leaf.end > len(self._tail.lines)
        return count - 1 if is_incomplete and count else count

    def _partial_line(self) -> str:
        """Return the incomplete last line."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def _parse(self, lines: list[str], partial: str = "") -> tuple[list[Token], dict[str, Any]]:
        environment = self._definitions.environment()
        source = "".join(f"{line}\n" for line in lines) + partial
        self.parsed_size = len(source)
        return self._parser.parse(source, environment), environment

    def _leaves_of(self, tokens: list[Token]) -> list[Leaf]:
        tail = self._tail
        return leaves_of(
            tokens, self._theme, follows_block=tail.follows_block, item_number=tail.item_number
        )

    def _with_settled(self, leaves: list[Leaf]) -> list[Leaf]:
        """Return leaves of which the first has its settled lines again."""
        if not leaves or not self.has_settled:
            return leaves
        nodes = leaves[0].nodes
        if leaves[0].kind == "table":
            head = next(i for i, node in enumerate(nodes) if node.type == "tr_close") + 1
            nodes = [*nodes[:head], *self.settled.rows, *nodes[head:]]
        else:
            code = "".join(f"{line}\n" for line in self.settled.code)
            nodes = [nodes[0].copy(content=code + nodes[0].content)]
        return [leaves[0]._replace(nodes=nodes), *leaves[1:]]

    def _partial_line_starts_paragraph(self) -> bool:
        is_after_empty_line = bool(self._tail.lines) and not self._tail.lines[-1].strip(BLANKS)
        return is_after_empty_line and STARTS_WITH_LETTER.match(self._partial_line()) is not None

    def _count_final(self, leaves: list[Leaf], limit: int) -> int:
        """Return how many of the leaves of the complete lines are final."""
        if not leaves:
            return 0
        final = len(leaves) if self._is_closed(leaves[-1]) else len(leaves) - 1
        while final and leaves[final - 1].end > limit:
            final -= 1
        return final

    def _is_closed(self, leaf: Leaf) -> bool:
        """Return whether the last leaf is final although no other leaf follows."""
        if leaf.kind in FINAL_AT_ONCE:
            return True
        lines = self._tail.lines
        if leaf.kind == "fence":
            return not _is_open_fence(leaf, lines)
        if leaf.kind == "math_block" and leaf.nodes[0].info == "closed":
            return True
        next_line = lines[leaf.end : leaf.end + 1]
        precedes_empty_line = bool(next_line) and not next_line[0].strip(" \t>")
        return leaf.kind in FINAL_BEFORE_EMPTY_LINE and precedes_empty_line

    def _settles(self, leaf: Leaf, limit: int) -> bool:
        """Return whether each further line of an open leaf is a part of it or ends it."""
        lines = self._tail.lines
        if leaf.kind == "fence":
            return _is_open_fence(leaf, lines)
        return leaf.kind == "table" and leaf.end == limit == len(lines)

    def _cut(
        self,
        tokens: list[Token],
        environment: dict[str, Any],
        cuts: list[Cut | None],
        final: int,
    ) -> tuple[int, Cut | None]:
        """Return how many leaves can be removed from the tail, and where it is cut after them.

        `cuts` are the places before each leaf and after the last. Definitions that follow a cut are
        removed too, but not the last one if the next line may be its title.
        """
        possible = [(removed, cut) for removed, cut in enumerate(cuts[: final + 1]) if cut]
        removed, cut = possible[-1] if possible else (0, None)
        if (cut.item_number if cut else self._tail.item_number) is not None:
            return removed, cut  # an item follows
        lines, begin = self._tail.lines, cut.line if cut else 0
        blocks = (token.map[0] for token in tokens if token.level == 0 and token.map)
        block = next((line for line in blocks if line >= begin), len(lines))
        found = (
            *environment["references"].maps[0].values(),
            *environment.get("duplicate_refs", ()),
        )
        ends = [
            end
            for first, end in (definition["map"] for definition in found)
            if begin <= first and end <= block and end < len(lines)
            if not MAYBE_TITLE.match(lines[end])
        ]
        return removed, Cut(max(ends)) if ends else cut

    def _cut_tail(self, removed: int, cut: Cut | None, final: int, shown: int) -> Tail:
        """Return the tail after a cut, with the first `final` leaves committed."""
        tail = self._tail
        begin = cut.line if cut else 0
        settled_at = tail.settled_at if final == tail.committed else None
        return Tail(
            tail.lines[begin:],
            committed=final - removed,
            shown=max(shown - begin, 0),
            follows_block=tail.follows_block or removed > 0,
            item_number=cut.item_number if cut else tail.item_number,
            settled_at=None if settled_at is None else settled_at - begin,
        )

    def _cut_after_last_block(self, tokens: list[Token]) -> Cut | None:
        """Return the cut after the last block, if the block ends with its last leaf.

        A list never does: another item may follow. A quote does if an empty line follows.
        """
        last = next((token for token in reversed(tokens) if token.level == 0 and token.map), None)
        if last is None or last.type in LISTS:
            return None
        _, end = last.map or (0, 0)
        lines = self._tail.lines
        is_open = last.type == "blockquote_open" and (end == len(lines) or lines[end].strip(BLANKS))
        return None if is_open else Cut(end)


@cache
def _shared_parser() -> MarkdownIt:
    return markdown_parser()  # 0.2 ms, for each turn of a long session


def _ends_in_open_fence(leaves: list[Leaf], lines: list[str]) -> bool:
    return bool(leaves) and leaves[-1].kind == "fence" and _is_open_fence(leaves[-1], lines)


def _is_open_fence(leaf: Leaf, lines: list[str]) -> bool:
    """Return whether a fence has no closing line yet.

    The parser knows about indents and containers: a closing line is one that it did not count as
    content.
    """
    line_count = leaf.end - leaf.begin - 1  # without the opening line
    return leaf.end == len(lines) and leaf.nodes[0].content.count("\n") == line_count


def _settle(tail: Tail, leaf: Leaf) -> tuple[Tail, Settled | None]:
    """Move the final lines of the last leaf, which grows, out of the tail."""
    body = leaf.end - leaf.begin - HEAD_LINES[leaf.kind]
    at = len(tail.lines) - body
    if body == 0:
        return tail, None
    rows: list[Token] = []
    code: list[str] = []
    if leaf.kind == "table":
        head = next(i for i, node in enumerate(leaf.nodes) if node.type == "tr_close") + 1
        rows = leaf.nodes[head:-1]
    else:
        code = leaf.nodes[0].content.split("\n")[:-1]
    settled = Settled(tail.lines[at:], rows, code)
    return tail._replace(lines=tail.lines[:at], settled_at=at), settled
