"""A Markdown document as a sequence of leaves, each rendered independently of the others.

A leaf is what contains text: a paragraph, a heading, a code block, a table, a rule, an item without
text. The containers around it (lists, quotes) are only prefixes of its rows. So the rows of a
document are the rows of its leaves in order, and a final leaf has final rows whatever follows. That
is all that streaming needs; a complete document is the same leaves at once.

Two blocks are separated by one empty row, except items of a list, and a list below the text of its
item. Nothing depends on what follows: neither the width of numbers nor whether a list is loose.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from rich.style import Style

from newapi_cli.render.live.theme import Theme

BULLETS = "•◦▪"
QUOTE_BAR = "▌ "
MIN_NUMBER_WIDTH = 2
TASK_BOX = re.compile(r"\[([ xX])\]\s")

Pieces = tuple[tuple[str, Style], ...]


class Place(NamedTuple):
    """The prefixes of a leaf's first row and of its other rows.

    For the leaf `a` of `> - a` they are `▌  • ` and `▌    `. With `gap` an empty row precedes the
    leaf, which has the prefix `gap_prefix`.
    """

    first: Pieces = ()
    rest: Pieces = ()
    gap: bool = False
    gap_prefix: Pieces = ()

    def inside(self, first: Pieces, rest: Pieces) -> Place:
        """Return the place of the first leaf inside a container with these prefixes."""
        return Place(self.first + first, self.rest + rest, self.gap, self.gap_prefix)


class Cut(NamedTuple):
    """Where the source may be cut: a line, and the number of the list item that begins there.

    The number is 0 for a bullet, and None if no list continues. For the item `b` of `9. a` and
    `10. b` the cut is line 1 and number 10: the rest is rendered as the item 10 of a list.
    """

    line: int
    item_number: int | None = None


class Leaf(NamedTuple):
    """A leaf: `nodes` are its tokens, `begin` and `end` the lines of its source.

    `kind` is the type of its node in markdown-it, "empty" for an item without text, "definition"
    for a link definition that is displayed. `cut` is where the source may be cut before the leaf.
    """

    kind: str
    nodes: list[Token]
    place: Place
    begin: int
    end: int
    cut: Cut | None = None


def leaves_of(
    tokens: list[Token], theme: Theme, *, follows_block: bool, item_number: int | None = None
) -> list[Leaf]:
    """Return the leaves of a document in order.

    `follows_block`: another block precedes this source. With `item_number` the source starts inside
    a list, with the item of that number.
    """
    outline, tables = _without_tables(tokens)
    collector = _LeafCollector(theme, tables)
    blocks = SyntaxTreeNode(outline).children
    for index, block in enumerate(blocks):
        if index > 0:
            collector.cut = Cut(_lines_of(blocks[index - 1])[1])
        if index == 0 and item_number is not None:
            collector.list_items(block, Place(), 0, item_number)
        else:
            collector.block(block, Place(gap=follows_block or index > 0), 0)
    return collector.leaves


def _without_tables(tokens: list[Token]) -> tuple[list[Token], dict[int, list[Token]]]:
    """Return the tokens without what is inside tables, and each table's tokens by its place.

    A tree of the tokens of a large table would take as long as the rest of its layout.
    """
    outline: list[Token] = []
    tables: dict[int, list[Token]] = {}
    begin = 0
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            outline += tokens[begin : index + 1]
            begin = index
        elif token.type == "table_close":
            tables[id(tokens[begin])] = tokens[begin : index + 1]
            begin = index
    return [*outline, *tokens[begin:]], tables


class _LeafCollector:
    """Walks the tree of a document and collects its leaves."""

    def __init__(self, theme: Theme, tables: dict[int, list[Token]]) -> None:
        self._theme = theme
        self._tables = tables
        self.leaves: list[Leaf] = []
        self.cut: Cut | None = None  # before the next leaf

    def block(self, block: SyntaxTreeNode, place: Place, depth: int) -> None:
        if block.type == "bullet_list":
            self.list_items(block, place, depth, 0)
        elif block.type == "ordered_list":
            self.list_items(block, place, depth, int(block.attrs.get("start", 1)))
        elif block.type == "blockquote":
            bar = ((QUOTE_BAR, self._theme.quote),)
            self._children(block, place.inside(bar, bar), depth, in_item=False)
        else:
            self._leaf(block.type, block, place)

    def list_items(self, block: SyntaxTreeNode, place: Place, depth: int, number: int) -> None:
        is_bullet = block.type == "bullet_list"
        for index, item in enumerate(block.children):
            if index > 0 and block.level == 0:
                self.cut = Cut(_lines_of(item)[0], 0 if is_bullet else number + index)
            if is_bullet:
                marker = f" {BULLETS[depth % len(BULLETS)]} "
            else:
                marker = f"{number + index:>{MIN_NUMBER_WIDTH}}. "
            first: Pieces = ((marker, self._theme.marker),)
            if box := _take_task_box(item):
                style = self._theme.faint if box == "[ ]" else self._theme.good
                before = (" ", Style.null()) if is_bullet else first[0]
                first = (before, (box, style), (" ", Style.null()))
            indent = " " * sum(len(text) for text, _ in first)
            inner = place.inside(first, ((indent, Style.null()),))
            self._children(item, inner, depth + 1, in_item=True)
            place = Place(place.rest, place.rest)

    def _children(self, parent: SyntaxTreeNode, place: Place, depth: int, *, in_item: bool) -> None:
        if not parent.children:
            self._leaf("empty", parent, place)
        for index, child in enumerate(parent.children):
            if index > 0:
                is_list = child.type in ("bullet_list", "ordered_list")
                place = Place(place.rest, place.rest, not (in_item and is_list), place.rest)
            self.block(child, place, depth)

    def _leaf(self, kind: str, node: SyntaxTreeNode, place: Place) -> None:
        nodes = node.to_tokens()
        nodes = self._tables.get(id(nodes[0]), nodes)
        self.leaves.append(Leaf(kind, nodes, place, *_lines_of(node), self.cut))
        self.cut = None


def _lines_of(node: SyntaxTreeNode) -> tuple[int, int]:
    return node.map or (0, 0)


def _take_task_box(item: SyntaxTreeNode) -> str:
    """Remove a box, `[ ]` or `[x]`, from the text of a list item and return it, or nothing."""
    if not item.children or item.children[0].type != "paragraph":
        return ""
    inline = item.children[0].children[0]
    match = TASK_BOX.match(inline.content)  # the source: `\[ ]` is not a box
    text = inline.children[0].token if match and inline.children else None
    if not match or text is None or not text.content.startswith(match.group()):
        return ""  # a link
    text.content = text.content[match.end() :].lstrip()
    return match.group().rstrip()
