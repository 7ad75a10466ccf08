"""What each request is held against: a good one passes, and each rule can fail."""

from __future__ import annotations

import http.client

import pytest

from tests.support.cases import each
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.steps import Send
from tests.support.wire import json_bytes, response
from tests.support.wire_rules import check_request

QUESTION = {
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
WITHOUT_STREAM = QUESTION | {"stream": False}
del WITHOUT_STREAM["stream_options"]
CHAT, STATUS = "/v1/chat/completions", "/api/status"
Fields = dict[str, str | None]


def asked(
    *,
    method: str = "POST",
    path: str = CHAT,
    version: str = "HTTP/1.1",
    fields: Fields | None = None,
    twice: str = "",
    body: object = QUESTION,
) -> Request:
    """Give a good question, changed; a field that is None is left out."""
    given = [*(HEADERS | (fields or {})).items(), *([(twice, HEADERS[twice])] if twice else [])]
    lines = [(name.encode(), value.encode()) for name, value in given if value is not None]
    data = body if isinstance(body, bytes) else json_bytes(body)
    head = f"{method} {path} {version}\r\n".encode()
    return Request(method, path, tuple(lines), data, head)


GOOD = {
    "streamed": asked(),
    "whole": asked(body=WITHOUT_STREAM, fields={"Accept": "application/json"}),
    "no key": asked(fields={"Authorization": None}),
    "models": asked(method="GET", path="/v1/models", body=b""),
    "status": asked(method="GET", path=STATUS, body=b"", fields={"Authorization": None}),
    "the key's own account": asked(method="GET", path="/api/usage/token/", body=b""),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_request_passes(case: str) -> None:
    check_request(GOOD[case])


BROKEN = {
    **{f"two {name}": asked(twice=name) for name in HEADERS if name != "User-Agent"},
    "HTTP/1.0": asked(version="HTTP/1.0"),
    "no host": asked(fields={"Host": None}),
    "compression": asked(fields={"Accept-Encoding": "gzip"}),
    "compression by silence": asked(fields={"Accept-Encoding": None}),
    "another program": asked(fields={"User-Agent": "python-httpx/0.28"}),
    "no name": asked(fields={"User-Agent": None}),
    "a field that is not ASCII": asked(fields={"X": "é"}),
    "a field with a line feed": asked(fields={"X": "a\nb"}),
    "a field with NUL": asked(fields={"X": "a\0b"}),
    "a field with DEL": asked(fields={"X": "a\x7fb"}),
    "the key beside the question": asked(method="GET", path=STATUS, body=b""),
    "the key with the prices": asked(method="GET", path="/api/pricing?x=1", body=b""),
    "GET": asked(method="GET"),
    "no JSON by name": asked(fields={"Content-Type": "text/plain"}),
    "no JSON": asked(body=b"{"),
    "no UTF-8": asked(body=json_bytes(QUESTION).replace(b"hi", b"\xff")),
    "a model that is no text": asked(body=QUESTION | {"model": 1}),
    "no model": asked(body=QUESTION | {"model": ""}),
    "messages that are no list": asked(body=QUESTION | {"messages": {"0": {"role": "user"}}}),
    "no messages": asked(body=QUESTION | {"messages": []}),
    "a message without a role": asked(body=QUESTION | {"messages": [{"content": "hi"}]}),
    "stream as text": asked(body=QUESTION | {"stream": "true"}),
    "stream_options as a list": asked(body=QUESTION | {"stream_options": []}),
    "stream_options without a stream": asked(
        body=QUESTION | {"stream": False}, fields={"Accept": "application/json"}
    ),
    "a stream that is not asked for": asked(fields={"Accept": "application/json"}),
    "null": asked(body=QUESTION | {"temperature": None}),
}


@each("case", BROKEN)
def test_each_rule_can_fail(case: str) -> None:
    with pytest.raises((AssertionError, ValueError, KeyError)):
        check_request(BROKEN[case])


def test_the_server_holds_what_it_gets_against_the_rules() -> None:
    with (
        pytest.raises(AssertionError, match="a compressed answer was asked for"),
        FaultServer([Send(response(200))]) as server,
    ):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        headers = {"User-Agent": "newapi/1", "Accept-Encoding": "gzip"}
        connection.request("GET", "/v1/models", headers=headers)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
