"""Requests to the demo gateway: which are accepted, and the errors for the others."""

from __future__ import annotations

import json
import re

import pytest

from newapi_cli.demo.replies import DEMO_MODELS
from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import (
    ask,
    chat_body,
    connect,
    open_socket,
    post,
    raw_chat,
    read_to_end,
    read_until,
    request,
)

KEY = {"Authorization": "Bearer sk-any"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b'{"model":NaN}', b"[" * 100_000, b"\xff\xfe{}"]
)
def test_a_body_that_is_not_a_json_object_gets_a_400(gateway: DemoGateway, body: bytes) -> None:
    answer = post(gateway, body)
    assert answer.status == 400
    assert (answer.error["type"], answer.error["code"]) == ("new_api_error", "")


@pytest.mark.parametrize("body", [b"{}", b'{"model":""}', b'{"model":null}'])
def test_a_missing_model_gets_a_400(gateway: DemoGateway, body: bytes) -> None:
    answer = post(gateway, body)
    assert answer.status == 400
    assert answer.error["message"].startswith("Model name not specified")


def test_a_model_that_is_not_a_string_gets_a_400(gateway: DemoGateway) -> None:
    answer = post(gateway, b'{"model":5}')
    assert answer.status == 400
    assert answer.error["message"].startswith("field model must be a string")


def test_a_body_with_another_content_type_is_ignored(gateway: DemoGateway) -> None:
    headers = {**KEY, "Content-Type": "text/plain"}
    answer = request(gateway, "POST", "/v1/chat/completions", chat_body("demo", "hi"), headers)
    assert answer.status == 400
    assert answer.error["message"].startswith("Model name not specified")


@pytest.mark.parametrize("fields", [{}, {"messages": []}, {"messages": None}])
def test_missing_messages_get_a_500(gateway: DemoGateway, fields: dict[str, object]) -> None:
    answer = post(gateway, json.dumps({"model": "demo", **fields}).encode())
    assert answer.status == 500
    assert answer.error["code"] == "invalid_request"
    assert answer.error["message"].startswith("field messages is required (request id: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "0.5"),
        ("temperature", True),
        ("top_p", []),
        ("presence_penalty", {}),
        ("max_tokens", "10"),
        ("max_tokens", 100.0),
        ("max_tokens", -1),
        ("max_tokens", 1_073_741_824),
        ("max_completion_tokens", 0.5),
        ("n", "1"),
        ("stream", "true"),
        ("stream", 1),
        ("reasoning_effort", 3),
        ("stream_options", True),
        ("stream_options", {"include_usage": "yes"}),
        ("messages", "hello"),
        ("messages", ["hello"]),
        ("messages", [{"role": 1}]),
    ],
)
def test_a_field_of_the_wrong_type_gets_a_500(
    gateway: DemoGateway, name: str, value: object
) -> None:
    answer = ask(gateway, "demo", "hi", **{name: value})
    assert answer.status == 500
    assert (answer.error["type"], answer.error["code"]) == ("new_api_error", "invalid_request")


def test_a_wrong_type_is_described_as_go_does(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo", "hi", temperature="warm")
    assert answer.error["message"].startswith(
        "json: cannot unmarshal string into Go struct field "
        "GeneralOpenAIRequest.temperature of type float64 (request id: "
    )


def test_all_documented_fields_and_unknown_ones_are_accepted(gateway: DemoGateway) -> None:
    answer = ask(
        gateway,
        "demo-echo",
        "hi",
        temperature=2,
        max_tokens=100,
        top_p=0.5,
        frequency_penalty=-2,
        presence_penalty=2.0,
        stop=["x"],
        seed=1,
        unheard_of={"a": 1},
        top_k=None,
    )
    assert answer.text() == "hi"


def test_only_the_text_of_content_parts_is_used(gateway: DemoGateway) -> None:
    parts = [
        {"type": "text", "text": "one "},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "two"},
    ]
    messages = [{"role": "user", "content": parts}, {"role": "assistant", "content": None}]
    assert ask(gateway, "demo-echo", messages=messages).text() == "one two"


