"""All exceptions of libraries become our errors, and none contains a key."""

from __future__ import annotations

import errno
import http.client
import inspect
import socket
import ssl

import httpx
import pytest

from newapi_cli.api.errors.failures import error_from_exception, is_transient, words_of
from newapi_cli.api.http import proxies
from newapi_cli.domain.base_url import base_url_from_text
from newapi_cli.errors import DeadlineError, GatewayError, NetworkError, NewapiError, NotHttpError
from tests.support.cases import each
from tests.support.home import CANARY

BASE_URL = base_url_from_text("https://gateway.example:8443/sub")
REQUEST = httpx.Request("POST", f"{BASE_URL}/v1/chat/completions")
PROXY = "http://user:password@proxy.example:3128"
KEYED = {
    "a newline": f"Illegal header value b'Bearer {CANARY}\\n'",
    "the standard library": f"Invalid header value b'Bearer {CANARY}\\n'",
    "an address": f"cannot open http://user:{CANARY}@proxy.example:8080",
}


def tls_failure(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    """Return a failure of TLS with what OpenSSL adds to it."""
    error = kind(1, reason)
    error.reason = reason
    if isinstance(error, ssl.SSLCertVerificationError):
        error.verify_message = reason.lower()
    return error


BUGS = [TypeError("x"), AttributeError("x"), KeyError("x")]


def parts(error: Exception) -> str:
    assert isinstance(error, NewapiError)
    return "\n".join([str(error), error.message, error.why, error.hint, repr(error)])


# -- direct connections -------------------------------------------------------------------------

BEFORE, AFTER = False, True  # the connection was open
DIRECT: list[tuple[Exception, bool, type[NewapiError], str, bool]] = [
    (
        socket.gaierror(socket.EAI_NONAME, "Name not known"),
        BEFORE,
        NetworkError,
        "cannot find the host gateway.example",
        False,
    ),
    (
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        BEFORE,
        NetworkError,
        "cannot connect to gateway.example:8443",
        True,
    ),
    (
        OSError(errno.EHOSTUNREACH, "No route to host"),
        BEFORE,
        NetworkError,
        "cannot connect to gateway.example:8443",
        True,
    ),
    (
        TimeoutError("timed out"),
        BEFORE,
        DeadlineError,
        "connecting to gateway.example:8443 timed out",
        False,
    ),
    (
        tls_failure(ssl.SSLCertVerificationError, "CERTIFICATE_HAS_EXPIRED"),
        BEFORE,
        NetworkError,
        "the certificate of gateway.example:8443 is not trusted",
        False,
    ),
    (
        tls_failure(ssl.SSLError, "WRONG_VERSION_NUMBER"),
        BEFORE,
        NetworkError,
        "cannot establish a TLS connection to gateway.example:8443",
        False,
    ),
    (
        tls_failure(ssl.SSLError, "BAD_RECORD_MAC"),
        AFTER,
        NetworkError,
        "cannot establish a TLS connection to gateway.example:8443",
        False,
    ),
    (
        ConnectionResetError(errno.ECONNRESET, "reset"),
        AFTER,
        NetworkError,
        "lost the connection to gateway.example:8443",
        True,
    ),
    (
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
        AFTER,
        NetworkError,
        "lost the connection to gateway.example:8443",
        True,
    ),
    (
        http.client.IncompleteRead(b"", 7),
        AFTER,
        NetworkError,
        "gateway.example:8443 closed the connection early",
        True,
    ),
    (
        http.client.RemoteDisconnected("x"),
        AFTER,
        NetworkError,
        "gateway.example:8443 closed the connection without a response",
        True,
    ),
    (
        http.client.BadStatusLine("SSH-2.0"),
        AFTER,
        NotHttpError,
        "the response from gateway.example:8443 is not valid HTTP",
        False,
    ),
    (
        ValueError("x"),
        AFTER,
        NetworkError,
        "the response from gateway.example:8443 is not valid HTTP",
        True,
    ),
]


@each(
    ("foreign", "was_open", "kind", "message", "transient"),
    DIRECT,
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_of_a_direct_connection_has_its_error_and_may_be_retried_or_not(
    foreign: Exception, was_open: bool, kind: type[NewapiError], message: str, transient: bool
) -> None:
    error = error_from_exception(foreign, BASE_URL, was_open=was_open)
    assert type(error) is kind
    assert error.message == message
    assert is_transient(foreign, was_open=was_open) is transient


@pytest.mark.parametrize("was_open", [BEFORE, AFTER])
@pytest.mark.parametrize("text", KEYED.values(), ids=KEYED)
def test_no_error_of_a_direct_connection_repeats_a_key(text: str, was_open: bool) -> None:
    for kind in (ValueError, http.client.HTTPException, http.client.InvalidURL, OSError):
        error = error_from_exception(kind(text), BASE_URL, was_open=was_open)
        assert CANARY not in parts(error), kind


@pytest.mark.parametrize("error", [*BUGS, ImportError("x"), GatewayError("x")])
def test_a_bug_or_an_error_of_ours_is_returned_unchanged_and_not_retried(error: Exception) -> None:
    for was_open in (BEFORE, AFTER):
        assert error_from_exception(error, BASE_URL, was_open=was_open) is error
        assert not is_transient(error, was_open=was_open)


# -- through a proxy ----------------------------------------------------------------------------

BASES = (httpx.HTTPError, httpx.RequestError)  # these two are never raised as such


def all_of_httpx() -> list[type[Exception]]:
    kinds = (kind for _, kind in inspect.getmembers(httpx, inspect.isclass))
    return [kind for kind in kinds if issubclass(kind, Exception) and kind not in BASES]


def made(kind: type[Exception], text: str) -> Exception:
    """Return an exception of httpx, whose classes have different arguments."""
    if kind is httpx.HTTPStatusError:
        response = httpx.Response(500, request=REQUEST)
        return httpx.HTTPStatusError(text, request=REQUEST, response=response)
    if issubclass(kind, httpx.ResponseNotRead | httpx.RequestNotRead | httpx.StreamClosed
                  | httpx.StreamConsumed):  # fmt: skip
        return kind()
    return kind(text)


def chained(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


def test_there_are_exceptions_of_httpx_to_check() -> None:
    names = {kind.__name__ for kind in all_of_httpx()}
    assert {"InvalidURL", "StreamError", "CookieConflict", "ReadError"} <= names
    assert len(names) > 20


@each("kind", all_of_httpx(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_becomes_an_error_of_ours(kind: type[Exception]) -> None:
    error = proxies.error_from_exception(made(kind, "text"), BASE_URL, PROXY)
    assert isinstance(error, NetworkError | DeadlineError | GatewayError)
    assert error.message


@pytest.mark.parametrize("text", KEYED.values(), ids=KEYED)
def test_no_error_of_a_proxied_request_repeats_a_key(text: str) -> None:
    for kind in (*all_of_httpx(), ValueError, http.client.HTTPException, OSError):
        error = proxies.error_from_exception(made(kind, text), BASE_URL, PROXY)
        assert CANARY not in parts(error), kind
        assert "password" not in parts(error), kind


UNREACHABLE = "cannot reach gateway.example:8443 through the proxy http://proxy.example:3128"
PROXIED: list[tuple[Exception, type[NewapiError], str]] = [
    (chained(httpx.ConnectError("x"), socket.gaierror(-2, "x")), NetworkError, UNREACHABLE),
    (httpx.ConnectTimeout("x"), NetworkError, UNREACHABLE),
    (
        chained(httpx.ReadError("x"), tls_failure(ssl.SSLError, "BAD_RECORD_MAC")),
        NetworkError,
        "cannot establish a TLS connection to gateway.example:8443",
    ),
    (httpx.PoolTimeout("x"), DeadlineError, "connecting to gateway.example:8443 timed out"),
    (httpx.ProxyError("403 Forbidden"), NetworkError, "proxy.example:3128 refused the connection"),
    (ImportError("socksio"), NetworkError, "requires SOCKS support, which is not installed"),
    (ValueError("Unknown scheme for proxy URL"), NetworkError, "is not a valid proxy"),
    (httpx.InvalidURL("x"), NetworkError, "is not a valid proxy"),
    (httpx.RemoteProtocolError("illegal status line"), NetworkError, "is not valid HTTP"),
    (httpx.ReadError("reset"), NetworkError, "lost the connection to gateway.example:8443"),
]


@each(("foreign", "kind", "message"), PROXIED)
def test_each_failure_through_a_proxy_has_its_error(
    foreign: Exception, kind: type[NewapiError], message: str
) -> None:
    error = proxies.error_from_exception(foreign, BASE_URL, PROXY)
    assert type(error) is kind
    assert message in error.message
    assert not error.message.endswith(".")


@pytest.mark.parametrize("error", [*BUGS, GatewayError("x")])
def test_a_bug_of_ours_is_not_blamed_on_the_proxy(error: Exception) -> None:
    assert proxies.error_from_exception(error, BASE_URL, PROXY) is error


def test_an_endless_chain_of_causes_is_followed_up_to_a_limit() -> None:
    first, second = httpx.ReadError("a"), httpx.ReadError("b")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(proxies.error_from_exception(first, BASE_URL, PROXY), NetworkError)


@each(
    ("foreign", "transient"),
    [
        (httpx.ConnectError("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (chained(httpx.ConnectError("x"), socket.gaierror(-2, "x")), False),
        (chained(httpx.ConnectError("x"), ssl.SSLCertVerificationError("x")), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.ProxyError("x"), False),
        (httpx.InvalidURL("x"), False),
        (ImportError("x"), False),
        (ValueError("x"), False),
        (TypeError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_transient_failures_through_a_proxy_are_retried(
    foreign: Exception, transient: bool
) -> None:
    assert proxies.is_transient(foreign) is transient


def test_the_place_in_the_source_of_a_library_is_left_out() -> None:
    error = TimeoutError("_ssl.c:989: The handshake operation timed out")
    assert words_of(error) == "The handshake operation timed out"
    assert words_of(OSError("[SSL: WRONG_VERSION] wrong version")) == "wrong version"
