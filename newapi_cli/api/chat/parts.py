"""What a delta or a message of a chat completion holds, in the forms of all providers.

A member that is unknown, missing, null or of the wrong type is ignored, never an error.
Pure: no I/O, no state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard

from newapi_cli.api.json_values import str_or_empty
from newapi_cli.domain.completion import ToolCallDelta

TEXT_MEMBERS = {"text", "refusal", "thinking"}
# The first of these that has text is the reasoning: servers put the same text into several.
REASONING_MEMBERS = (
    *("reasoning_content", "reasoning", "reasoning_details", "reasoning_text"),
    *("thinking", "thinking_blocks"),
)
REASONING_TYPES = ("reasoning", "thinking", "thought", "redacted_thinking", "summary_text")
IMAGE_MEMBERS = ("images", "image", "image_url")
OTHER_TEXTS = frozenset((*IMAGE_MEMBERS, "refusal", "audio"))
MAX_DIGITS = 4  # of an index that is sent as text
CALL_MEMBERS = frozenset(("tool_calls", "function_call"))
# The members other than `content` that hold a part of the answer or of its reasoning.
ANSWER_MEMBERS = OTHER_TEXTS | CALL_MEMBERS | frozenset(REASONING_MEMBERS)


class PartContent(NamedTuple):
    """The content of a delta or a message. `skipped` are the types of parts that were not read.

    Text, reasoning and the arguments of tool calls may end in half a character.
    """

    text: str
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def has_anything(self) -> bool:
        """Whether it is a piece of the answer or of its reasoning."""
        return bool(self.text or self.reasoning or self.tool_calls)


def read_part(part: dict[str, Any], choice: dict[str, Any]) -> PartContent:
    """Return what a delta or a message of a choice holds."""
    content = part.get("content")
    members = {name for name in part if name in ANSWER_MEMBERS and part[name]}
    if not members and (content is None or isinstance(content, str)):
        return PartContent(content or _text(choice.get("text")))
    skipped: list[str] = []
    text = _content_text(content, skipped)
    if not members.isdisjoint(OTHER_TEXTS):
        text += _other_texts(part, text, skipped)
    calls = () if members.isdisjoint(CALL_MEMBERS) else _tool_calls(part)
    # Of OpenAI's older completions.
    text = text or _text(choice.get("text"))
    has_reasoning = isinstance(content, list) or not members.isdisjoint(REASONING_MEMBERS)
    reasoning = _reasoning(part, content) if has_reasoning else ""
    return PartContent(text, reasoning, calls, tuple(skipped))


def has_unread_content(part: dict[str, Any], choice: dict[str, Any]) -> bool:
    """Return whether a part without any content may hold some in a form that is not read."""
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
        or (bool(calls) and not isinstance(calls, dict) and not _is_list_of_objects(calls))
        or (bool(call) and not isinstance(call, dict))
    )


def _are_parts(value: object) -> bool:
    return _is_list_of_objects(value) and all(map(_is_part, value))


def _is_part(part: dict[str, Any]) -> bool:
    text = _text_member(part)
    is_text = bool(part.keys() & TEXT_MEMBERS) and (not text or isinstance(text, str))
    return is_text or _is_reasoning(part) or bool(_image(part))


def _is_list_of_objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield the objects in a list; nothing for any other value."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# -- text ---------------------------------------------------------------------------------------


def _content_text(content: object, skipped: list[str]) -> str:
    """Return the text of content; add the types of parts that are not text to `skipped`.

    An image becomes Markdown, as in gateways.
    """
    if isinstance(content, str):
        return content
    texts = []
    for part in _objects(content):
        if _is_reasoning(part):
            continue
        text = _text_member(part)
        texts.append(text if isinstance(text, str) and text else _image(part))
        if not texts[-1] and not part.keys() & TEXT_MEMBERS:
            skipped.append(str_or_empty(part.get("type")) or "unknown")
    return "".join(texts)


def _text_member(part: dict[str, Any]) -> object:
    """Return the member that should be the text of a part; OpenAI's assistants API nests it."""
    text = part.get("text") or part.get("refusal")
    return text["value"] if isinstance(text, dict) and "value" in text else text


