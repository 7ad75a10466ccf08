"""From a reply to the bytes of its answer: server-sent events, or one JSON object. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.demo.chat_call import ChatCall
from newapi_cli.demo.pieces import count_tokens, split_pieces
from newapi_cli.demo.replies import Reply
from newapi_cli.demo.wire import DONE, Frame, encode_json, sse_event, usage_of


def iter_events(reply: Reply, call: ChatCall, frame: Frame) -> Iterator[tuple[float, bytes]]:
    """Give each event with the seconds to wait before it.

    role chunk, reasoning, content, [error | finish reason], [usage], [DONE]; a reply that is cut
    ends after its content.
    """
    role = frame.chunk({"role": "assistant", "content": ""})
    yield reply.first_pause_s, sse_event(role)
    for name, text in (("reasoning_content", reply.reasoning), ("content", reply.content)):
        for piece in split_pieces(text, reply.tokens_per_piece):
            yield reply.pace_s, sse_event(frame.chunk({name: piece}))
    if reply.is_cut:
        return
    if reply.error is not None:
        yield reply.pace_s, sse_event({"error": dict(reply.error)})
    elif reply.finish_reason is not None:
        yield reply.pace_s, sse_event(frame.chunk({}, reply.finish_reason))
    if call.wants_usage:
        yield 0.0, sse_event(frame.usage_chunk(_usage(reply, call)))
    yield 0.0, DONE


def whole_body(reply: Reply, call: ChatCall, frame: Frame) -> bytes:
    """Give the JSON body of an answer that does not stream."""
    message = {"role": "assistant", "content": reply.content}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    return encode_json(frame.completion(message, reply.finish_reason, _usage(reply, call)))


def _usage(reply: Reply, call: ChatCall) -> dict[str, object]:
    # three more tokens a message for its role and borders: an estimate, like the rest
    prompt = sum(count_tokens(message.text) + 3 for message in call.messages)
    return usage_of(prompt, count_tokens(reply.content), count_tokens(reply.reasoning))
