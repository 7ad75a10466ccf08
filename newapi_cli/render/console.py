"""The rich console on stdout."""

from __future__ import annotations

from rich.console import Console

from newapi_cli.streams import Streams


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
