"""Pauses that end at once when the client goes away or the server stops."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from types import TracebackType


class ClientGone(Exception):
    """Nobody waits for this answer any more, or the server is stopping."""


class ClientWatch:
    """Looks at one connection while an answer is being written to it.

    A client that closes its sending half counts as gone, as it does for Go's net/http, on which
    the real gateway stands.
    """

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._connection = connection
        self._stopping = stopping
        self._has_next_request = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)

    def __enter__(self) -> ClientWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()

    def pause(self, seconds: float) -> None:
        """Wait that long, zero meaning one look; raise ClientGone as soon as it is true."""
        ends_at = time.monotonic() + seconds
        if not self._has_next_request and self._selector.select(seconds):
            self._look()
        if self._has_next_request:
            # the end of the connection can't be seen behind bytes that wait to be read
            self._stopping.wait(max(0.0, ends_at - time.monotonic()))
        if self._stopping.is_set():
            raise ClientGone

    def _look(self) -> None:
        try:
            peeked = self._connection.recv(1, socket.MSG_PEEK)
        except OSError as error:
            raise ClientGone from error
        if not peeked:
            raise ClientGone
        self._has_next_request = True
