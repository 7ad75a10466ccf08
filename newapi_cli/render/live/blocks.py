"""A growing markdown source, cut into leaves that are final and leaves that are still open.

Invariants, on which the live renderer stands:

A  The source of what is committed, and the tail, are together all that was received.
B  The committed leaves, laid out, are the beginning of the leaves of the final text, laid out; but
   for links whose definition comes after their use, which stay as they were written, with the
   definition shown where it comes.
C  A decision is taken on complete lines only; the line still being written only decides where it
   begins with a letter after an empty line, which is a new paragraph whatever follows.

Why all leaves but the last are final: the block parser goes from left to right and knows nothing of
what comes later. Where it has ended a leaf it looked at the line after it and at most at one more
(the delimiter row of a table), and these are part of the last leaf or complete. The one exception
is a link definition whose title may run on over further lines: see `_limit`.

The tail begins anew at top-level blocks and at the items of a top-level list, so a frame costs what
the open block or item costs, not what the answer does.
"""

from __future__ import annotations

import re
from typing import Any

from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from newapi_cli.render.live.leaves import Continued, Leaf, Place, leaves_of, markdown_parser
from newapi_cli.render.live.theme import Theme

Definitions = dict[str, dict[str, Any]]

MARKERS_ONLY = re.compile(r"[\s>*+\-_=~`#|:.)\d\[<]*")
LETTER_FIRST = re.compile(r" ?[^\W\d_]")
LABEL = r"(?:\\.|[^\]\\])*+"  # of a definition; a bracket in it may be escaped
MAYBE_DEFINITION = re.compile(rf"[\s>*+\-\d.)]*\[{LABEL}(?:\\?$|\]:)")
ENDS_DEFINITION = re.compile(r"\s*$| {0,3}(?:`{3}|~{3}|#{1,6}(?:\s|$))")
CLOSED_AT_ONCE = ("heading", "hr")
CLOSED_BY_AN_EMPTY_LINE = ("paragraph", "table")
IN_BRACKETS = re.compile(r"\[([^\[\]]+)\]")
LISTS = ("bullet_list_open", "ordered_list_open")


