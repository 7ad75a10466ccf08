"""A stream of Markdown source, split into leaves that are final and leaves that are still open.

Invariants that the live renderer depends on:

A  The source of the committed leaves and the tail are together everything that was received.
B  The rows of the committed leaves are the first rows of the complete document. The exception are
   links whose definition follows their use: they stay as they were written, and the definition is
   shown where it arrives.
C  Decisions are based on complete lines. The incomplete last line decides only if it starts with a
   letter after an empty line: that is a new paragraph whatever follows.

Why all leaves but the last are final: the block parser works from left to right without knowing
what follows. When it ended a leaf, it had looked at the next line and at most at one more (the
delimiter row of a table), and these belong to the last leaf or are complete. The one exception is a
link definition whose title may continue on further lines: see `_limit`.

The tail is cut at top-level blocks and at the items of a top-level list, so a frame costs as much
as the open block or item, not as much as the answer.
"""

from __future__ import annotations

import re
from typing import Any

from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from newapi_cli.render.live.leaves import Cut, Leaf, Place, leaves_of
from newapi_cli.render.live.markdown import markdown_parser
from newapi_cli.render.live.theme import Theme

Definitions = dict[str, dict[str, Any]]

MARKERS_ONLY = re.compile(r"[\s>*+\-_=~`#|:.)\d\[<]*")
LETTER_FIRST = re.compile(r" ?[^\W\d_]")
LABEL = r"(?:\\.|[^\]\\])*+"  # of a definition; a bracket in it may be escaped
MAYBE_DEFINITION = re.compile(rf"[\s>*+\-\d.)]*\[(?!\^){LABEL}(?:\\?$|\]:)")
ENDS_DEFINITION = re.compile(r"\s*$| {0,3}(?:`{3}|~{3}|#{1,6}(?:\s|$))")
CLOSED_AT_ONCE = ("heading", "hr")
CLOSED_BY_AN_EMPTY_LINE = ("paragraph", "table", "math_block")
IN_BRACKETS = re.compile(r"\[((?:[^\[\]\\]|\\.)++)\]", re.DOTALL)
MAX_USES = 8  # of a label that are tried for a link when its definition arrives
LISTS = ("bullet_list_open", "ordered_list_open")


