"""The rules for requests: a valid request passes, and each rule can fail."""

from __future__ import annotations

import http.client

import pytest

from tests.support.cases import each
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.steps import Send
from tests.support.wire import json_bytes, response
from tests.support.wire_rules import check_request

BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}
HEADERS = {
    "Host": "127.0.0.1",
    "User-Agent": "newapi/1",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Authorization": "Bearer sk-x",
    "Content-Type": "application/json",
}
WITHOUT_STREAM = BODY | {"stream": False}
del WITHOUT_STREAM["stream_options"]
CHAT, STATUS = "/v1/chat/completions", "/api/status"
Fields = dict[str, str | None]


def request_with(
    *,
    method: str = "POST",
    path: str = CHAT,
    version: str = "HTTP/1.1",
    fields: Fields | None = None,
    twice: str = "",
    body: object = BODY,
) -> Request:
    """Return a valid chat request with changes; a field that is None is left out."""
    given = [*(HEADERS | (fields or {})).items(), *([(twice, HEADERS[twice])] if twice else [])]
    lines = [(name.encode(), value.encode()) for name, value in given if value is not None]
    data = body if isinstance(body, bytes) else json_bytes(body)
    head = f"{method} {path} {version}\r\n".encode()
    return Request(method, path, tuple(lines), data, head)


GOOD = {
    "streamed": request_with(),
    "whole": request_with(body=WITHOUT_STREAM, fields={"Accept": "application/json"}),
    "no key": request_with(fields={"Authorization": None}),
    "models": request_with(method="GET", path="/v1/models", body=b""),
    "status": request_with(method="GET", path=STATUS, body=b"", fields={"Authorization": None}),
    "the key's own account": request_with(method="GET", path="/api/usage/token/", body=b""),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_request_passes(case: str) -> None:
    check_request(GOOD[case])


BROKEN = {
    **{f"two {name}": request_with(twice=name) for name in HEADERS if name != "User-Agent"},
    "HTTP/1.0": request_with(version="HTTP/1.0"),
    "no host": request_with(fields={"Host": None}),
    "compression": request_with(fields={"Accept-Encoding": "gzip"}),
    "compression by silence": request_with(fields={"Accept-Encoding": None}),
    "another program": request_with(fields={"User-Agent": "python-httpx/0.28"}),
    "no name": request_with(fields={"User-Agent": None}),
    "a field that is not ASCII": request_with(fields={"X": "é"}),
    "a field with a line feed": request_with(fields={"X": "a\nb"}),
    "a field with NUL": request_with(fields={"X": "a\0b"}),
    "a field with DEL": request_with(fields={"X": "a\x7fb"}),
    "the key with the status": request_with(method="GET", path=STATUS, body=b""),
    "the key with the prices": request_with(method="GET", path="/api/pricing?x=1", body=b""),
    "GET": request_with(method="GET"),
    "no JSON by name": request_with(fields={"Content-Type": "text/plain"}),
    "no JSON": request_with(body=b"{"),
    "no UTF-8": request_with(body=json_bytes(BODY).replace(b"hi", b"\xff")),
    "a model that is no text": request_with(body=BODY | {"model": 1}),
    "no model": request_with(body=BODY | {"model": ""}),
    "messages that are no list": request_with(body=BODY | {"messages": {"0": {"role": "user"}}}),
    "no messages": request_with(body=BODY | {"messages": []}),
    "a message without a role": request_with(body=BODY | {"messages": [{"content": "hi"}]}),
    "stream as text": request_with(body=BODY | {"stream": "true"}),
    "stream_options as a list": request_with(body=BODY | {"stream_options": []}),
    "stream_options without a stream": request_with(
        body=BODY | {"stream": False}, fields={"Accept": "application/json"}
    ),
    "a stream that was not requested": request_with(fields={"Accept": "application/json"}),
    "null": request_with(body=BODY | {"temperature": None}),
}


@each("case", BROKEN)
def test_each_rule_can_fail(case: str) -> None:
    with pytest.raises((AssertionError, ValueError, KeyError)):
        check_request(BROKEN[case])


def test_the_server_checks_what_it_receives() -> None:
    with (
        pytest.raises(AssertionError, match="the request accepts compression"),
        FaultServer([Send(response(200))]) as server,
    ):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        headers = {"User-Agent": "newapi/1", "Accept-Encoding": "gzip"}
        connection.request("GET", "/v1/models", headers=headers)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
