"""Rows for people: a table as wide as it must be, without lines that would be copied along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from newapi_cli.render.sanitizer import safe_line
from newapi_cli.streams import Streams


def terminal_console(streams: Streams) -> Console:
    """Give rich's console on stdout, with our own decisions on width and color."""
    return Console(
        file=streams.stdout,  # type: ignore[arg-type]  # it asks for no more than Output has
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


def show_table(streams: Streams, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to a terminal; long values fold, foreign control characters are shown."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe_line(value)) for value in row))
    terminal_console(streams).print(table)
