"""From a reply to the bytes of its answer: server-sent events, or one JSON object. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from newapi_cli.demo.chat_call import ChatCall
from newapi_cli.demo.pieces import count_tokens, split_pieces
from newapi_cli.demo.prices import Counts
from newapi_cli.demo.replies import Reply
from newapi_cli.demo.wire import DONE, Frame, encode_json, sse_event, usage_of


class Event(NamedTuple):
    """One event, the seconds to wait before it, and how many tokens of the answer it brings."""

    pause_s: float
    data: bytes
    tokens: int = 0


def iter_events(
    reply: Reply, call: ChatCall, frame: Frame, *, is_old: bool = False
) -> Iterator[Event]:
    """Give the events of an answer.

    role chunk, reasoning, content, [error | finish reason], [usage], [DONE]; a reply that is cut
    ends after its content. Until August 2025 (`is_old`) reasoning came under two names at once.
    """
    role = frame.chunk({"role": "assistant", "content": ""})
    yield Event(reply.first_pause_s, sse_event(role))
    thought = ("reasoning_content", "reasoning") if is_old else ("reasoning_content",)
    for names, text in ((thought, reply.reasoning), (("content",), reply.content)):
        for piece in split_pieces(text, reply.tokens_per_piece):
            chunk = frame.chunk(dict.fromkeys(names, piece))
            yield Event(reply.pace_s, sse_event(chunk), reply.tokens_per_piece)
    if reply.is_cut:
        return
    if reply.error is not None:
        yield Event(reply.pace_s, sse_event({"error": dict(reply.error)}))
    elif reply.finish_reason is not None:
        yield Event(reply.pace_s, sse_event(frame.chunk({}, reply.finish_reason)))
    if call.wants_usage:
        yield Event(0.0, sse_event(frame.usage_chunk(usage_of(counts_of(reply, call)))))
    yield Event(0.0, DONE)


def whole_body(reply: Reply, call: ChatCall, frame: Frame) -> bytes:
    """Give the JSON body of an answer that does not stream."""
    message = {"role": "assistant", "content": reply.content}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    usage = usage_of(counts_of(reply, call))
    return encode_json(frame.completion(message, reply.finish_reason, usage))


def counts_of(reply: Reply, call: ChatCall) -> Counts:
    """Count the tokens of a call and its whole answer.

    What a conversation sends again, all but its last message, counts as cached.
    """
    # three more tokens a message for its role and borders: an estimate, like the rest
    prompts = [count_tokens(message.text) + 3 for message in call.messages]
    users = sum(message.role == "user" for message in call.messages)
    return Counts(
        prompt=sum(prompts),
        cached=sum(prompts[:-1]) if users > 1 else 0,
        content=count_tokens(reply.content),
        reasoning=count_tokens(reply.reasoning),
    )
