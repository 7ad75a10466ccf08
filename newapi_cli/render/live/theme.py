"""The styles of an answer.

The default theme, `ansi`, uses the terminal's own colors, which are readable on its background.
`dark` and `light` have fixed colors for code, which a Pygments style may replace.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pygments.styles import get_style_by_name
from pygments.util import ClassNotFound
from rich.style import Style
from rich.syntax import ANSI_DARK, ANSISyntaxTheme, PygmentsSyntaxTheme, SyntaxTheme

from newapi_cli.errors import ConfigError, profile_command
from newapi_cli.i18n import tr

CODE_STYLES = {"dark": "github-dark", "light": "xcode"}


class Theme(NamedTuple):
    """The styles; `inline` by markdown-it's names of inline tokens."""

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
    """Return the theme `ansi`, `dark` or `light`; `code_style` is a Pygments style for code.

    Raises `ConfigError` if Pygments does not have the style.
    """
    accent = Style(color={"dark": "bright_cyan", "light": "blue"}.get(name, "cyan"))
    wanted = code_style or CODE_STYLES.get(name, "")
    if not wanted:
        return Theme(ANSISyntaxTheme(ANSI_DARK), accent)
    try:
        style = get_style_by_name(wanted)
    except ClassNotFound as error:
        raise ConfigError(
            tr("Pygments has no style “{name}”", name=wanted),
            hint=profile_command("newapi config set", "code_style monokai"),
        ) from error
    return Theme(_WithoutBackground(style), accent)


class _WithoutBackground(PygmentsSyntaxTheme):
    """A Pygments style without background colors, which would not match the terminal's."""

    def get_style_for_token(self, token_type: tuple[str, ...]) -> Style:
        """Return a token's style without its background."""
        style = super().get_style_for_token(token_type)
        return Style(color=style.color, bold=style.bold, italic=style.italic)
