"""The request on the wire before httpx is loaded: a plain connection to a server without a proxy.

Loading httpx takes longer than all else before the request (35 to 60 ms). A model needs longer to
think than that, so the request leaves first, by the standard library, and httpx is loaded while the
server works; `transport` then reads the answer through it. A request whose bytes have left is
never sent again by anything but the retries that the person sees.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from typing import BinaryIO, cast

from newapi_cli.domain.base_url import BaseUrl

Addresses = Sequence[tuple[int, int, int, str, tuple[str | int, ...] | tuple[int, bytes]]]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What is sent: `path` is the request target; `headers` hold the key, hence no repr of them.

    `check_address` is asked about each address of the host before any is connected to, and raises
    one of our errors to refuse; where a proxy stands between, the addresses are not ours to see.
    """

    method: str
    base_url: BaseUrl
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    connect_s: float = 10.0
    check_address: Callable[[str], None] | None = None


class _Watched:
    """A file that remembers whether its end was met while lines were read from it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.close = file.close
        self.has_ended = False

    def readline(self, limit: int = -1) -> bytes:
        """Give the next line."""
        line = self._file.readline(limit)
        self.has_ended = self.has_ended or not line
        return line


class Response(http.client.HTTPResponse):
    """A response that passes over 102 and 103, and tells a header that was cut from a whole one.

    The standard library takes 103 Early Hints for the answer, and the end of the connection for
    the end of the header.
    """

    def begin(self) -> None:
        """Read the status and the header. Raises `OSError`, `http.client.HTTPException`."""
        file = self.fp
        watched = _Watched(file)
        self.fp = cast(BufferedReader, watched)
        try:
            super().begin()
            while self.status in (102, 103) and not watched.has_ended:
                self.headers = None  # type: ignore[assignment]  # as before the first status line
                super().begin()
        finally:
            if self.fp is not None:  # it is None where no body follows
                self.fp = file
        if watched.has_ended:
            raise http.client.RemoteDisconnected("the connection ended inside the header")


class Connection(http.client.HTTPConnection):
    """A connection to the host of a request; it tells its socket as soon as there is one."""

    response_class = Response

    def __init__(self, request: WireRequest, on_socket: Callable[[socket.socket], None]) -> None:
        super().__init__(request.base_url.host, request.base_url.port)
        self._request = request
        self._on_socket = on_socket
        self.is_found = False  # the name has been resolved

    def connect(self) -> None:
        """Resolve, connect and, for https, shake hands. Raises `OSError`, `ssl.SSLError` among it.

        Each address gets its share of the time: a dead IPv6 route leaves some for IPv4. What was
        checked is what is connected to: a second look-up could be told another address.
        """
        # As bytes: a text would load the IDNA codec (4 ms), and a `BaseUrl` is ASCII already.
        host = self.host.encode("ascii")
        found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        self.is_found = True
        if self._request.check_address is not None:
            for *_, address in found:
                self._request.check_address(str(address[0]))
        self.sock = _open_socket(found, self._request.connect_s)
        self._on_socket(self.sock)
        if self._request.tls is not None:
            self.sock = self._request.tls.wrap_socket(self.sock, server_hostname=self.host)
            self._on_socket(self.sock)
        self.sock.settimeout(None)  # from here on the clocks of the main thread rule


def _open_socket(found: Addresses, connect_s: float) -> socket.socket:
    failure: OSError = ConnectionError("the name has no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(connect_s / len(found) if connect_s else None)
            sock.connect(address)
        except OSError as error:
            failure = error
            sock.close()
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure


class HeadStart:
    """A request under way, or the failure that it met; `transport` collects either."""

    def __init__(self, request: WireRequest, on_socket: Callable[[socket.socket], None]) -> None:
        self.request = request
        self.connection = Connection(request, on_socket)
        self.failure: Exception | None = None
        self.connected = False

    def run(self, on_connected: Callable[[], None]) -> None:
        """Connect and send. What fails is kept, to be raised where httpx can name it."""
        try:
            self.connection.connect()
        except (OSError, UnicodeError) as error:
            self.failure = error
            return
        self.connected = True
        on_connected()
        try:
            self.connection.request(
                self.request.method,
                self.request.path,
                self.request.body,
                dict(self.request.headers),
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            # A server may refuse a large body before it has read it (413): its answer is still
            # there to be read, and says more than our broken pipe.
            self.failure = error
