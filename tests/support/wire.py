"""Bytes and objects as a New API gateway sends them.

Everything is written out here, not taken from the program: the tests must not learn the protocol
from what they test.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus

MODEL = "test-model"
REQUEST_ID = "20260808120000000000000AbCdEfGh"
DONE = b"data: [DONE]\n\n"
PING = b": PING\n\n"

Headers = Iterable[tuple[str, str]]


def json_bytes(value: object) -> bytes:
    """Encode as Go does: compact, and text outside ASCII as UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def head(status: int, headers: Headers, reason: str | None = None) -> bytes:
    """Return the status line, the headers and the blank line after them."""
    if reason is None:
        known = status in HTTPStatus._value2member_map_
        reason = HTTPStatus(status).phrase if known else "Unknown"
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {reason}\r\n{fields}\r\n".encode()


def response(
    status: int,
    body: bytes | str | dict[str, object] = b"",
    *,
    headers: Headers = (),
    content_type: str = "application/json",
    reason: str | None = None,
    keep_alive: bool = False,
) -> bytes:
    """Return a complete response with a Content-Length; a dict becomes JSON.

    It has `Connection: close` unless `keep_alive`, so that a retry of the client never races with
    the FIN of the server.
    """
    if isinstance(body, dict):
        body = json_bytes(body)
    elif isinstance(body, str):
        body = body.encode()
    fields = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    if not keep_alive:
        fields.append(("Connection", "close"))
    return head(status, [*fields, *headers], reason) + body


def framed(data: bytes) -> bytes:
    """Return one HTTP chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value: object) -> bytes:
    """Return one server-sent event, as the gateway writes it."""
    return b"data: %s\n\n" % json_bytes(value)


def chunk(
    content: str | None = None,
    *,
    finish: str | None = None,
    usage: dict[str, object] | None = None,
    reasoning: str | None = None,
    delta: dict[str, object] | None = None,
) -> dict[str, object]:
    """Return a chunk with one choice; `reasoning` is sent as `reasoning_content`.

    `delta` adds members to the delta, or replaces them.
    """
    members: dict[str, object] = {}
    if content is not None:
        members["content"] = content
    if reasoning is not None:
        members["reasoning_content"] = reasoning
    members |= delta or {}
    choice = {"index": 0, "delta": members, "logprobs": None, "finish_reason": finish}
    return _envelope("chat.completion.chunk", [choice], usage)


def message_chunk(
    content: str | None = None, *, finish: str | None = None, **members: object
) -> dict[str, object]:
    """Give a chunk of a server that sends a message in a stream: the answer so far."""
    message = {"role": "assistant", "content": content} | members
    choice = {"index": 0, "delta": {}, "message": message, "finish_reason": finish}
    return _envelope("chat.completion.chunk", [choice], None)


def usage_chunk(
    prompt: int = 9, completion: int = 3, *, is_estimated: bool = False
) -> dict[str, object]:
    """Return the last chunk, without choices; `is_estimated`: counted by the gateway."""
    last = _envelope("chat.completion.chunk", [], usage(prompt, completion))
    return last | {"id": "", "created": 0} if is_estimated else last


def usage(prompt: int = 9, completion: int = 3) -> dict[str, object]:
    """Return token counts."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def completion(content: str | None, *, finish: str = "stop") -> dict[str, object]:
    """Return a complete answer, as for a request without `stream`."""
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return _envelope("chat.completion", [choice], usage())


def error(
    message: str, type_: str | None = "new_api_error", code: object = "", **members: object
) -> dict[str, object]:
    """Return an error body, without `type` if it is None."""
    about: dict[str, object] = {"message": message, "param": "", "code": code}
    if type_ is not None:
        about["type"] = type_
    return {"error": about | members}


def answer_events(*pieces: str, finish: str = "stop") -> list[bytes]:
    """Return the events of a complete stream: role, contents, finish reason, usage, `[DONE]`."""
    return [
        event(chunk("", delta={"role": "assistant"})),
        *(event(chunk(piece)) for piece in pieces),
        event(chunk(finish=finish)),
        event(usage_chunk()),
        DONE,
    ]


def _envelope(
    kind: str, choices: list[dict[str, object]], counts: dict[str, object] | None
) -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1770000000,
        "model": MODEL,
        "system_fingerprint": None,
        "choices": choices,
        "usage": counts,
    }
