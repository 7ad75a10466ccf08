"""Code as styled lines, while it grows.

A finished line is lexed together with all that stands before it, as far back as the last line from
where lexing afresh gave the same tokens (`_BEHIND` lines or more): so a long block costs time in
proportion to its length. Only colors can differ from lexing the whole at once, and only where a
lexer looks ahead; the text never does.
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
_BEHIND = 24
_RECENT = 12
_AHEAD = 96


class StreamedCode:
    """The lines of one code block. `line(i)` may be asked for once line `i` was added."""

    def __init__(self, language: str, theme: Theme) -> None:
        self.language = language
        self._lexer = _lexer_for(language)
        self._theme = theme
        self._lines: list[str] = []
        self._texts: list[Text] = []
        self._begin = 0  # the line from which is lexed

    def __len__(self) -> int:
        return len(self._lines)

    def extend(self, lines: list[str]) -> None:
        """Take further whole lines, without their line breaks."""
        if not lines:
            return
        self._lines += lines
        if self._lexer is None:
            self._texts += [Text(line, end="") for line in lines]
            return
        tokens = self._tokens_from(self._begin)
        # Lines that may still be on the screen's open tail are colored anew: by now it may be
        # known that they stand in a comment, or that a word before a bracket is a function.
        again = max(len(self._texts) - len(lines) - _RECENT, self._begin, 0)
        self._texts[again:] = [
            self._styled(tokens[index - self._begin], self._lines[index])
            for index in range(again, len(self._lines))
        ]
        if len(self._lines) - self._begin > _AHEAD:
            self._move_begin(tokens)

    def line(self, index: int) -> Text:
        """Give a line as text."""
        return self._texts[index]

    def partial(self, line: str) -> Text:
        """Give the line that is still being written."""
        if self._lexer is None or not line:
            return Text(line, end="")
        source = "\n".join([*self._lines[self._begin :], line])
        tokens = _by_line(self._lexer, source)
        return self._styled(tokens[-1] if tokens else [], line)

    def _tokens_from(self, begin: int) -> list[Tokens]:
        assert self._lexer is not None  # asked by callers
        return _by_line(self._lexer, "\n".join(self._lines[begin:]))

    def _styled(self, tokens: Tokens, line: str) -> Text:
        if "".join(text for _, text in tokens) != line:
            return Text(line, end="")  # a lexer that changes text is not believed
        style_of = self._theme.syntax.get_style_for_token
        styled = Text(end="")
        # Runs of one style: a lexer may cut a text into other tokens once it knows its end.
        for style, run in groupby(tokens, key=lambda token: style_of(token[0])):
            styled.append("".join(text for _, text in run), style)
        return styled

    def _move_begin(self, tokens: list[Tokens]) -> None:
        """Look for a later line from where the rest would be lexed just the same."""
        for index in range(len(self._lines) - _BEHIND, self._begin, -1):
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
    """Lex and cut the tokens at line breaks."""
    lines: list[Tokens] = [[]]
    for kind, text in lexer.get_tokens(source):
        first, *others = text.split("\n")
        if first:
            lines[-1].append((kind, first))
        for other in others:
            lines.append([(kind, other)] if other else [])
    return lines
