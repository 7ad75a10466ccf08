"""The demo models, what each of them replies, and how a reply is split into chunks.

The same request always gets the same reply. `responses.ErrorResponses.for_model` has the HTTP
errors of `demo-429`, `demo-401`, `demo-500` and the like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from newapi_cli.demo.chat_request import ChatRequest
from newapi_cli.demo.tour import answer, long_text

DEMO_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "a short tour of newapi, a table, some code; remembers your messages",
        "demo-reasoning": "reasons first, in a separate field (reasoning_content)",
        "demo-think": "reasons first, inside the text (<think>…</think>)",
        "demo-slow": "silent for three seconds, then two chunks per second",
        "demo-long": "four hundred paragraphs, quickly",
        "demo-echo": "your last message, unchanged",
        "demo-length": "stops in mid-sentence: token limit (finish_reason length)",
        "demo-filter": "stops in mid-sentence: content filter",
        "demo-cut": "the connection breaks in the middle of the answer",
        "demo-no-finish": "ends without a finish reason, as after a timeout inside a gateway",
        "demo-error-in-stream": "an error in the middle of the answer",
        "demo-per-call": "a short answer for $0.01, however long the prompt",
        "demo-tiered": "a short answer with a price that depends on the prompt's length",
        "demo-vip": "a short answer, only for keys of the group vip (sk-vip)",
        "demo-429": "always rate limited (429, empty body)",
        "demo-429-once": "rate limited, then an answer: every second request succeeds",
        "demo-401": "the key is rejected (401)",
        "demo-500": "the provider behind the gateway fails (500)",
        "demo-quota": "the account has no quota left (403)",
    }
)

_FAILING_MODELS = ("demo-429", "demo-401", "demo-500", "demo-quota")
ANSWERING_MODELS = tuple(name for name in DEMO_MODELS if name not in _FAILING_MODELS)

_REASONING = (
    "The question is short, so the answer should be too.\n"
    "First: what is being asked? Then: what would help most?\n"
    "An example says more than an explanation."
)
_CONCLUSION = (
    "Here is the answer, after some thought: **reasoning comes first and stays apart from the "
    "answer**. On a terminal it is dim; in a pipe only these lines arrive."
)
_INCOMPLETE = (
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

# Up to four characters of a word and the space before them. Chinese, Japanese and Korean (from
# U+2E80 on) come in pairs of characters.
_TOKEN = re.compile(r"\s*(?:[\u2e80-\uffff]\S?|\S{1,4})|\s+")


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of an answer, and how it is sent.

    `first_pause_s` is the pause before the response headers, `pace_s` the one before each chunk
    of `tokens_per_chunk` tokens. With `is_cut` the connection breaks after the text; with
    `error` this error follows the text.
    """

    content: str
    reasoning: str = ""
    finish_reason: str | None = "stop"
    error: Mapping[str, object] | None = None
    is_cut: bool = False
    first_pause_s: float = 0.0
    pace_s: float = 0.0
    tokens_per_chunk: int = 1


def reply_to(request: ChatRequest, pace_s: float) -> Reply:
    """Return the reply of the requested model, by default with `pace_s` between two chunks."""
    reply = _FIXED_REPLIES.get(request.model) or _reply_for(request)
    if request.model == "demo-slow":
        reply = replace(reply, first_pause_s=3.0, pace_s=0.5)
    elif request.model == "demo-long":
        reply = replace(reply, pace_s=pace_s / 6)
    elif request.model != "demo-echo":
        reply = replace(reply, pace_s=pace_s)
    return _truncate(reply, request.max_tokens)


def split_chunks(text: str, tokens_per_chunk: int = 1) -> list[str]:
    """Split a text into chunks of `tokens_per_chunk` tokens; the last one may be shorter.

    >>> split_chunks("Hello, world\\n")
    ['Hell', 'o,', ' worl', 'd', '\\n']
    >>> split_chunks("你好吗?", 2)
    ['你好吗?']
    """
    tokens = _TOKEN.findall(text)
    if tokens_per_chunk == 1:
        return tokens
    starts = range(0, len(tokens), tokens_per_chunk)
    return ["".join(tokens[start : start + tokens_per_chunk]) for start in starts]


def count_tokens(text: str) -> int:
    """Return the number of tokens in a text: an estimate, as no tokenizer is involved.

    >>> count_tokens("Hello, world")
    4
    """
    return len(split_chunks(text))


def truncate_tokens(text: str, limit: int) -> str:
    """Return the first `limit` tokens of a text.

    >>> truncate_tokens("Hello, world", 2)
    'Hello,'
    """
    return "".join(split_chunks(text)[: max(0, limit)])


def _reply_for(request: ChatRequest) -> Reply:
    if request.model == "demo-long":
        return Reply(long_text(), tokens_per_chunk=6)
    if request.model == "demo-echo":
        text = request.user_texts[-1] if request.user_texts else ""
        # chunks grow with the text, so that a megabyte arrives within a few seconds
        return Reply(text, tokens_per_chunk=1 + count_tokens(text) // 4000)
    return Reply(answer(request))


def _truncate(reply: Reply, max_tokens: int) -> Reply:
    reasoning_tokens = count_tokens(reply.reasoning)
    if not max_tokens or reasoning_tokens + count_tokens(reply.content) <= max_tokens:
        return reply
    return replace(
        reply,
        reasoning=truncate_tokens(reply.reasoning, max_tokens),
        content=truncate_tokens(reply.content, max_tokens - reasoning_tokens),
        finish_reason="length" if reply.finish_reason == "stop" else reply.finish_reason,
    )


_FIXED_REPLIES: Mapping[str, Reply] = MappingProxyType(
    {
        "demo-reasoning": Reply(_CONCLUSION, reasoning=_REASONING),
        "demo-think": Reply(f"<think>\n{_REASONING}\n</think>\n{_CONCLUSION}"),
        "demo-slow": Reply(_SLOW, tokens_per_chunk=2),
        "demo-cut": Reply(_INCOMPLETE, is_cut=True),
        "demo-no-finish": Reply(_INCOMPLETE, finish_reason=None),
        "demo-error-in-stream": Reply(_INCOMPLETE, error=_UPSTREAM_ERROR),
        "demo-length": Reply(_INCOMPLETE, finish_reason="length"),
        "demo-filter": Reply(_INCOMPLETE, finish_reason="content_filter"),
    }
)
