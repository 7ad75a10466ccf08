"""Rules for every request of every test."""

from __future__ import annotations

from tests.support.connection import Request

ONCE = ("Host", "Content-Length", "Content-Type", "Authorization", "Accept", "Accept-Encoding")
BODY_TYPES = {  # fields of a chat request
    "model": str,
    "messages": list,
    "stream": bool,
    "stream_options": dict,
}
# Only `-o` can set a field to null; in these fields null is a bug.
NEVER_NULL = {*BODY_TYPES, "temperature", "top_p", "max_tokens", "seed", "stop", "reasoning_effort"}


def check_request(request: Request) -> None:
    """Fail if a request breaks a rule. Its framing was checked when it was read."""
    for name in ONCE:
        request.header(name)  # fails on a second one
    assert request.head.split(b"\r\n")[0].endswith(b" HTTP/1.1"), request.head
    assert request.header("Host"), "no Host"
    assert request.header("Accept-Encoding") == "identity", "the request accepts compression"
    assert (request.header("User-Agent") or "").startswith("newapi/"), request.head
    for field, value in request.headers:
        assert value.isascii(), (field, value)
        assert not {*range(0x20), 0x7F} & {*value}, (field, value)
    if request.path.startswith(("/api/status", "/api/pricing")):
        assert request.header("Authorization") is None, f"the key went to {request.path}"
    if request.path.endswith("/chat/completions"):
        check_chat_request(request)


def check_chat_request(request: Request) -> None:
    """Fail if the body of a chat request breaks a rule."""
    assert request.method == "POST"
    assert request.header("Content-Type") == "application/json"
    request.body.decode("utf-8")
    body = request.json
    for name, kind in BODY_TYPES.items():
        assert isinstance(body.get(name, kind()), kind), (name, body[name])
    assert body["model"] and body["messages"]
    assert all(isinstance(message["role"], str) for message in body["messages"])
    if body.get("stream"):
        assert request.header("Accept") == "text/event-stream"
    else:
        assert "stream_options" not in body
    assert None not in map(body.get, NEVER_NULL & {*body}), "a field that is not set is sent"
