"""Streamed Markdown is split into leaves: each is returned once, and none too early."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import combinations

import pytest

from newapi_cli.render.live.blocks import BlockStream
from newapi_cli.render.live.leaves import Leaf, Place
from newapi_cli.render.live.theme import theme_named
from tests.support.scale import REPEAT, SEED

THEME = theme_named("ansi")
Shape = tuple[str, Place, tuple[tuple[str, str, str, str, str], ...]]

DOCUMENTS = {
    "nothing": "",
    "white space": " \n\n\t\n",
    "a word": "word",
    "paragraphs": "one\ntwo\n\nthree  \nfour\n",
    "headings": "# a\ntext\n## b ##\n\nc\n===\nd\n---\n####### e\n",
    "rules": "a\n\n---\n***\n- - -\nb\n",
    "a heading that looks like a list": "a\n-\nb\n- c\n",
    "a fence": "```py\nx = 1\n\n# no heading\n```\nafter\n",
    "tildes": "~~~~\n~~~\n```\n~~~~\nafter\n",
    "a fence that never closes": "text\n```\nx\n\ny",
    "an empty fence": "```\n```\n```",
    "an indented fence": "   ```\n   x\n   ```\na\n",
    "indented code": "    x\n\n    y\nz\n",
    "a list": "- a\n- b\n\n  c\n- d\n\ne\n",
    "a numbered list": "9. a\n10. b\n    - c\n    - d\n11. e\n",
    "nested lists": "- a\n  - b\n    - c\n\n      d\n  - e\n- f\n",
    "a fence in a list": "1. a\n\n   ```sh\n   x\n   ```\n2. b\n",
    "empty items": "-\n- \n- a\n-\n",
    "two lists": "- a\n* b\n+ c\n1. d\n1) e\n",
    "a quotation": "> a\nb\n> > c\n>\n> - d\n\ne\n",
    "a fence in a quotation": "> ```\n> x\n\n```\ny\n```\n",
    "a table": "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 |\n\nafter\n",
    "almost a table": "a | b\n--|\nc\n",
    "a table after a line": "text\na | b\n--|--\n1 | 2\nend\n\nx\n",
    "HTML": "<div>\n*a*\n\n</div>\n<!-- x -->\nb\n",
    "a definition before its use": "[a]: /x 'title'\n\nsee [a] and [b]\n",
    "a definition on three lines": "[a]:\n/x\n'ti\ntle'\n\n[a]\n",
    "almost a definition": "[a]\n[b]: \n# c\n",
    "a definition with an open title": "[a]: /x 'ti\n\n[a] tle'\n",
    "emphasis over lines": "*a\nb* **c\n\nd**\n",
    "entities": "&amp; &#35; \\# &copy;\n\n&#x1b;\n",
    "characters outside ASCII": "# 你好\n\né 👋 👨\u200d👩\u200d👧\n- ❤\ufe0f\n",
    "tabs": "-\ta\n\n\tb\n\t\tc\n",
    "an answer": (
        "Sure! Here is **one way**:\n\n1. First:\n   ```sh\n   pip install x\n   ```\n"
        "2. Then `run`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> Note: *careful*.\n\nDone."
    ),
}
EACH_DOCUMENT = pytest.mark.parametrize("source", DOCUMENTS.values(), ids=DOCUMENTS)


def shape_of(leaf: Leaf) -> Shape:
    """Return what is rendered of a leaf: everything but its place in the source."""
    nodes = tuple((t.type, t.tag, t.markup, t.info, t.content) for t in leaf.nodes)
    return leaf.kind, leaf.place, nodes


def take_final(stream: BlockStream) -> list[Leaf]:
    step = stream.plan()
    stream.commit(step)
    return step.leaves


def given(pieces: Iterable[str]) -> list[Shape]:
    stream = BlockStream(THEME)
    leaves: list[Leaf] = []
    for piece in pieces:
        stream.feed(piece)
        leaves += take_final(stream)
        stream.open_leaves()
    leaves += stream.rest()
    return [shape_of(leaf) for leaf in leaves]


def in_one(source: str) -> list[Shape]:
    """Return the leaves of a source that is complete at once."""
    stream = BlockStream(THEME)
    stream.feed(source)
    return [shape_of(leaf) for leaf in stream.rest()]


@EACH_DOCUMENT
def test_the_leaves_are_the_same_wherever_the_source_is_split(source: str) -> None:
    expected = in_one(source)
    count = 2 if len(source) < 40 else 1
    for cuts in combinations(range(len(source) + 1), count):
        pieces = [source[a:b] for a, b in zip([0, *cuts], [*cuts, len(source)], strict=True)]
        assert given(pieces) == expected, pieces


@EACH_DOCUMENT
def test_the_leaves_are_the_same_character_by_character(source: str) -> None:
    assert given(source) == in_one(source)


@EACH_DOCUMENT
def test_the_leaves_are_the_same_line_by_line(source: str) -> None:
    assert given(source.splitlines(keepends=True)) == in_one(source)


LINES = [
    "text", "", "", "# a", "---", "===", "- a", "- ", "  b", "    c", "1. d", "   e", "```", "~~~",
    "> f", ">", "| a | b |", "|---|---|", "| 1 |", "<div>", "*", "    - g", "  ```", "\t",
]  # fmt: skip


def test_random_documents_in_random_pieces_give_the_same_leaves() -> None:
    chance = random.Random(SEED)
    for _ in range(600):
        source = "\n".join(chance.choices(LINES, k=chance.randrange(1, 14)))
        cuts = sorted(chance.choices(range(len(source) + 1), k=chance.randrange(8)))
        pieces = [source[a:b] for a, b in zip([0, *cuts], [*cuts, len(source)], strict=True)]
        assert given(pieces) == in_one(source), (REPEAT, pieces)


def test_a_block_is_final_as_soon_as_it_cannot_change() -> None:
    stream = BlockStream(THEME)
    stream.feed("# a\n\ntext\n")
    assert [leaf.kind for leaf in take_final(stream)] == ["heading"]
    stream.feed("\n")
    assert [leaf.kind for leaf in take_final(stream)] == ["paragraph"]
    stream.feed("```\nx\n")
    assert take_final(stream) == []
    stream.feed("```\n")
    assert [leaf.kind for leaf in take_final(stream)] == ["fence"]
    assert stream.rest() == []


def test_open_blocks_are_shown_and_become_final_at_the_end() -> None:
    stream = BlockStream(THEME)
    stream.feed("one\ntw")
    assert take_final(stream) == []
    assert [leaf.kind for leaf in stream.open_leaves()] == ["paragraph"]
    assert [leaf.kind for leaf in stream.rest()] == ["paragraph"]
