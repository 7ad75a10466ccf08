"""One HTTP exchange on a thread of its own, which owns the socket and knows nothing else.

The thread resolves, connects, sends and puts what it reads into a queue, bounded in bytes; the main
thread takes from the queue with a timeout. So every deadline (DNS included) and Ctrl-C are answered
at once, and a slow terminal never stalls the network. Closing shuts the socket down, which ends the
thread; a thread that hangs where no socket exists yet (a dead resolver) is left behind as a daemon.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from types import ModuleType
from typing import NamedTuple

from newapi_cli.api.http.connection import HeadStart, WireRequest
from newapi_cli.api.http.endpoint import Endpoint

LARGEST_STEP_BYTES = 128 * 1024
MAX_QUEUED_BYTES = 4 * 1024 * 1024
LAST_WORDS_S = 0.2


class Connected:
    """The connection stands; the request is being sent."""


class Head(NamedTuple):
    """The status line and headers, names in lower case."""

    status: int
    headers: Mapping[str, str]


class Ended:
    """The body ended as the framing promised, or, without framing, by the server's closing."""


class Failed(NamedTuple):
    """What ended the exchange early: one of our errors, or a bug of ours.

    `is_passing`: another try may find it gone.
    """

    error: Exception
    is_passing: bool


Happening = Connected | Head | bytes | Ended | Failed


class Exchange:
    """One request and its answer, as happenings in their order."""

    def __init__(
        self, endpoint: Endpoint, request: WireRequest, load_transport: Callable[[], ModuleType]
    ) -> None:
        self._endpoint = endpoint
        self._request = request
        self._load_transport = load_transport
        self._queue: queue.SimpleQueue[Happening | None] = queue.SimpleQueue()
        self._held: Happening | None = None  # taken from the queue, not yet given
        self._put_bytes = 0  # written by the worker only
        self._got_bytes = 0  # written by the main thread only
        self._room = threading.Event()
        self._closed = False
        self._socket: socket.socket | None = None
        self._head: HeadStart | None = None
        self._worker = threading.Thread(target=self._run, name="newapi exchange", daemon=True)

    @property
    def standstill(self) -> str:
        """Say what a direct connection still waits for, or nothing where it stands."""
        head = self._head
        if head is None or head.connected:
            return ""
        place = head.request.base_url
        if not head.connection.is_found:
            return f"no name server has answered for {place.host}"
        if self._socket is None:
            return f"{place.authority} does not answer at all"
        return f"{place.authority} takes connections, and says nothing of TLS"

    def start(self) -> None:
        """Let the request leave."""
        self._worker.start()

    def next(self, timeout_s: float) -> Happening | None:
        """Give the next happening, or None when nothing came in time or `wake` was called."""
        happening, self._held = self._held, None
        if happening is None:
            try:
                happening = self._queue.get(timeout=max(timeout_s, 0))
            except queue.Empty:
                return None
        if isinstance(happening, bytes):
            happening = self._with_all_queued(happening)
            self._got_bytes += len(happening)
            self._room.set()
        return happening

    def _with_all_queued(self, block: bytes) -> bytes:
        """Join the blocks that wait: a reader that fell behind catches up in large steps."""
        blocks = [block]
        size = len(block)
        while size < LARGEST_STEP_BYTES and self._queue.qsize():
            happening = self._queue.get()
            if isinstance(happening, bytes):
                blocks.append(happening)
                size += len(happening)
            else:
                self._held = happening
                break
        return block if len(blocks) == 1 else b"".join(blocks)

    def wake(self) -> None:
        """End a waiting `next` now; may be called by a signal handler."""
        self._queue.put(None)

    def close(self) -> None:
        """Break the connection off, wherever the worker is, and wait a moment for its end.

        Python must not be taken down over a thread that is in the midst of TLS: that can crash.
        """
        self._closed = True
        self._room.set()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._worker.join(LAST_WORDS_S)

    def _run(self) -> None:
        try:
            self._talk()
        except Exception as error:  # noqa: BLE001  # carried to the main thread, and raised there
            if not self._closed:  # or nobody wants to know
                self._queue.put(self._failed(error))
        finally:
            if self._head is not None:
                self._head.connection.close()

    def _failed(self, error: Exception) -> Failed:
        try:
            transport = self._load_transport()
            proxy = transport.proxy_for(self._endpoint)
            set_by = transport.proxy_setter(self._endpoint, proxy)
            ours = transport.error_from_exception(error, self._endpoint.base_url, proxy, set_by)
            return Failed(ours, transport.is_passing(error))
        except Exception as bug:  # noqa: BLE001  # a bug of ours is told by the main thread, masked
            return Failed(bug, is_passing=False)

    def _talk(self) -> None:
        start = None
        if self._endpoint.needs_no_proxy:
            start = self._head_start()
        transport = self._load_transport()
        if start is None and not transport.proxy_for(self._endpoint):
            start = self._head_start()
        with (
            transport.open_transport(self._endpoint, self._request, start) as road,
            closing(
                transport.send(
                    road, self._request, self._keep_socket, lambda: self._queue.put(Connected())
                )
            ) as response,
        ):
            self._queue.put(Head(response.status_code, dict(response.headers)))
            for block in response.iter_raw():
                self._put(block)
                if self._closed:
                    return
            self._queue.put(Ended())

    def _head_start(self) -> HeadStart:
        self._head = HeadStart(self._request, self._keep_socket)
        self._head.run(lambda: self._queue.put(Connected()))
        return self._head

    def _keep_socket(self, sock: socket.socket) -> None:
        self._socket = sock
        if self._closed:
            self.close()

    def _put(self, block: bytes) -> None:
        self._queue.put(block)
        self._put_bytes += len(block)
        while self._put_bytes - self._got_bytes > MAX_QUEUED_BYTES and not self._closed:
            self._room.clear()
            if self._put_bytes - self._got_bytes > MAX_QUEUED_BYTES and not self._closed:
                self._room.wait()
