"""The one reader of an exchange: its events on the main thread, under deadlines and signals."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.deadlines import Deadlines
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.worker import (
    Connected,
    Exchange,
    ExchangeEvent,
    RequestFailed,
    ResponseEnd,
    ResponseHead,
)
from newapi_cli.domain.completion import Tick
from newapi_cli.errors import DeadlineError
from newapi_cli.signals import Interrupts

FRAME_S = 0.04
Returned = TypeVar("Returned")


class ExchangeReader:
    """Waits for the events of one exchange.

    Methods that wait raise `DeadlineError` and `Interrupted`. Generators yield a tick for every
    frame in which nothing arrives.
    """

    def __init__(self, exchange: Exchange, deadlines: Deadlines, interrupts: Interrupts) -> None:
        self.deadlines = deadlines
        self._exchange = exchange
        self._interrupts = interrupts
        self._listened_until = time.monotonic()

    def next(self) -> ExchangeEvent | Tick:
        """Return the next event, or a tick if nothing arrives within a frame."""
        started = time.monotonic()
        self.deadlines.not_listening(started - self._listened_until)
        try:
            wait_s = min(FRAME_S, self.deadlines.remaining_s(started))
        except DeadlineError as error:
            error.why = error.why or self._exchange.pending_step
            raise
        event = self._exchange.next(wait_s)
        self._listened_until = now = time.monotonic()
        self.deadlines.not_listening(max(0.0, now - started - wait_s))  # the program was stopped
        self._interrupts.check()
        if event is None:
            return Tick(self.deadlines.silent_s(now))
        if isinstance(event, Connected):
            self.deadlines.connected(now)
        elif not isinstance(event, RequestFailed):
            self.deadlines.byte(now)
        return event

    def head(self) -> Generator[Tick, None, ResponseHead | RequestFailed]:
        """Wait for status and headers and return them, or the failure in their place."""
        while not isinstance(event := self.next(), ResponseHead | RequestFailed):
            if isinstance(event, Tick):
                yield event
        return event

    def blocks(self) -> Iterator[bytes | Tick]:
        """Yield the body as it arrives. Raises the error that the exchange failed with."""
        while not isinstance(event := self.next(), ResponseEnd):
            if isinstance(event, RequestFailed):
                raise event.error
            if isinstance(event, bytes | Tick):
                yield event

    def body(self, limit_bytes: int) -> Generator[Tick, None, bytes]:
        """Read the body and return it: what has arrived if it breaks off or exceeds the limit."""
        blocks: list[bytes] = []
        size = 0
        while size <= limit_bytes:
            event = self.next()
            if isinstance(event, ResponseEnd | RequestFailed):
                break
            if isinstance(event, Tick):
                yield event
            elif isinstance(event, bytes):
                blocks.append(event)
                size += len(event)
        return b"".join(blocks)

    def await_end(self, timeout_s: float) -> None:
        """Wait for the end of the exchange, without deadlines and at most for the timeout."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            if isinstance(self._exchange.next(left_s), ResponseEnd | RequestFailed):
                return


@contextmanager
def open_exchange(
    endpoint: Endpoint, request: WireRequest, deadlines: Deadlines, interrupts: Interrupts
) -> Iterator[ExchangeReader]:
    """Send a request and return the reader of its response; close the connection afterwards."""
    exchange = Exchange(endpoint, request)
    interrupts.wake = exchange.wake
    exchange.start()
    try:
        yield ExchangeReader(exchange, deadlines, interrupts)
    finally:
        interrupts.wake = None
        exchange.close()


def run_to_end(steps: Generator[Tick, None, Returned]) -> Returned:
    """Run a generator of the reader and return what it returns, without its ticks."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            returned: Returned = end.value
            return returned
