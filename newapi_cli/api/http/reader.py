"""The one reader of an exchange: its events on the main thread, under deadlines and signals.

The read timeout of an HTTP library starts again with each byte, so a server that only sends pings
would never time out: `Deadlines` counts the silence itself. `domain.settings.Timeouts` has the
defaults, `config.settings` reads them.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import (
    Connected,
    Exchange,
    ExchangeEvent,
    RequestFailed,
    ResponseEnd,
    ResponseHead,
)
from newapi_cli.domain.completion import FRAME_S, Tick
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import DeadlineError, NextStep
from newapi_cli.i18n import tr
from newapi_cli.signals import Interrupts

AFTER_FINISH_S = 5.0
Returned = TypeVar("Returned")


class Deadlines:
    """The deadlines of one exchange, each of which limits one kind of silence.

    Times are `time.monotonic` seconds, passed by the caller. Only time in which the caller was
    listening counts: `exclude` subtracts the rest.
    """

    def __init__(
        self, timeouts: Timeouts, *, stream: bool, now: float, started: float | None = None
    ) -> None:
        self._timeouts = timeouts
        self._stream = stream
        self._now = now
        self._started = now if started is None else started  # of a chain of redirects
        self._connected: float | None = None
        self._last_byte: float | None = None
        self._last_content: float | None = None
        self._finished: float | None = None
        self._not_listening_s = 0.0

    def exclude(self, seconds: float) -> None:
        """Exclude time in which the output was full, or the program stopped."""
        self._not_listening_s += seconds

    def record_connection(self, now: float) -> None:
        """Record that the connection is open."""
        self._connected = now - self._not_listening_s

    def record_byte(self, now: float) -> None:
        """Record that something arrived, if only a ping."""
        self._last_byte = now - self._not_listening_s

    def record_content(self, now: float) -> None:
        """Record that a part of the answer or of its reasoning arrived."""
        self._last_content = now - self._not_listening_s

    def record_finish(self, now: float) -> None:
        """Record that the finish reason arrived: only the token counts may follow."""
        self._finished = now - self._not_listening_s

    def silent_s(self, now: float) -> float:
        """Return the seconds since the last part of the answer."""
        return now - self._not_listening_s - (self._last_content or self._now)

    def remaining_s(self, now: float, pending_step: str = "") -> float:
        """Return the seconds until the next deadline.

        Raises `DeadlineError` after it, with the step that the connection is waiting for.
        """
        remaining = float("inf")
        for awaited, limit_s, since in self._active():
            if limit_s <= 0:
                continue
            left = since + limit_s - (now - self._not_listening_s)
            if left <= 0:
                raise _deadline_error(awaited, f"{limit_s:g}", pending_step)
            remaining = min(remaining, left)
        return remaining

    def _active(self) -> list[tuple[str, float, float]]:
        """Return what is awaited, for how long, and since when."""
        timeouts = self._timeouts
        if self._finished is not None:
            return [("end after finish", AFTER_FINISH_S, self._finished)]
        total = ("end", timeouts.total_s, self._started)
        if self._connected is None:
            return [("connection", timeouts.connect_s, self._now), total]
        if self._last_byte is None:
            # A response that is not streamed sends nothing before it is complete.
            first_byte_s = timeouts.first_byte_s if self._stream else timeouts.first_content_s
            byte = ("first byte", first_byte_s, self._connected)
        else:
            byte = ("byte", timeouts.idle_s, self._last_byte)
        if self._last_content is None:
            content = ("first content", timeouts.first_content_s, self._connected)
        else:
            content = ("content", timeouts.content_idle_s, self._last_content)
        return [total, byte, content]


def _deadline_error(awaited: str, seconds: str, pending_step: str) -> DeadlineError:
    wait_longer = tr("wait longer with {step}, or 0 for no limit", step=NextStep.SET_TIMEOUT)
    errors = {
        "connection": (
            tr("no connection within {seconds} s", seconds=seconds),
            tr("check the base URL and the network, or raise the setting `connect_timeout`"),
        ),
        "first byte": (tr("no response within {seconds} s", seconds=seconds), wait_longer),
        "byte": (tr("no data for {seconds} s", seconds=seconds), wait_longer),
        "first content": (tr("no answer within {seconds} s", seconds=seconds), wait_longer),
        "content": (tr("no new text for {seconds} s", seconds=seconds), wait_longer),
        "end": (
            tr("response not complete within {seconds} s", seconds=seconds),
            tr("raise the setting `total_timeout`"),
        ),
        "end after finish": (
            tr("no end of the response within {seconds} s of the finish reason", seconds=seconds),
            "",
        ),
    }
    message, hint = errors[awaited]
    return DeadlineError(message, why=pending_step, hint=hint)


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
        self.deadlines.exclude(started - self._listened_until)
        remaining_s = self.deadlines.remaining_s(started, self._exchange.pending_step)
        wait_s = min(FRAME_S, remaining_s)
        event = self._exchange.next(wait_s)
        self._listened_until = now = time.monotonic()
        self.deadlines.exclude(max(0.0, now - started - wait_s))  # the program was stopped
        self._interrupts.check()
        if event is None:
            return Tick(self.deadlines.silent_s(now))
        if isinstance(event, Connected):
            self.deadlines.record_connection(now)
        elif not isinstance(event, RequestFailed):
            self.deadlines.record_byte(now)
        return event

    def head(self) -> Generator[Tick, None, ResponseHead | RequestFailed]:
        """Wait for status and headers and return them, or the failure in their place."""
        while not isinstance(event := self.next(), ResponseHead | RequestFailed):
            if isinstance(event, Tick):
                yield event
        return event

    def blocks(self) -> Iterator[bytes | Tick]:
        """Yield the body as it arrives.

        Raises the error that the exchange failed with.
        """
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


def run_to_end(steps: Generator[object, None, Returned]) -> Returned:
    """Run a request and return what it returns, without its events."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            returned: Returned = end.value
            return returned