class BlockStream:
    """Parses a stream of source. `take_final` returns each leaf once, `open_leaves` the others."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._parser = markdown_parser()
        self._lines: list[str] = []  # the complete lines of the tail
        self._partial = ""
        self._has_new_lines = False
        self._committed = 0  # leaves of the tail that were returned as final
        self._has_before = False
        self._item_number: int | None = None  # of the item that the tail starts with
        self._definitions: Definitions = {}
        # Labels in permanent text: as they are written there, and with that text.
        self._unresolved: dict[str, list[tuple[str, str]]] = {}

    def feed(self, text: str) -> None:
        """Take source with LF as line breaks."""
        *lines, self._partial = (self._partial + text).split("\n")
        if lines:
            self._lines += lines
            self._has_new_lines = True

    def take_final(self) -> list[Leaf]:
        """Return the leaves that have become final since the last call."""
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
        self._cut_tail(tokens, leaves, definitions, is_over=is_over)
        self._note_unresolved(taken, definitions)
        new = {label: self._definitions[label] for label in set(self._definitions) - known}
        return taken + self._late_definitions(new)

    def end(self) -> list[Leaf]:
        """End the source and return all remaining leaves."""
        tokens, definitions = self._parse(self._lines, self._partial)
        rest = self._flattened(tokens)[self._committed :]
        self._lines, self._partial, self._committed = [], "", 0
        new = {label: definitions[label] for label in set(definitions) - set(self._definitions)}
        return rest + self._late_definitions(new)

    def _note_unresolved(self, leaves: list[Leaf], definitions: Definitions) -> None:
        """Remember text in brackets that was no link when it became permanent."""
        for node in (node for leaf in leaves for node in leaf.nodes if node.type == "inline"):
            for name in IN_BRACKETS.findall(node.content):
                label = normalizeReference(name)
                uses = self._unresolved.setdefault(label, []) if label not in definitions else []
                if len(uses) < MAX_USES:
                    uses.append((name, node.content))

    def _late_definitions(self, definitions: Definitions) -> list[Leaf]:
        """Return leaves for definitions that follow their use: the target would be lost."""
        leaves = []
        late = [label for label in definitions if label in self._unresolved]
        for label in sorted(late, key=lambda label: definitions[label]["map"]):
            uses, definition = self._unresolved.pop(label), definitions[label]
            names = (name for name, text in uses if self._links(text, label, definition))
            if (name := next(names, None)) is None:
                continue  # no use: escaped, in code, or in the text of another link
            title = f' "{definition["title"]}"' if definition["title"] else ""
            text = Token("text", "", 0, content=f"[{name}]: {definition['href']}{title}")
            inline = Token("inline", "", 0, children=[text])
            leaves.append(Leaf("definition", [inline], Place(gap=True), 0, 0))
        return leaves

    def _links(self, text: str, label: str, definition: dict[str, Any]) -> bool:
        """Return whether a text would have a link with this definition."""
        tokens = self._parser.parseInline(text, {"references": {label: definition}})[0].children
        href = definition["href"]
        return any(href in (token.attrGet("href"), token.attrGet("src")) for token in tokens or ())

    def open_leaves(self) -> list[Leaf]:
        """Return the leaves that are not final, the incomplete last line included.

        A line of only markers is held back: `-` below a paragraph would be a heading for the
        duration of a frame.
        """
        lines = self._lines
        if self._partial and not MARKERS_ONLY.fullmatch(self._partial):
            lines = [*lines, self._partial]
        return self._flattened(self._parse(lines)[0])[self._committed :]

    def count_whole_code_lines(self, leaf: Leaf, count: int) -> int:
        """Return how many of the `count` lines of an open fence are complete."""
        is_incomplete = leaf.end > len(self._lines)
        return count - 1 if is_incomplete and count else count

    def _parse(self, lines: list[str], partial: str = "") -> tuple[list[Token], Definitions]:
        references = dict(self._definitions)
        source = "".join(f"{line}\n" for line in lines) + partial
        return self._parser.parse(source, {"references": references}), references

    def _flattened(self, tokens: list[Token]) -> list[Leaf]:
        return leaves_of(
            tokens, self._theme, has_before=self._has_before, item_number=self._item_number
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
        if leaf.kind == "math_block" and leaf.nodes[0].info == "closed":
            return True
        after = self._lines[leaf.end : leaf.end + 1]
        is_followed = bool(after) and not after[0].strip(" \t>")
        return leaf.kind in CLOSED_BY_AN_EMPTY_LINE and is_followed

    def _limit(self) -> int:
        """Return the line after which nothing is final: a link definition may start there.

        Its title may contain any lines until an empty line, a fence or a heading.
        """
        limit = len(self._lines)
        for index in range(len(self._lines) - 1, -1, -1):
            line = self._lines[index]
            if ENDS_DEFINITION.match(line):
                break
            if MAYBE_DEFINITION.match(line):
                limit = index
        return limit

    def _cut_tail(
        self, tokens: list[Token], leaves: list[Leaf], definitions: Definitions, *, is_over: bool
    ) -> None:
        """Remove the blocks and items from the tail of which every leaf was returned."""
        end = Cut(len(self._lines)) if is_over else self._cut_after(tokens)
        cuts = [*(leaf.cut for leaf in leaves), end]
        possible = [(gone, cut) for gone, cut in enumerate(cuts[: self._committed + 1]) if cut]
        if not possible:
            return
        gone, cut = possible[-1]
        for label, definition in definitions.items():
            if label not in self._definitions and definition["map"][1] <= cut.line:
                self._definitions[label] = definition
        self._lines = self._lines[cut.line :]
        self._committed -= gone
        self._item_number = cut.item_number
        self._has_before = self._has_before or gone > 0

    def _cut_after(self, tokens: list[Token]) -> Cut | None:
        """Return the cut after the last block, if the block is over once its leaves are final.

        A list never is: another item may follow. A quote is if an empty line follows.
        """
        last = next((token for token in reversed(tokens) if token.level == 0 and token.map), None)
        if last is None or last.type in LISTS:
            return None
        _, end = last.map or (0, 0)
        is_open = last.type == "blockquote_open" and (
            end == len(self._lines) or self._lines[end].strip()
        )
        return None if is_open else Cut(end)


def _ends_in_open_fence(leaves: list[Leaf], lines: list[str]) -> bool:
    return bool(leaves) and leaves[-1].kind == "fence" and _is_open_fence(leaves[-1], lines)


def _is_open_fence(leaf: Leaf, lines: list[str]) -> bool:
    """Return whether a fence has no closing line yet.

    Indents and containers are the parser's business: a closing line is one that it did not count
    as content.
    """
    between = leaf.end - leaf.begin - 1
    return leaf.end == len(lines) and leaf.nodes[0].content.count("\n") == between
