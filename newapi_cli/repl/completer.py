"""What Tab completes: slash commands at the beginning of a line, and their arguments."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from newapi_cli.app.config_edit import RUN_SETTINGS
from newapi_cli.app.context import Context
from newapi_cli.config.cache import cached_model_names
from newapi_cli.errors import NewapiError
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.repl.command_parser import Command

MAX_OFFERED = 200
MAX_SCANNED = 2_000  # entries of a folder


def completion_values(context: Context, kind: str) -> Iterable[str]:
    """Return the models, profiles, sessions or settings to complete, without a request."""
    if kind == "models":
        return cached_model_names(context.paths.cache_dir)
    if kind == "profiles":
        return context.config_file.profiles
    if kind == "settings":
        return RUN_SETTINGS
    if kind == "sessions":
        recent = context.sessions.sessions(MAX_OFFERED)
        return [each.title if each.is_named else each.short_id for each in recent]
    return ()


class SlashCompleter(Completer):
    """Completes commands and their arguments. `values` returns the words of a kind."""

    def __init__(self, commands: Sequence[Command], values: Callable[[str], Iterable[str]]) -> None:
        self._commands = commands
        self._values = values

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """Yield the completions at the cursor."""
        text = document.text_before_cursor
        if "\n" in document.text:
            return
        if re.fullmatch(r"/[A-Za-z]*", text):
            yield from self._names(text)
            return
        match = re.fullmatch(r"/([A-Za-z]+)[ \t]+(.*)", text)
        for command in self._commands:
            if match and match.group(1) in (command.name, *command.aliases):
                yield from self._arguments(command, match.group(2))

    def _names(self, text: str) -> Iterator[Completion]:
        for command in self._commands:
            if f"/{command.name}".startswith(text):
                yield Completion(
                    f"/{command.name}", start_position=-len(text), display_meta=command.help
                )

    def _arguments(self, command: Command, text: str) -> Iterator[Completion]:
        if command.values == "paths":
            yield from _paths(text.removeprefix("all ") if command.name == "save" else text)
            return
        words: Iterable[str] = command.values
        if isinstance(command.values, str):
            words = ()
            with contextlib.suppress(NewapiError):
                words = self._values(command.values)
        matching = (word for word in words if word.startswith(text) and safe_line(word) == word)
        for word, _ in zip(matching, range(MAX_OFFERED), strict=False):
            yield Completion(word, start_position=-len(text))


def _paths(text: str) -> Iterator[Completion]:
    """Yield the files and folders that start with the text; hidden ones only if a dot was typed."""
    head, _, tail = text.rpartition("/")
    base = f"{head}/" if "/" in text else ""
    try:
        with os.scandir(Path(base or ".").expanduser()) as scanned:
            entries = sorted((entry.name, entry.is_dir()) for entry in scanned)
    except (OSError, RuntimeError):
        return
    for name, is_folder in entries[:MAX_SCANNED]:
        is_wanted = name.startswith(tail) and (tail or not name.startswith("."))
        if is_wanted and safe_line(name) == name:
            text = f"{name}/" if is_folder else name
            yield Completion(text, start_position=-len(tail), display=text)
