"""Emphasis next to Chinese, Japanese and Korean text, which has no blanks between words.

CommonMark lets `**` close after punctuation only if a blank or more punctuation follows, so that
`**注意：**请` stays as it is written. The CJK-friendly amendments (github.com/tats-u/
markdown-cjk-friendly) treat CJK punctuation as letters, and a CJK letter beside other
punctuation as a blank. Punctuation that belongs to a CJK word, as in `**价格(元)**5`, is
treated like CJK punctuation here.
"""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.emphasis import tokenize
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

BOLD = 2  # the length of the delimiters
OPENS_SPAN = re.compile(r"`|!?\[[^\[\]]*\]\(")
SPAN_ENDS = ("code_inline", "link_close", "math", "image")
DIGITS = frozenset("0123456789")
MAX_PUNCTUATION = 4  # characters of it between a delimiter and the letter that it belongs to


def is_cjk(character: str) -> bool:
    """Return whether a character is CJK text or punctuation; emoji, which are as wide, are not.

    >>> [is_cjk(character) for character in "中、（ｶ한a“✅🎉𠮷"]
    [True, True, True, True, True, False, False, False, False, True]
    """
    is_emoji = "\u2300" <= character <= "\u2bff" or "\U0001f000" <= character <= "\U0001ffff"
    return not is_emoji and east_asian_width(character) in "WFH"


class InlineState(StateInline):
    """The state of the inline parser, with other rules for what `*` and `~` may open and close."""

    def __init__(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> None:
        super().__init__(src, md, env, tokens)
        self.unclosed: set[str] = set()  # what begins a formula or a comment, but no end follows
        self.is_bold = False  # after what was scanned
        self._bold_marks = (0, 0)  # up to a position

    def bold_marks_before(self, pos: int) -> int:
        """Return how many `**` precede a position."""
        begin, count = self._bold_marks if self._bold_marks[0] <= pos else (0, 0)
        self._bold_marks = (pos, count + self.src.count("**", begin, pos))
        return self._bold_marks[1]

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Return whether the delimiters at `start` may open and close emphasis."""
        scanned = super().scanDelims(start, canSplitWord)
        if self._is_operator(start, scanned):
            return Scanned(False, False, scanned.length)
        if not (self.src.isascii() or (scanned.can_open and scanned.can_close)):
            scanned = self._scanned_beside_cjk(start, scanned, canSplitWord)
        if scanned.length == BOLD and self.src[start] == "*":  # each is scanned once, in order
            closes = scanned.can_close and self.is_bold
            self.is_bold = not closes and (scanned.can_open or self.is_bold)
        return scanned

    def _scanned_beside_cjk(self, start: int, scanned: Scanned, can_split_word: bool) -> Scanned:
        if not (can_split_word or scanned.length == BOLD):
            return scanned
        before = self.src[max(start - MAX_PUNCTUATION - 1, 0) : start][::-1]
        begin = start + scanned.length
        after = self.src[begin : min(begin + MAX_PUNCTUATION + 1, self.posMax)]
        may_begin = _may_begin if can_split_word else _may_begin_at_underscores
        can_open = scanned.can_open or may_begin(before, after)
        can_close = scanned.can_close or may_begin(after, before)
        if can_split_word and scanned.length >= BOLD:  # beside code, links and formulas
            can_open = can_open or OPENS_SPAN.match(self.src, begin) is not None
            last = self.tokens[-1].type if self.tokens and not self.pending else ""
            can_close = can_close or last in SPAN_ENDS
        return Scanned(can_open, can_close, scanned.length)

    def _is_operator(self, start: int, scanned: Scanned) -> bool:
        """Return whether `*` is an operator between digits, as in `3*4*5` and `2**8`.

        It is not if it may end bold text, as in `**Step 1**2`.
        """
        if not (scanned.can_open and scanned.can_close and self.src[start] == "*"):
            return False
        end = start + scanned.length
        if scanned.length > BOLD or end >= self.posMax:
            return False
        is_between = self.src[start - 1] in DIGITS and self.src[end] in DIGITS
        return is_between and not (scanned.length == BOLD and self.is_bold)


def emphasis(state: StateInline, silent: bool) -> bool:
    """Parse delimiters; in `**a****b**` the middle ones end one bold text and begin another."""
    assert isinstance(state, InlineState)  # of our parser
    was_bold = state.is_bold
    if not tokenize(state, silent):
        return False
    delimiters = state.delimiters[-2 * BOLD :]
    last = delimiters[-1]
    if was_bold and last.length == len(delimiters) == 2 * BOLD and last.open and last.close:
        for end, begin in zip(delimiters[:BOLD], delimiters[BOLD:], strict=True):
            end.open = begin.close = False
            end.length = begin.length = BOLD
    return True


class InlineParser(ParserInline):
    """The inline parser, with the state above."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        """Parse the content of a block and append its tokens to `tokens`."""
        state = InlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _may_begin(outside: str, inside: str) -> bool:
    """Return whether delimiters may begin emphasis, by the text on both sides, nearest first."""
    if not inside or inside[0].isspace():
        return False
    if not _is_punctuation(inside[0]) or _belongs_to_cjk(inside):
        return True
    return not outside or outside[0].isspace() or _is_punctuation(outside[0]) or is_cjk(outside[0])


def _may_begin_at_underscores(outside: str, inside: str) -> bool:
    """Return whether `__` may begin bold text: beside CJK text, but not in `a__变量`."""
    if not inside or inside[0].isspace() or not _belongs_to_cjk(inside):
        return False
    return not outside or not (outside[0].isascii() and (outside[0].isalnum() or outside[0] == "_"))


def _belongs_to_cjk(text: str) -> bool:
    """Return whether the punctuation that a text begins with is CJK, or belongs to CJK text."""
    for character in text:
        if is_cjk(character):
            return True
        if not _is_punctuation(character):
            return False
    return False


def _is_punctuation(character: str) -> bool:
    return category(character)[0] in "PS"