class BlockStream:
    """Takes source as it comes; `take_final` gives each leaf once, `open_leaves` the others."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._parser = markdown_parser()
        self._lines: list[str] = []  # the complete lines of the tail
        self._partial = ""
        self._has_new_lines = False
        self._committed = 0  # the leaves of the tail that were given as final
        self._has_before = False
        self._continued: Continued | None = None
        self._definitions: Definitions = {}
        self._unresolved: dict[str, str] = {}  # labels given as plain text, and where

    def feed(self, text: str) -> None:
        """Take source, its line breaks made LF."""
        *lines, self._partial = (self._partial + text).split("\n")
        if lines:
            self._lines += lines
            self._has_new_lines = True

    def take_final(self) -> list[Leaf]:
        """Give the leaves that have become final since the last call."""
        if not self._lines:
            return []
        starts_paragraph = self._partial_starts_a_paragraph()
        if not self._has_new_lines and not starts_paragraph:
            return []
        self._has_new_lines = False
        tokens, definitions = self._parse(self._lines)
        leaves = self._flattened(tokens)
        is_over = starts_paragraph and not _ends_in_open_fence(leaves, self._lines)
        final = len(leaves) if is_over else self._count_final(leaves)
        taken = leaves[self._committed : final]
        self._committed = max(self._committed, final)
        known = set(self._definitions)
        self._begin_anew(tokens, leaves, definitions, is_over=is_over)
        self._note_unresolved(taken)
        return taken + self._late({x: self._definitions[x] for x in set(self._definitions) - known})

    def end(self) -> list[Leaf]:
        """Take the end of the source and give all leaves that were not given yet."""
        tokens, definitions = self._parse(self._lines, self._partial)
        rest = self._flattened(tokens)[self._committed :]
        self._lines, self._partial, self._committed = [], "", 0
        new = {x: definitions[x] for x in set(definitions) - set(self._definitions)}
        return rest + self._late(new)

    def _note_unresolved(self, leaves: list[Leaf]) -> None:
        """Remember what stands in brackets and was no link when its text was given for good."""
        for leaf in leaves:
            for node in leaf.nodes:
                texts = (c.content for c in node.children or () if c.type == "text")
                found = IN_BRACKETS.findall("".join(texts))
                for label in found:
                    self._unresolved.setdefault(normalizeReference(label), node.content)

    def _late(self, definitions: Definitions) -> list[Leaf]:
        """Give leaves for definitions that come after their use: else the target would be lost."""
        leaves = []
        late = [label for label in definitions if label in self._unresolved]
        for label in sorted(late, key=lambda label: definitions[label]["map"]):
            use = self._unresolved.pop(label)
            env = {"references": {label: definitions[label]}}
            href = definitions[label]["href"]
            tokens = self._parser.parseInline(use, env)[0].children or ()
            if not any(href in (token.attrGet("href"), token.attrGet("src")) for token in tokens):
                continue  # it only looked like one: escaped, or in the text of another link
            text = Token("text", "", 0, content=f"[{label.lower()}]: {href}")
            inline = Token("inline", "", 0, children=[text])
            leaves.append(Leaf("definition", [inline], Place(gap=True), 0, 0))
        return leaves

    def open_leaves(self) -> list[Leaf]:
        """Give the leaves to be shown for now: what is not final, the line being written too.

        A line of nothing but markers is held back: `-` below a paragraph would be a heading for
        the length of a frame.
        """
        lines = self._lines
        if self._partial and not MARKERS_ONLY.fullmatch(self._partial):
            lines = [*lines, self._partial]
        return self._flattened(self._parse(lines)[0])[self._committed :]

    def count_whole_code_lines(self, leaf: Leaf, count: int) -> int:
        """Give how many of an open fence's lines will not change: all but the one being written."""
        is_writing = leaf.end > len(self._lines)
        return count - 1 if is_writing and count else count

    def _parse(self, lines: list[str], partial: str = "") -> tuple[list[Token], Definitions]:
        references = dict(self._definitions)
        source = "".join(f"{line}\n" for line in lines) + partial
        return self._parser.parse(source, {"references": references}), references

    def _flattened(self, tokens: list[Token]) -> list[Leaf]:
        return leaves_of(
            tokens, self._theme, has_before=self._has_before, continued=self._continued
        )

    def _partial_starts_a_paragraph(self) -> bool:
        after_empty = not self._lines[-1].strip()
        return after_empty and LETTER_FIRST.match(self._partial) is not None

    def _count_final(self, leaves: list[Leaf]) -> int:
        if not leaves:
            return 0
        final = len(leaves) if self._is_closed(leaves[-1]) else len(leaves) - 1
        limit = self._limit()
        while final and leaves[final - 1].end > limit:
            final -= 1
        return final

    def _is_closed(self, leaf: Leaf) -> bool:
        if leaf.kind in CLOSED_AT_ONCE:
            return True
        if leaf.kind == "fence":
            return not _is_open_fence(leaf, self._lines)
        after = self._lines[leaf.end : leaf.end + 1]
        is_followed = bool(after) and not after[0].strip(" \t>")
        return leaf.kind in CLOSED_BY_AN_EMPTY_LINE and is_followed

    def _limit(self) -> int:
        """Give the line behind which nothing is final: a definition may be under way there.

        Its title may hold lines that look like anything, until an empty line, a fence or a heading.
        """
        limit = len(self._lines)
        for index in range(len(self._lines) - 1, -1, -1):
            line = self._lines[index]
            if ENDS_DEFINITION.match(line):
                break
            if MAYBE_DEFINITION.match(line):
                limit = index
        return limit

    def _begin_anew(
        self, tokens: list[Token], leaves: list[Leaf], definitions: Definitions, *, is_over: bool
    ) -> None:
        """Let the tail begin behind the blocks and items of which every leaf was given."""
        if is_over:
            self._cut(len(self._lines), self._committed, None, definitions)
            return
        boundary, gone, continued = 0, 0, None
        blocks = [t for t in tokens if t.level == 0 and t.nesting >= 0 and t.map]
        for index, block in enumerate(blocks):
            is_last = index == len(blocks) - 1
            begin, end = block.map or [0, 0]
            inside = sum(1 for leaf in leaves if begin <= leaf.begin < end)
            known = self._continued if index == 0 else None
            if gone + inside <= self._committed and self._is_block_closed(block, is_last=is_last):
                boundary, gone = end, gone + inside
                continue
            if block.type in LISTS:
                boundary, gone, continued = self._into_list(
                    tokens, block, leaves, (boundary, gone, known)
                )
            break
        if boundary:
            self._cut(boundary, gone, continued, definitions)

    def _is_block_closed(self, block: Token, *, is_last: bool) -> bool:
        if not is_last:
            return True
        end = (block.map or [0, 0])[1]
        after = self._lines[end : end + 1]
        is_followed = bool(after) and not after[0].strip()
        if block.type in ("heading_open", "hr"):
            return True
        if block.type == "fence":
            return True  # all its leaves were given, so it is a closed one
        return block.type in ("paragraph_open", "table_open", "blockquote_open") and is_followed

    def _into_list(
        self,
        tokens: list[Token],
        block: Token,
        leaves: list[Leaf],
        now: tuple[int, int, Continued | None],
    ) -> tuple[int, int, Continued | None]:
        """Go to the first item of an open list of which not every leaf was given."""
        boundary, gone, known = now
        place = tokens.index(block)
        items = []
        for token in tokens[place + 1 :]:
            if token.level == 0:
                break
            if token.level == 1 and token.type == "list_item_open" and token.map:
                items.append(token)
        number = known.number if known else int(block.attrs.get("start", 1))
        if block.type == "bullet_list_open":
            number = 0
        for index, item in enumerate(items[:-1]):
            begin, end = item.map or [0, 0]
            inside = sum(1 for leaf in leaves if begin <= leaf.begin < end)
            if gone + inside > self._committed:
                return boundary, gone, known
            gone += inside
            boundary = (items[index + 1].map or [0, 0])[0]
            known = Continued(number + index + 1 if number or block.type[0] == "o" else 0)
        return boundary, gone, known

    def _cut(
        self, boundary: int, gone: int, continued: Continued | None, definitions: Definitions
    ) -> None:
        for label, found in definitions.items():
            if label not in self._definitions and found["map"][1] <= boundary:
                self._definitions[label] = found
        self._lines = self._lines[boundary:]
        self._committed -= gone
        self._continued = continued
        self._has_before = self._has_before or gone > 0


def _ends_in_open_fence(leaves: list[Leaf], lines: list[str]) -> bool:
    return bool(leaves) and leaves[-1].kind == "fence" and _is_open_fence(leaves[-1], lines)


def _is_open_fence(leaf: Leaf, lines: list[str]) -> bool:
    """Say whether a fence that reaches to the end still waits for its closing line.

    The parser knows indents and containers; the lines that it did not take as content tell.
    """
    between = leaf.end - leaf.begin - 1
    return leaf.end == len(lines) and leaf.nodes[0].content.count("\n") == between
