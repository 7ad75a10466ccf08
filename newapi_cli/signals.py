"""Signals as a flag that is checked between two steps, not as an exception at any point.

A KeyboardInterrupt between receiving a text and displaying it would lose the text. So while an
answer runs, the first Ctrl-C only sets a flag and wakes the loop, which ends the turn cleanly. A
second one within a second raises at once, in case the program hangs.

What the user then reads comes from `repl` in a conversation (the program goes on), else from
`cli.main` (it ends with the exit code of the signal).
"""

from __future__ import annotations

import contextlib
import gc
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import TypeVar

from newapi_cli.errors import ExitCode, Interrupted

SECOND_PRESS_S = 1.0
REPEAT_AFTER_S = 0.01
SIGNALS = 128  # plus the number of a signal is its exit code
Returned = TypeVar("Returned")
CODES = {name: ExitCode[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


class _WorkStopped(BaseException):
    """A signal inside `interruptible`. Libraries suppress every `Exception` in some places."""


class Interrupts:
    """While entered, the named signals set `code` and call `wake`, if it is set."""

    def __init__(self, names: Iterable[str] = ("SIGINT", "SIGTERM", "SIGHUP")) -> None:
        self._names = [name for name in names if name in CODES]
        self.code: ExitCode | None = None
        self.wake: Callable[[], None] | None = None
        self._first_at = 0.0
        self._is_interruptible = False
        self._repetition: threading.Timer | None = None
        self._stopped: BaseException | None = None
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # its put is safe in a handler
        self._before: dict[str, object] = {}

    def __enter__(self) -> Interrupts:
        self.code, self._bell = None, queue.SimpleQueue()
        if self._stopped is not None:
            self._stopped = None
            gc.unfreeze()
        for name in self._names:
            before = signal.getsignal(signal.Signals[name])
            if before is signal.SIG_IGN:
                continue  # by nohup, and in background jobs of scripts
            self._before[name] = before
            signal.signal(signal.Signals[name], self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for name, before in self._before.items():
            signal.signal(signal.Signals[name], before)  # type: ignore[arg-type]  # as getsignal gave it
        self._before.clear()

    def check(self) -> None:
        """Raise `Interrupted` if a signal arrived."""
        if self.code is not None:
            raise Interrupted(self.code)

    def interruptible(self, work: Callable[[], Returned]) -> Returned:
        """Return what `work` returns. Raise `Interrupted` at the moment that a signal arrives.

        For long work that changes nothing, as it may end anywhere.
        """
        self.check()
        collects, hook = gc.isenabled(), sys.unraisablehook
        try:
            gc.disable()  # a collection takes up to 0.3 s, in which a signal would wait
            sys.unraisablehook = self._raise_again
            self._is_interruptible = True
            try:
                result = work()
            finally:
                self._is_interruptible = False
        except _WorkStopped as stopped:
            # What the work made is kept until later: freeing or visiting it takes up to 0.2 s.
            self._stopped = stopped
            gc.freeze()
        finally:
            sys.unraisablehook = hook
            if self._repetition is not None:
                self._repetition.cancel()
                self._repetition.join()
                self._repetition = None
            if collects:
                gc.enable()
        self.check()
        return result

    def _raise_again(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Repeat a signal whose exception was ignored, as happens while a generator is freed."""
        if self.code is not None and unraisable.exc_type is _WorkStopped:
            number = self.code - SIGNALS
            self._repetition = threading.Timer(REPEAT_AFTER_S, signal.raise_signal, (number,))
            self._repetition.start()
        else:
            sys.__unraisablehook__(unraisable)

    def check_wait(self) -> None:
        """Raise `Interrupted` if a wait for another process must end.

        Ctrl-C ends only the answer, so it counts while signals are handled; the others end the
        program.
        """
        if self.code is not None and (self._before or self.code is not ExitCode.SIGINT):
            raise Interrupted(self.code)

    def wait(self, seconds: float) -> None:
        """Wait for a time.

        Raises `Interrupted` as soon as a signal arrives.
        """
        with contextlib.suppress(queue.Empty):
            self._bell.get(timeout=max(seconds, 0))
        self.check()

    def _receive(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._repetition is not None:
            if self._is_interruptible:
                raise _WorkStopped
            return
        if self.code is not None and now - self._first_at < SECOND_PRESS_S:
            raise Interrupted(self.code)
        self.code, self._first_at = CODES[signal.Signals(number).name], now
        self._bell.put(None)
        if self.wake is not None:
            self.wake()
        if self._is_interruptible:
            raise _WorkStopped


@contextlib.contextmanager
def signals_left_to_child() -> Iterator[None]:
    """Leave Ctrl-C and Ctrl-\\ to a child process that uses the terminal.

    With handlers that do nothing: a child process would inherit ignored signals.
    """
    before: dict[signal.Signals, object] = {}
    try:
        with contextlib.suppress(ValueError):  # not the main thread
            for name in ("SIGINT", "SIGQUIT"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, lambda _number, _frame: None)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as it was given
