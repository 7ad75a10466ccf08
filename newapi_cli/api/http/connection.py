"""A direct connection to a server: the request out and the response in, by the standard library.

httpx takes 35 to 60 ms to load, longer than everything else before a request, so it is left to
requests that go through a proxy.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from typing import BinaryIO, cast

from newapi_cli.domain.base_url import BaseUrl

Addresses = Sequence[tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]]
READ_SIZE_BYTES = 1 << 16


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
    """A connection to the host of a request; `on_socket` gets its socket as soon as it is open."""

    response_class = FinalResponse

    def __init__(self, request: WireRequest, on_socket: Callable[[socket.socket], None]) -> None:
        super().__init__(request.base_url.host, request.base_url.port)
        self._request = request
        self._on_socket = on_socket
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
        self.sock = open_socket(addresses, self._request.connect_s)
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


def open_socket(addresses: Addresses, connect_s: float) -> socket.socket:
    """Connect to the first address that accepts.

    Each gets its share of the time (0: no limit): a dead IPv6 route leaves some for IPv4.

    Raises `OSError`.
    """
    failure: OSError = ConnectionError("the host has no IP address")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(connect_s / len(addresses) if connect_s else None)
            sock.connect(address)
        except OSError as error:
            failure = error
            sock.close()
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure
