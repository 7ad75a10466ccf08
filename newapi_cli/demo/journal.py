"""What the demo gateway has seen: the requests, and the answers that nobody waited for."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

REMEMBERED_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it came. Header names are in lower case; `model` is empty where none was."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    model: str


class Journal:
    """The record of one gateway; every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: deque[SeenRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self._calls: Counter[str] = Counter()
        self._disconnects = 0

    @property
    def requests(self) -> list[SeenRequest]:
        """The last 1000 requests, oldest first; a copy."""
        with self._changed:
            return list(self._requests)

    @property
    def disconnects(self) -> int:
        """How many answers were abandoned by their client."""
        with self._changed:
            return self._disconnects

    def add_request(self, request: SeenRequest) -> None:
        """Record a request; the oldest gives way."""
        with self._changed:
            self._requests.append(request)

    def count_call(self, model: str) -> int:
        """Count a call of a model and give how many there were before it."""
        with self._changed:
            self._calls[model] += 1
            return self._calls[model] - 1

    def add_disconnect(self) -> None:
        """Record that a client left before its answer was complete."""
        with self._changed:
            self._disconnects += 1
            self._changed.notify_all()

    def wait_for_disconnect(self, timeout_s: float, count: int = 1) -> bool:
        """Wait until `count` answers were abandoned in all; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._disconnects >= count, timeout_s)
