"""One exchange on its thread: bounded in memory, and ended by closing in any state."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import (
    MAX_QUEUED_BYTES,
    Connected,
    Exchange,
    ExchangeEvent,
    RequestFailed,
    ResponseEnd,
    ResponseHead,
)
from newapi_cli.errors import NetworkError
from tests.api.exchanges import (
    assert_workers_end,
    client_for,
    endpoint,
    question,
    workers,
)
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY
from tests.support.steps import (
    BeforeReading,
    Forever,
    ReadHead,
    Reset,
    Send,
    SetEvent,
    Stall,
    Step,
    sse,
)
from tests.support.wire import answer_events, head, response

NEXT_S = 10.0
SOCKET_BUFFERS = 16 * 1024 * 1024


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    yield
    assert_workers_end()


def exchange_with(where: Endpoint | str, body: bytes = b"{}") -> Exchange:
    made = endpoint(where) if isinstance(where, str) else where
    request = WireRequest(
        "POST", made.base_url, made.base_url.path("/v1/bytes"), made.headers(), body
    )
    return Exchange(made, request)


def events_of(exchange: Exchange) -> list[ExchangeEvent]:
    """Return all events."""
    found: list[ExchangeEvent] = []
    while not found or not isinstance(found[-1], ResponseEnd | RequestFailed):
        event = exchange.next(NEXT_S)
        assert event is not None, found
        found.append(event)
    return found


def body_of(events: list[ExchangeEvent]) -> bytes:
    return b"".join(h for h in events if isinstance(h, bytes))


def test_the_events_of_an_exchange_are_in_order() -> None:
    with FaultServer([Send(response(200, b"whole", headers=[("X-A", "b")]))]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        first, second, *rest = events_of(exchange)
        exchange.close()
    assert isinstance(first, Connected)
    assert isinstance(second, ResponseHead)
    assert (second.status, second.headers["x-a"]) == (200, "b")
    assert body_of(rest) == b"whole"
    assert isinstance(rest[-1], ResponseEnd)


HEADERS: dict[str, list[tuple[bytes, bytes]]] = {
    "repeated": [(b"X-A", b"1"), (b"x-b", b""), (b"x-a", b"2, 3"), (b"X-A", b"4")],
    "UTF-8": [(b"Location", "/é/中".encode()), (b"X-A", b"a")],
    "Latin-1": [(b"Location", "/é".encode("latin-1")), (b"X-A", "中".encode())],
}


@pytest.mark.parametrize("sent", HEADERS.values(), ids=HEADERS)
def test_headers_are_the_same_as_with_httpx(sent: list[tuple[bytes, bytes]]) -> None:
    """A response through a proxy is read by httpx: the two must not differ."""
    lines = b"".join(b"%s: %s\r\n" % header for header in sent)
    with FaultServer([Send(b"HTTP/1.1 204 No Content\r\n" + lines + b"\r\n")]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        _, got, *_ = events_of(exchange)
        exchange.close()
    assert isinstance(got, ResponseHead)
    assert got.headers == dict(httpx.Headers(sent))


def test_no_event_within_the_timeout_is_none() -> None:
    with FaultServer([Stall()]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        assert isinstance(exchange.next(NEXT_S), Connected)
        assert exchange.next(0.01) is None
        assert exchange.next(-1) is None
        exchange.close()


def test_waking_ends_a_wait_at_once() -> None:
    with FaultServer([Stall()]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        assert isinstance(exchange.next(NEXT_S), Connected)
        waking = threading.Timer(0.05, exchange.wake)
        waking.start()
        assert exchange.next(60) is None
        waking.join()
        exchange.close()


def test_waking_between_blocks_loses_no_block() -> None:
    with FaultServer([Send(response(200, b"x" * 1_000_000))]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        found: list[ExchangeEvent] = []
        while not found or not isinstance(found[-1], ResponseEnd | RequestFailed):
            exchange.wake()
            event = exchange.next(NEXT_S)
            if event is not None:
                found.append(event)
        exchange.close()
    assert body_of(found) == b"x" * 1_000_000
    assert isinstance(found[-1], ResponseEnd)


def test_queued_blocks_are_returned_together_before_the_end() -> None:
    with FaultServer(sse(*[b"x" * 100] * 50)) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        assert_workers_end()
        found = events_of(exchange)
    assert [type(h) for h in found] == [Connected, ResponseHead, bytes, ResponseEnd]
    assert body_of(found) == b"x" * 5000


@pytest.mark.parametrize(
    "script",
    [
        [Send(head(200, [("Content-Length", "100")]) + b"part")],
        [Send(head(200, [("Transfer-Encoding", "chunked")]) + b"4\r\npart\r\n")],
        [Send(head(200, [("Transfer-Encoding", "chunked")]) + b"4\r\npart\r\nzz\r\n")],
    ],
    ids=["length", "chunks", "bad chunk"],
)
def test_a_body_that_ends_early_fails_after_its_part(script: list[Step]) -> None:
    with FaultServer(script) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        found = events_of(exchange)
        exchange.close()
    assert body_of(found) == b"part"
    last = found[-1]
    assert isinstance(last, RequestFailed)
    assert isinstance(last.error, NetworkError)


def test_a_refused_connection_fails_and_may_be_retried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    exchange = exchange_with(f"http://127.0.0.1:{port}")
    exchange.start()
    (failed,) = events_of(exchange)
    assert isinstance(failed, RequestFailed)
    assert failed.is_transient


def test_the_request_shows_no_key() -> None:
    made = endpoint("http://127.0.0.1:1")
    request = WireRequest("POST", made.base_url, "/", made.headers(), CANARY.encode())
    assert CANARY not in repr(request) + repr(made)


# -- bounds -----------------------------------------------------------------------------------


class Flood:
    """A server that sends as fast as it can, and counts the bytes that its client read."""

    def __init__(self) -> None:
        self.sent = 0
        self.is_stuck = threading.Event()
        self._go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="flood")
        self._thread.start()

    def _serve(self) -> None:
        accepted, _ = self._listener.accept()
        with accepted:
            accepted.recv(65536)
            accepted.settimeout(1.0)
            accepted.sendall(head(200, [("Connection", "close")]))
            block = b"x" * 65536
            try:
                while True:
                    self.sent += accepted.send(block)
            except TimeoutError:
                self.is_stuck.set()
            except OSError:
                return
            self._go_on.wait(30)

    def stop(self) -> None:
        self._go_on.set()
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def flood() -> Iterator[Flood]:
    """Return a server that never stops sending."""
    server = Flood()
    yield server
    server.stop()


def test_a_reader_that_stops_reading_slows_the_server_down(flood: Flood) -> None:
    exchange = exchange_with(flood.url)
    exchange.start()
    assert flood.is_stuck.wait(60)
    assert MAX_QUEUED_BYTES < flood.sent < MAX_QUEUED_BYTES + SOCKET_BUFFERS
    exchange.close()


def test_a_reader_that_resumes_receives_everything(flood: Flood) -> None:
    exchange = exchange_with(flood.url)
    exchange.start()
    assert flood.is_stuck.wait(60)
    assert isinstance(exchange.next(NEXT_S), Connected)
    assert isinstance(exchange.next(NEXT_S), ResponseHead)
    got = 0
    while got < flood.sent:
        block = exchange.next(NEXT_S)
        assert isinstance(block, bytes)
        got += len(block)
    exchange.close()


def test_closing_ends_a_worker_that_waits_for_room(flood: Flood) -> None:
    exchange = exchange_with(flood.url)
    exchange.start()
    assert flood.is_stuck.wait(60)
    assert len(workers()) == 1
    exchange.close()
    assert_workers_end()


# -- closing ------------------------------------------------------------------------------------

CLOSED_WHILE: dict[str, list[Step]] = {
    "it waits for the head": [Stall()],
    "the head dribbles": [Forever([Send(b"HTTP/1.1 200 OK\r\nX: ")]), Stall()],
    "the body stalls": sse(b": x\n\n", Stall(), end=False),
    "the body has no length": [Send(head(200, [("Connection", "close")]) + b"part"), Stall()],
    "the body runs": sse(Forever([Send(b"5\r\n: x\n\n\r\n")]), end=False),
}


@pytest.mark.parametrize("script", CLOSED_WHILE.values(), ids=CLOSED_WHILE)
def test_closing_ends_the_worker_while(script: list[Step]) -> None:
    reached = threading.Event()
    with FaultServer([SetEvent(reached), *script]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        assert reached.wait(NEXT_S)
        exchange.close()
        assert_workers_end()
        server.wait_for_close()


def test_closing_ends_the_worker_while_it_sends_to_a_server_that_does_not_read() -> None:
    reached = threading.Event()
    with FaultServer([BeforeReading(), ReadHead(), SetEvent(reached), Stall()]) as server:
        exchange = exchange_with(server.url, b"x" * 50_000_000)
        exchange.start()
        assert reached.wait(NEXT_S)
        exchange.close()
        assert_workers_end()


def test_closing_at_once_ends_the_worker() -> None:
    with FaultServer([Stall()], [Stall()], [Stall()], [Stall()]) as server:
        for _ in range(4):
            exchange = exchange_with(server.url)
            exchange.start()
            exchange.close()
        assert_workers_end()


def test_closing_twice_is_closing_once() -> None:
    with FaultServer([Stall()]) as server:
        exchange = exchange_with(server.url)
        exchange.start()
        exchange.close()
        exchange.close()
        assert_workers_end()


def test_events_that_were_never_read_can_be_closed() -> None:
    with FaultServer(sse(Stall(), end=False)) as server:
        events = client_for(server.url).start_chat(question())
        server.wait_for_requests(1)
        events.close()
        try:
            server.wait_for_close(2)
        finally:
            server.stop()


LEFT_BEHIND: dict[str, list[Step]] = {
    "a whole answer": sse(*answer_events("a")),
    "a whole answer without a length": sse(*answer_events("a"), chunked=False),
    "a body that stalls": sse(b": x\n\n", Stall(), end=False),
    "a body without a length that stalls": sse(b": x\n\n", Stall(), chunked=False),
    "a body without a length that breaks": sse(b": x\n\n", Reset(), chunked=False),
    "a body that breaks": sse(b": x\n\n", Reset(), end=False),
    "a refusal": [Send(response(500, b"x" * 100_000))],
    "no answer": [Reset()],
    "no HTTP": [Send(b"SSH-2.0-x\r\n")],
}


DESCRIPTORS_OF_A_SERVER = 3  # its listener, and the two ends by which it is woken


@pytest.mark.parametrize("script", LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_an_exchange_leaves_no_descriptor_behind(script: list[Step]) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with FaultServer(script) as server:
        gc.collect()
        gc.disable()  # what only the collector would close counts as left behind
        try:
            before = open_descriptors()
            exchange = exchange_with(server.url)
            exchange.start()
            found = [exchange.next(NEXT_S), exchange.next(0.5), exchange.next(0.5)]
            exchange.close()
            assert_workers_end()
            server.stop()
            assert open_descriptors() == before - DESCRIPTORS_OF_A_SERVER, found
        finally:
            gc.enable()
