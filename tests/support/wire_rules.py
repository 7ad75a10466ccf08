"""Rules for every request, whichever test it comes from."""

from __future__ import annotations

from tests.support.connection import Request

ONCE = ("Host", "Content-Length", "Content-Type", "Authorization", "Accept", "Accept-Encoding")
ASKED = {  # what a chat completion may name, and of which type
    "model": str,
    "messages": list,
    "stream": bool,
    "stream_options": dict,
}
# What a person names with `-o` may be null; these are null by a mistake of the program only.
OURS = {*ASKED, "temperature", "top_p", "max_tokens", "seed", "stop", "reasoning_effort"}


def check_request(request: Request) -> None:
    """Fail where a request breaks a rule. Its length and its lines were checked in reading it."""
    for name in ONCE:
        request.header(name)  # fails on a second one
    assert request.head.split(b"\r\n")[0].endswith(b" HTTP/1.1"), request.head
    assert request.header("Host"), "no Host"
    assert request.header("Accept-Encoding") == "identity", "a compressed answer was asked for"
    assert (request.header("User-Agent") or "").startswith("newapi/"), request.head
    for field, value in request.headers:
        assert value.isascii(), (field, value)
        assert not {*range(0x20), 0x7F} & {*value}, (field, value)
    if request.path.startswith(("/api/status", "/api/pricing")):
        assert request.header("Authorization") is None, f"the key went to {request.path}"
    if request.path.endswith("/chat/completions"):
        check_question(request)


def check_question(request: Request) -> None:
    """Hold a request for a chat completion against the rules of its body."""
    assert request.method == "POST"
    assert request.header("Content-Type") == "application/json"
    request.body.decode("utf-8")
    asked = request.json
    for name, kind in ASKED.items():
        assert isinstance(asked.get(name, kind()), kind), (name, asked[name])
    assert asked["model"] and asked["messages"]
    assert all(isinstance(message["role"], str) for message in asked["messages"])
    if asked.get("stream"):
        assert request.header("Accept") == "text/event-stream"
    else:
        assert "stream_options" not in asked
    assert None not in map(asked.get, OURS & {*asked}), "what was not asked for is left out"
