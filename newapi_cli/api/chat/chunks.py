"""Chunks from the JSON of a chat completion, streamed or whole.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
Pure: no I/O, no state.
"""

from __future__ import annotations

from typing import Any

from newapi_cli.api.chat import parts
from newapi_cli.api.chat.parts import PartContent
from newapi_cli.api.errors.body import find_error
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.json_values import str_or_empty
from newapi_cli.domain.completion import Chunk, Usage, UsageExtras

PARTS = ("delta", "message")
# Words that mean no finish reason. DashScope sends the word "null" with each delta.
NO_REASON = frozenset(
    ("", "null", "none", "nil", "undefined", "in_progress", "finish_reason_unspecified")
)
OTHERS = frozenset(("finishReason", "stop_reason", "error"))  # if `finish_reason` is missing
NOTHING = PartContent("")


def chunk_of(
    value: dict[str, Any], content: PartContent = NOTHING, reason: str | None = None
) -> Chunk:
    """Return the chunk of an object, with the content and the finish reason of one choice."""
    usage, model, id_ = value.get("usage"), value.get("model"), value.get("id")
    if reason is not None and not usage:
        usage = _usage_elsewhere(value)
    return Chunk(
        content.text,
        content.reasoning,
        content.tool_calls,
        reason,
        usage_from_json(usage) if isinstance(usage, dict) else None,
        str_or_empty(model) if model else "",
        str_or_empty(id_) if id_ else "",
    )


def _usage_elsewhere(value: dict[str, Any]) -> object:
    """Return the usage that Kimi puts into the choice, and Groq into `x_groq`."""
    for holder in (first_choice(value.get("choices")), value.get("x_groq")):
        if isinstance(holder, dict) and holder.get("usage"):
            return holder["usage"]
    return None


def first_choice(choices: object) -> dict[str, Any]:
    """Return the choice that is the answer: a single one whatever its index, else that of index 0.

    New API of April 2025 numbers the choices of a Claude stream by content blocks.
    """
    if not isinstance(choices, list):
        return {}
    if len(choices) == 1 and isinstance(choices[0], dict):
        return choices[0]
    objects = [each for each in choices if isinstance(each, dict)]
    first = next((each for each in objects if index_of(each) == 0), None)
    if first is not None:
        return first
    return objects[0] if objects else {}


def index_of(choice: dict[str, Any]) -> int:
    """Return the index of a choice; one without an index is the first."""
    return parts.index_or_none(choice) or 0


def part_of(choice: dict[str, Any]) -> dict[str, Any]:
    """Return the delta or the message of a choice; some servers send an empty delta with it."""
    for name in PARTS:
        part = choice.get(name)
        if part and isinstance(part, dict):
            return part
    return {}


def find_error_in_choice(value: dict[str, Any]) -> ErrorObject | None:
    """Return the error that OpenRouter puts into a choice, and others into its delta."""
    choice = first_choice(value.get("choices"))
    holder = choice if choice.get("error") else part_of(choice)
    return find_error(holder) if holder.get("error") else None


def has_unread_content(value: dict[str, Any]) -> bool:
    """Return whether an object may hold an answer in a form that is not read.

    For example content that is a number, or choices that are not a list; choices other than the
    first are ignored. Only useful if the chunk of the object is empty.
    """
    choices = value.get("choices")
    if not isinstance(choices, list):
        return bool(choices)
    if not any(isinstance(each, dict) for each in choices):
        return any(choices)
    choice = first_choice(choices)
    if any(choice.get(name) and not isinstance(choice[name], dict) for name in PARTS):
        return True
    return parts.has_unread_content(part_of(choice), choice)


def finish_reason(choice: dict[str, Any]) -> str | None:
    """Return the finish reason of a choice; `error` for a choice with an error."""
    word = choice.get("finish_reason")
    if not word:
        if OTHERS.isdisjoint(choice):
            return "error" if part_of(choice).get("error") else None
        word = choice.get("finishReason") or choice.get("stop_reason")
    word = str_or_empty(word).strip()
    if word.lower() not in NO_REASON:
        return word
    return "error" if choice.get("error") or part_of(choice).get("error") else None


# -- usage --------------------------------------------------------------------------------------


def usage_from_json(usage: dict[str, Any]) -> Usage:
    """Return the token counts; an invalid count is None."""
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    total = _count(usage.get("total_tokens"))
    if total is None and prompt is not None and completion is not None:
        total = prompt + completion
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total,
        cached_tokens=_cached(usage, prompt_details),
        reasoning_tokens=_detail(completion_details, "reasoning_tokens"),
        extras=_usage_extras(usage, prompt_details, completion_details),
    )


def _usage_extras(usage: dict[str, Any], prompt: object, completion: object) -> UsageExtras | None:
    """Return the counts that only prices need; None if there are none, as usual.

    A prompt that is shorter than its cached part is counted in Claude's way, without it.
    """
    hour = _count(usage.get("claude_cache_creation_1_h_tokens")) or 0
    split = (_count(usage.get("claude_cache_creation_5_m_tokens")) or 0) + hour
    writes = _detail(prompt, "cached_creation_tokens") or _detail(prompt, "cache_write_tokens")
    semantic = usage.get("usage_semantic")
    cached, total = _cached(usage, prompt) or 0, _count(usage.get("prompt_tokens"))
    extras = UsageExtras(
        cache_writes=max(writes or 0, split),
        cache_writes_1h=hour,
        images=_detail(prompt, "image_tokens") or 0,
        audio_in=_detail(prompt, "audio_tokens") or 0,
        audio_out=_detail(completion, "audio_tokens") or 0,
        images_out=_detail(completion, "image_tokens") or 0,
        excludes_cached=semantic == "anthropic"
        or bool(split and not semantic and not usage.get("usage_source"))
        or (total is not None and cached > total),
        searches=_searches(usage),
    )
    return extras if any(extras) or extras.searches is not None else None


def _searches(usage: dict[str, Any]) -> int | None:
    """Return how many web searches of Claude are charged, None if the server does not count them.

    New API passes Claude's own usage on, in which no searches are counted if there were none.
    """
    billing = usage.get("billing_usage")
    claude = billing.get("claude_usage") if isinstance(billing, dict) else None
    if not isinstance(claude, dict):
        return _detail(usage.get("server_tool_use"), "web_search_requests")
    return _detail(claude.get("server_tool_use"), "web_search_requests") or 0


def _cached(usage: dict[str, Any], prompt: object) -> int | None:
    """Return the cached tokens, also as DeepSeek and Kimi count them; New API charges by these."""
    cached = _detail(prompt, "cached_tokens")
    if cached:
        return cached
    others = (_count(usage.get(name)) for name in ("prompt_cache_hit_tokens", "cached_tokens"))
    return next((other for other in others if other is not None), cached)


def _detail(details: object, name: str) -> int | None:
    return _count(details.get(name)) if isinstance(details, dict) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < 1e15:  # also NaN
        return None
    return int(value)
