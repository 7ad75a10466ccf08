"""A gateway on a bad day: of five answers one is spoiled, in one of a dozen ways."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

from tests.support.connection import Request
from tests.support.steps import Reset, Send, Stall, Step, sse
from tests.support.wire import DONE, answer_events, chunk, error, event, response

SHARE = 0.2
WORDS = 12


class Weather:
    """Gives each request its answer. `said` holds the whole text for each prompt.

    Safe to be asked by many connections at once.
    """

    def __init__(self, seed: int) -> None:
        self.said: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, request: Request) -> list[Step]:
        """Give the steps for a request."""
        prompt = str(request.json["messages"][-1]["content"])
        with self._lock:
            words = [f"{self._random.getrandbits(40):x}" for _ in range(WORDS)]
            self.said[prompt] = " ".join(words)
            if self._random.random() >= SHARE:
                return sse(*_deltas(words), *answer_events())
            name = self._random.choice(sorted(FAULTS))
            self.faults[name] += 1
        return FAULTS[name](words)


def _deltas(words: list[str]) -> list[bytes]:
    return [event(chunk(word if not number else f" {word}")) for number, word in enumerate(words)]


def _part(*end: Step) -> Callable[[list[str]], list[Step]]:
    return lambda words: [*sse(*_deltas(words[: WORDS // 2]), end=False), *end]


FAULTS: dict[str, Callable[[list[str]], list[Step]]] = {
    "reset before the answer": lambda _: [Reset()],
    "the end before the answer": lambda _: [],
    "reset in the answer": _part(Reset()),
    "the end in the answer": _part(),
    "silence in the answer": _part(Stall()),
    "silence": lambda _: [Stall()],
    "500": lambda _: [Send(response(500, error("broken")))],
    "429": lambda _: [Send(response(429, error("slowly")))],
    "401": lambda _: [Send(response(401, error("no such key")))],
    "web page": lambda _: [Send(response(200, "<html>hello</html>", content_type="text/html"))],
    "garbage among events": lambda words: sse(
        *_deltas(words), b"data: {broken\n\n", event(chunk(finish="stop")), DONE
    ),
    "no finish reason": lambda words: sse(*_deltas(words), DONE),
    "error in the answer": lambda words: sse(*_deltas(words[:3]), event(error("overloaded"))),
}
