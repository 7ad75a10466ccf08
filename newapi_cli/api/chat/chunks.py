"""A completion's JSON to chunks: a streamed object or a whole answer.

Whatever a server sends is accepted: unknown, missing, null and wrong-typed members are passed over,
never an error of ours. Pure: no I/O, no state.
"""

from __future__ import annotations

import json
from typing import Any, TypeGuard

from newapi_cli.api.codec import Refusal, refusal_in, text_in
from newapi_cli.domain.completion import Chunk, ToolCallDelta, Usage, UsageExtras

PARTS = ("delta", "message")
CONTENT_MEMBERS = {"text", "refusal", "image_url", "thinking"}


def chunk_from_json(value: dict[str, Any]) -> Chunk:
    """Read a streamed object or a whole completion; both become a chunk of choice 0.

    Content, reasoning and the arguments of tool calls may end in half a character: `deltas`.
    """
    choice = _first_choice(value.get("choices"))
    part = _part(choice)
    content = part.get("content")
    said = content if isinstance(content, str) else _content_text(content)
    if not said or "refusal" in part or "images" in part:
        said = _with_what_stands_beside(said, choice, part)
    reasoning = _content_text(part.get("reasoning_content"))
    usage = value.get("usage")
    return Chunk(
        content=said,
        # Servers of 2025 filled both members with the same text: one of them is enough.
        reasoning=reasoning or _content_text(part.get("reasoning")) or _thoughts(content),
        tool_calls=_tool_calls(part),
        finish_reason=text_in(choice.get("finish_reason"))
        or ("error" if choice.get("error") else None),
        usage=usage_from_json(usage) if isinstance(usage, dict) else None,
        model=text_in(value.get("model")),
        id=text_in(value.get("id")),
    )


def refusal_in_choice(value: dict[str, Any]) -> Refusal | None:
    """Find the error that OpenRouter puts into a choice, beside its finish reason `error`."""
    return refusal_in(_first_choice(value.get("choices")))


def holds_unread(value: dict[str, Any]) -> bool:
    """Say of an object whose chunk holds no piece of an answer whether one may stand in it.

    Content that is a number, choices that are no list, and the like; other choices are not meant.
    """
    choices = value.get("choices")
    if not isinstance(choices, list):
        return bool(choices)
    if not any(isinstance(each, dict) for each in choices):
        return any(choices)
    choice = _first_choice(choices)
    if any(choice.get(name) and not isinstance(choice[name], dict) for name in PARTS):
        return True
    part = _part(choice)
    texts = (
        part.get("reasoning_content"),
        part.get("reasoning"),
        part.get("refusal"),
        choice.get("text"),
    )
    content, images = part.get("content"), part.get("images")
    calls, call = part.get("tool_calls"), part.get("function_call")
    return (
        any(text and not isinstance(text, str) for text in texts)
        or (bool(content) and not isinstance(content, str) and not _are_parts(content))
        or (bool(images) and not _are_parts(images))
        or (bool(calls) and not _is_list_of_objects(calls))
        or (bool(call) and not isinstance(call, dict))
    )


def _are_parts(value: object) -> bool:
    return _is_list_of_objects(value) and all(map(_is_part, value))


def _is_part(part: dict[str, Any]) -> bool:
    text = _text_member(part)
    return bool(part.keys() & CONTENT_MEMBERS) and (not text or isinstance(text, str))


def _is_list_of_objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _first_choice(choices: object) -> dict[str, Any]:
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index", 0) in (0, None, "0"):
                return choice
    return {}


def _part(choice: dict[str, Any]) -> dict[str, Any]:
    for name in PARTS:
        part = choice.get(name)
        if part and isinstance(part, dict):  # some put an empty delta beside the message
            return part
    return {}


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content if isinstance(part, dict))
    return ""


def _part_text(part: dict[str, Any]) -> str:
    """Give the text of a content part; a picture becomes a markdown image, as gateways do it."""
    text, picture = _text_member(part), part.get("image_url")
    if isinstance(picture, dict):
        picture = picture.get("url")
    if isinstance(text, str):
        return text
    return f"![image]({picture})" if isinstance(picture, str) and picture else ""


