"""Link definitions in a stream: `[label]: URL "title"`, used as `[label]` or `[text][label]`.

They are the only construct that reaches across the leaves of a document, in two ways:

- A title may continue on any number of lines, so what looks like text may turn out to belong to a
  definition: `line_of_open_definition`.
- A definition may follow its use, which was printed as plain text by then: `LateDefinitions`.
"""

from __future__ import annotations

import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from newapi_cli.render.live.leaves import Leaf, Place

Definitions = dict[str, dict[str, Any]]  # by label: href, title, and map, the lines of the source

LABEL = r"(?:\\.|[^\]\\])*+"  # a bracket in it may be escaped
MAY_START_DEFINITION = re.compile(rf"[\s>*+\-\d.)]*\[{LABEL}(?:\\?$|\]:)")
ENDS_DEFINITION = re.compile(r"\s*$| {0,3}(?:`{3}|~{3}|#{1,6}(?:\s|$))")
IN_BRACKETS = re.compile(r"\[([^\[\]]+)\]")


def line_of_open_definition(lines: list[str]) -> int:
    """Return the line where an unfinished definition may start, the number of lines if none may.

    Nothing from there on is final. The title may contain any lines until an empty line, a fence or
    a heading.

    >>> line_of_open_definition(["text", "[a]: /url 'a title", "that goes on"])
    1
    >>> line_of_open_definition(["[a]: /url 'a title", "", "text"])
    3
    """
    first = len(lines)
    for index in range(len(lines) - 1, -1, -1):
        if ENDS_DEFINITION.match(lines[index]):
            break
        if MAY_START_DEFINITION.match(lines[index]):
            first = index
    return first


class LateDefinitions:
    """Finds definitions that follow their use: they are displayed, or the URL would be lost."""

    def __init__(self, parser: MarkdownIt) -> None:
        self._parser = parser
        self._uses: dict[str, str] = {}  # the source of the first use, by its unresolved label

    def note_unresolved_labels(self, leaves: list[Leaf]) -> None:
        """Remember text in brackets that is no link in these final leaves."""
        for leaf in leaves:
            for node in leaf.nodes:
                texts = (c.content for c in node.children or () if c.type == "text")
                for label in IN_BRACKETS.findall("".join(texts)):
                    self._uses.setdefault(normalizeReference(label), node.content)

    def take(self, definitions: Definitions) -> list[Leaf]:
        """Return a leaf for each of these new definitions whose label was used before."""
        leaves = []
        late = [label for label in definitions if label in self._uses]
        for label in sorted(late, key=lambda label: definitions[label]["map"]):
            use = self._uses.pop(label)
            href = definitions[label]["href"]
            if self._links_to(use, {label: definitions[label]}, href):
                text = Token("text", "", 0, content=f"[{label.lower()}]: {href}")
                inline = Token("inline", "", 0, children=[text])
                leaves.append(Leaf("definition", [inline], Place(gap=True), 0, 0))
        return leaves

    def _links_to(self, source: str, definitions: Definitions, href: str) -> bool:
        """Return whether a text links to `href`: its brackets may be escaped, or in a link."""
        tokens = self._parser.parseInline(source, {"references": definitions})[0].children or ()
        return any(href in (token.attrGet("href"), token.attrGet("src")) for token in tokens)
