"""The rich console on stdout, and tables on it. Apart from `rows` because rich takes 40 ms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

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


def print_table(streams: Streams, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table without borders, which would be copied along; long values are folded."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    terminal_console(streams).print(table)
