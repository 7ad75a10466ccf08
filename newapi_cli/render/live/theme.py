"""The few styles of an answer. The default, `ansi`, uses the terminal's own colors.

So it is readable on any background that the person can read. `dark` and `light` bring fixed
colors for code, which a Pygments style may replace.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pygments.styles import get_style_by_name
from pygments.util import ClassNotFound
from rich.style import Style
from rich.syntax import ANSI_DARK, ANSISyntaxTheme, PygmentsSyntaxTheme, SyntaxTheme

from newapi_cli.errors import ConfigError

CODE_STYLES = {"dark": "github-dark", "light": "xcode"}


class Theme(NamedTuple):
    """Styles by what they are for; `inline` by markdown-it's names of inline tokens."""

    syntax: SyntaxTheme
    code: Style
    headings: tuple[Style, ...] = (
        Style(bold=True, underline=True),
        Style(bold=True),
        Style(bold=True, italic=True),
        Style(italic=True),
    )
    inline: Mapping[str, Style] = MappingProxyType(
        {
            "strong": Style(bold=True),
            "em": Style(italic=True),
            "s": Style(strike=True),
            "link": Style(underline=True),
        }
    )
    target: Style = Style(dim=True)
    quote: Style = Style(dim=True)
    marker: Style = Style(bold=True)
    rule: Style = Style(dim=True)


def theme_named(name: str, code_style: str = "") -> Theme:
    """Give the theme `ansi`, `dark` or `light`; `code_style` is a style of Pygments for code.

    Raises `ConfigError` for a style that Pygments does not have.
    """
    accent = Style(color={"dark": "bright_cyan", "light": "blue"}.get(name, "cyan"))
    wanted = code_style or CODE_STYLES.get(name, "")
    if not wanted:
        return Theme(ANSISyntaxTheme(ANSI_DARK), accent)
    try:
        style = get_style_by_name(wanted)
    except ClassNotFound as error:
        raise ConfigError(
            f"Pygments has no style “{wanted}”", hint="newapi config set code_style monokai"
        ) from error
    return Theme(_WithoutBackground(style), accent)


class _WithoutBackground(PygmentsSyntaxTheme):
    """A style of Pygments on the terminal's own background, which need not be of its shade."""

    def get_style_for_token(self, token_type: tuple[str, ...]) -> Style:
        """Give a token's style without a background."""
        style = super().get_style_for_token(token_type)
        return Style(color=style.color, bold=style.bold, italic=style.italic)
