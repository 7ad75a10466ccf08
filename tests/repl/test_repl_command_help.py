"""The README lists the commands from the table of commands."""

from __future__ import annotations

import re
from pathlib import Path

from newapi_cli.repl.command_parser import help_markdown
from newapi_cli.repl.commands import COMMANDS

README = Path(__file__).resolve().parents[2] / "README.md"
SECTION = re.compile(r"<!-- commands -->\n(.*?)<!-- /commands -->", re.DOTALL)


def test_the_readme_lists_the_commands_of_the_table() -> None:
    (section,) = SECTION.findall(README.read_text("utf-8"))
    assert section == help_markdown(COMMANDS)


def test_every_command_has_a_row_of_its_own() -> None:
    rows = help_markdown(COMMANDS).split("\n")
    for command in COMMANDS:
        row = f"| `/{command.name}"
        assert len([each for each in rows if re.match(rf"{re.escape(row)}[ `]", each)]) == 1
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows if row)
