"""The demo gateway: a New API gateway inside the program, for `newapi demo` and for tests.

It speaks the real protocol over real sockets and imports nothing else of the package: what it
sends is written from the specification, so it cannot repeat a mistake of the client.

    server       accepts connections, one thread each
    connection   reads the requests of a client, sends responses and streams
    routes       selects the response to a request
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

from newapi_cli.demo.connection import Connection, Shared
from newapi_cli.demo.http_request import Request, RequestLog
from newapi_cli.demo.routes import Routes

_CLOSE_TIMEOUT_S = 2.0  # for all connections together
_BACKLOG = 128


class DemoGateway:
    """A gateway that binds its port when it is created and serves from `start` to `stop`.

    Port 0 selects a free one; `pace_s` is the pause in seconds between two chunks of an answer;
    `make_routes` is called with the base URL and this pause. Raise OSError if the address cannot
    be bound. As a context manager it serves within the block.

    Its `base_url` is `http://HOST:PORT`, without `/v1`; it is valid before `start` too.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        pace_s: float = 0.012,
        make_routes: Callable[[str, float], Routes] = Routes,
    ) -> None:
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.base_url = "http://{}:{}".format(*self._socket.getsockname())
        self._stopping = threading.Event()
        self._log = RequestLog()
        self._shared = Shared(make_routes(self.base_url, pace_s), self._log, self._stopping)
        self._lock = threading.RLock()  # a signal handler may call stop() within stop()
        self._is_stopped = False
        self._accept_thread = _daemon_thread(self._accept)
        self._threads: dict[socket.socket, threading.Thread] = {}  # of the open connections
        self._threads_lock = threading.Lock()
        self._wake_receiver, self._wake_sender = socket.socketpair()

    def __enter__(self) -> DemoGateway:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def requests(self) -> list[Request]:
        """A copy of the last 1000 requests, oldest first."""
        return self._log.requests

    @property
    def disconnects(self) -> int:
        """How many clients disconnected before their answer was complete; `stop` adds none."""
        return self._log.disconnects

    def wait_for_disconnect(self, timeout_s: float, count: int = 1) -> bool:
        """Wait until `count` clients have disconnected in all; return False after the timeout."""
        return self._log.wait_for_disconnect(timeout_s, count)

    def start(self) -> None:
        """Serve in daemon threads and return at once; a second call does nothing.

        Raise RuntimeError after `stop`, which has released the port.
        """
        with self._lock:
            if self._is_stopped:
                raise RuntimeError("a stopped demo gateway cannot be started again")
            if self._accept_thread.ident is None:
                self._accept_thread.start()

    def serve_forever(self) -> None:
        """Serve until `stop` is called or Ctrl-C is pressed, then stop."""
        try:
            self.start()
            while not self._stopping.wait(0.5):
                pass  # in steps, because Windows delivers Ctrl-C only between two waits
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def stop(self) -> None:
        """Close all connections and release the port, in about 2 s; a second call does nothing."""
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped = True
            self._stopping.set()
            self._wake_sender.close()
            if self._accept_thread.ident is not None:
                self._accept_thread.join(_CLOSE_TIMEOUT_S)
            self._wake_receiver.close()
            self._socket.close()
            with self._threads_lock:
                open_connections = dict(self._threads)
            for connection in open_connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            ends_at = time.monotonic() + _CLOSE_TIMEOUT_S
            for thread in open_connections.values():
                thread.join(max(0.0, ends_at - time.monotonic()))

    def _accept(self) -> None:
        # closing the other end of a socket pair ends this select at once
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            while selector.select() and not self._stopping.is_set():
                try:
                    self._serve_in_thread(*self._socket.accept())
                except OSError:
                    self._stopping.wait(0.05)  # out of file descriptors: try again later

    def _serve_in_thread(self, connection: socket.socket, client_address: tuple[str, int]) -> None:
        thread = _daemon_thread(self._serve, connection, client_address)
        with self._threads_lock:
            self._threads[connection] = thread
        thread.start()

    def _serve(self, connection: socket.socket, client_address: tuple[str, int]) -> None:
        try:
            with contextlib.suppress(OSError):
                Connection(connection, client_address, self._shared)
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            connection.close()
            with self._threads_lock:
                self._threads.pop(connection, None)


def _daemon_thread(target: Callable[..., None], *args: object) -> threading.Thread:
    return threading.Thread(target=target, args=args, name="newapi-demo", daemon=True)
