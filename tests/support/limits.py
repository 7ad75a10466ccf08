"""A time limit for code that could wait forever."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

RETRY_S = 0.02


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Fail the test if the block takes longer. Limits nest; main thread only."""

    def fail(_number: int, frame: FrameType | None) -> None:
        if _loses_exceptions(frame):
            signal.setitimer(signal.ITIMER_REAL, RETRY_S)
            return
        pytest.fail(f"{what} still ran after {seconds:g} s")  # no program catches it

    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, fail)
    outer_s, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer_s:
            left_s = outer_s - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left_s, 0.001))


def _loses_exceptions(frame: FrameType | None) -> bool:
    """Return whether Python ignores exceptions there: in a finalizer or a callback of a weakref."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or Path(code.co_filename).stem in ("_weakrefset", "weakref"):
            return True
        frame = frame.f_back
    return False
