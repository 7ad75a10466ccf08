"""The parser: CommonMark with tables and strikethrough, and with what models write besides."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore

from newapi_cli.render.live.cjk import InlineParser
from newapi_cli.render.live.formulas import (
    display_formula,
    note_display_formulas,
    paragraph_with_display,
)
from newapi_cli.render.live.inline_rules import additions, footnote
from newapi_cli.render.live.table_rule import table_rule

MAX_NESTING = 60  # of lists and quotes; what is nested more deeply is shown as its source
HOST = re.compile(r"(?:[A-Za-z][\w+.-]*:)?//[^/?#]*")
PARSER_LIMIT = MAX_NESTING + 10  # beyond it the parser drops text


class _Parser(MarkdownIt):
    """The parser, which keeps the targets of links as they were written, to be read and copied."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        """Return a target without characters that would not be visible; the host is in ASCII."""
        match = HOST.match(url)
        host = super().normalizeLink(match.group()) if match else ""
        rest = url[match.end() :] if match else url
        if rest.isprintable() and " " not in rest:
            return host + rest
        return host + "".join(x if x.isprintable() and x != " " else quote(x) for x in rest)


def markdown_parser() -> MarkdownIt:
    """Return a new parser. HTML stays visible text."""
    parser = _Parser("zero")
    parser.inline = InlineParser()
    parser.configure("commonmark", {"html": False, "maxNesting": PARSER_LIMIT})
    parser.enable(["strikethrough", "table"])
    parser.core.ruler.before("block", "note_display_formulas", note_display_formulas)
    parser.core.ruler.after("block", "keep_wide_indents", _keep_wide_indents)
    block = parser.block.ruler
    block.at("table", table_rule, {"alt": ["paragraph", "reference"]})
    block.before("table", "source", _too_deep)
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    block.before("fence", "display_formula", display_formula, {"alt": interrupted})
    block.before("lheading", "paragraph_with_display", paragraph_with_display)
    block.at("reference", _link_definition)
    parser.inline.ruler.before("escape", "additions", additions)
    parser.inline.ruler.after("link", "footnote", footnote)
    for ruler in (parser.core.ruler, block, parser.inline.ruler, parser.inline.ruler2):
        ruler.getRules("")  # compiles them; a signal in the first run would leave half of them
    return parser


def _keep_wide_indents(state: StateCore) -> None:
    """Put back the wide blanks at the begin of paragraphs, which the parser strips.

    Chinese and Japanese paragraphs begin with them; to CommonMark they are text.
    """
    if "\u3000" not in state.src:
        return
    lines = state.src.split("\n")
    for opening, token in pairwise(state.tokens):
        if opening.type == "paragraph_open" and token.map:
            first = token.content.split("\n", 1)[0].rstrip()
            before = lines[token.map[0]].rstrip().removesuffix(first)
            token.content = before[len(before.rstrip("\u3000")) :] + token.content


def _too_deep(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """Take the rest of a container that is nested too deeply as a block of source."""
    if state.level < MAX_NESTING or silent:
        return False
    line = begin
    while line < end and (state.isEmpty(line) or state.sCount[line] >= state.blkIndent):
        line += 1
    while state.isEmpty(line - 1):
        line -= 1
    token = state.push("source", "", 0)
    token.content = state.getLines(begin, line, state.blkIndent, False)
    token.map = [begin, line]
    state.line = line
    return True


def _link_definition(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """Parse a link definition; a label that begins with `^` is that of a footnote."""
    if state.src.startswith("[^", state.bMarks[begin] + state.tShift[begin]):
        return False
    return reference(state, begin, end, silent)