def _other_texts(part: dict[str, Any], text: str, skipped: list[str]) -> str:
    """Return the refusal (OpenAI) and the images, or else the transcript of audio."""
    refusal, audio = _text(part.get("refusal")), part.get("audio")
    others = ("" if refusal == text else refusal) + _images(part, skipped)
    if not isinstance(audio, dict):
        return others
    if audio.get("data"):
        skipped.append("audio")
    return others if text or others else _text(audio.get("transcript"))


def _images(part: dict[str, Any], skipped: list[str]) -> str:
    """Return the images outside the content (OpenRouter and others) as Markdown, each once."""
    found: dict[str, None] = {}
    for name in IMAGE_MEMBERS:
        value = part.get(name)
        for each in value if isinstance(value, list) else [value]:
            if image := _image(each):
                found[image] = None
            elif isinstance(each, dict) and each:
                skipped.append("image")
    return "".join(found)


def _image(value: object) -> str:
    if not value or (isinstance(value, dict) and value.keys() <= TEXT_MEMBERS | {"type"}):
        return ""
    from newapi_cli.api.chat import images  # noqa: PLC0415  # few answers have some

    return images.image_markdown(value)


# -- reasoning ----------------------------------------------------------------------------------


def _reasoning(part: dict[str, Any], content: object) -> str:
    for name in REASONING_MEMBERS:
        if text := _reasoning_text(part.get(name)):
            return text
    if not isinstance(content, list):
        return ""
    return "".join(_reasoning_text(each) for each in _objects(content) if _is_reasoning(each))


def _is_reasoning(part: dict[str, Any]) -> bool:
    """Return whether a content part is reasoning: of Mistral, Anthropic, Gemini or OpenRouter."""
    type_ = part.get("type")
    is_typed = isinstance(type_, str) and type_.startswith(REASONING_TYPES)
    return is_typed or "thinking" in part or part.get("thought") is True


def _reasoning_text(value: object) -> str:
    """Return reasoning that is a text, or a list of texts or of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_reasoning_text(each) for each in value if isinstance(each, str | dict))
    if not isinstance(value, dict):
        return ""
    for name in ("thinking", "text", "summary", "content"):
        inner = value.get(name)
        if (
            text := inner
            if isinstance(inner, str)
            else "".join(map(_reasoning_text, _objects(inner)))
        ):
            return text
    return ""


# -- tool calls ---------------------------------------------------------------------------------


def _tool_calls(part: dict[str, Any]) -> tuple[ToolCallDelta, ...]:
    calls = part.get("tool_calls")
    if not calls:
        function = part.get("function_call")  # the tool calls of 2023
        calls = [{"function": function}] if function else None
    calls = [calls] if isinstance(calls, dict) else calls
    if not isinstance(calls, list):
        return ()
    deltas = [_tool_call(call) for call in calls if isinstance(call, dict)]
    deltas = [delta for delta in deltas if any(delta[1:])]
    if len(deltas) > 1:  # of one list, two with a name are two calls
        named: set[tuple[int | None, str]] = set()
        for place, delta in enumerate(deltas):
            if delta.name:
                key = (delta.position, delta.id)
                deltas[place] = delta._replace(begins=key in named)
                named.add(key)
    return tuple(deltas)


def index_or_none(value: dict[str, Any]) -> int | None:
    """Return the index of a choice or a tool call, None without one. Some servers send text."""
    index = value.get("index")
    if isinstance(index, str) and index.isdecimal() and len(index) < MAX_DIGITS:
        return int(index)
    return index if isinstance(index, int) else None


def _tool_call(call: dict[str, Any]) -> ToolCallDelta:
    function, custom = call.get("function"), call.get("custom")
    if not function and isinstance(custom, dict):  # OpenAI's tools with a text as input
        function = {"name": custom.get("name"), "arguments": custom.get("input")}
    if not function or not isinstance(function, dict):
        function = call  # the members are not nested
    id_, name = call.get("id"), function.get("name")
    arguments = function.get("arguments")
    if arguments is None:
        arguments = function.get("parameters")
    return ToolCallDelta(
        index_or_none(call),
        str_or_empty(id_) if id_ else "",
        str_or_empty(name) if name else "",
        arguments if isinstance(arguments, str) else _json_of(arguments),
    )


def _json_of(arguments: object) -> str:
    if not isinstance(arguments, dict | list):
        return ""
    try:  # Ollama sends an object, OpenAI its JSON text
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        return ""
