"""The content of a paragraph, a heading or a table cell as one styled text."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it.token import Token
from rich.console import Console
from rich.style import Style
from rich.text import Text

from newapi_cli.i18n import tr
from newapi_cli.render.live.inline_rules import URL_WITHOUT_SCHEME, url_end
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.live.wrapping import TAB_SIZE, has_cjk, paragraph_breaks
from newapi_cli.render.sanitizer import safe_code, safe_text

HELD_BLANK = "\ufdd0"  # never a character: it takes the place of a blank while lines are wrapped
NOT_UNDERLINED = Style(underline=False)


class InlineText:
    """Builds a styled text from the content of a paragraph, a heading or a table cell."""

    def __init__(self, theme: Theme, base: Style) -> None:
        self._theme = theme
        self._styles = [base]
        self._text = Text(style=base, end="")
        self._links: list[tuple[Token, int]] = []  # and where their text starts
        self._formulas: list[tuple[int, int]] = []  # where they begin and end

    def build(self, token: Token) -> Text:
        """Return the text of an inline token. A link is followed by its target."""
        for child in token.children or ():
            self._add_token(child)
        if self._text.plain.endswith("\n"):  # of a `<br>` at the end
            self._text.right_crop(len(self._text.plain) - len(self._text.plain.rstrip("\n")))
        return self._text

    def wrapped(self, token: Token, console: Console, width: int) -> Iterator[Text]:
        """Return the text of an inline token in lines that fit; a formula is wrapped as one word.

        So its blanks are never where a line ends, and what is copied is the formula.
        """
        text = self.build(token)
        plain = self.plain_for_wrapping()
        if "\t" not in plain and has_cjk(plain):
            yield from _wrapped_cjk(text, plain, width)
            return
        if self._formulas:
            text.plain = plain
        for line in text.wrap(console, width, justify="default", tab_size=TAB_SIZE):
            line.rstrip()  # underlined blanks would be visible
            if self._formulas:
                line.plain = line.plain.replace(HELD_BLANK, " ")
            yield line

    def plain_for_wrapping(self) -> str:
        """Return the text with other characters in place of the blanks in formulas."""
        plain = self._text.plain
        for begin, end in self._formulas:
            formula = plain[begin:end].replace(" ", HELD_BLANK)
            plain = f"{plain[:begin]}{formula}{plain[end:]}"
        return plain

    def _add_token(self, token: Token) -> None:
        kind = token.type
        if kind.endswith("_open"):
            self._open(token)
        elif kind.endswith("_close"):
            self._close(kind)
        elif kind in ("softbreak", "hardbreak"):
            self._add("\n")
        elif kind == "code_inline":
            self._add(safe_code(token.content), self._theme.code)
        elif kind == "image":
            self._image(token)
        elif kind == "math":
            begin = len(self._text)
            self._add(safe_code(token.content), self._theme.math)
            self._formulas.append((begin, len(self._text)))
        elif kind in ("tag", "footnote"):
            self._add(safe_text(token.content), self._theme.faint)
        else:
            self._add_words(safe_text(token.content))

    def _add(self, text: str, style: Style | None = None) -> None:
        self._text.append(text, self._styles[-1] + style if style else self._styles[-1])

    def _add_words(self, text: str) -> None:
        """Add text, in which URLs without a scheme are links."""
        at = 0
        for match in URL_WITHOUT_SCHEME.finditer(text) if "www." in text.lower() else ():
            end = match.start() + url_end(match.group())
            self._add(text[at : match.start()])
            self._add(text[match.start() : end], self._theme.inline["link"])
            at = end
        self._add(text[at:])

    def _open(self, token: Token) -> None:
        style = self._theme.inline.get(token.type.removesuffix("_open"), Style.null())
        self._styles.append(self._styles[-1] + style)
        if token.type == "link_open":
            self._links.append((token, len(self._text)))

    def _close(self, kind: str) -> None:
        self._styles.pop()
        if kind == "link_close":
            token, start = self._links.pop()
            self._add_target(token, "href", self._text.plain[start:])

    def _image(self, token: Token) -> None:
        alt = safe_text(token.content)
        self._add(alt or tr("image"), self._theme.inline["link"])
        self._add_target(token, "src", alt)

    def _add_target(self, token: Token, attribute: str, shown: str) -> None:
        """Add the target and the title of a link or an image, without what is shown already."""
        target, title = (safe_text(str(token.attrs.get(x, ""))) for x in (attribute, "title"))
        if shown in (target, target.removeprefix("mailto:")):
            target = ""
        if text := ", ".join(part for part in (target, title) if part):
            # An image in a link: its target is not a part of the underlined text.
            self._add(f" ({text})", NOT_UNDERLINED + self._theme.target)


def _wrapped_cjk(text: Text, plain: str, width: int) -> Iterator[Text]:
    for line, held in zip(text.split("\n", allow_blank=True), plain.split("\n"), strict=True):
        for part in line.divide(paragraph_breaks(held, width)):
            part.rstrip()
            yield part
