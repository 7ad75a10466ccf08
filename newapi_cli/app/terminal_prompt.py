"""Prompts for one line on the terminal, visible or hidden, and confirmations.

The line is read without echo and outside the terminal's canonical mode, which cuts lines after
4,095 characters. Visible text is echoed by this module; JSON never is, because the console's
connection info contains a key. Signals are handled between two reads, so that the modes are never
half changed: a signal that ends the program restores them first, Ctrl-Z restores them, and
after `fg` they are set again, because the shell has set its own.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from newapi_cli.errors import InputEnded, Interrupted, LocalError, PipeClosed, UsageError
from newapi_cli.i18n import tr
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


def ask(streams: Streams, prompt: str, *, is_hidden: bool = False) -> str:
    """Return the line that the user types, without its line break.

    Pasted JSON may have several lines, and is never shown. Raises `Interrupted` for Ctrl-C, SIGTERM
    and SIGHUP, `InputEnded` for Ctrl-D, and `UsageError` for more than 64 kB.
    """
    if sys.platform == "win32":
        return _ask_without_termios(prompt, is_hidden=is_hidden)
    with _signal_pipe() as signals:
        return _Prompt(streams, f"{prompt}: ", is_hidden=is_hidden).read_line(signals)


def confirm(streams: Streams, prompt: str) -> bool:
    """Return whether the user agrees; anything but yes is no.

    Raises as `ask`.
    """
    return ask(streams, f"{prompt} [y/N]").strip().lower() in ("y", "yes")


def _ask_without_termios(prompt: str, *, is_hidden: bool) -> str:
    try:
        return getpass.getpass(f"{prompt}: ") if is_hidden else input(f"{prompt}: ")
    except EOFError as error:
        raise InputEnded from error


class _Prompt:
    """One prompt; `read_line` runs it."""

    def __init__(self, streams: Streams, prompt: str, *, is_hidden: bool) -> None:
        self._prompt = prompt
        err, out = streams.stderr, streams.stdout
        self._output = out if out.is_terminal and not err.is_terminal else err
        self._is_hidden = is_hidden
        self._modes = InputModes(STDIN)
        self._typed = bytearray()
        self._echoed = ""
        self._is_complete = False

    def read_line(self, signals: int) -> str:
        """Return the line; `signals` is a pipe from which the numbers of signals are read."""
        try:
            while not self._is_complete:
                watched = [signals, STDIN] if self._modes.are_set else [signals]
                ready = select.select(watched, [], [], None if self._modes.are_set else 0)[0]
                if signals in ready:
                    for number in os.read(signals, MAX_BYTES):
                        self._handle_signal(signal.Signals(number))
                elif not self._modes.are_set:
                    self._set_modes()
                else:
                    with contextlib.suppress(BlockingIOError):
                        self._handle_keys(self._read())
                        self._echo()
        finally:
            self._restore_modes()
            self._write("\n")
        if len(self._typed) >= MAX_BYTES:
            raise UsageError(tr("the typed text is too long"))
        return self._typed.decode("utf-8", "replace")

    def _write(self, text: str) -> None:
        with contextlib.suppress(LocalError, PipeClosed):
            self._output.write(text)

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

    def _handle_keys(self, data: bytes) -> None:
        for key in data:
            if key in ENTER:
                self._end_line()
            elif key in CTRL_D and not self._typed:
                raise InputEnded
            elif key in CTRL_U + CTRL_W:
                self._typed.clear()
            elif key in BACKSPACE:
                self._delete_character()
            elif len(self._typed) < MAX_BYTES:  # the rest is read too, or the shell would run it
                self._typed.append(key)
                for mark in PASTE_MARKS:  # a read may end anywhere inside them
                    if self._typed.endswith(mark):
                        del self._typed[-len(mark) :]
            if self._is_complete:
                return

    def _delete_character(self) -> None:
        """Remove the last character: its continuation bytes, then its first byte."""
        while self._typed and self._typed.pop() & 0xC0 == 0x80:
            pass

    def _text(self) -> str:
        """Return what is typed, without a byte order mark or white space around it."""
        return self._typed.decode("utf-8", "ignore").replace("\ufeff", "").strip()

    def _echo(self) -> None:
        """Update what is visible to what is typed."""
        if self._is_hidden:
            return
        text = "" if self._text().startswith("{") else self._typed.decode("utf-8", "ignore")
        visible = safe_text(text).replace("\t", " ")
        same = len(self._echoed)
        while not visible.startswith(self._echoed[:same]):
            same -= 1
        self._write("\b \b" * cell_width(self._echoed[same:]) + visible[same:])
        self._echoed = visible

    def _end_line(self) -> None:
        """End the line, unless it is unfinished JSON: the shell would run its other lines."""
        text = self._text()
        is_open = text.startswith("{") and not _is_json(text)
        if is_open and not self._typed.endswith(b"\n\n") and len(self._typed) < MAX_BYTES:
            self._typed += b"\n"
        else:
            self._is_complete = True

    def _handle_signal(self, number: signal.Signals) -> None:
        if number.name in CODES:
            raise Interrupted(CODES[number.name])
        if number.name == "SIGCONT":
            self._modes.are_set = False
            self._typed.clear()  # what is no longer visible is dropped
            self._echoed = ""
            return
        self._restore_modes()
        handler = signal.signal(number, signal.SIG_DFL)
        # SIGQUIT ends the program here; SIGTSTP returns when it is continued.
        os.kill(os.getpid(), number)
        signal.signal(number, handler)

    def _set_modes(self) -> None:
        """Turn echo off and print the prompt. In the background this stops the process."""
        try:
            # Keys typed before a hidden prompt are not part of the secret.
            self._modes.set(drops_typed=self._is_hidden)
        except OSError as error:
            raise Interrupted(CODES["SIGHUP"]) from error
        if self._modes.are_set:
            self._write(self._prompt)

    def _restore_modes(self) -> None:
        # A paste may have more lines.
        self._modes.restore(drops_typed=self._is_hidden or self._text().startswith("{"))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@contextlib.contextmanager
def _signal_pipe() -> Iterator[int]:
    """Yield a pipe that receives the numbers of signals; ignored ones stay ignored."""
    if sys.platform == "win32":
        raise NotImplementedError
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    handlers = {number: signal.getsignal(number) for number in CAUGHT.values()}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, _ignore)
        yield reading
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        pending = b""
        with contextlib.suppress(BlockingIOError):
            pending = os.read(reading, MAX_BYTES)
        os.close(reading)
        os.close(writing)
    for missed in pending:  # signals that came after the last read
        signal.raise_signal(missed)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is in the pipe already."""
