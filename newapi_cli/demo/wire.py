"""The JSON objects of the wire, spelt as a New API gateway spells them.

Sources: spec/chat-completions.zh.txt and spec/newapi-contract.md 2.1-2.3, 3, 4.4. No type of the
program is used here: what the client reads must be built apart from the client.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.demo.prices import Counts

JSON_TYPE = "application/json; charset=utf-8"
SSE_TYPE = "text/event-stream"
HTML_TYPE = "text/html; charset=utf-8"
VERSION = "v1.0.0-demo"
HOME_PAGE = b"<!doctype html>\n<html><head><title>New API</title></head><body></body></html>\n"
DONE = b"data: [DONE]\n\n"

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Response(NamedTuple):
    """A whole HTTP response with a body of known length."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = NO_HEADERS


def json_response(status: int, value: object) -> Response:
    """Give a response whose body is a JSON value."""
    return Response(status, encode_json(value))


def encode_json(value: object) -> bytes:
    """Write JSON on one line, in UTF-8 and without needless escapes; NaN raises ValueError.

    A lone surrogate becomes U+FFFD, as in Go.

    >>> encode_json({"a": "é\\ud800"}).decode()
    '{"a":"é\ufffd"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def sse_event(value: object) -> bytes:
    """Write one server-sent event: `data: `, JSON on one line, an empty line."""
    return b"data: " + encode_json(value) + b"\n\n"


def new_request_id() -> str:
    """Make a request id: 23 digits of UTC time (down to nanoseconds) and 8 random characters."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds))
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(8))
    return f"{stamp}{nanoseconds:09d}{suffix}"


def usage_of(counts: Counts) -> dict[str, object]:
    """Build `usage`; the completion's tokens are the content's and the reasoning's together."""
    return {
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    }


@dataclass(frozen=True, slots=True)
class Frame:
    """What all objects of one completion share. `created` is in Unix seconds."""

    request_id: str
    created: int
    model: str

    def chunk(
        self, delta: Mapping[str, object], finish_reason: str | None = None
    ) -> dict[str, object]:
        """Build one `chat.completion.chunk` with one choice."""
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return self._object("chat.completion.chunk", [choice], None)

    def usage_chunk(self, usage: Mapping[str, object]) -> dict[str, object]:
        """Build the last chunk: no choices, only usage."""
        return self._object("chat.completion.chunk", [], usage)

    def completion(
        self,
        message: Mapping[str, object],
        finish_reason: str | None,
        usage: Mapping[str, object],
    ) -> dict[str, object]:
        """Build the `chat.completion` of a call that does not stream."""
        choice = {"index": 0, "message": message, "finish_reason": finish_reason}
        return self._object("chat.completion", [choice], usage)

    def _object(
        self, kind: str, choices: list[dict[str, object]], usage: Mapping[str, object] | None
    ) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{self.request_id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "choices": choices,
            "usage": usage,
        }
