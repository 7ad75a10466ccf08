"""Chunks from the JSON of a chat completion, streamed or whole.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
Pure: no I/O, no state.
"""

from __future__ import annotations

import json
from typing import Any, TypeGuard

from newapi_cli.api.errors.body import find_error
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.json_values import str_or_empty
from newapi_cli.domain.completion import Chunk, ToolCallDelta, Usage, UsageExtras

PARTS = ("delta", "message")
CONTENT_MEMBERS = {"text", "refusal", "image_url", "thinking"}


def chunk_from_json(value: dict[str, Any]) -> Chunk:
    """Return the chunk of choice 0 of a streamed object or a whole completion.

    Content, reasoning and the arguments of tool calls may end in half a character;
    `split_text` joins the halves.
    """
    choice = _first_choice(value.get("choices"))
    part = _part(choice)
    content = part.get("content")
    text = content if isinstance(content, str) else _content_text(content)
    if not text or "refusal" in part or "images" in part:
        text = _with_other_members(text, choice, part)
    reasoning = _content_text(part.get("reasoning_content"))
    usage = value.get("usage")
    return Chunk(
        content=text,
        # Servers of 2025 put the same text into both members.
        reasoning=reasoning or _content_text(part.get("reasoning")) or _thinking(content),
        tool_calls=_tool_calls(part),
        finish_reason=str_or_empty(choice.get("finish_reason"))
        or ("error" if choice.get("error") else None),
        usage=usage_from_json(usage) if isinstance(usage, dict) else None,
        model=str_or_empty(value.get("model")),
        id=str_or_empty(value.get("id")),
    )


def find_error_in_choice(value: dict[str, Any]) -> ErrorObject | None:
    """Return the error that OpenRouter puts into a choice with the finish reason `error`."""
    return find_error(_first_choice(value.get("choices")))


def has_unread_content(value: dict[str, Any]) -> bool:
    """Return whether an object may hold an answer in a form that `chunk_from_json` cannot read.

    For example content that is a number, or choices that are not a list; choices other than the
    first are ignored. Only useful if the chunk of the object is empty.
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
        if part and isinstance(part, dict):  # some servers send an empty delta with the message
            return part
    return {}


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content if isinstance(part, dict))
    return ""


def _part_text(part: dict[str, Any]) -> str:
    """Return the text of a content part; an image becomes Markdown, as in gateways."""
    text, image = _text_member(part), part.get("image_url")
    if isinstance(image, dict):
        image = image.get("url")
    if isinstance(text, str):
        return text
    return f"![image]({image})" if isinstance(image, str) and image else ""


def _text_member(part: dict[str, Any]) -> object:
    """Return the member that should be the text of a part; OpenAI's assistants API nests it."""
    text = part.get("text") or part.get("refusal")
    return text["value"] if isinstance(text, dict) and "value" in text else text


def _thinking(content: object) -> str:
    """Return the reasoning in the content parts of Mistral: texts, or lists of text parts."""
    if not isinstance(content, list):
        return ""
    parts = (part for part in content if isinstance(part, dict))
    return "".join(_content_text(part.get("thinking")) for part in parts)


def _with_other_members(content: str, choice: dict[str, Any], part: dict[str, Any]) -> str:
    """Return the content with the refusal (OpenAI) and the images (OpenRouter) appended.

    If there is none of these, return the transcript of audio, or the text of OpenAI's older
    completions.
    """
    refusal, images = part.get("refusal"), part.get("images")
    if isinstance(refusal, str) and refusal != content:
        content += refusal
    if isinstance(images, list):
        content += _content_text(images)
    audio = part.get("audio")
    transcript = audio.get("transcript") if isinstance(audio, dict) else None
    texts = (content, transcript, choice.get("text"))
    return next((text for text in texts if isinstance(text, str) and text), "")


def _tool_calls(part: dict[str, Any]) -> tuple[ToolCallDelta, ...]:
    calls = part.get("tool_calls")
    if not calls:
        function = part.get("function_call")  # the tool calls of 2023
        calls = [{"function": function}] if function else None
    if not isinstance(calls, list):
        return ()
    deltas = (_tool_call(call) for call in calls if isinstance(call, dict))
    return tuple(each for each in deltas if each.id or each.name or each.arguments)


def _tool_call(call: dict[str, Any]) -> ToolCallDelta:
    index = call.get("index")
    function, custom = call.get("function"), call.get("custom")
    if not function and isinstance(custom, dict):  # OpenAI's tools with a text as input
        function = {"name": custom.get("name"), "arguments": custom.get("input")}
    if not isinstance(function, dict):
        function = {}
    return ToolCallDelta(
        position=index if isinstance(index, int) else None,
        id=str_or_empty(call.get("id")),
        name=str_or_empty(function.get("name")),
        arguments=_arguments(function.get("arguments")),
    )


def _arguments(arguments: object) -> str:
    if isinstance(arguments, str):
        return arguments
    if not isinstance(arguments, dict | list):
        return ""
    try:  # Ollama sends an object, OpenAI its JSON text
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        return ""


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
        cached_tokens=_detail(prompt_details, "cached_tokens"),
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
    cached, total = _detail(prompt, "cached_tokens") or 0, _count(usage.get("prompt_tokens"))
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


def _detail(details: object, name: str) -> int | None:
    return _count(details.get(name)) if isinstance(details, dict) else None


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value < 1e15:  # also NaN
        return None
    return int(value)
