"""What each demo model answers. The same call gets the same answer, always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from newapi_cli.demo.chat_call import ChatCall
from newapi_cli.demo.pieces import clip_tokens, count_tokens
from newapi_cli.demo.tour import answer, long_text

DEMO_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "a short tour of newapi, a table, some code; remembers what you said",
        "demo-reasoning": "thinks first, in its own field (reasoning_content)",
        "demo-think": "thinks first, inside the text (<think>…</think>)",
        "demo-slow": "three seconds of silence, then two pieces a second",
        "demo-long": "four hundred paragraphs, quickly",
        "demo-echo": "your last message, byte for byte",
        "demo-length": "stops in mid-sentence: the token limit (finish_reason length)",
        "demo-filter": "stops in mid-sentence: a content filter",
        "demo-cut": "the connection breaks in mid-answer",
        "demo-no-finish": "ends without a finish reason, as a timeout inside a gateway does",
        "demo-error-in-stream": "an error in the middle of the answer",
        "demo-per-call": "a short answer for a cent, however long the question",
        "demo-tiered": "a short answer with a price in tiers, by the length of the question",
        "demo-vip": "a short answer, for keys of the group vip only (sk-vip)",
        "demo-429": "too many requests, always (429, empty body)",
        "demo-429-once": "too many requests, then an answer: every second call succeeds",
        "demo-401": "the key is refused (401)",
        "demo-500": "the provider behind the gateway fails (500)",
        "demo-quota": "the account is used up (403)",
    }
)

_REFUSING = ("demo-429", "demo-401", "demo-500", "demo-quota")
ANSWERING_MODELS = tuple(name for name in DEMO_MODELS if name not in _REFUSING)

_THOUGHTS = (
    "The question is short, so the answer should be too.\n"
    "First: what is being asked? Then: what would help most?\n"
    "An example says more than an explanation."
)
_CONCLUSION = (
    "Here is the answer, after some thought: **reasoning comes first and stays apart from the "
    "answer**. On a terminal it is dim; in a pipe only these lines arrive."
)
_BROKEN_OFF = (
    "This answer begins like any other. It has a first sentence, a second one, and then, in the "
    "middle of a thought that was going to be rather"
)
_SLOW = "Good things come to those who wait: this answer arrives two pieces a second, quite calmly."
_UPSTREAM_ERROR: Mapping[str, object] = MappingProxyType(
    {
        "message": "Rate limit reached for requests",
        "type": "rate_limit_error",
        "param": "",
        "code": 429,
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and the way it is given.

    `first_pause_s` passes before anything is sent, headers included; `pace_s` before each piece
    of `tokens_per_piece` tokens. With `is_cut` the connection ends after the text, with
    `error` that object follows the text.
    """

    content: str
    reasoning: str = ""
    finish_reason: str | None = "stop"
    error: Mapping[str, object] | None = None
    is_cut: bool = False
    first_pause_s: float = 0.0
    pace_s: float = 0.0
    tokens_per_piece: int = 1


def reply_to(call: ChatCall, pace_s: float) -> Reply:
    """Give the reply of the call's model, `pace_s` seconds between pieces unless it has its own.

    An unknown name answers as `demo` does; who calls has checked it.
    """
    reply = _SCRIPTS.get(call.model) or _written_for(call)
    if call.model == "demo-slow":
        paced = replace(reply, first_pause_s=3.0, pace_s=0.5)
    elif call.model == "demo-long":
        paced = replace(reply, pace_s=pace_s / 6)
    elif call.model == "demo-echo":
        paced = reply
    else:
        paced = replace(reply, pace_s=pace_s)
    return _limited(paced, call.max_tokens)


def _written_for(call: ChatCall) -> Reply:
    if call.model == "demo-long":
        return Reply(long_text(), tokens_per_piece=6)
    if call.model == "demo-echo":
        users = [message.text for message in call.messages if message.role == "user"]
        text = users[-1] if users else ""
        # pieces grow with the text, so that a megabyte comes in a few seconds
        return Reply(text, tokens_per_piece=1 + count_tokens(text) // 4000)
    return Reply(answer(call.messages))


def _limited(reply: Reply, max_tokens: int) -> Reply:
    thought = count_tokens(reply.reasoning)
    if not max_tokens or thought + count_tokens(reply.content) <= max_tokens:
        return reply
    return replace(
        reply,
        reasoning=clip_tokens(reply.reasoning, max_tokens),
        content=clip_tokens(reply.content, max_tokens - thought),
        finish_reason="length" if reply.finish_reason == "stop" else reply.finish_reason,
    )


_SCRIPTS: Mapping[str, Reply] = MappingProxyType(
    {
        "demo-reasoning": Reply(_CONCLUSION, reasoning=_THOUGHTS),
        "demo-think": Reply(f"<think>\n{_THOUGHTS}\n</think>\n{_CONCLUSION}"),
        "demo-slow": Reply(_SLOW, tokens_per_piece=2),
        "demo-cut": Reply(_BROKEN_OFF, is_cut=True),
        "demo-no-finish": Reply(_BROKEN_OFF, finish_reason=None),
        "demo-error-in-stream": Reply(_BROKEN_OFF, error=_UPSTREAM_ERROR),
        "demo-length": Reply(_BROKEN_OFF, finish_reason="length"),
        "demo-filter": Reply(_BROKEN_OFF, finish_reason="content_filter"),
    }
)
