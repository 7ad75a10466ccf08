"""One accepted connection of the fault server, and the requests read from it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

READ_SIZE_BYTES = 1 << 16


class ScriptEnded(Exception):
    """The script of a connection has nothing left to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received; names and values of the headers are the exact bytes."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    head: bytes

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body.decode("utf-8"))

    def header(self, name: str) -> str | None:
        """Return the value of a header, None if it is missing. Fail if there are two."""
        values = [value for key, value in self.headers if key.lower() == name.lower().encode()]
        if len(values) > 1:
            raise AssertionError(f"{len(values)} headers {name}")
        return values[0].decode("latin-1") if values else None


class Connection:
    """A connection as its script sees it."""

    thread: threading.Thread
    note_request: Callable[[Request], None]

    def __init__(
        self, accepted: socket.socket, changed: threading.Condition, stopping: threading.Event
    ) -> None:
        self.socket = accepted
        self.gone_at: float | None = None
        self.early: Any = None
        self._changed = changed
        self._stopping = stopping
        self._unread = b""
        self._awaited: threading.Event | None = None

    @property
    def is_over(self) -> bool:
        """Return whether the client has disconnected or the server is stopping."""
        return self.gone_at is not None or self._stopping.is_set()

    def note_gone(self) -> None:
        """Record that the client has disconnected."""
        with self._changed:
            if self.gone_at is None:
                self.gone_at = time.monotonic()
            self._changed.notify_all()

    def wait_until_gone(self, timeout_s: float | None) -> None:
        """Wait until the client disconnects. Raise `ScriptEnded` if the server stops."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_over, timeout_s)
        if self._stopping.is_set():
            raise ScriptEnded

    def wait_for(self, event: threading.Event) -> None:
        """Wait for an event of the test. Raise `ScriptEnded` if the server stops before."""
        self._awaited = event
        if not self._stopping.is_set():
            event.wait()
        if self._stopping.is_set():
            raise ScriptEnded

    def abandon(self) -> None:
        """End every wait of the thread of this connection."""
        with contextlib.suppress(OSError):  # the client or the watching thread has closed it
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._awaited is not None:
            self._awaited.set()

    def start_tls(self, tls: ssl.SSLContext) -> None:
        """Start TLS. Raise `OSError` if the client does not trust the certificate."""
        # In two steps: a handshake that fails in the first one would close what is still watched.
        encrypted = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket = encrypted
        encrypted.do_handshake()

    def read_request(self) -> Request:
        """Read a complete request. Raise `ScriptEnded` if the client disconnects instead."""
        request, length = self.read_head()
        return replace(request, body=self._read_exactly(length))

    def read_head(self) -> tuple[Request, int]:
        """Read the head of a request. Return it without its body, and the length of the body."""
        head = self._read_until(b"\r\n\r\n")
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, path, _ = first.decode("ascii").split(" ", 2)
        headers = []
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            headers.append((name, value.strip(b" \t")))
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"transfer-encoding":
                raise AssertionError("the request is chunked; some gateways refuse that")
        return Request(method, path, tuple(headers), b"", head), length

    def _read_until(self, mark: bytes) -> bytes:
        seen = self._unread
        while mark not in seen:
            seen += self._read()
        end = seen.index(mark) + len(mark)
        self._unread = seen[end:]
        return seen[:end]

    def _read_exactly(self, size: int) -> bytes:
        blocks = [self._unread]
        missing = size - len(self._unread)
        while missing > 0:
            block = self._read()
            blocks.append(block)
            missing -= len(block)
        data = b"".join(blocks)
        self._unread = data[size:]
        return data[:size]

    def _read(self) -> bytes:
        block = self.socket.recv(READ_SIZE_BYTES)
        if not block:
            raise ScriptEnded
        return block
