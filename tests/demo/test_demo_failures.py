"""The models that fail, each as a real gateway does."""

from __future__ import annotations

import http.client

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import ask, chat_body, connect, open_socket, raw_chat, read_to_end


def test_a_cut_stream_ends_without_finish_reason_done_or_last_http_chunk(
    gateway: DemoGateway,
) -> None:
    with open_socket(gateway) as client:
        client.sendall(raw_chat(chat_body("demo-cut", "hi", stream=True)))
        body = read_to_end(client)
    assert b'"content":"This"' in body
    assert b"[DONE]" not in body
    assert b'"finish_reason":"' not in body
    assert not body.endswith(b"0\r\n\r\n")


def test_a_cut_completion_is_shorter_than_its_content_length(gateway: DemoGateway) -> None:
    connection = connect(gateway)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer k"}
    connection.request("POST", "/v1/chat/completions", chat_body("demo-cut", "hi"), headers)
    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()
    assert caught.value.partial.startswith(b'{"id":"chatcmpl-')
    connection.close()


def test_a_stream_without_finish_reason_ends_with_usage_and_done(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-no-finish", "hi")
    assert answer.text().startswith("This answer begins")
    assert answer.finish_reasons == []
    assert answer.chunks[-1]["choices"] == [] and answer.chunks[-1]["usage"]
    assert answer.events[-1] == "[DONE]"


def test_an_error_in_the_stream_is_sent_between_text_and_usage(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-error-in-stream", "hi")
    assert answer.status == 200
    assert answer.text().startswith("This answer begins")
    error, usage = answer.chunks[-2:]
    assert error["error"]["code"] == 429
    assert usage["choices"] == [] and usage["usage"]
    assert answer.events[-1] == "[DONE]"
    assert answer.finish_reasons == []


def test_an_error_in_the_stream_is_a_429_without_a_stream(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-error-in-stream", "hi", stream=False)
    assert answer.status == 429
    assert answer.error["type"] == "rate_limit_error"


@pytest.mark.parametrize(
    ("model", "reason"), [("demo-length", "length"), ("demo-filter", "content_filter")]
)
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_ends_with_its_finish_reason(
    gateway: DemoGateway, model: str, reason: str, stream: bool
) -> None:
    answer = ask(gateway, model, "hi", stream=stream)
    if stream:
        assert answer.finish_reasons == [reason]
    else:
        assert answer.json["choices"][0]["finish_reason"] == reason


def test_429_has_no_body_and_no_retry_after(gateway: DemoGateway) -> None:
    for _ in range(3):
        answer = ask(gateway, "demo-429", "hi")
        assert (answer.status, answer.body) == (429, b"")
        assert "Retry-After" not in answer.headers


def test_429_once_fails_for_every_other_request(gateway: DemoGateway) -> None:
    answers = [ask(gateway, "demo-429-once", "hi") for _ in range(4)]
    assert [answer.status for answer in answers] == [429, 200, 429, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["1", None, "1", None]
    assert answers[1].finish_reasons == ["stop"]


def test_401_is_an_error_of_the_gateway_with_the_request_id(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-401", "hi")
    request_id = answer.headers["X-Oneapi-Request-Id"]
    assert answer.status == 401
    assert answer.error == {
        "message": f"Invalid token (request id: {request_id})",
        "type": "new_api_error",
        "code": "",
    }


@pytest.mark.parametrize(
    ("stream", "content_type"),
    [(True, "text/event-stream"), (False, "application/json; charset=utf-8")],
)
def test_500_is_the_json_of_the_upstream_whatever_its_content_type(
    gateway: DemoGateway, stream: bool, content_type: str
) -> None:
    answer = ask(gateway, "demo-500", "hi", stream=stream)
    assert answer.status == 500
    assert answer.headers["Content-Type"] == content_type
    assert answer.error["type"] == "server_error"
    assert "request id" not in answer.error["message"]


def test_quota_has_the_code_of_an_exhausted_account(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-quota", "hi")
    assert answer.status == 403
    assert answer.error["code"] == "insufficient_user_quota"
    assert answer.error["type"] == "new_api_error"
    assert answer.headers["X-Oneapi-Request-Id"] in answer.error["message"]
