"""Which lines are slash commands, and the help made from their table.

/word rest      a command; an unknown one is an error and never sent, because that costs money
/ rest          an error too: the name is missing, or a space was typed before it
//word          a message that begins with a slash
/usr/bin/x …    a message: a path, or a pasted text of several lines
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newapi_cli.i18n import tr
from newapi_cli.text import near_names

if TYPE_CHECKING:
    from newapi_cli.repl.conversation import Conversation

NAMELESS = re.compile(r"/\??(?:[ \t].*)?")
COMMAND = re.compile(r"/([A-Za-z][\w-]*)(?:[ \t]+(.*?))?\s*")
# Columns of /help; a longer name pushes its text aside.
NAME_WIDTH, TEXT_WIDTH, MIN_WIDTH = 26, 40, 12
LEAVING_WORDS = ("exit", "quit", ":q", "exit()")
KEYS = (
    ("Enter", tr("send; Alt+Enter, Ctrl+J or a \\ before it: a new line")),
    ('"""', tr("begin or end a text of several lines")),
    ("Up, Down", tr("earlier messages; Ctrl+R searches them")),
    ("Tab", tr("complete a command or its argument")),
    ("Ctrl+X Ctrl+E", tr("edit the line in $VISUAL or $EDITOR")),
    ("Ctrl-C", tr("stop an answer; clear the line; twice within a second: exit")),
    ("Ctrl-D", tr("exit")),
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `argument` describes what may follow, `aliases` are other names.

    `values` is what Tab completes after it: models, profiles, sessions, settings, paths, or a tuple
    of words.
    """

    name: str
    argument: str
    help: str
    run: Callable[[Conversation, str], None]
    aliases: tuple[str, ...] = ()
    values: str | tuple[str, ...] = ""

    @property
    def usage(self) -> str:
        """The command as it is typed, with what may follow."""
        return f"/{self.name} {self.argument}".rstrip()


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """A typed line: a command with its argument, or a message."""

    command: Command | None = None
    argument: str = ""
    message: str = ""


class UnknownCommand(Exception):
    """The line looks like a command that does not exist; the message is for the user."""


def parse_line(text: str, commands: Sequence[Command]) -> ParsedLine:
    """Return the command or the message that a line is.

    Raises `UnknownCommand`.

    >>> parse_line("//x", ()).message, parse_line("/etc/hosts is what?", ()).message
    ('/x', '/etc/hosts is what?')
    """
    stripped = text.strip()
    if stripped in LEAVING_WORDS:
        stripped = "/exit"
    elif text.startswith("//"):
        return ParsedLine(message=text[1:])
    first_line, is_long, _ = stripped.partition("\n")
    match = COMMAND.fullmatch(first_line)
    if is_long and match is not None and not _is_command(match.group(1), commands):
        match = None
    if match is None:
        if NAMELESS.fullmatch(stripped):
            raise UnknownCommand(
                tr(
                    "no command name after the slash; /help lists the commands,"
                    " // sends the rest as a message that begins with a slash"
                )
            )
        return ParsedLine(message=text)
    word, argument = match.group(1).lower(), match.group(2) or ""
    if is_long:
        raise UnknownCommand(
            tr("a command is a single line; //{word} … sends the text as a message", word=word)
        )
    for command in commands:
        if word == command.name or word in command.aliases:
            return ParsedLine(command, argument)
    near = near_names(word, [command.name for command in commands], limit=1, cutoff=0.5)
    if near:
        raise UnknownCommand(
            tr(
                "unknown command /{word}; did you mean /{near}? //{word} sends it as a message",
                word=word,
                near=near[0],
            )
        )
    raise UnknownCommand(
        tr("unknown command /{word}; /help lists them, //{word} sends it as a message", word=word)
    )


def _is_command(word: str, commands: Sequence[Command]) -> bool:
    return any(word.lower() in (command.name, *command.aliases) for command in commands)


def help_rows(commands: Sequence[Command], width: int) -> list[str]:
    """Return the list of commands for a width in columns."""
    return _list_rows([(command.usage, command.help) for command in commands], width)


def keys_rows(width: int) -> list[str]:
    """Return the list of keys for a width in columns."""
    return _list_rows(KEYS, width)


def _list_rows(entries: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Return names and texts in two columns, or the texts below the names in a narrow window."""
    width = max(width, MIN_WIDTH)
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
