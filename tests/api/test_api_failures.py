"""Foreign exceptions become errors of ours, all of them, and none carries a key."""

from __future__ import annotations

import errno
import http.client
import inspect
import socket
import ssl

import httpx
import pytest

from newapi_cli.api.errors.failures import error_from_exception, is_passing
from newapi_cli.domain.base_url import base_url_from_text
from newapi_cli.errors import DeadlineError, GatewayError, NetworkError, NewapiError
from tests.support.home import CANARY

BASE_URL = base_url_from_text("https://gateway.example:8443/sub")
REQUEST = httpx.Request("POST", f"{BASE_URL}/v1/chat/completions")


BASES = (httpx.HTTPError, httpx.RequestError)  # these two are never raised as such


def all_of_httpx() -> list[type[Exception]]:
    kinds = (kind for _, kind in inspect.getmembers(httpx, inspect.isclass))
    return [kind for kind in kinds if issubclass(kind, Exception) and kind not in BASES]


def made(kind: type[Exception], words: str) -> Exception:
    """Make an exception of httpx, whose classes want different things."""
    if kind is httpx.HTTPStatusError:
        response = httpx.Response(500, request=REQUEST)
        return httpx.HTTPStatusError(words, request=REQUEST, response=response)
    if issubclass(kind, httpx.ResponseNotRead | httpx.RequestNotRead | httpx.StreamClosed
                  | httpx.StreamConsumed):  # fmt: skip
        return kind()
    return kind(words)


def parts(error: Exception) -> str:
    assert isinstance(error, NewapiError)
    return "\n".join([str(error), error.message, error.why, error.hint, repr(error)])


def test_there_are_exceptions_of_httpx_to_look_at() -> None:
    names = {kind.__name__ for kind in all_of_httpx()}
    assert {"InvalidURL", "StreamError", "CookieConflict", "ReadError"} <= names
    assert len(names) > 20


@pytest.mark.parametrize("kind", all_of_httpx(), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_becomes_an_error_of_ours(kind: type[Exception]) -> None:
    error = error_from_exception(made(kind, "words"), BASE_URL)
    assert isinstance(error, NetworkError | DeadlineError | GatewayError)
    assert error.message


KEYED = {
    "a newline": f"Illegal header value b'Bearer {CANARY}\\n'",
    "the standard library": f"Invalid header value b'Bearer {CANARY}\\n'",
    "an address": f"cannot open http://user:{CANARY}@proxy.example:8080",
}


@pytest.mark.parametrize("words", KEYED.values(), ids=KEYED)
def test_no_error_repeats_a_key(words: str) -> None:
    for kind in (*all_of_httpx(), ValueError, http.client.HTTPException, OSError):
        assert CANARY not in parts(error_from_exception(made(kind, words), BASE_URL)), kind


def chained(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


CAUSES: list[tuple[Exception, type[NewapiError], str]] = [
    (
        chained(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NONAME, "Name not known")),
        NetworkError,
        "cannot find the host gateway.example",
    ),
    (
        chained(httpx.ConnectError("x"), ConnectionRefusedError(errno.ECONNREFUSED, "refused")),
        NetworkError,
        "cannot connect to gateway.example:8443: refused",
    ),
    (
        chained(httpx.ConnectError("x"), OSError(errno.EHOSTUNREACH, "No route to host")),
        NetworkError,
        "cannot connect to gateway.example:8443",
    ),
    (httpx.ConnectTimeout("x"), DeadlineError, "no connection to gateway.example:8443 in time"),
    (httpx.ProxyError("403 Forbidden"), NetworkError, "the proxy refused"),
    (ImportError("socksio"), NetworkError, "SOCKS support is not installed"),
    (ValueError("Unknown scheme for proxy URL"), NetworkError, "the proxy cannot be used"),
    (httpx.InvalidURL("x"), NetworkError, "the proxy cannot be used"),
    (httpx.RemoteProtocolError("illegal status line"), NetworkError, "does not speak HTTP"),
    (httpx.ReadError("reset"), NetworkError, "the connection to gateway.example:8443 broke"),
]


@pytest.mark.parametrize(
    ("foreign", "kind", "message"), CAUSES, ids=[message for _, _, message in CAUSES]
)
def test_the_message_says_what_happened(
    foreign: Exception, kind: type[NewapiError], message: str
) -> None:
    error = error_from_exception(foreign, BASE_URL)
    assert isinstance(error, kind)
    assert message in error.message
    assert not error.message.endswith(".")


def test_an_error_of_ours_stays_what_it_is() -> None:
    ours = GatewayError("x")
    assert error_from_exception(ours, BASE_URL) is ours


@pytest.mark.parametrize("bug", [TypeError("x"), AttributeError("x"), KeyError("x")])
def test_a_bug_of_ours_is_not_blamed_on_the_network(bug: Exception) -> None:
    assert error_from_exception(bug, BASE_URL) is bug


def test_a_chain_without_an_end_is_followed_for_a_while_only() -> None:
    first, second = httpx.ReadError("a"), httpx.ReadError("b")
    first.__cause__, second.__cause__ = second, first
    assert isinstance(error_from_exception(first, BASE_URL), NetworkError)


@pytest.mark.parametrize(
    ("foreign", "passing"),
    [
        (httpx.ConnectError("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (chained(httpx.ConnectError("x"), socket.gaierror(-2, "x")), False),
        (chained(httpx.ConnectError("x"), ssl.SSLCertVerificationError("x")), False),
        (httpx.ProxyError("x"), False),
        (httpx.InvalidURL("x"), False),
        (ImportError("x"), False),
        (ValueError("x"), False),
        (TypeError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_trouble_that_may_pass_is_tried_again(foreign: Exception, passing: bool) -> None:
    assert is_passing(foreign) is passing
