"""A success without an answer: another API, a status page, plain text. Never an empty answer."""

from __future__ import annotations

import json
from collections.abc import Mapping

from newapi_cli.errors import Reason
from tests.cases.answers import SSE, ask_server, error_in
from tests.support.cases import each
from tests.support.home import Home
from tests.support.wire import DONE, json_bytes, response

BASE_URL_HINT = "newapi config get base_url"


@each(
    ("body", "words"),
    [
        (b"OK", "OK"),
        (b"Ollama is running", "Ollama is running"),
        (b'{"status":"ok"}', '{"status": "ok"}'),
        (b"42", "42"),
        (b"status: ok\nversion: 1.2\n", "status: ok version: 1.2"),
        (b"\r\n pong \r\n", "pong"),
        (b'"OK"', '"OK"'),
        (b"true", "true"),
        (b"[]", "[]"),
        (b"{}", "{}"),
        (b"Hello! How can I help you today?\n", "Hello! How can I help you today?"),
        (b"---\napi: v1\nitems: []\n", "--- api: v1 items: []"),
        (
            b'{"status":"ok","uptime":12.5,"version":"0.9"}',
            '{"status": "ok", "uptime": 12.5, "version": "0.9"}',
        ),
        (b'{"code":0,"msg":"success","data":null}', '{"code": 0, "msg": "success", "data": null}'),
        (
            b'{"name":"llama","tagline":"You Know, for Chat"}',
            '{"name": "llama", "tagline": "You Know, for Chat"}',
        ),
        (b"<?xml version='1.0'?><ok/>", "<?xml version='1.0'?><ok/>"),
        (b"data: hello\n\ndata: world\n\n", "hello"),
        ("你好，世界".encode(), "你好，世界"),
        (b"id,name\n1,x\n", "id,name 1,x"),
        (b"\x00\x01\x02binary", "binary data"),
    ],
)
def test_something_else_is_reported_by_its_first_words(home: Home, body: bytes, words: str) -> None:
    for content_type in ("text/plain", SSE):
        result = ask_server(home, response(200, body, content_type=content_type))
        assert (result.code, result.out) == (6, b""), result.err
        message = "error: the server answered outside the protocol\n"
        assert result.err.startswith(f"{message}  why: {words}\n"), result.err
        assert BASE_URL_HINT in result.err
    for size in (1, 3):
        assert error_in(body, size).why == words


def test_a_long_body_is_cut_between_words(home: Home) -> None:
    result = ask_server(home, response(200, b"status: fine " * 10_000))
    assert result.code == 6
    assert len(result.err) < 600
    assert "status: fine …" in result.err


def events(*values: Mapping[str, object], with_types: bool = False) -> bytes:
    parts = []
    for value in values:
        name = f"event: {value.get('type')}\n" if with_types else ""
        parts.append(f"{name}data: {json.dumps(value)}\n\n".encode())
    return b"".join(parts)


ANTHROPIC = (
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
    {"type": "message_stop"},
)
RESPONSES = (
    {"type": "response.created", "response": {"id": "r", "status": "in_progress", "error": None}},
    {"type": "response.output_text.delta", "delta": "Hi"},
    {"type": "response.completed", "response": {"id": "r", "status": "completed"}},
)
GEMINI = {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}],
          "usageMetadata": {"promptTokenCount": 1}}  # fmt: skip
OLLAMA = {"model": "m", "created_at": "x", "message": {"role": "assistant", "content": "Hi"},
          "done": False}  # fmt: skip
OTHER_APIS = {
    "Anthropic's events": (events(*ANTHROPIC, with_types=True), "Anthropic"),
    "Anthropic's message": (json_bytes({"type": "message", "role": "assistant",
        "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}), "Anthropic"),
    "events of Responses": (events(*RESPONSES, with_types=True), "Responses"),
    "a response": (json_bytes({"object": "response", "status": "completed", "error": None,
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]}),
        "Responses"),
    "Gemini": (json_bytes(GEMINI), "Gemini"),
    "Gemini's events": (events(GEMINI, GEMINI), "Gemini"),
    "Gemini's list": (b"[%s,\n%s]" % (json_bytes(GEMINI), json_bytes(GEMINI)), "Gemini"),
    "Ollama's lines": (json_bytes(OLLAMA) + b"\n" + json_bytes(OLLAMA | {"done": True}), "Ollama"),
    "Ollama's generate": (json_bytes({"model": "m", "response": "Hi", "done": True}), "Ollama"),
    "Cohere": (json_bytes({"id": "x", "finish_reason": "COMPLETE", "message": {
        "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}}), "Cohere"),
    "Cohere's events": (events({"type": "message-start", "id": "x"}, {"type": "content-delta",
        "delta": {"message": {"content": {"text": "Hi"}}}}), "Cohere"),
    "Bedrock": (json_bytes({"output": {"message": {"role": "assistant", "content": [
        {"text": "Hi"}]}}, "stopReason": "end_turn", "usage": {}}), "Bedrock"),
    "DashScope": (json_bytes({"output": {"text": "Hi", "finish_reason": "stop"}, "usage": {},
        "request_id": "x"}), "DashScope"),
    "Hugging Face": (json_bytes({"generated_text": "Hi"}), "Hugging Face"),
    "Hugging Face's list": (b'[{"generated_text":"Hi"}]', "Hugging Face"),
    "llama.cpp": (json_bytes({"content": "Hi", "stop": True, "model": "m"}), "llama.cpp"),
    "Dify": (events({"event": "message", "conversation_id": "c", "answer": "Hi"}), "Dify"),
    "a list of models": (json_bytes({"object": "list", "data": [{"id": "m"}]}), "list of models"),
    "embeddings": (json_bytes({"object": "list", "data": [{"embedding": [0.1], "index": 0}]}),
                   "embeddings"),
}  # fmt: skip


@each(("body", "name"), OTHER_APIS.values(), ids=OTHER_APIS)
def test_the_form_of_another_api_is_named(home: Home, body: bytes, name: str) -> None:
    result = ask_server(home, response(200, body))
    assert (result.code, result.out) == (6, b""), result.err
    message = "error: the server answered in the format of another API\n"
    assert result.err.startswith(f"{message}  why: it looks like "), result.err
    assert name in result.err
    assert "newapi login URL" in result.err
    for form in (body + b"\n", body.replace(b"\n", b"\r\n")):
        for size in (1, 5):
            assert error_in(form, size).reason is Reason.OTHER_API
    if body.startswith((b"data", b"event")):
        assert error_in(body + DONE).reason is Reason.OTHER_API


@each("body", [
    b"data: [DONE]\n\n",
    b"",
    b": PING\n\n",
    b'{"id":"x","object":"chat.completion","choices":[]}',
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}',
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\ndata: [DONE]\n\n',
])  # fmt: skip
def test_a_completion_without_text_stays_an_empty_answer(home: Home, body: bytes) -> None:
    result = ask_server(home, response(200, body))
    assert result.code == 6
    assert result.err.startswith("error: the server sent an empty answer\n"), result.err