def test_the_model_list_holds_every_model_of_the_group(gateway: DemoGateway) -> None:
    body = request(gateway, "GET", "/v1/models", headers=KEY).json
    assert (body["success"], body["object"]) == (True, "list")
    names = [entry["id"] for entry in body["data"]]
    assert names == [name for name in DEMO_MODELS if name != "demo-vip"]
    assert body["data"][0] == {
        "id": "demo",
        "object": "model",
        "created": 1626777600,
        "owned_by": "newapi-demo",
        "supported_endpoint_types": ["openai"],
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/xyz"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/v1/chat/completions"),
        ("DELETE", "/v1/models"),
        ("GET", "/api/xyz"),
    ],
)
def test_an_unknown_api_path_gets_an_invalid_url_error(
    gateway: DemoGateway, method: str, path: str
) -> None:
    answer = request(gateway, method, path + "?a=b")
    assert answer.status == 404
    assert answer.error["message"] == f"Invalid URL ({method} {path})"
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/chat/completions", "//v1/models", "/console"])
def test_any_other_path_gets_the_web_page(gateway: DemoGateway, method: str, path: str) -> None:
    answer = request(gateway, method, path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<title>New API</title>" in answer.body


def test_head_gets_only_headers(gateway: DemoGateway) -> None:
    with open_socket(gateway) as client:
        client.sendall(b"HEAD / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"POST /v1/x HTTP/1.1", b"BREW / HTTP/1.1"])
def test_every_response_identifies_new_api(gateway: DemoGateway, line: bytes) -> None:
    with open_socket(gateway) as client:
        client.sendall(line + b"\r\nHost: demo\r\nConnection: close\r\n\r\n")
        head = read_to_end(client).partition(b"\r\n\r\n")[0]
    assert re.search(rb"\r\nX-Oneapi-Request-Id: 20\d{21}[0-9A-Za-z]{8}\r\n", head)
    assert re.search(rb"\r\nX-New-Api-Version: v", head)


def test_two_requests_share_a_keep_alive_connection(gateway: DemoGateway) -> None:
    connection = connect(gateway)
    headers = {**KEY, "Content-Type": "application/json"}
    sockets, ids = [], set()
    for body in (chat_body("demo-echo", "one", stream=True), chat_body("demo-echo", "two")):
        connection.request("POST", "/v1/chat/completions", body, headers)
        sockets.append(connection.sock)
        response = connection.getresponse()
        ids.add(response.getheader("X-Oneapi-Request-Id"))
        assert response.status == 200 and response.read()
    assert sockets[0] is sockets[1]
    assert len(ids) == 2
    connection.close()


def test_a_connection_stays_open_after_an_error(gateway: DemoGateway) -> None:
    refused = raw_chat(chat_body("demo-quota", "x" * 50_000))
    with open_socket(gateway) as client:
        client.sendall(refused)
        read_until(client, b"insufficient_user_quota")
        client.sendall(raw_chat(chat_body("demo-echo", "still here"), "Connection: close"))
        assert b'"content":"still here"' in read_to_end(client)


def test_pipelined_requests_are_answered_in_order(gateway: DemoGateway) -> None:
    first = raw_chat(chat_body("demo-echo", "first", stream=True))
    second = raw_chat(chat_body("demo-echo", "second"), "Connection: close")
    with open_socket(gateway) as client:
        client.sendall(first + second)
        streamed, _, whole = read_to_end(client).partition(b"\r\n0\r\n\r\n")
    assert b"[DONE]" in streamed
    assert whole.startswith(b"HTTP/1.1 200 ") and b'"content":"second"' in whole
    assert gateway.disconnects == 0


def test_a_chunked_request_body_is_read(gateway: DemoGateway) -> None:
    body = chat_body("demo-echo", "in parts")
    head = raw_chat(b"", "Connection: close").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    parts = b"".join(b"1;ext=1\r\n%c\r\n" % byte for byte in body)
    with open_socket(gateway) as client:
        client.sendall(head + parts + b"0\r\nTrailer: x\r\n\r\n")
        assert b'"content":"in parts"' in read_to_end(client)


@pytest.mark.parametrize(
    ("length", "status"),
    [(b"1000000000000", b"413"), (b"-1", b"400"), (b"many", b"400")],
)
def test_a_body_with_an_invalid_length_gets_an_error_and_closes_the_connection(
    gateway: DemoGateway, length: bytes, status: bytes
) -> None:
    head = raw_chat(b"").replace(b"Content-Length: 0", b"Content-Length: " + length)
    with open_socket(gateway) as client:
        client.sendall(head)
        answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close\r\n" in answer


def test_requests_are_logged_with_lower_case_headers_body_and_model(
    gateway: DemoGateway,
) -> None:
    body = chat_body("demo-echo", "hi")
    post(gateway, body, key="sk-secret")
    request(gateway, "GET", "/v1/models?x=1", headers=KEY)
    chat, models = gateway.requests
    assert (chat.method, chat.path) == ("POST", "/v1/chat/completions")
    assert (chat.body, chat.model) == (body, "demo-echo")
    assert chat.headers["authorization"] == "Bearer sk-secret"
    assert (models.method, models.path, models.model) == ("GET", "/v1/models?x=1", "")


def test_only_the_last_thousand_requests_are_logged(gateway: DemoGateway) -> None:
    connection = connect(gateway)
    for number in range(1003):
        connection.request("GET", f"/{number}")
        connection.getresponse().read()
    connection.close()
    assert [each.path for each in gateway.requests] == [f"/{n}" for n in range(3, 1003)]
