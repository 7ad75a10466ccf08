"""Link definitions in a stream: `[label]: URL "title"`, used as `[label]` or `[text][label]`.

They are the only construct that reaches across the leaves of a document, in two ways:

- A title may continue on any number of lines, so what looks like text may turn out to belong to a
  definition: `line_of_open_definition`.
- A definition may follow its use, which was printed as plain text by then. It is then displayed
  where it arrives, or its URL would be lost: `LinkDefinitions`.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from newapi_cli.render.live.leaves import Leaf, Place

LABEL = r"(?:\\.|[^\]\\])*+"  # a bracket in it may be escaped
MAY_START_DEFINITION = re.compile(rf"[\s>*+\-\d.)]*\[(?!\^){LABEL}(?:\\?$|\]:)")
ENDS_DEFINITION = re.compile(r"[ \t]*$| {0,3}(?:`{3}|~{3}|#{1,6}(?:[ \t]|$))")
IN_BRACKETS = re.compile(r"\[((?:[^\[\]\\]|\\.)++)\]", re.DOTALL)
Definition = dict[str, Any]  # href, title, and map, the lines of the source


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


class LinkDefinitions:
    """The definitions of the source that is no longer in the tail, by normalized label."""

    def __init__(self, parser: MarkdownIt) -> None:
        self._parser = parser
        self._known: dict[str, Definition] = {}
        self._unresolved: dict[str, str] = {}  # labels in permanent text, and how it writes them

    def environment(self) -> dict[str, Any]:
        """Return the environment for a run of the parser, which adds definitions of its own."""
        return {"references": ChainMap({}, self._known)}

    def used_in(self, leaves: Iterable[Leaf], defined: Mapping[str, object]) -> dict[str, str]:
        """Return the labels of undefined links in these leaves, and how they are written there.

        A label in code, escaped, or inside of another link makes no link.
        """
        used: dict[str, str] = {}
        for node in (node for leaf in leaves for node in leaf.nodes if node.type == "inline"):
            names = {normalizeReference(name): name for name in IN_BRACKETS.findall(node.content)}
            if any(label not in defined for label in names):
                looked_up = _LookedUp()
                self._parser.parseInline(node.content, {"references": looked_up})
                for label in looked_up.labels & names.keys():
                    if label not in defined:
                        used.setdefault(label, names[label])
        return used

    def late_leaves(self, new: Mapping[str, Definition]) -> list[Leaf]:
        """Return leaves that show those of the new definitions that follow their use."""
        late = [label for label in new if label in self._unresolved]
        return [
            _leaf(self._unresolved[label], new[label])
            for label in sorted(late, key=lambda label: new[label]["map"])
        ]

    def add(self, new: Mapping[str, Definition], used: Mapping[str, str]) -> None:
        """Remember definitions, and labels that permanent text uses."""
        self._known.update(new)
        for label, name in used.items():
            self._unresolved.setdefault(label, name)
        for label in new:
            self._unresolved.pop(label, None)


class _LookedUp(dict[str, Definition]):
    """Definitions of all labels, which records those that a parser looks up."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: set[str] = set()

    def get(self, label: str, _default: object = None) -> Definition:
        """Return a definition of any label."""
        self.labels.add(label)
        return {"href": "/", "title": ""}


def _leaf(name: str, definition: Definition) -> Leaf:
    title = f' "{definition["title"]}"' if definition["title"] else ""
    text = Token("text", "", 0, content=f"[{name}]: {definition['href']}{title}")
    inline = Token("inline", "", 0, children=[text])
    return Leaf("definition", [inline], Place(gap=True), 0, 0)
