"""The client of one server: chat completions and JSON, with visible retries.

Runs on the main thread. `_events` retries a request whose response has not begun;
`api.http.retry` decides whether, and after which pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator

from newapi_cli.api.chat.request import CHAT_COMPLETIONS, encode_chat
from newapi_cli.api.chat.response_reader import NoAnswer, ResponseReader
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import Exchange
from newapi_cli.api.http.reader import Deadlines, ExchangeReader
from newapi_cli.api.http.retry import (
    MAX_RETRY_AFTER_S,
    pause_s,
    wait_hint,
)
from newapi_cli.domain.completion import FRAME_S, ChatRequest, Notice, Tick, TurnEvent
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import NewapiError
from newapi_cli.i18n import tr
from newapi_cli.signals import Interrupts

Read = Callable[[ResponseReader], Iterator[TurnEvent]]


class AnswerEvents:
    """The events of an answer. Closing cancels the request, even if no event has been read."""

    def __init__(self, events: Generator[TurnEvent, None, None], first: Exchange) -> None:
        self._events = events
        self._first = first

    def __iter__(self) -> Iterator[TurnEvent]:
        return self._events

    def close(self) -> None:
        """Cancel the request."""
        self._events.close()
        self._first.close()


class Client:
    """Sends requests to one endpoint, each in one exchange, or more with retries.

    Every method may raise the errors of `errors.py` from `ConfigError` to `DeadlineError`, and
    `Interrupted` at a signal.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        interrupts: Interrupts,
        *,
        timeouts: Timeouts,
        retries: int,
    ) -> None:
        self._endpoint = endpoint
        self._interrupts = interrupts
        self._timeouts = timeouts
        self._retries = retries

    def start_chat(self, request: ChatRequest, *, with_retries: bool = True) -> AnswerEvents:
        """Send the request and return the events of its answer.

        A stream that is rejected because of `stream_options` is sent again without it.
        """
        wires = [self._chat_wire(request, with_usage=True)]
        if request.stream:
            wires.append(self._chat_wire(request, with_usage=False))
        first = self._start(wires[0])
        events = self._events(
            first,
            wires,
            ResponseReader.completion,
            is_stream=request.stream,
            max_retries=self._retries if with_retries else 0,
        )
        return AnswerEvents(events, first)

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Request a JSON value: yields ticks and notices, returns the value."""
        wire = self._wire("GET", path, None, "application/json")
        values: list[object] = []

        def read(reader: ResponseReader) -> Iterator[TurnEvent]:
            values.append((yield from reader.json_value()))

        first = self._start(wire)
        yield from self._events(first, [wire], read, is_stream=False, max_retries=self._retries)
        return values[-1]

    def _chat_wire(self, request: ChatRequest, *, with_usage: bool) -> WireRequest:
        body = encode_chat(request, with_usage=with_usage)
        accept = "text/event-stream" if request.stream else "application/json"
        return self._wire("POST", CHAT_COMPLETIONS, body, accept)

    def _wire(self, method: str, path: str, body: bytes | None, accept: str) -> WireRequest:
        return WireRequest(
            method=method,
            base_url=self._endpoint.base_url,
            path=self._endpoint.base_url.path(path),
            headers=self._endpoint.headers(accept=accept),
            body=body,
            tls=self._endpoint.tls_context(),
            connect_s=self._timeouts.connect_s,
        )

    def _start(self, wire: WireRequest) -> Exchange:
        exchange = Exchange(self._endpoint, wire)
        self._interrupts.wake = exchange.wake
        exchange.start()
        return exchange

    def _events(
        self,
        exchange: Exchange,
        wires: list[WireRequest],
        read: Read,
        *,
        is_stream: bool,
        max_retries: int,
    ) -> Generator[TurnEvent, None, None]:
        """Read the exchange; start and read another one after an error that allows it."""
        attempt = 0
        wire, *others = wires
        url = f"{wire.base_url.scheme}://{wire.base_url.authority}{wire.path}"
        notice = tr("{method} {url}", method=wire.method, url=url)
        if wire.body:
            size = len(wire.body)
            notice = tr("{method} {url}, {size:,} bytes", method=wire.method, url=url, size=size)
        yield Notice(notice, is_detail=True)
        while True:
            try:
                yield from read(self._reader(exchange, is_stream=is_stream))
                return
            except NoAnswer as no_answer:
                error = no_answer.error
                if others and no_answer.rejects_stream_options:
                    wire = others.pop()
                    yield Notice(tr("retried without stream_options"), is_detail=True)
                elif no_answer.is_transient and attempt < max_retries:
                    attempt += 1
                    yield from self._pause(error, attempt)
                else:
                    raise error from None
            finally:
                exchange.close()
            exchange = self._start(wire)

    def _reader(self, exchange: Exchange, *, is_stream: bool) -> ResponseReader:
        deadlines = Deadlines(self._timeouts, stream=is_stream, now=time.monotonic())
        return ResponseReader(ExchangeReader(exchange, deadlines, self._interrupts))

    def _pause(self, error: NewapiError, attempt: int) -> Iterator[TurnEvent]:
        if error.retry_after_s is not None and error.retry_after_s > MAX_RETRY_AFTER_S:
            raise error.with_hint(wait_hint(error.retry_after_s))
        seconds = pause_s(attempt, error.retry_after_s)
        yield Notice(
            tr(
                "{error}; retrying in {seconds} s ({attempt} of {retries})",
                error=error.message,
                seconds=f"{seconds:.1f}",
                attempt=attempt,
                retries=self._retries,
            )
        )
        started = time.monotonic()
        while (waited_s := time.monotonic() - started) < seconds:
            self._interrupts.wait(min(FRAME_S, seconds - waited_s))
            yield Tick(waited_s)
