"""Slash commands: which there are, and what counts as one.

/word rest      a command; an unknown one is an error and never sent, for that would cost money
//word          a message that begins with a slash
/usr/bin/x …    a message: a path, or a pasted text of several lines
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

COMMAND = re.compile(r"/([A-Za-z][\w-]*)(?:[ \t]+(.*?))?\s*")
LEAVING_WORDS = ("exit", "quit", ":q", "exit()")


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `argument` names what may follow, `aliases` are other names of it."""

    name: str
    argument: str
    help: str
    aliases: tuple[str, ...] = ()


COMMANDS = (
    Command("help", "", "this list"),
    Command("model", "[NAME]", "show the model, or ask another one from now on"),
    Command("system", "[TEXT|clear]", "show, set or clear the system prompt"),
    Command("new", "", "forget what was said and begin anew"),
    Command("retry", "[MODEL]", "ask the last question again"),
    Command("thinking", "", "show the reasoning behind the last answer"),
    Command("exit", "", "leave; so does Ctrl-D", ("quit", "q")),
)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed: a command with its argument, or a message."""

    command: str = ""
    argument: str = ""
    message: str = ""


class UnknownCommand(Exception):
    """There is no such command; the message says what was meant, perhaps."""


def typed_from_text(text: str) -> Typed:
    """Tell commands from messages. Raises `UnknownCommand`.

    >>> typed_from_text("/model gpt-4o"), typed_from_text("//x").message
    (Typed(command='model', argument='gpt-4o', message=''), '/x')
    >>> typed_from_text("/etc/hosts is what?").message
    '/etc/hosts is what?'
    """
    if text.strip() in LEAVING_WORDS:
        return Typed(command="exit")
    if text.startswith("//"):
        return Typed(message=text[1:])
    match = COMMAND.fullmatch(text.strip()) if "\n" not in text.strip() else None
    if match is None:
        return Typed(message=text)
    word, argument = match.group(1).lower(), match.group(2) or ""
    for command in COMMANDS:
        if word == command.name or word in command.aliases:
            return Typed(command=command.name, argument=argument)
    near = get_close_matches(word, [command.name for command in COMMANDS], 1, 0.5)
    meant = f"did you mean /{near[0]}? " if near else ""
    raise UnknownCommand(
        f"there is no command /{word}; {meant}/help lists them, //{word} sends it as a message"
    )


def takes_argument(name: str) -> bool:
    """Say whether something may follow a command."""
    return any(command.argument for command in COMMANDS if command.name == name)


def help_text() -> str:
    """Give the list of commands, and the keys."""
    rows = [(f"/{c.name} {c.argument}".rstrip(), c.help) for c in COMMANDS]
    rows += [
        ("Enter", "sends; Alt+Enter, Ctrl+J or a \\ before it: a new line"),
        ('"""', "begins a text of many lines, and ends it"),
        ("Ctrl-C", "stops an answer; clears a line; twice: leaves"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name.ljust(width)}  {text}" for name, text in rows)
