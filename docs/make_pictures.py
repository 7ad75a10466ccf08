"""Draw the pictures of the README from real runs: a pty, a terminal emulator and SVG.

    python docs/make_pictures.py      writes docs/answer.svg and docs/reasoning.svg

The SVG shows the emulator's cells; nothing is typeset by hand.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pyte.screens

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

HERE = Path(__file__).parent
CELL_WIDTH, ROW_HEIGHT, MARGIN = 8.4, 18.0, 16.0
INK, PAPER = "#d8dee9", "#20242c"
COLORS = {
    "black": "#4c566a", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b", "blue": "#61afef",
    "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#d8dee9", "brightblack": "#7f8794",
    "brightred": "#ff7b86", "brightgreen": "#b1d995", "brightbrown": "#f2d28b",
    "brightyellow": "#f2d28b", "brightblue": "#7cc1ff", "brightmagenta": "#dd9bf0",
    "brightcyan": "#74d3de", "brightwhite": "#ffffff",
}  # fmt: skip

Row = Sequence[pyte.screens.Char]


def runs(row: Row) -> list[tuple[int, str, pyte.screens.Char]]:
    """Split a row into runs of one style: column, text and a cell with the style."""
    result: list[tuple[int, str, pyte.screens.Char]] = []
    for column, cell in enumerate(row):
        if result and result[-1][2]._replace(data="") == cell._replace(data=""):
            begin, text, style = result[-1]
            result[-1] = (begin, text + cell.data, style)
        else:
            result.append((column, cell.data, cell))
    return [run for run in result if run[1].strip()]


def svg(title: str, rows: Sequence[Row], columns: int) -> str:
    """Return an SVG of rows of cells."""
    width = columns * CELL_WIDTH + 2 * MARGIN
    height = len(rows) * ROW_HEIGHT + 2 * MARGIN
    drawn = []
    for number, row in enumerate(rows):
        y = MARGIN + (number + 0.75) * ROW_HEIGHT
        for column, text, cell in runs(row):
            style = f"fill:{COLORS.get(cell.fg, INK)}"
            style += ";font-weight:bold" * cell.bold + ";font-style:italic" * cell.italics
            style += ";text-decoration:underline" * cell.underscore
            shown = text.rstrip()
            drawn.append(
                f'<text x="{MARGIN + column * CELL_WIDTH:.1f}" y="{y:.1f}" style="{style}"'
                f' textLength="{len(shown) * CELL_WIDTH:.1f}" xml:space="preserve">'
                f"{escape(shown)}</text>"
            )
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>\n'
        f'<g font-family="monospace" font-size="14">\n{body}\n</g>\n</svg>\n'
    )


def picture(name: str, title: str, args: Sequence[str], until: str | None = None) -> None:
    """Run a command on a terminal and draw the screen at its end, or when it shows `until`."""
    with tempfile.TemporaryDirectory() as folder:
        command = newapi_command(*args)
        with Terminal(command, home=Home(Path(folder)), columns=88, rows=24) as terminal:
            if until is None:
                terminal.wait_exit(60)
            else:
                terminal.wait_for(until, 60)
            emulator = terminal.emulator
            rows = [*emulator.scrolled_out, *(emulator._row(y) for y in range(emulator.lines))]
    while rows and not "".join(cell.data for cell in rows[-1]).strip():
        rows.pop()
    (HERE / name).write_text(svg(title, rows, 88), "utf-8")
    print(f"{name}: {len(rows)} rows")


def main() -> None:
    """Draw both pictures."""
    picture("answer.svg", "newapi demo: an answer with a table and code", ["demo"])
    picture(
        "reasoning.svg",
        "newapi demo: a model that thinks first",
        ["demo", "-m", "demo-reasoning", "Why does the order matter?"],
        until="An example says",
    )


if __name__ == "__main__":
    main()
