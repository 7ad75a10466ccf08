"""A gateway that fails in one of five answers, in one of a dozen ways."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

from tests.support.connection import Request
from tests.support.steps import Reset, Send, Stall, Step, sse
from tests.support.wire import DONE, answer_events, chunk, error, event, response

FAULT_SHARE = 0.2
WORDS = 12


class UnreliableGateway:
    """Answers of random words, some of them with a fault; `texts` holds each by its prompt.

    Safe for concurrent connections.
    """

    def __init__(self, seed: int) -> None:
        self.texts: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, request: Request) -> list[Step]:
        """Return the steps that respond to a request."""
        prompt = str(request.json["messages"][-1]["content"])
        with self._lock:
            words = [f"{self._random.getrandbits(40):x}" for _ in range(WORDS)]
            self.texts[prompt] = " ".join(words)
            if self._random.random() >= FAULT_SHARE:
                return sse(*_deltas(words), *answer_events())
            name = self._random.choice(sorted(FAULTS))
            self.faults[name] += 1
        return FAULTS[name](words)


def _deltas(words: list[str]) -> list[bytes]:
    return [event(chunk(word if not number else f" {word}")) for number, word in enumerate(words)]


def _part(*end: Step) -> Callable[[list[str]], list[Step]]:
    return lambda words: [*sse(*_deltas(words[: WORDS // 2]), end=False), *end]


FAULTS: dict[str, Callable[[list[str]], list[Step]]] = {
    "reset before the response": lambda _: [Reset()],
    "close before the response": lambda _: [],
    "reset during the answer": _part(Reset()),
    "close during the answer": _part(),
    "stall during the answer": _part(Stall()),
    "stall": lambda _: [Stall()],
    "500": lambda _: [Send(response(500, error("broken")))],
    "429": lambda _: [Send(response(429, error("slow down")))],
    "401": lambda _: [Send(response(401, error("no such key")))],
    "web page": lambda _: [Send(response(200, "<html>hello</html>", content_type="text/html"))],
    "a malformed event": lambda words: sse(
        *_deltas(words), b"data: {broken\n\n", event(chunk(finish="stop")), DONE
    ),
    "no finish reason": lambda words: sse(*_deltas(words), DONE),
    "error during the answer": lambda words: sse(*_deltas(words[:3]), event(error("overloaded"))),
}
