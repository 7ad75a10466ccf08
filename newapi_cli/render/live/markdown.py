"""The parser: CommonMark with tables and strikethrough, and with what models write besides.

The rule for tables is GFM's, but no cell of a row is dropped. markdown-it's own rule drops the
cells of a row that exceed the header, and ends a table at a limit of empty cells that it added.
Here the last cell keeps what exceeds, and short rows stay short. Each row depends on its own line
only, so a table that grows is parsed row by row: see `blocks`.

    table_open  (tr_open  inline…  tr_close)…  table_close

The first row is the header. A cell is an inline token; its `info` is the alignment of its column.
"""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_core import StateCore

from newapi_cli.render.live.cjk import InlineParser, emphasis
from newapi_cli.render.live.formulas import (
    any_formula,
    display_formula,
    line_text,
    note_display_formulas,
    paragraph_with_display,
)
from newapi_cli.render.live.inline_rules import additions, code_span, footnote

MAX_NESTING = 60  # of lists and quotes; what is nested more deeply is shown as its source
HOST = re.compile(r"(?:[A-Za-z][\w+.-]*:)?//[^/?#]*")
PARSER_LIMIT = MAX_NESTING + 10  # beyond it the parser drops text
ALIGNMENTS = {(True, True): "center", (False, True): "right", (True, False): "left"}
DELIMITERS = re.compile(r"(?!-[ \t])[|:\-][|:\- \t]+\Z")
DELIMITER = re.compile(r":?-+:?\Z")
PIPE = re.compile(r"(?<!\\)\|")
CODE = re.compile(r"(?<!`)(`++)(?:[^`]++|(?!\1(?!`))`++)+?\1(?!`)")
SEPARATOR = " | "
BLANKS = " \t\n\v\f\r"  # of CommonMark: others are text
HELD_PIPE, HELD_NORM = "\ufdd1", "\ufdd2"  # never characters: a pipe and `\\|` in a formula


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
    parser.inline.ruler.at("backticks", code_span)
    parser.inline.ruler.at("emphasis", emphasis)
    parser.inline.ruler.after("link", "footnote", footnote)
    for ruler in (parser.core.ruler, block, parser.inline.ruler, parser.inline.ruler2):
        ruler.getRules("")  # compiles them; a signal in the first run would leave half of them
    return parser


def _keep_wide_indents(state: StateCore) -> None:
    """Put back the wide blanks at the beginning of paragraphs, which the parser strips.

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


def table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a table that begins at a line. Return whether there is one."""
    if start + 2 > end or state.is_code_block(start):
        return False
    alignments = _alignments(state, start + 1)
    header = line_text(state, start).strip(BLANKS)
    if not alignments or "|" not in header:
        return False
    heads = _cells(header, len(alignments))
    if len(heads) != len(alignments):
        return False
    if not silent:
        table = state.push("table_open", "table", 1)
        _push_row(state, start, heads, alignments)
        state.line = _push_body(state, start + 2, end, alignments)
        table.map = [start, state.line]
        state.push("table_close", "table", -1)
    return True


def _push_body(state: StateBlock, first: int, end: int, alignments: list[str]) -> int:
    """Parse the rows below the header and return the line after them."""
    # The rules that end a quote are those that end a table, as in markdown-it.
    terminators = state.md.block.ruler.getRules("blockquote")
    parent, state.parentType = state.parentType, "table"
    line = first
    while line < end and state.sCount[line] >= state.blkIndent:
        if any(rule(state, line, end, True) for rule in terminators):
            break
        text = line_text(state, line).strip(BLANKS)
        if not text or state.is_code_block(line):
            break
        _push_row(state, line, _cells(text, len(alignments)), alignments)
        line += 1
    state.parentType = parent
    return line


def _push_row(state: StateBlock, line: int, cells: list[str], alignments: list[str]) -> None:
    count = len(alignments)
    while len(cells) > count and not cells[-1]:
        cells.pop()
    if len(cells) > count:
        rest = SEPARATOR.join(cells[count - 1 :]).replace(" |  | ", " || ")
        cells = [*cells[: count - 1], rest]
    state.push("tr_open", "tr", 1).map = [line, line + 1]
    for cell, alignment in zip(cells, alignments, strict=False):
        token = state.push("inline", "", 0)
        token.content, token.info = cell, alignment
        token.map, token.children = [line, line + 1], []
    state.push("tr_close", "tr", -1)


def _alignments(state: StateBlock, line: int) -> list[str]:
    """Return the alignment of each column, nothing if this is no line of delimiters."""
    text = line_text(state, line)
    if state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return []
    if not DELIMITERS.match(text):
        return []
    columns = [column.strip(BLANKS) for column in text.split("|")]
    columns = columns[not columns[0] : len(columns) - (not columns[-1])]
    if not all(map(DELIMITER.match, columns)):
        return []
    return [ALIGNMENTS.get((text[0] == ":", text[-1] == ":"), "") for text in columns]


def _cells(text: str, count: int) -> list[str]:
    """Return the cells of a row. Code and formulas are whole if the row has `count` cells then."""
    cells = _split(text)
    if len(cells) > count:
        for pattern in (CODE, any_formula(), _code_or_formula()):
            whole = _split(pattern.sub(_with_held_pipes, text))
            if len(whole) == count:
                return [cell.replace(HELD_PIPE, "|") for cell in whole]
    return cells


@functools.cache
def _code_or_formula() -> re.Pattern[str]:
    return re.compile(f"{CODE.pattern}|{any_formula().pattern}")


def _with_held_pipes(match: re.Match[str]) -> str:
    """Return a match in which no pipe separates cells; those after a backslash never do."""
    return PIPE.sub(HELD_PIPE, match.group())


def _split(text: str) -> list[str]:
    """Return the cells of a row; a pipe after a backslash does not separate them."""
    if "\\|" in text:
        text = any_formula().sub(lambda formula: formula.group().replace("\\|", HELD_NORM), text)
        cells = [part.replace("\\|", "|").replace(HELD_NORM, "\\|") for part in PIPE.split(text)]
    else:
        cells = text.split("|")
    # Pipes around the row separate nothing.
    cells = cells[not cells[0] : len(cells) - (len(cells) > 1 and not cells[-1])]
    return [cell.strip(BLANKS) for cell in cells]
