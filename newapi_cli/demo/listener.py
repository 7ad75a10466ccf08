"""The listening socket: a thread for each connection, all of which end when the server stops."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import socketserver
import threading
import time

from newapi_cli.demo.account import Accounts
from newapi_cli.demo.desk import Desk
from newapi_cli.demo.journal import Journal
from newapi_cli.demo.site import Site

_FAREWELL_S = 2.0  # how long close() waits for connections to end, in all


class Listener(socketserver.TCPServer):
    """Accepts on a loopback port. `pace_s` is the pause between two pieces of an answer."""

    allow_reuse_address = os.name == "posix"  # elsewhere it would share a port in use
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[socketserver.BaseRequestHandler],
        pace_s: float,
        site: Site,
    ) -> None:
        super().__init__(address, handler)
        self.journal = Journal()
        self.pace_s = pace_s
        self.site = site
        self.accounts = Accounts(site)
        self.desk = Desk(site, self.accounts, self.base_url, int(site.clock()))
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[socket.socket, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None
        self._bell, self._bell_button = socket.socketpair()

    @property
    def base_url(self) -> str:
        """`http://HOST:PORT`, without a slash at the end."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Accept in a daemon thread until `close` is called; a second call does nothing."""
        if self._acceptor is None:
            self._acceptor = threading.Thread(target=self._accept, name="newapi-demo", daemon=True)
            self._acceptor.start()

    def process_request(self, request: object, client_address: object) -> None:
        """Give the new connection a daemon thread of its own."""
        assert isinstance(request, socket.socket)
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="newapi-demo", daemon=True
        )
        with self._lock:
            self._threads[request] = thread
        thread.start()

    def close(self) -> None:
        """Stop accepting, end every pause, hang up on all clients; takes at most 2 s or so."""
        self.stopping.set()
        self._bell_button.close()
        if self._acceptor is not None:
            self._acceptor.join(_FAREWELL_S)
        self._bell.close()
        self.server_close()
        with self._lock:
            open_connections = dict(self._threads)
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        ends_at = time.monotonic() + _FAREWELL_S
        for thread in open_connections.values():
            thread.join(max(0.0, ends_at - time.monotonic()))

    def _accept(self) -> None:
        # not serve_forever: it looks twice a second whether to end, this waits for the bell
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while selector.select() and not self.stopping.is_set():
                try:
                    self.process_request(*self.get_request())
                except OSError:
                    self.stopping.wait(0.05)  # out of file descriptors: better luck later

    def _serve(self, connection: socket.socket, client_address: object) -> None:
        try:
            with contextlib.suppress(OSError):
                self.finish_request(connection, client_address)
        finally:
            self.shutdown_request(connection)
            with self._lock:
                self._threads.pop(connection, None)
