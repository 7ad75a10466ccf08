"""The modes of the terminal while an answer streams, and their restoring on every way out.

Echo is off: keys that are typed meanwhile would land inside the answer. They stay in the terminal's
queue, and the next input line shows them. NOFLSH keeps what is still on its way to the screen when
Ctrl-C is pressed. Ctrl-Z is obeyed between two frames, with the modes restored before; a SIGQUIT
ends the program as it always does, but leaves no blind terminal behind.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

from newapi_cli.streams import Streams

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]  # looked at before each use

LOCAL_MODES, CONTROL_CHARACTERS = 3, 6  # indices of c_lflag and c_cc in what tcgetattr gives
MAX_TYPED_BYTES = 64 * 1024
SHOW_CURSOR = b"\x1b[?25h\r\n"


class TerminalModes:
    """Sets the modes on `enter`, restores them on `leave`; both may be called at any time."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._fd = -1
        self._before: list[object] | None = None
        self._handlers: dict[signal.Signals, object] = {}
        self._wants_to_stop = False

    def enter(self) -> None:
        """Set the modes, where stdout is a terminal."""
        if termios is None or self._before is not None:
            return
        try:
            # The terminal of stdout: standard input may be a pipe that feeds the prompt.
            self._fd = self._streams.stdout.fileno()
            if os.tcgetpgrp(self._fd) != os.getpgrp():
                return  # in the background: a change of the modes would stop us for good
            before = termios.tcgetattr(self._fd)
            modes = termios.tcgetattr(self._fd)
            modes[LOCAL_MODES] = (modes[LOCAL_MODES] & ~termios.ECHO) | termios.NOFLSH
            termios.tcsetattr(self._fd, termios.TCSADRAIN, modes)
        except (termios.error, OSError):
            return
        self._before = before
        atexit.register(self.leave)
        with contextlib.suppress(ValueError):  # not the main thread
            self._take(signal.SIGTSTP, self._note_stop)
            self._take(signal.SIGQUIT, self._quit)

    def leave(self) -> None:
        """Restore the modes."""
        if self._before is None:
            return
        before, self._before = self._before, None
        atexit.unregister(self.leave)
        with contextlib.suppress(termios.error, OSError), _unstopped():
            termios.tcsetattr(self._fd, termios.TCSADRAIN, before)  # type: ignore[arg-type]  # as it was given
        with contextlib.suppress(ValueError, TypeError):
            while self._handlers:
                signal.signal(*self._handlers.popitem())  # type: ignore[arg-type]  # likewise

    def stop_if_asked(self, tidy: Callable[[], None]) -> bool:
        """Obey a Ctrl-Z: tidy the screen, stop, and go on when told to. Say whether that was so."""
        if not self._wants_to_stop:
            return False
        self._wants_to_stop = False
        tidy()
        self._take_typed_ahead()
        self.leave()
        with contextlib.suppress(OSError):
            os.kill(os.getpid(), signal.SIGTSTP)  # returns when the process goes on
        self.enter()
        return True

    def _take_typed_ahead(self) -> None:
        """Take what was typed from the terminal's queue: the shell would run it as a command."""
        if not self._streams.keeps_typed_ahead or self._before is None:
            return
        with contextlib.suppress(termios.error, OSError):
            modes = termios.tcgetattr(self._fd)
            modes[LOCAL_MODES] &= ~termios.ICANON
            modes[CONTROL_CHARACTERS][termios.VMIN] = 0
            modes[CONTROL_CHARACTERS][termios.VTIME] = 0
            termios.tcsetattr(self._fd, termios.TCSADRAIN, modes)
            typed = os.read(self._fd, MAX_TYPED_BYTES)
            self._streams.typed_ahead += typed.decode("utf-8", "replace")

    def _take(self, number: signal.Signals, handler: Callable[..., None]) -> None:
        if signal.getsignal(number) is not signal.SIG_IGN:  # what is ignored stays ignored
            self._handlers[number] = signal.signal(number, handler)

    def _note_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._wants_to_stop = True

    def _quit(self, number: int, _frame: FrameType | None) -> None:
        self.leave()
        if not self._streams.terminal_is_dumb:
            with contextlib.suppress(OSError):
                os.write(self._fd, SHOW_CURSOR)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def _unstopped() -> Iterator[None]:
    """Let the modes be restored from the background too: the terminal would stop us for it."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, before)


def drop_typed_ahead(fd: int) -> None:
    """Empty the terminal's queue of what was typed and not read."""
    if termios is not None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(fd, termios.TCIFLUSH)
