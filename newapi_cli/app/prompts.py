"""One line asked for on the terminal, shown or hidden; a key must not stand on the screen.

A line is read without echo and out of the terminal's line mode, which cuts a line after 4,095
characters. What may be seen is echoed here, and nothing of JSON, which is the console's connection
info with the key in it. Signals are looked at between two reads, so that none finds the modes half
changed: what ends the program restores them first; Ctrl-Z gives them back, and when the program
goes on they are set again, since the shell has set its own meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType

import typer

from newapi_cli.errors import Interrupted, LocalError, PipeClosed, UsageError
from newapi_cli.render.sanitizer import safe_text
from newapi_cli.signals import CODES
from newapi_cli.streams import Streams
from newapi_cli.terminal import PASTE_MARKS, InputModes
from newapi_cli.text import cell_width

STDIN = 0
MAX_BYTES = 64 * 1024
ENTER, CTRL_D, CTRL_U, CTRL_W, BACKSPACE = b"\r\n", b"\x04", b"\x15", b"\x17", b"\x7f\x08"
CAUGHT = {
    name: signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGCONT")
    if hasattr(signal, name)
}


def ask(streams: Streams, question: str, *, is_hidden: bool = False) -> str:
    """Ask on the terminal of standard input; give the line without its end.

    Pasted JSON may have several lines, and is never shown. Raises `Interrupted` for Ctrl-C, SIGTERM
    and SIGHUP, `typer.Abort` for Ctrl-D, and `UsageError` for more than 64 kB.
    """
    if "SIGTSTP" not in CAUGHT:  # Windows
        return str(typer.prompt(question, hide_input=is_hidden, default="", err=True))
    with _signals() as told:
        return _Question(streams, f"{question}: ", is_hidden=is_hidden).answer(told)


class _Question:
    def __init__(self, streams: Streams, question: str, *, is_hidden: bool) -> None:
        self._question = question
        err, out = streams.stderr, streams.stdout
        self._shown_at = out if out.is_terminal and not err.is_terminal else err
        self._is_hidden = is_hidden
        self._modes = InputModes(STDIN)
        self._typed = bytearray()
        self._echoed = ""
        self._is_whole = False

    def answer(self, told: int) -> str:
        """Give the line; `told` is the pipe that the numbers of signals come by."""
        try:
            while not self._is_whole:
                watched = [told, STDIN] if self._modes.are_set else [told]
                ready = select.select(watched, [], [], None if self._modes.are_set else 0)[0]
                if told in ready:
                    for number in os.read(told, MAX_BYTES):
                        self._obey(signal.Signals(number))
                elif not self._modes.are_set:
                    self._set_modes()
                else:
                    with contextlib.suppress(BlockingIOError):
                        self._take(self._read())
                        self._echo()
        finally:
            self._restore_modes()
            self._tell("\n")
        if len(self._typed) >= MAX_BYTES:
            raise UsageError("what was typed is too long")
        return self._typed.decode("utf-8", "replace")

    def _tell(self, text: str) -> None:
        with contextlib.suppress(LocalError, PipeClosed):
            self._shown_at.write(text)

    def _read(self) -> bytes:
        try:
            data = os.read(STDIN, MAX_BYTES)
        except BlockingIOError:
            raise
        except OSError as error:
            raise Interrupted(CODES["SIGHUP"]) from error  # the window was closed
        if not data:
            raise Interrupted(CODES["SIGHUP"])  # likewise
        return data

    def _take(self, data: bytes) -> None:
        for key in data:
            if key in ENTER:
                self._end_line()
            elif key in CTRL_D and not self._typed:
                raise typer.Abort
            elif key in CTRL_U + CTRL_W:
                self._typed.clear()
            elif key in BACKSPACE:
                self._take_back()
            elif len(self._typed) < MAX_BYTES:  # the rest is read too, or the shell would get it
                self._typed.append(key)
                for mark in PASTE_MARKS:  # looked for here, since reads may cut them anywhere
                    if self._typed.endswith(mark):
                        del self._typed[-len(mark) :]
            if self._is_whole:
                return

    def _take_back(self) -> None:
        """Remove the last character: its first byte, and before that those that go on with it."""
        while self._typed and self._typed.pop() & 0xC0 == 0x80:
            pass

    def _text(self) -> str:
        """Give what is typed so that JSON begins with its brace."""
        return self._typed.decode("utf-8", "ignore").replace("\ufeff", "").strip()

    def _echo(self) -> None:
        """Bring what is seen up to what is typed."""
        if self._is_hidden:
            return
        text = "" if self._text().startswith("{") else self._typed.decode("utf-8", "ignore")
        wanted = safe_text(text).replace("\t", " ")
        same = len(self._echoed)
        while not wanted.startswith(self._echoed[:same]):
            same -= 1
        self._tell("\b \b" * cell_width(self._echoed[same:]) + wanted[same:])
        self._echoed = wanted

    def _end_line(self) -> None:
        """End the answer, but for JSON of several lines: the shell would be given the others."""
        text = self._text()
        is_open = text.startswith("{") and not _is_json(text)
        if is_open and not self._typed.endswith(b"\n\n") and len(self._typed) < MAX_BYTES:
            self._typed += b"\n"
        else:
            self._is_whole = True

    def _obey(self, number: signal.Signals) -> None:
        if number.name in CODES:
            raise Interrupted(CODES[number.name])
        if number == signal.SIGCONT:
            self._modes.are_set = False
            self._typed.clear()  # what cannot be seen cannot be gone on with
            self._echoed = ""
            return
        self._restore_modes()
        before = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # SIGQUIT ends here; SIGTSTP returns when the program goes on
        signal.signal(number, before)

    def _set_modes(self) -> None:
        """Hide what is typed, and ask. In the background this stops us until we are in front."""
        try:
            self._modes.set(drops_typed=self._is_hidden)  # stray keys are no key
        except OSError as error:
            raise Interrupted(CODES["SIGHUP"]) from error
        if self._modes.are_set:
            self._tell(self._question)

    def _restore_modes(self) -> None:
        # A paste may hold more lines.
        self._modes.restore(drops_typed=self._is_hidden or self._text().startswith("{"))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """Have the numbers of signals come by a pipe, which is given; what is ignored stays ignored."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    handlers = {number: signal.getsignal(number) for number in CAUGHT.values()}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, _note)
        yield reading
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        late = _waiting(reading)
        os.close(reading)
        os.close(writing)
    for missed in late:  # which came after the last look
        signal.raise_signal(missed)


def _waiting(reading: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(reading, MAX_BYTES)
    return b""


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is in the pipe."""
