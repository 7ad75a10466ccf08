"""Conversations in this process: typed lines go in, what is printed on stderr comes out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from itertools import pairwise

from newapi_cli.app.chat import ChatOptions, ChatRun
from newapi_cli.app.context import Context
from newapi_cli.app.sessions.live_session import new_live_session
from newapi_cli.repl.conversation import Conversation
from newapi_cli.repl.loop import run_conversation
from newapi_cli.repl.reader import Reader
from newapi_cli.streams import Input, Output, Streams
from tests.support.home import Home

MAX_OUTPUT_BYTES = 1 << 20
CTRL_C = "\x03"


class TypedLines(Reader):
    """Reads lines that are given, then the end of input; `CTRL_C` is the key, not a line."""

    def __init__(self, lines: tuple[str, ...], on_read: Callable[[], None]) -> None:
        self._lines = list(lines)
        self._on_read = on_read

    def read(self, _bar: Callable[[int], str], _session_id: str) -> str:
        """Return the next line."""
        self._on_read()
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        if line == CTRL_C:
            raise KeyboardInterrupt
        return line

    def confirm(self, _prompt: str) -> bool:
        """Decline."""
        return False

    def drop_typeahead(self) -> None:
        """Do nothing: everything is given."""


def outputs(home: Home, *lines: str, **settings: object) -> list[str]:
    """Return what each line of a new conversation prints on stderr, without its last line break.

    `settings` are those of the run, such as `save=False`.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        ends: list[int] = []
        streams = Streams(
            Input(None), Output(out.fileno()), Output(err.fileno()), home.environment()
        )
        with Context(streams, {}) as context:
            context.override(**settings)
            chat = ChatRun(context, ChatOptions())
            reader = TypedLines(lines, lambda: ends.append(os.fstat(err.fileno()).st_size))
            run_conversation(Conversation(chat, reader, new_live_session(context)), None)
        text = os.pread(err.fileno(), MAX_OUTPUT_BYTES, 0)
    spans = pairwise(ends)
    return [text[begin:end].decode().rstrip("\n") for begin, end in spans]
