"""A time limit for code that could wait forever."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

import pytest


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Fail the test if the block takes longer. Limits nest; main thread only."""

    def fail(_number: int, _frame: FrameType | None) -> None:
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
