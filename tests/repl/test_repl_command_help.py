"""The README lists the commands from the table of commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from newapi_cli.repl.command_parser import KEYS
from newapi_cli.repl.commands import COMMANDS

README = Path(__file__).resolve().parents[2] / "README.md"
SECTION = re.compile(r"<!-- commands -->\n(.*?)<!-- /commands -->", re.DOTALL)


def help_markdown() -> str:
    """Return commands and keys as the tables of the README."""
    commands = _table("command", ((command.usage, command.help) for command in COMMANDS))
    return f"{commands}\n\n{_table('key', KEYS)}\n"


def _table(head: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head} | what it does |", "|---|---|"]
    for cells in rows:
        name, text = (cell.replace("|", "\\|") for cell in cells)
        lines.append(f"| `{name}` | {text} |")
    return "\n".join(lines)


def test_the_readme_lists_the_commands_of_the_table() -> None:
    (section,) = SECTION.findall(README.read_text("utf-8"))
    assert section == help_markdown()


def test_every_command_has_a_row_of_its_own() -> None:
    rows = help_markdown().split("\n")
    for command in COMMANDS:
        row = f"| `/{command.name}"
        assert len([each for each in rows if re.match(rf"{re.escape(row)}[ `]", each)]) == 1
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows if row)