def _text_member(part: dict[str, Any]) -> object:
    """Give what should be the text of a part; OpenAI's assistants wrap it in an object."""
    text = part.get("text") or part.get("refusal")
    return text["value"] if isinstance(text, dict) and "value" in text else text


def _thoughts(content: object) -> str:
    """Give the reasoning in the content parts of Mistral: texts, or lists of parts with texts."""
    if not isinstance(content, list):
        return ""
    parts = (part for part in content if isinstance(part, dict))
    return "".join(_content_text(part.get("thinking")) for part in parts)


def _with_what_stands_beside(said: str, choice: dict[str, Any], part: dict[str, Any]) -> str:
    """Add to the content why a model refuses (OpenAI) and its pictures (OpenRouter).

    Where there is none of these: what it speaks, or the text of OpenAI's older completions.
    """
    refusal, images = part.get("refusal"), part.get("images")
    if isinstance(refusal, str) and refusal != said:
        said += refusal
    if isinstance(images, list):
        said += _content_text(images)
    audio = part.get("audio")
    spoken = audio.get("transcript") if isinstance(audio, dict) else None
    texts = (said, spoken, choice.get("text"))
    return next((text for text in texts if isinstance(text, str) and text), "")


def _tool_calls(part: dict[str, Any]) -> tuple[ToolCallDelta, ...]:
    calls = part.get("tool_calls")
    if not calls:
        function = part.get("function_call")  # what tool calls were until 2023
        calls = [{"function": function}] if function else None
    if not isinstance(calls, list):
        return ()
    deltas = (_tool_call(call) for call in calls if isinstance(call, dict))
    return tuple(each for each in deltas if each.id or each.name or each.arguments)


def _tool_call(call: dict[str, Any]) -> ToolCallDelta:
    index = call.get("index")
    function, custom = call.get("function"), call.get("custom")
    if not function and isinstance(custom, dict):  # OpenAI's tools that take any text
        function = {"name": custom.get("name"), "arguments": custom.get("input")}
    if not isinstance(function, dict):
        function = {}
    return ToolCallDelta(
        position=index if isinstance(index, int) else None,
        id=text_in(call.get("id")),
        name=text_in(function.get("name")),
        arguments=_arguments(function.get("arguments")),
    )


def _arguments(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments
    if not isinstance(arguments, dict | list):
        return ""
    try:  # Ollama gives an object where OpenAI gives its JSON text
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        return ""


def usage_from_json(usage: dict[str, Any]) -> Usage:
    """Read token counts; a count that is no whole number above 0 is not known."""
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
        cached_tokens=_detail(prompt_details, "cached_tokens"),
        reasoning_tokens=_detail(completion_details, "reasoning_tokens"),
        extras=_usage_extras(usage, prompt_details, completion_details),
    )


def _usage_extras(usage: dict[str, Any], prompt: object, completion: object) -> UsageExtras | None:
    """Read the counts that only prices ask for; None where all of them are 0, as nearly always."""
    hour = _count(usage.get("claude_cache_creation_1_h_tokens")) or 0
    split = (_count(usage.get("claude_cache_creation_5_m_tokens")) or 0) + hour
    writes = _detail(prompt, "cached_creation_tokens") or _detail(prompt, "cache_write_tokens")
    semantic = usage.get("usage_semantic")
    extras = UsageExtras(
        cache_writes=max(writes or 0, split),
        cache_writes_1h=hour,
        images=_detail(prompt, "image_tokens") or 0,
        audio_in=_detail(prompt, "audio_tokens") or 0,
        audio_out=_detail(completion, "audio_tokens") or 0,
        excludes_cached=semantic == "anthropic"
        or bool(split and not semantic and not usage.get("usage_source")),
    )
    return extras if any(extras) else None


def _detail(details: object, name: str) -> int | None:
    return _count(details.get(name)) if isinstance(details, dict) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < 1e15:  # also NaN
        return None
    return int(value)
