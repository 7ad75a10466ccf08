"""What counts as a slash command.

/word rest      a command; an unknown one is an error and never sent, for that would cost money
/ rest          none either: its name was forgotten, or a space slipped in before it
//word          a message that begins with a slash
/usr/bin/x …    a message: a path, or a pasted text of several lines
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newapi_cli.repl.conversation import Talk

NAMELESS = re.compile(r"/\??(?:[ \t].*)?")
COMMAND = re.compile(r"/([A-Za-z][\w-]*)(?:[ \t]+(.*?))?\s*")
# Columns of /help; a longer name pushes its text aside.
NAME_WIDTH, TEXT_WIDTH, NARROWEST = 26, 40, 12
LEAVING_WORDS = ("exit", "quit", ":q", "exit()")
KEYS = (
    ("Enter", "sends; Alt+Enter, Ctrl+J or \\ before it: a new line"),
    ('"""', "begins a text of many lines, and ends it"),
    ("Up, Down", "earlier messages; Ctrl+R searches them"),
    ("Tab", "completes commands and what follows them"),
    ("Ctrl+X Ctrl+E", "opens the line in $VISUAL or $EDITOR"),
    ("Ctrl-C", "stops an answer; clears a line; twice: leaves"),
    ("Ctrl-D", "leaves"),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `argument` names what may follow, `aliases` are other names of it.

    `values` names what TAB offers after it: models, profiles, sessions, settings, paths, or fixed
    words.
    """

    name: str
    argument: str
    help: str
    run: Callable[[Talk, str], None]
    aliases: tuple[str, ...] = ()
    values: str | tuple[str, ...] = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed: a command with its argument, or a message."""

    command: Command | None = None
    argument: str = ""
    message: str = ""


class UnknownCommand(Exception):
    """There is no such command; the message says what was meant, perhaps."""


def typed_from_text(text: str, commands: Sequence[Command]) -> Typed:
    """Tell commands from messages. Raises `UnknownCommand`.

    >>> typed_from_text("//x", ()).message, typed_from_text("/etc/hosts is what?", ()).message
    ('/x', '/etc/hosts is what?')
    """
    bare = text.strip()
    if bare in LEAVING_WORDS:
        bare = "/exit"
    elif text.startswith("//"):
        return Typed(message=text[1:])
    match = COMMAND.fullmatch(bare) if "\n" not in bare else None
    if match is None:
        if NAMELESS.fullmatch(bare):
            raise UnknownCommand(
                "no command's name stands behind the slash; /help lists them,"
                " // sends what follows as a message that begins with a slash"
            )
        return Typed(message=text)
    word, argument = match.group(1).lower(), match.group(2) or ""
    for command in commands:
        if word == command.name or word in command.aliases:
            return Typed(command, argument)
    near = get_close_matches(word, [command.name for command in commands], 1, 0.5)
    meant = f"did you mean /{near[0]}? " if near else ""
    raise UnknownCommand(
        f"there is no command /{word}; {meant}/help lists them, //{word} sends it as a message"
    )


def help_rows(commands: Sequence[Command], width: int) -> list[str]:
    """Give the list of commands for a width in columns."""
    return _list_rows([_entry(command) for command in commands], width)


def keys_rows(width: int) -> list[str]:
    """Give the list of keys for a width in columns."""
    return _list_rows(KEYS, width)


def _entry(command: Command) -> tuple[str, str]:
    return f"/{command.name} {command.argument}".rstrip(), command.help


def _list_rows(entries: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Lay names and texts out in two columns, or the texts below where those find no room."""
    width = max(width, NARROWEST)
    column = min(max(len(name) for name, _ in entries), NAME_WIDTH)
    is_wide = width >= column + TEXT_WIDTH
    rows: list[str] = []
    for name, text in entries:
        if not is_wide:
            rows += textwrap.wrap(name, width, initial_indent="  ", subsequent_indent="    ")
            rows += textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")
            continue
        gap = " " * (column + 4)
        first = f"  {name.ljust(column)}  "
        rows += textwrap.wrap(text, width, initial_indent=first, subsequent_indent=gap)
    return rows


def help_markdown(commands: Sequence[Command]) -> str:
    """Give the same as the tables of the documentation."""

    def table(head: str, rows: Sequence[tuple[str, str]]) -> str:
        lines = [f"| {head} | what it does |", "|---|---|"]
        for name, text in rows:
            escaped = name.replace("|", "\\|")
            lines.append(f"| `{escaped}` | {text.replace('|', chr(92) + '|')} |")
        return "\n".join(lines)

    rows = [_entry(command) for command in commands]
    return f"{table('command', rows)}\n\n{table('key', KEYS)}\n"
