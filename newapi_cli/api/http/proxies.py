"""httpx: all answers come through its transports, one of our own where no proxy is needed.

`send` gives an httpx response in every case: read through the connection of a `HeadStart`, or, when
a proxy stands between, through httpx's own transport. What the standard library raises on the
direct road is raised as the httpx exception of the same meaning, so `failures` has one list.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from urllib.request import getproxies, proxy_bypass

import httpx

from newapi_cli.api.errors.failures import PROXY_SETTING, error_from_exception, is_passing
from newapi_cli.api.http.connection import HeadStart, WireRequest
from newapi_cli.api.http.endpoint import Endpoint

READ_SIZE_BYTES = 1 << 16
__all__ = [
    "error_from_exception", "is_passing", "open_transport", "proxy_for", "proxy_setter", "send",
]  # fmt: skip


class DirectTransport(httpx.BaseTransport):
    """Reads the answer to a request that is already on its way."""

    def __init__(self, start: HeadStart) -> None:
        self._start = start

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Give the response of the connection; raises httpx's exceptions only."""
        start = self._start
        if start.failure is not None and not start.connected:
            raise _as_connect_error(start.failure, request)
        try:
            response = start.connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise _as_read_error(start.failure or error, request) from error
        headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.getheaders()]
        return httpx.Response(response.status, headers=headers, stream=_Body(response, request))

    def close(self) -> None:
        """Close the connection."""
        self._start.connection.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: http.client.HTTPResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        read = self._response.read1
        try:
            while block := read(READ_SIZE_BYTES):
                yield block
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _as_read_error(error, self._request) from error
        if self._response.length:  # promised by Content-Length and not sent
            early = http.client.IncompleteRead(b"", self._response.length)
            raise _as_read_error(early, self._request) from early

    def close(self) -> None:
        self._response.close()


def _as_connect_error(error: Exception, request: httpx.Request) -> httpx.TransportError:
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout(str(error), request=request)
    failure = httpx.ConnectError(str(error), request=request)
    failure.__cause__ = error
    return failure


def _as_read_error(error: Exception, request: httpx.Request) -> httpx.TransportError:
    kind: type[httpx.TransportError] = httpx.RemoteProtocolError
    if isinstance(error, OSError) and not isinstance(error, http.client.RemoteDisconnected):
        kind = httpx.ReadError
    if isinstance(error, ssl.SSLError):
        kind = httpx.ReadError
    failure = kind(str(error) or type(error).__name__, request=request)
    failure.__cause__ = error
    return failure


def proxy_for(endpoint: Endpoint) -> str:
    """Give the URL of the proxy that stands between, or the empty text.

    The setting rules; else the environment (or the system) with its NO_PROXY.
    """
    if endpoint.needs_no_proxy:
        return ""
    if endpoint.proxy:
        return endpoint.proxy
    if proxy_bypass(endpoint.base_url.host):
        return ""
    proxies = getproxies()
    return proxies.get(endpoint.base_url.scheme) or proxies.get("all") or ""


def proxy_setter(endpoint: Endpoint, proxy: str) -> str:
    """Give what a person would have to change to have another proxy."""
    if endpoint.proxy:
        return PROXY_SETTING
    wanted = (f"{endpoint.base_url.scheme}_proxy", "all_proxy")
    names = (name for name, value in os.environ.items() if value == proxy)
    return next((name for name in names if name.lower() in wanted), "the system's proxy settings")


def open_transport(
    endpoint: Endpoint, request: WireRequest, start: HeadStart | None
) -> httpx.BaseTransport:
    """Give the transport for one request. Raises what httpx raises for an unusable proxy."""
    if start is not None:
        return DirectTransport(start)
    return httpx.HTTPTransport(
        proxy=proxy_for(endpoint) or None, verify=request.tls or True, trust_env=False
    )


def send(
    transport: httpx.BaseTransport,
    request: WireRequest,
    on_socket: Callable[[socket.socket], None],
    on_connected: Callable[[], None],
) -> httpx.Response:
    """Send the request, or take up the one already sent.

    `on_connected` is called when a request leaves through a proxy: the road to the server stands.
    By the transport itself: a whole httpx client would follow what a Location header says, at
    least far enough to fail on one that is no URL.
    """

    def watch(name: str, info: dict[str, object]) -> None:
        if name.endswith("send_request_headers.started"):
            if getattr(info.get("request"), "method", b"") != b"CONNECT":  # that is for the proxy
                on_connected()
            return
        stream = info.get("return_value")
        if name.endswith(("connect_tcp.complete", "start_tls.complete")) and stream is not None:
            sock = stream.get_extra_info("socket")  # type: ignore[attr-defined]  # httpcore's stream
            if isinstance(sock, socket.socket):
                on_socket(sock)

    connect = {"connect": request.connect_s or None}
    return transport.handle_request(
        httpx.Request(
            request.method,
            f"{request.base_url.scheme}://{request.base_url.authority}{request.path}",
            headers=dict(request.headers),
            content=request.body,
            extensions={"trace": watch, "timeout": connect},
        )
    )
