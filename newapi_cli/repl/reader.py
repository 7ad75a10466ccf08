"""The input line, by prompt-toolkit: history across runs, many lines, paste that never sends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from newapi_cli.app import input_history as history
from newapi_cli.errors import ExitCode, Interrupted
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.repl.commands import COMMANDS
from newapi_cli.repl.completer import SlashCompleter
from newapi_cli.repl.key_bindings import QUOTES, line_keys
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams
from newapi_cli.terminal import drop_typed_ahead

MARK, CONTINUATION = "> ", "  "


class PrivateHistory(FileHistory):
    """The input history of `history`. It takes in nothing that holds a key."""

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        super().__init__(str(path))
        self._path = path
        self._redacted = redact
        self.session_id = ""  # of the session that is being typed in

    def load_history_strings(self) -> Iterable[str]:
        """Give what was typed, the newest first."""
        return reversed(history.entries(self._path))

    def store_string(self, string: str) -> None:
        """Append a line, unless the disk or the line itself forbids it."""
        if self._redacted(string) != string:
            return
        with contextlib.suppress(OSError):
            history.append(self._path, string, self.session_id)


def open_history(path: Path | None, redact: Callable[[str], str]) -> History:
    """Open the history, in memory where there is no path or no file can be made."""
    if path is None:
        return InMemoryHistory()
    try:
        history.make_private(path)
    except OSError:
        return InMemoryHistory()
    return PrivateHistory(path, redact)


class Reader:
    """Reads what a person types, one message at a time."""

    def __init__(self, streams: Streams, past: History, completer: Completer, *, vi: bool) -> None:
        self._streams = streams
        self._past = past
        self._session: PromptSession[str] = PromptSession(
            history=past,
            multiline=True,
            key_bindings=line_keys(is_dumb=streams.terminal_is_dumb),
            editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
            completer=completer,
            complete_while_typing=False,
            prompt_continuation=CONTINUATION,
            enable_open_in_editor=True,
            enable_history_search=False,
            enable_suspend=True,
            cursor=ModalCursorShapeConfig() if vi else None,  # tells the modes of vi apart
            erase_when_done=True,  # a text taller than the window would be cut in the scrollback
        )

    def read(self, bar: Callable[[int], str], session_id: str) -> str:
        """Give the next message. `bar` gives the text of the bottom bar for a width in columns.

        Raises `KeyboardInterrupt` for Ctrl-C on an empty line (elsewhere it clears the line),
        `EOFError` for Ctrl-D, and `Interrupted` for SIGTERM and SIGHUP, the terminal restored.
        """
        if isinstance(self._past, PrivateHistory):
            self._past.session_id = session_id

        def toolbar() -> FormattedText:
            width = self._session.app.output.get_size().columns
            return FormattedText([("class:bottom-toolbar", f" {bar(width)} ")])

        with _ends_by_signals(self._session) as leave_if_told:
            text = self._session.prompt(
                FormattedText([("bold", MARK)]),
                default=self._draft(),
                bottom_toolbar=toolbar,
                pre_run=leave_if_told,
            )
        self._show_as_sent(text)
        return _without_quotes(text)

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question; everything but yes is no."""
        session: PromptSession[str] = PromptSession()
        try:
            with _ends_by_signals(session) as leave_if_told:
                text = session.prompt(question, pre_run=leave_if_told)
        except (EOFError, KeyboardInterrupt):
            return False
        answer = text.strip().lower()
        if answer not in ("y", "yes", "n", "no", ""):
            self._streams.typeahead += text  # no answer: what was typed is the next draft
        return answer in ("y", "yes")

    def _show_as_sent(self, text: str) -> None:
        """Leave the message on the screen, whole, as the input line showed it."""
        if not text or self._streams.terminal_is_dumb:  # there the line is never erased
            return
        rows = safe_text(text).split("\n")
        mark = f"\x1b[1m{MARK}\x1b[0m" if self._streams.wants_color(self._streams.stdout) else MARK
        shown = f"\n{CONTINUATION}".join(rows)
        self._streams.stdout.write(f"{mark}{shown}\n")

    def drop_typed_ahead(self) -> None:
        """Drop what was typed and not read: the shell that comes next would run it."""
        self._session.input.flush_keys()
        drop_typed_ahead(0)

    def _draft(self) -> str:
        """Give what was typed while the program had given the terminal back."""
        draft, self._streams.typeahead = self._streams.typeahead, ""
        return draft


@contextlib.contextmanager
def _ends_by_signals(session: PromptSession[str]) -> Iterator[Callable[[], None]]:
    """Let SIGTERM and SIGHUP end a prompt, the terminal restored; then raise `Interrupted`.

    Gives what is to be called when the prompt has begun, for a signal that came before.
    """

    def end() -> None:
        app = session.app
        if app.is_running and app.future is not None and not app.future.done():
            app.exit(result="")

    def wake() -> None:
        if session.app.loop is not None:  # which sleeps: a mere exit need not wake it
            session.app.loop.call_soon_threadsafe(end)

    with Interrupts(("SIGTERM", "SIGHUP")) as interrupts:
        interrupts.wake = wake
        try:
            yield lambda: end() if interrupts.code is not None else None
        except OSError as error:  # the window was closed
            raise Interrupted(ExitCode.SIGHUP) from error
        interrupts.check()


def _without_quotes(text: str) -> str:
    """Give what stands between quotes; a slash at its beginning makes no command of it."""
    bare = text.strip()
    if bare.startswith(QUOTES) and bare.endswith(QUOTES) and bare.count(QUOTES) == 2:
        inner = bare[len(QUOTES) : -len(QUOTES)].strip("\n")
        return f"/{inner}" if inner.startswith("/") else inner
    return text


def open_reader(
    streams: Streams,
    past_file: Path | None,
    values: Callable[[str], Iterable[str]],
    *,
    vi: bool,
) -> Reader:
    """Open the input line, with the history of a file whose folder exists, or with none."""
    past = open_history(past_file, streams.redact)
    return Reader(streams, past, SlashCompleter(COMMANDS, values), vi=vi)
