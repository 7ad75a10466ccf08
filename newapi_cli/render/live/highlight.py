"""The colors of code that is still incomplete.

A complete line is lexed together with at least `MIN_CONTEXT_LINES` lines before it, back to a line
from which lexing gave the same tokens as lexing from the start: the time for a long block is
proportional to its length. Only colors can differ from lexing the whole block at once, and only if
a lexer looks ahead; the text never differs.
"""

from __future__ import annotations

from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import _TokenType
from pygments.util import ClassNotFound
from rich.text import Text

from newapi_cli.render.live.theme import Theme

Tokens = list[tuple[_TokenType, str]]
MIN_CONTEXT_LINES = 24
MAX_CONTEXT_LINES = 96
MAX_TAIL_LINES = 12  # lines that can still be repainted: more than the live region holds


class StreamedCode:
    """The lines of one code block. `line(i)` is available once line `i` was added."""

    def __init__(self, language: str, theme: Theme) -> None:
        self.language = language
        self._lexer = _lexer_for(language)
        self._theme = theme
        self._lines: list[str] = []
        self._texts: list[Text] = []
        self._begin = 0  # the line from which lexing starts

    def __len__(self) -> int:
        return len(self._lines)

    def extend(self, lines: list[str]) -> None:
        """Add complete lines, without line breaks."""
        if not lines:
            return
        self._lines += lines
        if self._lexer is None:
            self._texts += [Text(line, end="") for line in lines]
            return
        tokens = self._tokens_from(self._begin)
        # Lines that may still be in the tail on the screen are highlighted again: they may turn
        # out to be in a comment, or a word before a bracket to be a function.
        again = max(len(self._texts) - len(lines) - MAX_TAIL_LINES, self._begin, 0)
        self._texts[again:] = [
            self._styled(tokens[index - self._begin], self._lines[index])
            for index in range(again, len(self._lines))
        ]
        if len(self._lines) - self._begin > MAX_CONTEXT_LINES:
            self._move_begin(tokens)

    def line(self, index: int) -> Text:
        """Return a complete line, highlighted."""
        return self._texts[index]

    def partial(self, line: str) -> Text:
        """Return the incomplete last line, highlighted."""
        if self._lexer is None or not line:
            return Text(line, end="")
        source = "\n".join([*self._lines[self._begin :], line])
        tokens = _by_line(self._lexer, source)
        return self._styled(tokens[-1] if tokens else [], line)

    def _tokens_from(self, begin: int) -> list[Tokens]:
        assert self._lexer is not None  # checked by callers
        return _by_line(self._lexer, "\n".join(self._lines[begin:]))

    def _styled(self, tokens: Tokens, line: str) -> Text:
        if "".join(text for _, text in tokens) != line:
            return Text(line, end="")  # the lexer changed the text: do not use it
        get_style = self._theme.syntax.get_style_for_token
        styled = Text(end="")
        # One piece per style: how a lexer splits a string may depend on whether its end is known.
        for style, run in groupby(tokens, key=lambda token: get_style(token[0])):
            styled.append("".join(text for _, text in run), style)
        return styled

    def _move_begin(self, tokens: list[Tokens]) -> None:
        """Find a later line from which lexing gives the same tokens, and start there next time."""
        for index in range(len(self._lines) - MIN_CONTEXT_LINES, self._begin, -1):
            before, line = self._lines[index - 1], self._lines[index]
            if before.strip() or not line or line[0].isspace():
                continue
            if self._tokens_from(index) == tokens[index - self._begin :]:
                self._begin = index
            return


def _lexer_for(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=True) if language else None
    except ClassNotFound:
        return None


def _by_line(lexer: Lexer, source: str) -> list[Tokens]:
    """Return the tokens of each line."""
    lines: list[Tokens] = [[]]
    for kind, text in lexer.get_tokens(source):
        first, *others = text.split("\n")
        if first:
            lines[-1].append((kind, first))
        for other in others:
            lines.append([(kind, other)] if other else [])
    return lines
