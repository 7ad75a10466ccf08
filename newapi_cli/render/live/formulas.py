"""Formulas in TeX, which are shown as they were written.

Without these rules Markdown would remove backslashes and take lines that begin with `+` or `-` for
list items. Each rule looks at no more than the lines of its own block: a stream stays exact.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from newapi_cli.render.live.cjk import InlineState

# `$a$` as pandoc has it: no blank inside the dollars, no digit after them. Code is never inside.
DOLLARS = re.compile(r"\$(?![\s$])((?:[^$\\`]|\\[^`])*+)(?<!\s)\$(?!\d)")
DOUBLE_DOLLARS = re.compile(r"\$\$(?!\$)((?:[^$\\`]|\\[^`]|\$(?!\$))*+)\$\$")
PARENTHESES = re.compile(r"\\\(((?:[^\\`]|\\[^)`])*+)\\\)")
BRACKETS = re.compile(r"\\\[((?:[^\\`]|\\[^\]`])*+)\\\]")
BOLD = re.compile(r"(?<![\^{])\*\*")
CITATION = re.compile(r"[\d\s,;–-]*")  # `\[1, 2\]` has escaped brackets and is no formula
BRACKET = re.compile(r"\\.|[()\[\]]", re.DOTALL)
NAME_START = re.compile(r"[A-Za-z_{(]")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")  # of a shell
ENDS_BEFORE_NAME = "})]|'!"

DISPLAY = re.compile(r"\$\$(?!\$)|\\\[|\\begin\{[A-Za-z]+\*?\}")
DISPLAY_CODE_OR_ESCAPE = re.compile(rf"({DISPLAY.pattern})|(`+)[^`]+\2(?!`)|\\.")
DISPLAY_ENDS = {
    "$$": re.compile(r"(?:[^$\\]|\\.|\$(?!\$))*+\$\$"),
    "\\[": re.compile(r"(?:[^\\]|\\[^\]])*+\\\]"),
}
AFTER_DISPLAY = re.compile(r"[.,;:!?。，；：！？]?\s*")  # on the last line of a block
FENCE = re.compile(r"\s{0,3}(?:`{3}|~{3})")
SETEXT_UNDERLINE = re.compile(r"(?:=+|-+)\s*")
DISPLAY_IN_SOURCE = "display formulas"  # in the environment of a parse: whether there may be any


class _Open(NamedTuple):
    """An open display formula: what began it, and how often the same environment is nested."""

    begin: str
    depth: int = 1


@functools.cache
def any_formula() -> re.Pattern[str]:
    """Return the pattern of a formula in a line."""
    rules = (DOUBLE_DOLLARS, DOLLARS, PARENTHESES, BRACKETS)
    return re.compile("|".join(rule.pattern for rule in rules))


def inline_formula(state: StateInline, silent: bool) -> bool:
    """Parse a formula inside text."""
    end = _end_of_inline(state)
    if not end:
        return False
    if not silent:
        token = state.push("math", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def note_display_formulas(state: StateCore) -> None:
    """Note whether a source may have display formulas: most have none."""
    state.env[DISPLAY_IN_SOURCE] = DISPLAY.search(state.src) is not None


def display_formula(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """Parse a block from a line that begins a display formula to the line that ends it.

    It also ends at an empty line, at a fence and with its container.
    """
    if not state.env[DISPLAY_IN_SOURCE] or state.is_code_block(begin):
        return False
    text = line_text(state, begin)
    match = DISPLAY.match(text)
    if not match or _is_escaped_bracket(text, match.end()):
        return False
    opened: _Open | None = _Open(match.group())
    at, line = match.end(), begin
    while True:
        at, opened = _end_of_display(text, at, opened)
        if opened is None or silent:
            break
        if not _continues(state, line + 1, end):
            break
        line += 1
        text, at = line_text(state, line), 0
    if opened is None and not AFTER_DISPLAY.fullmatch(text, at):
        return False  # more text follows: a paragraph that contains the formula
    if not silent:
        token = state.push("math_block", "", 0)
        token.content = state.getLines(begin, line + 1, state.sCount[begin], False)
        token.info = "" if opened else "closed"
        token.map = [begin, line + 1]
        state.line = line + 1
    return True


def paragraph_with_display(state: StateBlock, begin: int, end: int, silent: bool) -> bool:
    """Parse a paragraph in which a display formula takes several lines: none begins a block."""
    if silent or not state.env[DISPLAY_IN_SOURCE]:
        return False
    line, opened, was_open = begin, _open_after(line_text(state, begin), None), False
    while True:
        was_open = was_open or opened is not None
        line += 1
        if opened and not _continues(state, line, end):
            break
        if not opened and (line >= end or state.isEmpty(line)):
            break
        if not opened and _ends_paragraph(state, line, end):
            break
        if not was_open and SETEXT_UNDERLINE.fullmatch(line_text(state, line)):
            return False
        opened = _open_after(line_text(state, line), opened)
    if not was_open:
        return False
    state.line = line
    state.push("paragraph_open", "p", 1).map = [begin, line]
    token = state.push("inline", "", 0)
    token.content = state.getLines(begin, line, state.blkIndent, False).strip(" \t\n")
    token.map, token.children = [begin, line], []
    state.push("paragraph_close", "p", -1)
    return True


def _end_of_inline(state: StateInline) -> int:
    """Return the position after the formula that begins here, 0 if none does."""
    assert isinstance(state, InlineState)  # of our parser
    src, pos = state.src, state.pos
    if src[pos] == "$":
        return _end_of_dollars(state)
    following = src[pos + 1 : pos + 2]
    if src[pos] != "\\" or following not in ("(", "[", "b"):
        return 0
    if following == "b":
        return _end_of_environment(state)
    if following in state.unclosed:
        return 0
    pattern = PARENTHESES if following == "(" else BRACKETS
    match = pattern.match(src, pos, state.posMax)
    if match is None:
        if state.posMax == len(src):
            state.unclosed.add(following)  # do not look for its end again and again
        return 0
    content = match.group(1)
    is_formula = bool(content.strip()) if following == "(" else _is_display(content)
    return match.end() if is_formula else 0


def _end_of_environment(state: InlineState) -> int:
    match = DISPLAY.match(state.src, state.pos)
    if not match or match.group() in state.unclosed:
        return 0
    end, opened = _end_of_display(state.src, match.end(), _Open(match.group()))
    if opened:
        state.unclosed.add(match.group())
    return 0 if opened or end > state.posMax else end


def _end_of_dollars(state: InlineState) -> int:
    src, pos, end = state.src, state.pos, state.posMax
    if match := DOUBLE_DOLLARS.match(src, pos, end):
        return match.end() if match.group(1).strip() else 0
    match = DOLLARS.match(src, pos, end)
    if match is None:
        return 0
    content = match.group(1)
    if BOLD.search(content) and state.bold_marks_before(pos) % 2:  # **$5** or 6$
        return 0
    before = src[pos - 1 : pos] if pos else ""
    in_word = before.isascii() and before.isalpha() and content[0] not in "_^"  # H$_2$O
    if in_word and content[0].isdigit():  # US$5 and A$
        return 0
    if before.isascii() and before.isalnum() and not content[0].isascii():  # 5$和10$
        return 0
    if content.count("{") - content.count("\\{") != content.count("}") - content.count("\\}"):
        return 0  # {print $1, $2} and $
    if NAME_START.match(src, match.end()):  # $HOME/$PATH, $a和$b, Ke$ha
        last = content[-1]
        may_end = last in ENDS_BEFORE_NAME or (last.isascii() and last.isalnum())
        is_name = in_word or not may_end or VARIABLE.fullmatch(content)
        return 0 if is_name else match.end()
    return match.end()


def _is_display(content: str) -> bool:
    """Return whether the text between `\\[` and `\\]` is a formula, not an escaped bracket."""
    if CITATION.fullmatch(content) or not any(map(str.isalnum, content)):
        return False
    return not _closes_bracket(content)


def _is_escaped_bracket(text: str, at: int) -> bool:
    """Return whether a line that begins with `\\[` is text, such as `\\[1] Title`."""
    if text[at - 1] != "[":
        return False
    if match := DISPLAY_ENDS["\\["].match(text, at):
        return not _is_display(match.group()[:-2])
    return _closes_bracket(text[at:])


def _closes_bracket(text: str) -> bool:
    """Return whether a bracket is closed that is not opened, as in `1] Title` and ` ] task`.

    A formula may have some, `x ∈ ]0, 1[`, but then there is a blank after `\\[`.
    """
    if text[:1].isspace():
        return text.lstrip().startswith("]")
    depth = 0
    for bracket in BRACKET.findall(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(bracket, 0)
        if depth < 0:
            return bool(bracket == "]")
    return False


def _end_of_display(text: str, at: int, opened: _Open | None) -> tuple[int, _Open | None]:
    """Return where an open formula ends in a text; it stays open if it does not."""
    if opened is None:
        return at, None
    if pattern := DISPLAY_ENDS.get(opened.begin):
        match = pattern.match(text, at)
        return (match.end(), None) if match else (len(text), opened)
    name, depth = re.escape(opened.begin.removeprefix("\\begin")), opened.depth
    for match in re.compile(rf"\\(begin|end){name}").finditer(text, at):
        depth += 1 if match.group(1) == "begin" else -1
        if depth == 0:
            return match.end(), None
    return len(text), _Open(opened.begin, depth)


def _open_after(text: str, opened: _Open | None) -> _Open | None:
    """Return the display formula that is open at the end of a line."""
    at, opened = _end_of_display(text, 0, opened)
    while opened is None and (match := DISPLAY_CODE_OR_ESCAPE.search(text, at)):
        at = match.end()
        if match.group(1) and not _is_escaped_bracket(text, at):
            at, opened = _end_of_display(text, at, _Open(match.group(1)))
    return opened


def line_text(state: StateBlock, line: int) -> str:
    """Return the text of a line, without the markers of the containers around it."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _continues(state: StateBlock, line: int, end: int) -> bool:
    """Return whether a line belongs to the display formula above it."""
    if line >= end or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
        return False
    return not FENCE.match(state.src, state.bMarks[line])


def _ends_paragraph(state: StateBlock, line: int, end: int) -> bool:
    """Return whether another block begins at a line, as the parser's own rule for paragraphs."""
    if state.sCount[line] - state.blkIndent > 3 or state.sCount[line] < 0:
        return False
    before, state.parentType = state.parentType, "paragraph"
    rules = state.md.block.ruler.getRules("paragraph")
    is_over = any(rule(state, line, end, True) for rule in rules)
    state.parentType = before
    return is_over
