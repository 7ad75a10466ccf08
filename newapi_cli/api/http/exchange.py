"""One HTTP exchange on a thread of its own, which owns the socket.

The thread resolves, connects, sends and puts what it reads into a queue, bounded in bytes; the main
thread (`reader.ExchangeReader`, whose `Deadlines` hold the timeouts) takes from the queue. So every
deadline (DNS included) and Ctrl-C take effect at once, and a slow terminal never stalls the
network. Closing shuts the socket down, which ends the thread; a thread that hangs where no socket
exists yet (a dead resolver) is left behind as a daemon.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import NamedTuple

from newapi_cli.api.errors.failures import error_from_exception, is_transient
from newapi_cli.api.http.connection import Connection, WireRequest
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.i18n import tr

REQUEST_ID_HEADER = "x-oneapi-request-id"
VERSION_HEADER = "x-new-api-version"  # since 2026-01-30
OTHER_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "cf-ray")
LARGEST_STEP_BYTES = 128 * 1024
MAX_QUEUED_BYTES = 4 * 1024 * 1024
SHUTDOWN_S = 0.2


class Connected:
    """The connection is open (with TLS, if needed) and the request is about to be sent."""


class ResponseHead(NamedTuple):
    """The status and the headers, names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def request_id(self) -> str:
        """The id by which the gateway's operator finds the request, empty if there is none."""
        return request_id_in(self.headers)


class ResponseEnd:
    """The body is complete, or, if it has no length, the server has closed the connection."""


class RequestFailed(NamedTuple):
    """The exchange ended early, with a `NewapiError` or a bug.

    `is_transient`: a retry may succeed.
    """

    error: Exception
    is_transient: bool


ExchangeEvent = Connected | ResponseHead | bytes | ResponseEnd | RequestFailed


def request_id_in(headers: Mapping[str, str]) -> str:
    """Return the id by which the gateway's operator finds the request, empty if there is none.

    The gateway's own comes before those of proxies and providers.
    """
    names = (REQUEST_ID_HEADER, *OTHER_REQUEST_ID_HEADERS)
    return next((headers[name] for name in names if headers.get(name)), "")


class Exchange:
    """One request and its response, as events in their order."""

    def __init__(self, endpoint: Endpoint, request: WireRequest) -> None:
        self._endpoint = endpoint
        self._request = request
        self._queue: queue.SimpleQueue[ExchangeEvent | None] = queue.SimpleQueue()
        self._next: ExchangeEvent | None = None  # taken from the queue, not yet returned
        self._put_bytes = 0  # written by the worker only
        self._got_bytes = 0  # written by the main thread only
        self._has_room = threading.Event()
        self._is_closed = False
        self._proxy = ""
        self._connection: Connection | None = None  # a direct one
        self._socket: socket.socket | None = None
        self._worker = threading.Thread(target=self._run, name="newapi exchange", daemon=True)

    @property
    def pending_step(self) -> str:
        """What a direct connection is waiting for, empty once it is open."""
        connection = self._connection
        if connection is None or connection.is_connected:
            return ""
        base_url = self._request.base_url
        if not connection.is_resolved:
            return tr("no DNS response for {host}", host=base_url.host)
        if self._socket is None:
            return tr("no response from {place}", place=base_url.authority)
        return tr(
            "{place} accepts connections but has not answered the TLS handshake",
            place=base_url.authority,
        )

    def start(self) -> None:
        """Send the request."""
        self._worker.start()

    def next(self, timeout_s: float) -> ExchangeEvent | None:
        """Return the next event, or None after the timeout or a call of `wake`."""
        event, self._next = self._next, None
        if event is None:
            try:
                event = self._queue.get(timeout=max(timeout_s, 0))
            except queue.Empty:
                return None
        if isinstance(event, bytes):
            event = self._with_queued_blocks(event)
            self._got_bytes += len(event)
            self._has_room.set()
        return event

    def _with_queued_blocks(self, block: bytes) -> bytes:
        """Join the blocks that wait: a reader that fell behind catches up in large steps."""
        blocks = [block]
        size = len(block)
        while size < LARGEST_STEP_BYTES and self._queue.qsize():
            event = self._queue.get()
            if isinstance(event, bytes):
                blocks.append(event)
                size += len(event)
            else:
                self._next = event
                break
        return block if len(blocks) == 1 else b"".join(blocks)

    def wake(self) -> None:
        """End a waiting `next` now; may be called by a signal handler."""
        self._queue.put(None)

    def close(self) -> None:
        """Close the connection, whatever the worker is doing, and wait briefly for it to end.

        Python must not exit while a thread is in the middle of TLS: that can crash.
        """
        self._is_closed = True
        self._has_room.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._worker.join(SHUTDOWN_S)

    def _run(self) -> None:
        try:
            self._proxy = self._endpoint.proxy_url()
            if self._proxy:
                self._exchange_through_proxy()
            else:
                self._exchange_directly()
        except Exception as error:  # noqa: BLE001  # carried to the main thread, and raised there
            if not self._is_closed:
                self._queue.put(self._failure(error))

    def _exchange_directly(self) -> None:
        self._connection = connection = Connection(
            self._request, self._set_socket, lambda: self._is_closed
        )
        with closing(connection):
            connection.connect()
            self._queue.put(Connected())
            with closing(connection.send_request()) as response:
                self._queue.put(ResponseHead(response.status, response.joined_headers()))
                self._put_body(response.iter_body())

    def _exchange_through_proxy(self) -> None:
        from newapi_cli.api.http import proxies  # noqa: PLC0415  # loads httpx, 35 to 60 ms

        with (
            proxies.open_transport(self._proxy, self._request) as transport,
            closing(
                proxies.send(
                    transport, self._request, self._set_socket, lambda: self._queue.put(Connected())
                )
            ) as response,
        ):
            self._queue.put(ResponseHead(response.status_code, dict(response.headers)))
            self._put_body(response.iter_raw())

    def _failure(self, error: Exception) -> RequestFailed:
        base_url = self._request.base_url
        try:
            if self._proxy:
                from newapi_cli.api.http import proxies  # noqa: PLC0415  # loads httpx

                set_by = self._endpoint.proxy_source(self._proxy)
                ours = proxies.error_from_exception(error, base_url, self._proxy, set_by)
                return RequestFailed(ours, proxies.is_transient(error))
            was_open = self._connection is not None and self._connection.is_connected
            ours = error_from_exception(error, base_url, was_open=was_open)
            return RequestFailed(ours, is_transient(error, was_open=was_open))
        except Exception as bug:  # noqa: BLE001  # reported by the main thread, redacted
            return RequestFailed(bug, is_transient=False)

    def _set_socket(self, sock: socket.socket) -> None:
        self._socket = sock
        if self._is_closed:
            self.close()

    def _put_body(self, blocks: Iterable[bytes]) -> None:
        for block in blocks:
            self._queue.put(block)
            self._put_bytes += len(block)
            self._wait_for_room()
            if self._is_closed:
                return
        self._queue.put(ResponseEnd())

    def _wait_for_room(self) -> None:
        while self._put_bytes - self._got_bytes > MAX_QUEUED_BYTES and not self._is_closed:
            self._has_room.clear()
            if self._put_bytes - self._got_bytes > MAX_QUEUED_BYTES and not self._is_closed:
                self._has_room.wait()
