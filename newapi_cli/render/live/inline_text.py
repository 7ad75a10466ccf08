"""The content of a paragraph, a heading or a table cell as one styled text."""

from __future__ import annotations

from markdown_it.token import Token
from rich.style import Style
from rich.text import Text

from newapi_cli.i18n import tr
from newapi_cli.render.live.theme import Theme
from newapi_cli.render.sanitizer import safe_code, safe_text


class InlineText:
    """Builds a styled text from the content of a paragraph, a heading or a table cell."""

    def __init__(self, theme: Theme, base: Style) -> None:
        self._theme = theme
        self._styles = [base]
        self._text = Text(style=base, end="")
        self._links: list[tuple[str, int]] = []  # targets, and where their text starts

    def of(self, token: Token) -> Text:
        """Return the text of an inline token. A link is followed by its target."""
        for child in token.children or ():
            self._take(child)
        return self._text

    def _take(self, token: Token) -> None:
        kind = token.type
        if kind.endswith("_open"):
            self._open(token)
        elif kind.endswith("_close"):
            self._close(kind)
        elif kind == "softbreak":
            self._add(" ")
        elif kind == "hardbreak":
            self._add("\n")
        elif kind == "code_inline":
            self._add(safe_code(token.content), self._theme.code)
        elif kind == "image":
            self._image(token)
        else:
            self._add(safe_text(token.content))

    def _add(self, text: str, style: Style | None = None) -> None:
        self._text.append(text, self._styles[-1] + style if style else self._styles[-1])

    def _open(self, token: Token) -> None:
        style = self._theme.inline.get(token.type.removesuffix("_open"), Style.null())
        self._styles.append(self._styles[-1] + style)
        if token.type == "link_open":
            self._links.append((safe_text(str(token.attrs.get("href", ""))), len(self._text)))

    def _close(self, kind: str) -> None:
        self._styles.pop()
        if kind == "link_close":
            target, start = self._links.pop()
            self._add_target(target, self._text.plain[start:])

    def _image(self, token: Token) -> None:
        alt = safe_text(token.content)
        self._add(alt or tr("image"), self._theme.inline["link"])
        source, title = (safe_text(str(token.attrs.get(x, ""))) for x in ("src", "title"))
        self._add_target(f"{source}, {title}" if title else source, alt)

    def _add_target(self, target: str, shown: str) -> None:
        if target and shown not in (target, target.removeprefix("mailto:")):
            self._add(f" ({target})", self._theme.target)
