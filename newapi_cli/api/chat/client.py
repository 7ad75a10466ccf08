"""The client: chat completions and JSON of one server, with retries that the person sees.

Runs on the main thread. A request is asked again only before the first piece of an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator

from newapi_cli.api import codec
from newapi_cli.api.chat.response_reader import FRAME_S, Reading, Refused
from newapi_cli.api.http import retry as retries
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.worker import Exchange
from newapi_cli.domain.completion import ChatRequest, Notice, Tick, TurnEvent
from newapi_cli.domain.profile import Timeouts
from newapi_cli.signals import Interrupts

Read = Callable[[Reading], Iterator[TurnEvent]]


class AnswerEvents:
    """The events of an answer. Closing breaks the request off, also where nobody began to read."""

    def __init__(self, events: Generator[TurnEvent, None, None], first: Exchange) -> None:
        self._events = events
        self._first = first

    def __iter__(self) -> Iterator[TurnEvent]:
        return self._events

    def close(self) -> None:
        """Break off."""
        self._events.close()
        self._first.close()


class Client:
    """Talks to one endpoint. Each call is one exchange, or a few where retries are allowed.

    Every method may raise the errors of `errors.py` from `ConfigError` to `DeadlineError`, and
    `Interrupted` when a signal comes.
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

    def start_chat(self, request: ChatRequest, *, may_retry: bool = True) -> AnswerEvents:
        """Let the request leave now, and give what comes back as it comes.

        A stream that is refused with 400 because of `stream_options` is asked once more without.
        """
        wires = [self._chat_wire(request, with_usage=True)]
        if request.stream:
            wires.append(self._chat_wire(request, with_usage=False))
        first = self._start(wires[0])
        most = self._retries if may_retry else 0
        talk = self._talk(first, wires, Reading.answer, is_stream=request.stream, most_retries=most)
        return AnswerEvents(talk, first)

    def fetch_json(self, path: str) -> Generator[TurnEvent, None, object]:
        """Ask for a JSON value: ticks and notices, and the value is returned."""
        wire = self._wire("GET", path, None, "application/json")
        values: list[object] = []

        def read(reading: Reading) -> Iterator[TurnEvent]:
            values.append((yield from reading.json_value()))

        started = self._start(wire)
        yield from self._talk(started, [wire], read, is_stream=False, most_retries=self._retries)
        return values[-1]

    def _chat_wire(self, request: ChatRequest, *, with_usage: bool) -> WireRequest:
        body = codec.encode_chat(request, with_usage=with_usage)
        accept = "text/event-stream" if request.stream else "application/json"
        return self._wire("POST", codec.CHAT_COMPLETIONS, body, accept)

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

    def _talk(
        self,
        exchange: Exchange,
        wires: list[WireRequest],
        read: Read,
        *,
        is_stream: bool,
        most_retries: int,
    ) -> Generator[TurnEvent, None, None]:
        """Read the exchange; after a refusal that may pass, start and read another one."""
        attempt = 0
        wire, *others = wires
        size = f", {len(wire.body):,} bytes" if wire.body else ""
        url = f"{wire.base_url.scheme}://{wire.base_url.authority}{wire.path}"
        yield Notice(f"{wire.method} {url}{size}", is_detail=True)
        while True:
            try:
                yield from read(
                    Reading(exchange, self._timeouts, self._interrupts, is_stream=is_stream)
                )
                return
            except Refused as refused:
                if others and retries.blames_stream_options(refused.status, refused.error.why):
                    wire = others.pop()
                    yield Notice("asked again without stream_options", is_detail=True)
                elif refused.may_retry and attempt < most_retries:
                    attempt += 1
                    yield from self._pause(refused, attempt)
                else:
                    raise refused.error from None
            finally:
                exchange.close()
            exchange = self._start(wire)

    def _pause(self, refused: Refused, attempt: int) -> Iterator[TurnEvent]:
        wish_s = refused.wish_s
        if wish_s is not None and wish_s > retries.LONGEST_WISH_S:
            raise retries.too_long_to_wait(refused.error, wish_s)
        pause_s = retries.pause_s(attempt, wish_s)
        yield Notice(f"{refused.error.message}; retry {attempt}/{self._retries} in {pause_s:.1f} s")
        started = time.monotonic()
        while (waited_s := time.monotonic() - started) < pause_s:
            self._interrupts.wait(min(FRAME_S, pause_s - waited_s))
            yield Tick(waited_s)
