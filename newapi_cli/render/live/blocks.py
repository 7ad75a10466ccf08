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
the open block or item, not as much as the answer.
"""

from __future__ import annotations

import re

from markdown_it.token import Token

from newapi_cli.render.live.leaves import Cut, Leaf, leaves_of, markdown_parser
from newapi_cli.render.live.link_definitions import (
    Definitions,
    LateDefinitions,
    line_of_open_definition,
)
from newapi_cli.render.live.theme import Theme

ONLY_MARKERS = re.compile(r"[\s>*+\-_=~`#|:.)\d\[<]*")  # "-", "2.", "```", "| |"
STARTS_WITH_LETTER = re.compile(r" ?[^\W\d_]")
FINAL_AT_ONCE = ("heading", "hr")
FINAL_BEFORE_EMPTY_LINE = ("paragraph", "table")
LISTS = ("bullet_list_open", "ordered_list_open")


class BlockStream:
    """Splits a stream of Markdown into leaves: each is returned once when it is final.

    >>> from newapi_cli.render.live.theme import theme_named
    >>> stream = BlockStream(theme_named("ansi"))
    >>> stream.feed("# Title\\n\\nSome te")
    >>> [leaf.kind for leaf in stream.take_final()], [leaf.kind for leaf in stream.open_leaves()]
    (['heading'], ['paragraph'])
    >>> stream.feed("xt.\\n\\n- o")
    >>> [leaf.kind for leaf in stream.take_final()], [leaf.kind for leaf in stream.end()]
    (['paragraph'], ['paragraph'])
    """

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._parser = markdown_parser()
        self._lines: list[str] = []  # the complete lines of the tail
        self._partial_line = ""
        self._has_new_lines = False  # since the last `take_final`
        self._taken = 0  # leaves at the start of the tail that were returned as final
        self._follows_block = False  # other blocks were cut off before the tail
        self._item_number: int | None = None  # of the list item that the tail starts with
        self._definitions: Definitions = {}  # those whose source was cut off
        self._late_definitions = LateDefinitions(self._parser)

    def feed(self, text: str) -> None:
        """Add source, with LF as line breaks."""
        *lines, self._partial_line = (self._partial_line + text).split("\n")
        if lines:
            self._lines += lines
            self._has_new_lines = True

    def take_final(self) -> list[Leaf]:
        """Return the leaves that have become final since the last call."""
        if not self._lines:
            return []
        starts_paragraph = self._partial_line_starts_paragraph()
        if not self._has_new_lines and not starts_paragraph:
            return []
        self._has_new_lines = False
        tokens, definitions = self._parse(self._lines)
        leaves = self._leaves_of(tokens)
        all_are_final = starts_paragraph and not self._ends_in_open_fence(leaves)
        final_count = len(leaves) if all_are_final else self._count_final(leaves)
        new_leaves = leaves[self._taken : final_count]
        self._taken = max(self._taken, final_count)
        end = Cut(len(self._lines)) if all_are_final else self._cut_after_last_block(tokens)
        new_definitions = self._cut_off_final([*(leaf.cut for leaf in leaves), end], definitions)
        self._late_definitions.note_unresolved_labels(new_leaves)
        return new_leaves + self._late_definitions.take(new_definitions)

    def open_leaves(self) -> list[Leaf]:
        """Return the leaves that are not final, the incomplete last line included.

        A line of only markers is held back: `-` below a paragraph would be a heading for the
        duration of a frame.
        """
        lines = self._lines
        if self._partial_line and not ONLY_MARKERS.fullmatch(self._partial_line):
            lines = [*lines, self._partial_line]
        tokens, _ = self._parse(lines)
        return self._leaves_of(tokens)[self._taken :]

    def count_complete_code_lines(self, leaf: Leaf, count: int) -> int:
        """Return how many of the `count` lines of an open fence are complete."""
        is_incomplete = leaf.end > len(self._lines)
        return count - 1 if is_incomplete and count else count

    def end(self) -> list[Leaf]:
        """End the source and return all remaining leaves."""
        tokens, definitions = self._parse(self._lines, self._partial_line)
        remaining = self._leaves_of(tokens)[self._taken :]
        self._lines, self._partial_line, self._taken = [], "", 0
        return remaining + self._late_definitions.take(_without(definitions, self._definitions))

    def _parse(self, lines: list[str], partial_line: str = "") -> tuple[list[Token], Definitions]:
        definitions = dict(self._definitions)  # the parser adds those of the source
        source = "".join(f"{line}\n" for line in lines) + partial_line
        return self._parser.parse(source, {"references": definitions}), definitions

    def _leaves_of(self, tokens: list[Token]) -> list[Leaf]:
        return leaves_of(
            tokens, self._theme, follows_block=self._follows_block, item_number=self._item_number
        )

    def _partial_line_starts_paragraph(self) -> bool:
        is_after_empty_line = not self._lines[-1].strip()
        return is_after_empty_line and STARTS_WITH_LETTER.match(self._partial_line) is not None

    def _count_final(self, leaves: list[Leaf]) -> int:
        """Return how many of the leaves of the complete lines are final."""
        if not leaves:
            return 0
        count = len(leaves) if self._is_closed(leaves[-1]) else len(leaves) - 1
        limit = line_of_open_definition(self._lines)
        while count and leaves[count - 1].end > limit:
            count -= 1
        return count

    def _is_closed(self, leaf: Leaf) -> bool:
        """Return whether the last leaf is final although no other leaf follows."""
        if leaf.kind in FINAL_AT_ONCE:
            return True
        if leaf.kind == "fence":
            return not self._is_open_fence(leaf)
        next_line = self._lines[leaf.end : leaf.end + 1]
        precedes_empty_line = bool(next_line) and not next_line[0].strip(" \t>")
        return leaf.kind in FINAL_BEFORE_EMPTY_LINE and precedes_empty_line

    def _ends_in_open_fence(self, leaves: list[Leaf]) -> bool:
        return bool(leaves) and leaves[-1].kind == "fence" and self._is_open_fence(leaves[-1])

    def _is_open_fence(self, leaf: Leaf) -> bool:
        """Return whether a fence has no closing line yet.

        The parser knows about indents and containers: a closing line is one that it did not count
        as content.
        """
        line_count = leaf.end - leaf.begin - 1  # without the opening line
        return leaf.end == len(self._lines) and leaf.nodes[0].content.count("\n") == line_count

    def _cut_after_last_block(self, tokens: list[Token]) -> Cut | None:
        """Return the cut after the last block, if the block ends with its last leaf.

        A list never does: another item may follow. A quote does if an empty line follows.
        """
        last = next((token for token in reversed(tokens) if token.level == 0 and token.map), None)
        if last is None or last.type in LISTS:
            return None
        _, end = last.map or (0, 0)
        is_open = last.type == "blockquote_open" and (
            end == len(self._lines) or self._lines[end].strip()
        )
        return None if is_open else Cut(end)

    def _cut_off_final(self, cuts: list[Cut | None], definitions: Definitions) -> Definitions:
        """Remove final leaves from the tail, and return the link definitions in their source.

        `cuts[n]` is where the tail starts without its first `n` leaves, None if it cannot be cut
        there: between the two leaves of `- a\\n\\n  b`, for example. The last possible cut is used.
        """
        possible = [(count, cut) for count, cut in enumerate(cuts[: self._taken + 1]) if cut]
        if not possible:
            return {}
        removed, cut = possible[-1]
        new_definitions = {
            label: definition
            for label, definition in _without(definitions, self._definitions).items()
            if definition["map"][1] <= cut.line
        }
        self._definitions |= new_definitions
        self._lines = self._lines[cut.line :]
        self._taken -= removed
        self._item_number = cut.item_number
        self._follows_block = self._follows_block or removed > 0
        return new_definitions


def _without(definitions: Definitions, known: Definitions) -> Definitions:
    return {label: definitions[label] for label in definitions if label not in known}
