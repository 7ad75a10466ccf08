"""K7: a stream that is refused because of `stream_options` is sent once more without it.

openai/openai-agents-python#442.
"""

from __future__ import annotations

from tests.cases.answers import SSE, ask_server, played
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import answer_events, error, event, json_bytes, response

FINE = response(200, b"".join(answer_events("Fine.")), content_type=SSE)


def detail(*fields: str) -> bytes:
    """Return FastAPI's list of members that it does not know."""
    entries = [{"loc": ["body", *name.split(".")], "msg": "Extra inputs are not permitted"}
               for name in fields]  # fmt: skip
    return json_bytes({"detail": entries})


REFUSALS = {
    "the reported case": played("so422"),
    "FastAPI": response(422, detail("stream_options")),
    "a member of it": response(422, detail("stream_options.include_usage")),
    "the fifth of a list": response(422, detail("seed", "n", "user", "top_p", "stream_options")),
    "400, in words": response(400, error("Unrecognized request argument: stream_options")),
    "400, Go": response(400, error('json: unknown field "stream_options"', "invalid_request")),
    "500, Python": response(500, error("create() got an unexpected keyword argument"
                                       " 'stream_options'", "server_error")),
    "Ajv": response(400, json_bytes({"message": "Bad Request", "errors": [
        {"instancePath": "/stream_options", "message": "must NOT have additional properties"}]})),
    "OpenAI's param": response(400, error("Unknown parameter.", "invalid_request_error",
                                          "unknown_parameter", param="stream_options")),
    "nested JSON": response(400, json_bytes({"error": {"message": "Provider returned error",
        "metadata": {"raw": '{"detail":[{"loc":["body","stream_options"],"msg":"extra"}]}'}}})),
    "plain text": response(400, b"stream_options: extra fields not permitted"),
    "inside HTTP 200": response(200, event(error("stream_options is not supported")),
                                content_type=SSE),
    "whole, inside HTTP 200": response(200, detail("stream_options")),
}  # fmt: skip


@each("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refused_member_is_left_out_of_a_second_request(home: Home, refusal: bytes) -> None:
    with FaultServer([Send(refusal)], [Send(FINE)]) as server:
        home.configure(server.url)
        result = run_newapi("chat", "-n", "--retries", "0", "hi", home=home)
        assert (result.code, result.text) == (0, "Fine.\n"), result.err
        sent = ["stream_options" in request.json for request in server.requests]
        assert sent == [True, False]


def test_it_is_left_out_only_once(home: Home) -> None:
    refusal = REFUSALS["FastAPI"]
    result = ask_server(home, refusal, refusal)
    assert result.code == 6
    assert "why: body.stream_options: Extra inputs are not permitted" in result.err


@each("refusal", [
    response(422, json_bytes({"detail": [{"loc": ["body", "seed"], "msg": "extra",
                                          "input": {"stream_options": {}}}]})),
    response(429, error("stream_options used too often")),
    response(401, error("no stream_options for this key")),
])  # fmt: skip
def test_another_refusal_is_final(home: Home, refusal: bytes) -> None:
    assert ask_server(home, refusal).code in (4, 6, 7)


def test_a_request_without_a_stream_has_nothing_to_leave_out(home: Home) -> None:
    result = ask_server(home, REFUSALS["FastAPI"], args=("--retries", "0", "--no-stream"))
    assert result.code == 6
