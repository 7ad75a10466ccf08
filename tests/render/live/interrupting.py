"""Signals that arrive at a given call of a function, wherever that is."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def signal_at_call(number: int) -> Iterator[None]:
    """Deliver SIGINT at one of the next calls of a function, at none for 0."""
    left = number

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
