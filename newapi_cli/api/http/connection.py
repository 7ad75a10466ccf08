"""A direct connection to a server: the request out and the response in, by the standard library.

httpx takes 35 to 60 ms to load, longer than everything else before a request, so it is left to
requests that go through a proxy.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import math
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import zip_longest
from typing import BinaryIO, cast

from newapi_cli.domain.base_url import BaseUrl

Address = tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]
Addresses = Sequence[Address]
READ_SIZE_BYTES = 1 << 16
ATTEMPT_DELAY_S = 0.25  # RFC 8305, section 8
CONNECTING = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request: `path` is the request target; `headers` hold the key, so they are not in the repr.

    `check_address` is called with each address of the host before a connection is made, and raises
    a `NewapiError` to reject it. It is not called when the request goes through a proxy.
    """

    method: str
    base_url: BaseUrl
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    connect_s: float = 10.0
    check_address: Callable[[str], None] | None = None


class _EndWatcher:
    """A file that records whether reading a line met its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.close = file.close
        self.has_ended = False

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line."""
        line = self._file.readline(limit)
        self.has_ended = self.has_ended or not line
        return line


class FinalResponse(http.client.HTTPResponse):
    """A response that skips 102 and 103, and rejects a header that was cut off.

    The standard library takes 103 Early Hints for the final response, and the end of the connection
    for the end of the header.
    """

    def begin(self) -> None:
        """Read the status line and the header.

        Raises `OSError`, `http.client.HTTPException`.
        """
        file = self.fp
        watcher = _EndWatcher(file)
        self.fp = cast(BufferedReader, watcher)
        try:
            super().begin()
            while self.status in (102, 103) and not watcher.has_ended:
                self.headers = None  # type: ignore[assignment]  # as before the first status line
                super().begin()
        finally:
            if self.fp is not None:  # it is None where no body follows
                self.fp = file
        if watcher.has_ended:
            raise http.client.RemoteDisconnected("the connection ended inside the header")

    def joined_headers(self) -> dict[str, str]:
        """Return the headers by lower-case name, repeated ones joined by ", ".

        They are decoded as UTF-8 if all of them can be, else as Latin-1, as httpx does it.
        """
        raw = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in self.getheaders()
        ]
        try:
            pairs = [(name.decode(), value.decode()) for name, value in raw]
        except UnicodeDecodeError:
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]
        headers: dict[str, str] = {}
        for name, value in pairs:
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        return headers

    def iter_body(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        `IncompleteRead` is raised at the end of a body that is shorter than its Content-Length.

        Raises `OSError`, `http.client.HTTPException`.
        """
        while block := self.read1(READ_SIZE_BYTES):
            yield block
        if self.length:
            raise http.client.IncompleteRead(b"", self.length)


class Connection(http.client.HTTPConnection):
    """A connection to the host of a request; `on_socket` gets its socket as soon as it is open.

    `is_canceled` returns whether the attempts to connect must end.
    """

    response_class = FinalResponse

    def __init__(
        self,
        request: WireRequest,
        on_socket: Callable[[socket.socket], None],
        is_canceled: Callable[[], bool],
    ) -> None:
        super().__init__(request.base_url.host, request.base_url.port)
        self._request = request
        self._on_socket = on_socket
        self._is_canceled = is_canceled
        self.is_resolved = False
        self.is_connected = False  # with TLS, if the request needs it

    def connect(self) -> None:
        """Resolve, connect and, for https, do the TLS handshake.

        The addresses that were checked are connected to: a second lookup could return another one.

        Raises `OSError`.
        """
        addresses = addresses_of(self.host, self.port)
        self.is_resolved = True
        if self._request.check_address is not None:
            for *_, address in addresses:
                self._request.check_address(str(address[0]))
        self.sock = open_socket(addresses, self._request.connect_s, self._is_canceled)
        self._on_socket(self.sock)
        if self._request.tls is not None:
            self.sock = self._request.tls.wrap_socket(self.sock, server_hostname=self.host)
            self._on_socket(self.sock)
        self.sock.settimeout(None)  # from here on the main thread enforces the deadlines
        self.is_connected = True

    def send_request(self) -> FinalResponse:
        """Send the request and return the response with its header read.

        Raises `OSError`, `http.client.HTTPException`.
        """
        request = self._request
        # A server may reject a large body before it has read all of it (413): its response can
        # still be read, and says more than our broken pipe. If there is none, reading fails too.
        with contextlib.suppress(OSError):
            self.request(request.method, request.path, request.body, dict(request.headers))
        return cast(FinalResponse, self.getresponse())


def addresses_of(host: str, port: int) -> Addresses:
    """Look up the addresses of a host.

    Raises `OSError`.
    """
    # As bytes: a text would load the IDNA codec (4 ms), and a `BaseUrl` is ASCII already.
    return socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)


def open_socket(
    addresses: Addresses, connect_s: float, is_canceled: Callable[[], bool] = lambda: False
) -> socket.socket:
    """Connect to the address that accepts first, alternating between IPv6 and IPv4.

    Attempts start 250 ms apart, or when one has failed: a dead IPv6 route costs no more. All of
    them share the time limit (0: none).

    Raises `OSError`.
    """
    deadline = time.monotonic() + connect_s if connect_s else math.inf
    attempts = _Attempts(deadline, is_canceled)
    try:
        for address in alternating(addresses):
            attempts.start(address)
            sock = attempts.wait(ATTEMPT_DELAY_S)
            if sock is not None:
                break
        else:
            sock = attempts.wait(math.inf)
        if sock is None:
            raise attempts.failure
    finally:
        attempts.close()
    sock.settimeout(connect_s or None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class _Attempts:
    """Connections that are being opened. `failure` is the last error."""

    def __init__(self, deadline: float, is_canceled: Callable[[], bool]) -> None:
        self.failure: OSError = ConnectionError("the host has no IP address")
        self._deadline = deadline
        self._is_canceled = is_canceled
        self._selector = selectors.DefaultSelector()

    def start(self, address: Address) -> None:
        """Begin to connect to one more address."""
        family, kind, protocol, _, place = address
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # a family that this machine does not support
            self.failure = error
            return
        sock.setblocking(False)
        code = sock.connect_ex(place)
        if code in CONNECTING:
            self._selector.register(sock, selectors.EVENT_WRITE)
        else:
            self._fail(sock, code)

    def wait(self, limit_s: float) -> socket.socket | None:
        """Return the socket that is open first, None if one fails or the time is over.

        Without a limit, None only if all have failed. Raises `OSError` at the deadline.
        """
        until = time.monotonic() + limit_s
        while self._selector.get_map():
            left_s = min(until, self._deadline) - time.monotonic()
            if left_s <= 0:
                break
            for key, _ in self._selector.select(min(left_s, ATTEMPT_DELAY_S)):
                sock = cast(socket.socket, key.fileobj)
                self._selector.unregister(sock)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    return sock
                self._fail(sock, code)
                until = until if limit_s == math.inf else 0
            if self._is_canceled():
                raise ConnectionAbortedError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        if time.monotonic() >= self._deadline:
            raise TimeoutError("timed out")
        return None

    def _fail(self, sock: socket.socket, code: int) -> None:
        sock.close()
        self.failure = OSError(code, os.strerror(code))

    def close(self) -> None:
        """Close the sockets that are still connecting."""
        for key in list(self._selector.get_map().values()):
            cast(socket.socket, key.fileobj).close()
        self._selector.close()


def alternating(addresses: Addresses) -> list[Address]:
    """Return the addresses with those of the first one's family in every other place."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    pairs = zip_longest(first, others)
    return [each for pair in pairs for each in pair if each is not None]
