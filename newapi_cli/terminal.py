"""The terminal: its modes and the control sequences that set them. Only this module uses termios.

On Windows, which has no termios, nothing is changed.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from newapi_cli.streams import Streams

if sys.platform != "win32":
    import termios

LOCAL_MODES, CONTROL_CHARACTERS = 3, 6  # indices of c_lflag and c_cc in the result of tcgetattr
MAX_TYPEAHEAD_BYTES = 64 * 1024

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
BEGIN_FRAME, END_FRAME = "\x1b[?2026h", "\x1b[?2026l"  # synchronized output
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
ERASE_BELOW = "\x1b[J"
PASTE_MARKS = (b"\x1b[200~", b"\x1b[201~")  # around a paste, if bracketed paste is on


class OutputModes:
    """The modes while an answer is written, restored on every way out.

    Echo is off: keys typed meanwhile would be displayed inside the answer. They stay in the
    terminal's queue, and the next input line shows them. NOFLSH keeps output that is still on its
    way to the screen when Ctrl-C is pressed. Ctrl-Z takes effect between two frames, after the
    modes are restored. SIGQUIT ends the program as usual, but with echo and cursor restored.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._fd = -1
        self._before: list[object] | None = None
        self._handlers: dict[signal.Signals, object] = {}
        self._stop_requested = False

    def enter(self) -> None:
        """Set the modes, if stdout is a terminal and they are not set already."""
        if sys.platform != "win32" and self._before is None:
            try:
                # The terminal of stdout: standard input may be a pipe with the prompt.
                self._fd = self._streams.stdout.fileno()
                if os.tcgetpgrp(self._fd) != os.getpgrp():
                    return  # in the background: changing the modes would stop us forever
                before = termios.tcgetattr(self._fd)
                modes = termios.tcgetattr(self._fd)
                modes[LOCAL_MODES] = (modes[LOCAL_MODES] & ~termios.ECHO) | termios.NOFLSH
                termios.tcsetattr(self._fd, termios.TCSADRAIN, modes)
            except (termios.error, OSError):
                return
            self._before = before
            atexit.register(self.leave)
            with contextlib.suppress(ValueError):  # not the main thread
                self._handle(signal.SIGTSTP, self._note_stop)
                self._handle(signal.SIGQUIT, self._quit)

    def leave(self) -> None:
        """Restore the modes, if they are set."""
        if sys.platform != "win32" and self._before is not None:
            before, self._before = self._before, None
            atexit.unregister(self.leave)
            with contextlib.suppress(termios.error, OSError), _ignoring_sigttou():
                termios.tcsetattr(self._fd, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # from tcgetattr
            with contextlib.suppress(ValueError, TypeError):
                while self._handlers:
                    signal.signal(*self._handlers.popitem())  # type: ignore[arg-type]  # from signal()

    def stop_if_requested(self, clean_up: Callable[[], None]) -> bool:
        """Stop the process if Ctrl-Z was pressed, and return whether it was stopped.

        `clean_up` is called before that; the modes are set again when the process continues.
        """
        if sys.platform != "win32" and self._stop_requested:
            self._stop_requested = False
            clean_up()
            self._take_typeahead()
            self.leave()
            with contextlib.suppress(OSError):
                os.kill(os.getpid(), signal.SIGTSTP)  # returns when the process continues
            self.enter()
            return True
        return False

    def _take_typeahead(self) -> None:
        """Take typed text out of the terminal's queue: the shell would run it as a command."""
        is_set = self._before is not None
        if sys.platform != "win32" and is_set and self._streams.keeps_typeahead:
            with contextlib.suppress(termios.error, OSError):
                modes = termios.tcgetattr(self._fd)
                modes[LOCAL_MODES] &= ~termios.ICANON
                modes[CONTROL_CHARACTERS][termios.VMIN] = 0
                modes[CONTROL_CHARACTERS][termios.VTIME] = 0
                termios.tcsetattr(self._fd, termios.TCSADRAIN, modes)
                typed = os.read(self._fd, MAX_TYPEAHEAD_BYTES)
                self._streams.typeahead += typed.decode("utf-8", "replace")

    def _handle(self, number: signal.Signals, handler: Callable[..., None]) -> None:
        if signal.getsignal(number) is not signal.SIG_IGN:  # an ignored signal stays ignored
            self._handlers[number] = signal.signal(number, handler)

    def _note_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requested = True

    def _quit(self, number: int, _frame: FrameType | None) -> None:
        self.leave()
        if not self._streams.terminal_is_dumb:
            with contextlib.suppress(OSError):
                os.write(self._fd, f"{SHOW_CURSOR}\r\n".encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


class InputModes:
    """The modes in which a prompt reads keys from a terminal: without echo, without line mode.

    Line mode would cut a line after 4,095 characters.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[object] | None = None
        self.are_set = False

    def set(self, *, drops_typed: bool) -> None:
        """Set the modes, `are_set` unless a signal interrupted it.

        In the background this stops the process until it is in the foreground. Raises `OSError` if
        the window was closed. `drops_typed`: keys typed before are dropped.
        """
        if sys.platform != "win32":
            try:
                modes = termios.tcgetattr(self._fd)
                if self._before is None or modes[LOCAL_MODES] & termios.ECHO:
                    self._before = termios.tcgetattr(self._fd)
                modes[LOCAL_MODES] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
                modes[CONTROL_CHARACTERS][termios.VMIN] = 1
                modes[CONTROL_CHARACTERS][termios.VTIME] = 0
                termios.tcsetattr(self._fd, termios.TCSANOW, modes)
                if drops_typed:
                    termios.tcflush(self._fd, termios.TCIFLUSH)
            except termios.error as error:
                if error.args[0] == errno.EINTR:
                    return
                raise OSError(*error.args) from error
            self.are_set = True

    def restore(self, *, drops_typed: bool) -> None:
        """Restore the modes, unless another process controls the terminal now."""
        self.are_set = False
        if sys.platform != "win32" and self._before is not None:
            with contextlib.suppress(termios.error, OSError):
                if _is_in_foreground(self._fd):
                    if drops_typed:
                        termios.tcflush(self._fd, termios.TCIFLUSH)
                    termios.tcsetattr(self._fd, termios.TCSANOW, self._before)  # type: ignore[arg-type]  # from tcgetattr


@contextlib.contextmanager
def restored_modes(fd: int) -> Iterator[None]:
    """Restore the modes of a terminal after a program that may have been killed."""
    if sys.platform == "win32":
        yield
    else:
        before = termios.tcgetattr(fd)
        try:
            yield
        finally:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSADRAIN, before)


def open_controlling_terminal() -> int | None:
    """Open the terminal of this process, wherever its streams are redirected to."""
    try:
        return os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None


def drop_typeahead(fd: int) -> None:
    """Drop what was typed at a terminal and not read yet."""
    if sys.platform != "win32":
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(fd, termios.TCIFLUSH)


if sys.platform != "win32":

    @contextlib.contextmanager
    def _ignoring_sigttou() -> Iterator[None]:
        """Allow a background process to restore the modes: SIGTTOU would stop it."""
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGTTOU, before)

    def _is_in_foreground(fd: int) -> bool:
        try:
            return os.tcgetpgrp(fd) == os.getpgrp()
        except OSError:  # not our controlling terminal: it never stops us
            return True
