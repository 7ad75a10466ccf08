"""Requests through an HTTP, HTTPS or SOCKS proxy, by httpx, and the exceptions of httpx.

Only this module imports httpx, and only a request through a proxy imports this module.
`endpoint.Endpoint.proxy_url` chooses the proxy.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Callable

import httpx

from newapi_cli.api.errors.failures import (
    connect_timeout,
    connection_lost,
    invalid_http,
    tls_error,
    words_of,
)
from newapi_cli.api.http.connection import WireRequest
from newapi_cli.api.http.endpoint import PROXY_SETTING
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import NetworkError, NewapiError, Reason
from newapi_cli.i18n import tr

# What httpx may raise, itself or from below; a test compares this list with httpx's own classes.
TRANSPORT_ERRORS = (
    httpx.TransportError,
    httpx.DecodingError,
    httpx.TooManyRedirects,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.HTTPStatusError,
    OSError,
    http.client.HTTPException,
    ImportError,  # a SOCKS proxy without its library
    ValueError,  # a proxy of an unknown kind, an invalid header
)


def open_transport(proxy: str, request: WireRequest) -> httpx.HTTPTransport:
    """Return the transport for one request.

    Raises one of `TRANSPORT_ERRORS` for an unusable proxy.
    """
    return httpx.HTTPTransport(proxy=proxy, verify=request.tls or True, trust_env=False)


def send(
    transport: httpx.HTTPTransport,
    request: WireRequest,
    on_socket: Callable[[socket.socket], None],
    on_connected: Callable[[], None],
) -> httpx.Response:
    """Send the request and return the response with its header read.

    `on_connected` is called when the proxy has reached the server. There is no httpx client: it
    would follow a Location header, at least far enough to fail on one that is not a URL.
    """

    def trace(name: str, info: dict[str, object]) -> None:
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
            extensions={"trace": trace, "timeout": connect},
        )
    )


def is_transient(error: Exception) -> bool:
    """Return whether a retry may succeed: nothing is wrong with the settings."""
    if not isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return False
    return not isinstance(_root_cause(error), socket.gaierror | ssl.SSLError)


def error_from_exception(
    error: Exception, base_url: BaseUrl, proxy: str = "", set_by: str = PROXY_SETTING
) -> Exception:
    """Return the error for an exception of a request through a proxy; its words become `why`.

    `proxy` is the URL of the proxy, and `set_by` what has set it. Anything but a failure of the
    network, the proxy, the server or the settings is a bug, and is returned unchanged.
    """
    if isinstance(error, NewapiError) or not isinstance(error, TRANSPORT_ERRORS):
        return error
    place = base_url.authority
    cause = _root_cause(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NetworkError(
            tr("cannot reach {place} through {proxy}", place=place, proxy=_proxy_name(proxy)),
            reason=Reason.PROXY_FAILED,
            why=words_of(cause),
            hint=tr("check {setting}, or use --proxy none", setting=set_by),
        )
    if isinstance(cause, ssl.SSLError):
        return tls_error(cause, base_url)
    if isinstance(error, ImportError | httpx.ProxyError | ValueError | httpx.InvalidURL):
        return _proxy_error(error, _proxy_name(proxy), set_by)
    if isinstance(error, httpx.TimeoutException):
        return connect_timeout(base_url)
    if isinstance(error, httpx.RemoteProtocolError):
        return invalid_http(place, words_of(cause))
    return connection_lost(place, words_of(cause))


def _proxy_error(error: Exception, proxy: str, set_by: str) -> NetworkError:
    why = ""
    if isinstance(error, ImportError):
        message = tr("{proxy} requires SOCKS support, which is not installed", proxy=proxy)
        hint = tr(
            "install it with `pip install 'newapi-cli[socks]'`, or use --proxy none, or change"
            " {setting}",
            setting=set_by,
        )
    elif isinstance(error, httpx.ProxyError):
        message, why = tr("{proxy} refused the connection", proxy=proxy), words_of(error)
        hint = tr("check {setting}", setting=set_by)
    else:
        message = tr("{proxy} is not a valid proxy", proxy=proxy)
        hint = tr(
            "set {setting} to a URL such as http://HOST:PORT or socks5://HOST:PORT", setting=set_by
        )
    return NetworkError(message, reason=Reason.PROXY_FAILED, why=why, hint=hint)


def _proxy_name(proxy: str) -> str:
    """Return the proxy's name in errors: its URL without user and password."""
    url = re.sub(r"(?s)^(\w+://)?.*@", r"\1", proxy)
    return tr("the proxy {url}", url=url) if url else tr("the proxy")


def _root_cause(error: BaseException) -> BaseException:
    """Follow the chain to the system's own exception, which has the cause."""
    cause = error
    for _ in range(10):
        below = cause.__cause__ or cause.__context__
        is_network = isinstance(below, OSError | httpx.HTTPError | http.client.HTTPException)
        if below is None or not (is_network or type(below).__module__.startswith("httpcore")):
            break
        cause = below
    return cause
