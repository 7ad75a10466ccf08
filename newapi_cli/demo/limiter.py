"""The tight limiter in front of a few paths: 20 requests in 20 minutes, counted by address."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable

LIMIT = 20
WINDOW_S = 1200


class TightLimiter:
    """One shared counter for each client address, as for the gateway's critical routes.

    `clock` gives seconds. Source: spec/newapi-contract.md 5.4.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[float]] = {}

    def seconds_to_wait(self, address: str) -> int:
        """Count a request; 0 when it may pass, else the seconds until one may (not counted)."""
        with self._lock:
            now = self._clock()
            taken = self._taken.setdefault(address, deque())
            while taken and now - taken[0] >= WINDOW_S:
                taken.popleft()
            if len(taken) < LIMIT:
                taken.append(now)
                return 0
            return max(1, math.ceil(WINDOW_S - (now - taken[0])))
