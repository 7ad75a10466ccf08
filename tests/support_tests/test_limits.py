"""The time limit of tests."""

from __future__ import annotations

import time

import pytest

from tests.support.limits import time_limit

LIMIT_S = 0.05
LONGER_S = 0.1


def spin(seconds: float) -> None:
    """Wait without a system call. A loop at the end of a `with` is outside of it in Python 3.13."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


class SlowToDelete:
    """An object whose finalizer, in which Python ignores exceptions, outlasts the limit."""

    def __del__(self) -> None:
        spin(LONGER_S)


def test_a_limit_that_expires_in_a_finalizer_still_fails() -> None:
    expired = pytest.raises(pytest.fail.Exception, match=r"the wait still ran after 0.05 s")
    with expired, time_limit(LIMIT_S, "the wait"):
        slow = SlowToDelete()
        del slow
        spin(100 * LONGER_S)
