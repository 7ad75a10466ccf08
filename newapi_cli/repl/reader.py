"""The input line, by prompt-toolkit: history across runs, many lines, paste that never sends."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, completion_is_selected
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from newapi_cli.errors import ExitCode, Interrupted
from newapi_cli.render.live.modes import drop_typed_ahead
from newapi_cli.render.sanitise import safe_text
from newapi_cli.repl.slash import COMMANDS
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams

QUOTES = '"""'


class PrivateHistory(FileHistory):
    """A history file that only its owner may read, and that takes in nothing that holds a key."""

    def __init__(self, path: Path, masked: Callable[[str], str]) -> None:
        super().__init__(str(path))
        self._masked = masked

    def store_string(self, string: str) -> None:
        """Append a line, unless the disk or the line itself forbids it."""
        if self._masked(string) != string:
            return
        try:
            super().store_string(string)
        except OSError:
            return


def open_history(path: Path, masked: Callable[[str], str]) -> History:
    """Open the history, made 0600 from its first byte; in memory where that is not possible."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        os.fchmod(descriptor, 0o600) if hasattr(os, "fchmod") else None
        os.close(descriptor)
    except OSError:
        return InMemoryHistory()
    return PrivateHistory(path, masked)


class SlashCompleter(Completer):
    """Completes the names of slash commands at the beginning of a line."""

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        """Give the commands that begin so."""
        text = document.text
        if not re.fullmatch(r"/[A-Za-z]*", text):
            return
        for command in COMMANDS:
            if f"/{command.name}".startswith(text):
                yield Completion(
                    f"/{command.name}", start_position=-len(text), display_meta=command.help
                )


class Reader:
    """Reads what a person types, one message at a time."""

    def __init__(self, streams: Streams, history: History, *, vi: bool) -> None:
        self._streams = streams
        is_dumb = streams.terminal_is_dumb
        self._session: PromptSession[str] = PromptSession(
            history=history,
            multiline=True,
            key_bindings=_keys(is_dumb=is_dumb),
            editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
            completer=SlashCompleter(),
            complete_while_typing=False,
            prompt_continuation="  ",
            enable_open_in_editor=True,
            enable_history_search=False,
            enable_suspend=True,
            erase_when_done=False,
        )

    def read(self, bar: Callable[[], str]) -> str:
        """Give the next message. `bar` gives the text of the bottom bar.

        Raises `KeyboardInterrupt` for Ctrl-C on an empty line (elsewhere it clears the line),
        `EOFError` for Ctrl-D, and `Interrupted` for SIGTERM and SIGHUP, the terminal restored.
        """
        with Interrupts(("SIGTERM", "SIGHUP")) as interrupts:
            interrupts.wake = self._leave
            try:
                text = self._session.prompt(
                    FormattedText([("bold", "> ")]),
                    default=self._draft(),
                    bottom_toolbar=lambda: FormattedText([("class:bottom-toolbar", f" {bar()} ")]),
                )
            except OSError as error:  # the window was closed
                raise Interrupted(ExitCode.SIGHUP) from error
            interrupts.check()
        return _without_quotes(text)

    def drop_typed_ahead(self) -> None:
        """Drop what was typed and not read: the shell that comes next would run it."""
        self._session.input.flush_keys()
        drop_typed_ahead(0)

    def _draft(self) -> str:
        """Give what was typed while the program had given the terminal back."""
        draft, self._streams.typed_ahead = self._streams.typed_ahead, ""
        return draft

    def _leave(self) -> None:
        if self._session.app.is_running:
            self._session.app.exit(result="")


def _without_quotes(text: str) -> str:
    bare = text.strip()
    if bare.startswith(QUOTES) and bare.endswith(QUOTES) and bare.count(QUOTES) == 2:
        return bare[len(QUOTES) : -len(QUOTES)].strip("\n")
    return text


def _keys(*, is_dumb: bool) -> KeyBindings:
    """Give the keys. The shell of an editor sends LF for Enter; a real terminal does for Ctrl+J,
    and for an Enter that was typed while an answer streamed."""
    keys = KeyBindings()

    @keys.add("c-j", filter=Condition(lambda: is_dumb))
    @keys.add("enter", filter=~completion_is_selected)
    def _send(event: KeyPressEvent) -> None:
        """Send, unless the text says that it goes on."""
        buffer = event.current_buffer
        bare = buffer.text.strip()
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor(1)
            buffer.insert_text("\n")
        elif bare.startswith(QUOTES) and bare.count(QUOTES) % 2:
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j", filter=Condition(lambda: not is_dumb))
    def _newline(event: KeyPressEvent) -> None:
        """Begin a new line."""
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _clear(event: KeyPressEvent) -> None:
        """Clear the line; on an empty one tell the loop."""
        if event.current_buffer.text:
            event.current_buffer.append_to_history()  # Up brings it back
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    @keys.add(Keys.Vt100MouseEvent)
    def _show(event: KeyPressEvent) -> None:
        """Show a sequence that came as keys; prompt-toolkit takes a colour for the mouse."""
        event.current_buffer.insert_text(safe_text(event.data))

    return keys


def open_reader(streams: Streams, data_dir: Path, *, vi: bool) -> Reader:
    """Open the input line with the history of `data_dir`, which exists."""
    history = open_history(data_dir / "history", streams.masked)
    return Reader(streams, history, vi=vi)
