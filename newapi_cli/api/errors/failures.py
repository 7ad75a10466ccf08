"""The exceptions of httpx, and of what lies below it, turned into our errors."""

from __future__ import annotations

import http.client
import re
import socket
import ssl

import httpx

from newapi_cli.api.errors.hints import URL_HINT
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.errors import DeadlineError, NetworkError, NewapiError, NotHttpError

# Each exception class of httpx that may reach us; a test holds this list against httpx's own.
TRANSLATED = (
    httpx.TransportError,
    httpx.DecodingError,
    httpx.TooManyRedirects,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpx.HTTPStatusError,
)
PROXY_SETTING = "--proxy or the setting `proxy`"
AGAIN_HINT = "ask again; if it stays so, ask who runs the gateway"
FOREIGN = (
    *TRANSLATED,
    OSError,
    http.client.HTTPException,
    ImportError,  # a SOCKS proxy without its library
    ValueError,  # a proxy of an unknown kind, a header that cannot be
)


def is_passing(error: Exception) -> bool:
    """Say whether another try may find the trouble gone: nothing is wrong with the set-up."""
    if not isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError):
        return False
    cause = _root_cause(error)
    return not isinstance(cause, socket.gaierror | ssl.SSLError) and not _is_no_http(cause)


def error_from_exception(
    error: Exception, base_url: BaseUrl, proxy: str = "", set_by: str = PROXY_SETTING
) -> Exception:
    """Translate what an exchange met; foreign words go to `why`.

    `proxy` is the URL of the proxy that stands between, if one does, and `set_by` what names it.
    What is no failure of the network, the server or the set-up is a bug of ours, and given back.
    """
    place = base_url.authority
    cause = _root_cause(error)
    if isinstance(error, NewapiError) or not isinstance(error, FOREIGN):
        return error
    if proxy and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NetworkError(
            f"cannot reach {place} through the proxy{_named(proxy)}",
            why=_words(cause),
            hint=f"check {set_by}, or use --proxy none",
        )
    if isinstance(cause, socket.gaierror):
        return NetworkError(
            f"cannot find the host {base_url.host}",
            why=_words(cause),
            hint=f"check the spelling and the network; {URL_HINT}",
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return NetworkError(
            f"the certificate of {place} cannot be trusted",
            why=cause.verify_message or "",
            hint="for a company CA set SSL_CERT_FILE or `newapi config set ca_bundle PATH`",
        )
    if isinstance(cause, ssl.SSLError):
        return NetworkError(
            f"no TLS connection to {place}",
            why=_words(cause),
            hint=f"a server without TLS needs http:// in its base URL; {URL_HINT}",
        )
    if isinstance(error, ImportError | httpx.ProxyError | ValueError | httpx.InvalidURL):
        return _unusable_proxy(error, _named(proxy), set_by)
    if isinstance(error, httpx.TimeoutException):
        return DeadlineError(f"no connection to {place} in time", hint=URL_HINT)
    return _connection_error(error, cause, place)


def _unusable_proxy(error: Exception, named: str, set_by: str) -> NetworkError:
    if isinstance(error, ImportError):
        return NetworkError(
            f"SOCKS support is not installed, and the proxy{named} needs it",
            hint=f"pip install 'newapi-cli[socks]', or change {set_by}, or use --proxy none",
        )
    if isinstance(error, httpx.ProxyError):
        return NetworkError(f"the proxy{named} refused", why=_words(error), hint=f"check {set_by}")
    return NetworkError(
        f"the proxy{named} cannot be used",
        hint=f"{set_by} should be like http://HOST:PORT or socks5://HOST:PORT",
    )


def _named(proxy: str) -> str:
    """Give the URL of a proxy as it is told: without user and password, wherever they end."""
    url = re.sub(r"(?s)^(\w+://)?.*@", r"\1", proxy)
    return f" {url}" if url else ""


def _connection_error(error: Exception, cause: BaseException, place: str) -> NewapiError:
    if isinstance(cause, ConnectionRefusedError):
        return NetworkError(f"cannot connect to {place}: refused", hint=URL_HINT)
    if isinstance(error, httpx.ConnectError):
        return NetworkError(f"cannot connect to {place}", why=_words(cause), hint=URL_HINT)
    if isinstance(cause, http.client.IncompleteRead):
        return NetworkError(f"{place} ended the connection early", hint=AGAIN_HINT)
    if isinstance(cause, http.client.RemoteDisconnected):
        return NetworkError(f"{place} closed the connection without an answer", hint=AGAIN_HINT)
    if isinstance(error, httpx.RemoteProtocolError):
        kind = NotHttpError if _is_no_http(cause) else NetworkError
        return kind(f"{place} does not speak HTTP as it should", why=_words(cause), hint=URL_HINT)
    return NetworkError(f"the connection to {place} broke", why=_words(cause), hint=AGAIN_HINT)


def _is_no_http(cause: BaseException) -> bool:
    """Say whether a server sent what is no HTTP, and not only too little of it."""
    too_little = http.client.IncompleteRead | http.client.RemoteDisconnected
    return isinstance(cause, http.client.HTTPException) and not isinstance(cause, too_little)


def _root_cause(error: BaseException) -> BaseException:
    """Follow the chain to the system's own exception, the one that says what happened."""
    seen = error
    for _ in range(10):
        below = seen.__cause__ or seen.__context__
        if not isinstance(below, OSError | httpx.HTTPError | http.client.HTTPException):
            if below is not None and type(below).__module__.startswith("httpcore"):
                seen = below
                continue
            break
        seen = below
    return seen


# Libraries repeat header values and addresses in their words, and keys stand in both.
HIDDEN = re.compile(r"(?i)bearer\s+\S+|sk-\S+|//[^/\s]*@")


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = re.sub(r"^\[[^\]]*\]\s*", "", str(error))[:300]
    return HIDDEN.sub("…", words)
