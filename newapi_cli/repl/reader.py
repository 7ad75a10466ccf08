"""The input line, by prompt-toolkit: history across runs, several lines, pastes never send."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from newapi_cli.app import input_history
from newapi_cli.errors import ExitCode, Interrupted
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.repl.key_bindings import QUOTES, key_bindings
from newapi_cli.repl.pastes import detect_pastes
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Streams
from newapi_cli.terminal import drop_typeahead

MARK, CONTINUATION = "> ", "  "


class PrivateHistory(FileHistory):
    """The input history in a file. A line that contains an API key is not stored."""

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        super().__init__(str(path))
        self._path = path
        self._redact = redact
        self.session_id = ""  # of the current session

    def load_history_strings(self) -> Iterable[str]:
        """Return the typed texts, newest first."""
        return reversed(input_history.entries(self._path))

    def store_string(self, string: str) -> None:
        """Append a text, unless it contains a key or the disk refuses it."""
        if self._redact(string) != string:
            return
        with contextlib.suppress(OSError):
            input_history.append(self._path, string, self.session_id)


def open_history(path: Path | None, redact: Callable[[str], str]) -> History:
    """Open the history, in memory if there is no path or the file cannot be created."""
    if path is None:
        return InMemoryHistory()
    try:
        input_history.make_private(path)
    except OSError:
        return InMemoryHistory()
    return PrivateHistory(path, redact)


class Reader:
    """Reads typed messages, one at a time."""

    def __init__(
        self, streams: Streams, history: History, completer: Completer, *, vi: bool
    ) -> None:
        self._streams = streams
        self._history = history
        self._session: PromptSession[str] = PromptSession(
            history=history,
            multiline=True,
            key_bindings=key_bindings(is_dumb=streams.terminal_is_dumb),
            editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
            completer=completer,
            complete_while_typing=False,
            prompt_continuation=CONTINUATION,
            enable_open_in_editor=True,
            enable_history_search=False,
            enable_suspend=True,
            cursor=ModalCursorShapeConfig() if vi else None,  # shows the mode of vi
            erase_when_done=True,  # a text taller than the window would be cut in the scrollback
        )
        if sys.platform != "win32":
            detect_pastes(self._session.input, is_dumb=streams.terminal_is_dumb)

    def read(self, bar: Callable[[int], str], session_id: str) -> str:
        """Return the next message. `bar` returns the status bar for a width in columns.

        Raises `KeyboardInterrupt` for Ctrl-C on an empty line (elsewhere it clears the line),
        `EOFError` for Ctrl-D, and `Interrupted` for SIGTERM and SIGHUP, the terminal restored.
        """
        if isinstance(self._history, PrivateHistory):
            self._history.session_id = session_id

        def toolbar() -> FormattedText:
            width = self._session.app.output.get_size().columns
            text = self._streams.stdout.with_known_marks(bar(width))
            return FormattedText([("class:bottom-toolbar", f" {text} ")])

        with _ended_by_signals(self._session) as exit_if_signaled:
            text = self._session.prompt(
                FormattedText([("bold", MARK)]),
                default=self._draft(),
                bottom_toolbar=toolbar,
                pre_run=exit_if_signaled,
            )
        self._show_as_sent(text)
        return _without_quotes(text)

    def confirm(self, prompt: str) -> bool:
        """Return whether the user agrees; anything but yes is no."""
        session: PromptSession[str] = PromptSession()
        try:
            with _ended_by_signals(session) as exit_if_signaled:
                text = session.prompt(prompt, pre_run=exit_if_signaled)
        except (EOFError, KeyboardInterrupt):
            return False
        answer = text.strip().lower()
        if answer not in ("y", "yes", "n", "no", ""):
            self._streams.typeahead += text  # not an answer: it is the next draft
        return answer in ("y", "yes")

    def _show_as_sent(self, text: str) -> None:
        """Print the complete message, as the input line showed it."""
        if not text or self._streams.terminal_is_dumb:  # the line was not erased
            return
        rows = safe_text(text).split("\n")
        mark = f"\x1b[1m{MARK}\x1b[0m" if self._streams.wants_color(self._streams.stdout) else MARK
        shown = f"\n{CONTINUATION}".join(rows)
        self._streams.stdout.write(f"{mark}{shown}\n")

    def drop_typeahead(self) -> None:
        """Drop typed keys that were not read: the shell would run them."""
        self._session.input.flush_keys()
        drop_typeahead(0)

    def _draft(self) -> str:
        """Return what was typed while the terminal was in its normal mode."""
        draft, self._streams.typeahead = self._streams.typeahead, ""
        return draft


@contextlib.contextmanager
def _ended_by_signals(session: PromptSession[str]) -> Iterator[Callable[[], None]]:
    """End a prompt on SIGTERM and SIGHUP, restore the terminal, then raise `Interrupted`.

    Yields a function to call when the prompt has begun, for an earlier signal.
    """

    def end() -> None:
        app = session.app
        if app.is_running and app.future is not None and not app.future.done():
            app.exit(result="")

    def wake() -> None:
        if session.app.loop is not None:  # an exit alone does not wake the loop
            session.app.loop.call_soon_threadsafe(end)

    with Interrupts(("SIGTERM", "SIGHUP")) as interrupts:
        interrupts.wake = wake
        try:
            yield lambda: end() if interrupts.code is not None else None
        except OSError as error:  # the window was closed
            raise Interrupted(ExitCode.SIGHUP) from error
        interrupts.check()


def _without_quotes(text: str) -> str:
    """Return the text between triple quotes; a slash at its beginning is not a command."""
    stripped = text.strip()
    is_quoted = stripped.startswith(QUOTES) and stripped.endswith(QUOTES)
    if is_quoted and stripped.count(QUOTES) == 2:
        inner = stripped[len(QUOTES) : -len(QUOTES)].strip("\n")
        return f"/{inner}" if inner.startswith("/") else inner
    return text


def open_reader(
    streams: Streams, history_file: Path | None, completer: Completer, *, vi: bool
) -> Reader:
    """Open the input line, with the history in a file whose folder exists, or in memory."""
    return Reader(streams, open_history(history_file, streams.redact), completer, vi=vi)
