"""The encoding of an answer: HTTP chunks, server-sent events, JSON objects."""

from __future__ import annotations

import json

import pytest

from newapi_cli.demo.replies import TOUR, count_tokens
from newapi_cli.demo.server import DemoGateway
from tests.support.demo_client import ask, chat_body, open_socket, raw_chat, read_to_end


def split_http_chunks(body: bytes) -> tuple[list[bytes], bytes]:
    """Return the chunks of a chunked body, and what follows the last one."""
    chunks = []
    while body:
        size_line, _, body = body.partition(b"\r\n")
        size = int(size_line, 16)
        if size == 0:
            break
        chunks.append(body[:size])
        assert body[size : size + 2] == b"\r\n"
        body = body[size + 2 :]
    return chunks, body


def test_each_event_is_one_http_chunk(gateway: DemoGateway) -> None:
    body = chat_body("demo-echo", "Hello, world", stream=True)
    with open_socket(gateway) as client:
        client.sendall(raw_chat(body, "Connection: close"))
        head, _, rest = read_to_end(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Type: text/event-stream\r\n" in head
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head
    chunks, after = split_http_chunks(rest)
    assert after == b"\r\n"
    assert all(chunk.startswith(b"data: ") and chunk.count(b"\n\n") == 1 for chunk in chunks)
    assert all(chunk.endswith(b"\n\n") for chunk in chunks)
    assert chunks[-1] == b"data: [DONE]\n\n"
    assert len(chunks) == 1 + count_tokens("Hello, world") + 1 + 1  # role, text, finish, [DONE]


def test_a_stream_is_role_content_finish_reason_usage_done(
    gateway: DemoGateway,
) -> None:
    answer = ask(gateway, "demo-echo", "Hello, world")
    role, *deltas, finish, usage = answer.chunks
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["delta"] for chunk in deltas] == [
        {"content": "Hell"},
        {"content": "o,"},
        {"content": " worl"},
        {"content": "d"},
    ]
    assert finish["choices"][0]["delta"] == {}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 4
    assert usage["usage"]["total_tokens"] == usage["usage"]["prompt_tokens"] + 4
    assert answer.events[-1] == "[DONE]"


def test_all_chunks_of_a_stream_have_the_same_id_model_and_time(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-echo", "Hello, world")
    shared = {(chunk["id"], chunk["model"], chunk["created"]) for chunk in answer.chunks}
    assert len(shared) == 1
    assert {chunk["object"] for chunk in answer.chunks} == {"chat.completion.chunk"}
    request_id = answer.headers["X-Oneapi-Request-Id"]
    assert answer.chunks[0]["id"] == f"chatcmpl-{request_id}"


@pytest.mark.parametrize("options", [None, {"include_usage": False}])
def test_a_usage_chunk_is_sent_only_on_request(
    gateway: DemoGateway, options: dict[str, object] | None
) -> None:
    answer = ask(gateway, "demo-echo", "hi", stream_options=options)
    assert all(chunk["choices"] for chunk in answer.chunks)
    assert answer.finish_reasons == ["stop"]
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "  two  spaces \n\n\ttab\r\n",
        "你好,世界。Ελλάδα 👩‍👩‍👧 é",
        'quotes " and \\ and \x00 and \x1b[31m',
        "separators \u2028 \u0085 \x0b \x0c \u3000 end",
        "data: [DONE]\n\n",
        "x" * 100_000 + " " + "y " * 50_000,
    ],
    ids=["empty", "letter", "spaces", "letters", "escapes", "separators", "sse", "large"],
)
@pytest.mark.parametrize("stream", [True, False])
def test_echo_returns_every_character(gateway: DemoGateway, text: str, stream: bool) -> None:
    answer = ask(gateway, "demo-echo", text, stream=stream)
    if stream:
        assert answer.text() == text
    else:
        assert answer.json["choices"][0]["message"]["content"] == text


def test_text_is_sent_as_utf8_without_escapes(gateway: DemoGateway) -> None:
    assert "你好".encode() in ask(gateway, "demo-echo", "你好").body


def test_a_lone_surrogate_becomes_the_replacement_character(gateway: DemoGateway) -> None:
    assert ask(gateway, "demo-echo", "a\ud800b").text() == "a\ufffdb"


def test_a_completion_has_the_documented_shape(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-echo", "Hello, world", stream=False)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    body = answer.json
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert body["model"] == "demo-echo"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello, world"},
            "finish_reason": "stop",
        }
    ]
    assert body["usage"]["completion_tokens"] == 4


def test_without_a_stream_field_the_answer_is_one_json_object(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-echo", "hi", stream=None)
    assert answer.json["object"] == "chat.completion"


def test_the_answer_is_the_same_with_and_without_a_stream(gateway: DemoGateway) -> None:
    streamed = ask(gateway, "demo", "what now?").text()
    whole = ask(gateway, "demo", "what now?", stream=False).json
    assert streamed == whole["choices"][0]["message"]["content"] == TOUR


def test_reasoning_comes_before_content_and_is_counted(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-reasoning", "why?")
    fields = [next(iter(chunk["choices"][0]["delta"]), "") for chunk in answer.chunks[1:-2]]
    first_content = fields.index("content")
    assert set(fields[:first_content]) == {"reasoning_content"}
    assert set(fields[first_content:]) == {"content"}
    usage = answer.chunks[-1]["usage"]
    reasoning = count_tokens(answer.text("reasoning_content"))
    assert usage["completion_tokens_details"]["reasoning_tokens"] == reasoning
    assert usage["completion_tokens"] == reasoning + count_tokens(answer.text())


def test_a_completion_has_its_reasoning_in_a_separate_field(gateway: DemoGateway) -> None:
    message = ask(gateway, "demo-reasoning", "why?", stream=False).json["choices"][0]["message"]
    assert message["reasoning_content"]
    assert "reasoning comes first" in message["content"]


def test_a_think_tag_is_split_over_chunks(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo-think", "why?")
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in answer.chunks[:-1]]
    assert answer.text().startswith("<think>\n")
    assert "\n</think>\n" in answer.text()
    assert not any("<think>" in piece or "</think>" in piece for piece in pieces)


def test_max_tokens_ends_the_answer_with_length(gateway: DemoGateway) -> None:
    answer = ask(gateway, "demo", "tour", max_tokens=10)
    assert answer.finish_reasons == ["length"]
    assert TOUR.startswith(answer.text())
    assert answer.chunks[-1]["usage"]["completion_tokens"] == 10


def test_an_http_1_0_client_gets_a_stream_that_ends_with_the_connection(
    gateway: DemoGateway,
) -> None:
    request = raw_chat(chat_body("demo-echo", "old", stream=True))
    with open_socket(gateway) as client:
        client.sendall(request.replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body.startswith(b"data: {") and body.endswith(b"data: [DONE]\n\n")


def test_events_are_single_lines_of_json(gateway: DemoGateway) -> None:
    *events, done = ask(gateway, "demo-echo", "line\nline\rline").events
    assert done == "[DONE]"
    assert all(isinstance(json.loads(event), dict) and "\r" not in event for event in events)
