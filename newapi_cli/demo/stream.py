"""The encoding of a reply: a stream of server-sent events, or one JSON object. No I/O.

The shapes are those of the OpenAI API, as New API 2026-08 sends them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from newapi_cli.demo.chat_request import ChatRequest
from newapi_cli.demo.prices import count_usage
from newapi_cli.demo.replies import Reply, split_chunks
from newapi_cli.demo.responses import encode_json

DONE = b"data: [DONE]\n\n"


class Event(NamedTuple):
    """One server-sent event, the pause before it, and the tokens of the answer that it holds."""

    pause_s: float
    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class ReplyEncoder:
    """Encodes one reply. `created` is in Unix seconds.

    Each of `reasoning_fields` carries the whole reasoning.
    """

    request: ChatRequest
    reply: Reply
    request_id: str
    created: int
    reasoning_fields: tuple[str, ...] = ("reasoning_content",)

    def events(self) -> Iterator[Event]:
        """Yield the role, reasoning, content, error or finish reason, usage, and [DONE].

        A reply that is cut ends after its content.
        """
        reply = self.reply
        yield Event(reply.first_pause_s, self._chunk({"role": "assistant", "content": ""}))
        for fields, text in (
            (self.reasoning_fields, reply.reasoning),
            (("content",), reply.content),
        ):
            for piece in split_chunks(text, reply.tokens_per_chunk):
                chunk = self._chunk(dict.fromkeys(fields, piece))
                yield Event(reply.pace_s, chunk, reply.tokens_per_chunk)
        if reply.is_cut:
            return
        if reply.error is not None:
            yield Event(reply.pace_s, encode_event({"error": dict(reply.error)}))
        elif reply.finish_reason is not None:
            yield Event(reply.pace_s, self._chunk({}, reply.finish_reason))
        if self.request.include_usage:
            usage_chunk = self._object("chat.completion.chunk", [], self._usage())
            yield Event(0.0, encode_event(usage_chunk))
        yield Event(0.0, DONE)

    def completion(self) -> bytes:
        """Return the JSON body of an answer that is not streamed."""
        message = {"role": "assistant", "content": self.reply.content}
        if self.reply.reasoning:
            message["reasoning_content"] = self.reply.reasoning
        choice = {"index": 0, "message": message, "finish_reason": self.reply.finish_reason}
        return encode_json(self._object("chat.completion", [choice], self._usage()))

    def _chunk(self, delta: Mapping[str, object], finish_reason: str | None = None) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return encode_event(self._object("chat.completion.chunk", [choice], None))

    def _object(
        self, kind: str, choices: list[dict[str, object]], usage: Mapping[str, object] | None
    ) -> dict[str, object]:
        return {
            "id": f"chatcmpl-{self.request_id}",
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "system_fingerprint": None,
            "choices": choices,
            "usage": usage,
        }

    def _usage(self) -> dict[str, object]:
        counts = count_usage(self.request, self.reply)
        return {
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.completion,
            "total_tokens": counts.prompt + counts.completion,
            "prompt_tokens_details": {"cached_tokens": counts.cached},
            "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
        }


def encode_event(value: object) -> bytes:
    """Return one server-sent event with JSON on a single line."""
    return b"data: " + encode_json(value) + b"\n\n"
