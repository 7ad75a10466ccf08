"""The console and the styles of an answer.

The default theme, `ansi`, uses the terminal's own colors, which are readable on its background.
`dark` and `light` have fixed colors for code, which a Pygments style may replace.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pygments.styles import get_style_by_name
from pygments.token import Error
from pygments.util import ClassNotFound
from rich.console import Console
from rich.style import Style
from rich.syntax import ANSI_DARK, ANSISyntaxTheme, PygmentsSyntaxTheme, SyntaxTheme

from newapi_cli.errors import ConfigError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.streams import Streams

CODE_STYLES = {"dark": "github-dark", "light": "xcode"}
FAINT = Style(dim=True)


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
    math: Style = Style(color="magenta")
    good: Style = Style(color="green")
    faint: Style = FAINT
    target: Style = FAINT
    quote: Style = FAINT
    marker: Style = Style(bold=True)
    rule: Style = FAINT


ROLES: dict[str, dict[str, Any]] = {
    name: {
        "math": Style(color=math),
        "good": Style(color=good),
        **dict.fromkeys(("faint", "target", "quote", "rule"), Style(color=faint)),
    }
    for name, math, good, faint in (
        ("dark", "#d2a8ff", "#7ec699", "#8b949e"),
        ("light", "#6639ba", "#116329", "#656d76"),
    )
}


def theme_named(name: str, code_style: str = "") -> Theme:
    """Return the theme `ansi`, `dark` or `light`; `code_style` is a Pygments style for code.

    Raises `ConfigError` if Pygments does not have the style.
    """
    accent = Style(color={"dark": "bright_cyan", "light": "blue"}.get(name, "cyan"))
    roles = ROLES.get(name, {})
    wanted = code_style or CODE_STYLES.get(name, "")
    if not wanted:
        return Theme(ANSISyntaxTheme({**ANSI_DARK, Error: Style.null()}), accent, **roles)
    try:
        style = get_style_by_name(wanted)
    except ClassNotFound as error:
        raise ConfigError(
            tr('Pygments has no style "{name}"', name=wanted),
            hint=profile_command("newapi config set", "code_style monokai"),
        ) from error
    return Theme(_WithoutBackground(style), accent, **roles)


class _WithoutBackground(PygmentsSyntaxTheme):
    """A Pygments style without background colors, which would not match the terminal's."""

    def get_style_for_token(self, token_type: tuple[str, ...]) -> Style:
        """Return a token's style without its background."""
        if token_type is Error:
            return Style.null()
        style = super().get_style_for_token(token_type)
        return Style(color=style.color, bold=style.bold, italic=style.italic)


def terminal_console(streams: Streams) -> Console:
    """Return rich's console on stdout, with our own decisions on width and color."""
    return Console(
        file=streams.stdout,  # type: ignore[arg-type]  # it needs no more than Output has
        width=streams.stdout.width,
        height=streams.stdout.height,
        force_terminal=True,
        no_color=not streams.wants_color(streams.stdout),
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={**streams.environ, "COLUMNS": "", "LINES": ""},
    )
