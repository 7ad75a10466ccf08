"""Bodies of a successful response that hold no answer: an error, another API's form, anything else.

Loaded only if nothing of an answer arrived.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.first_words import first_words
from newapi_cli.api.errors.wrappers import (
    error_of_field,
    has_words,
    marked_error,
    read_error,
    read_text,
)

ANTHROPIC_EVENTS = ("message_start", "content_block_start", "content_block_delta", "message_delta")
COHERE_EVENTS = ("message-start", "content-start", "content-delta", "message-end")


class OtherApi(NamedTuple):
    """Another API, and what an object of it has."""

    name: str
    matches: Callable[[dict[str, Any]], bool]


def _type(value: dict[str, Any]) -> str:
    kind = value.get("type")
    return kind if isinstance(kind, str) else ""


def _is_list_of_objects(value: object, *names: str) -> bool:
    """Return whether a value is a list that begins with an object with one of these members."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and any(name in first for name in names)


def _message(value: dict[str, Any]) -> dict[str, Any]:
    message = value.get("message")
    return message if isinstance(message, dict) else {}


OTHER_APIS = (
    OtherApi(
        "Anthropic's Messages API",
        lambda v: (
            _type(v) in ANTHROPIC_EVENTS
            or (_type(v) == "message" and isinstance(v.get("content"), list))
            or _type(v) == "completion"
        ),
    ),
    OtherApi(
        "OpenAI's Responses API",
        lambda v: _type(v).startswith("response.") or v.get("object") == "response",
    ),
    OtherApi(
        "Gemini's own API",
        lambda v: (
            _is_list_of_objects(v.get("candidates"), "content", "index") or "promptFeedback" in v
        ),
    ),
    OtherApi(
        "Cohere's own API",
        lambda v: (
            _type(v) in COHERE_EVENTS
            or "event_type" in v
            or ("generation_id" in v and "text" in v)
            or (isinstance(_message(v).get("content"), list) and "finish_reason" in v)
        ),
    ),
    OtherApi(
        "Ollama's own API",
        lambda v: "done" in v and ("response" in v or bool(_message(v))),
    ),
    OtherApi(
        "Amazon Bedrock's Converse API",
        lambda v: "stopReason" in v or "contentBlockDelta" in v or "contentBlockIndex" in v,
    ),
    OtherApi(
        "DashScope's own API",
        lambda v: isinstance(v.get("output"), dict) and ("request_id" in v or "usage" in v),
    ),
    OtherApi("Hugging Face's own API", lambda v: "generated_text" in v or "token" in v),
    OtherApi(
        "llama.cpp's own API",
        lambda v: isinstance(v.get("content"), str) and ("stop" in v or "generation_settings" in v),
    ),
    OtherApi("Qianfan's own API", lambda v: "result" in v and "is_end" in v),
    OtherApi("Dify's own API", lambda v: "answer" in v and "conversation_id" in v),
    OtherApi(
        "a list of models",
        lambda v: (
            _is_list_of_objects(v.get("data"), "id")
            or _is_list_of_objects(v.get("models"), "name", "id")
        ),
    ),
    OtherApi("embeddings", lambda v: _is_list_of_objects(v.get("data"), "embedding")),
)


class Finding(NamedTuple):
    """What a body holds in place of an answer: an error, the name of another API, or words."""

    error: ErrorObject | None = None
    api: str = ""
    words: str = ""


def find_no_answer(values: Iterable[object], text: str, *, has_choices: bool) -> Finding | None:
    """Return what is in a body without an answer; None if it is just an empty answer.

    `values` are the first JSON values of it, `text` its first words outside of JSON. `has_choices`:
    something had the form of a chat completion.
    """
    if has_choices and re.match(r"\W{0,3}(?:error|exception|failed)\b", text, re.IGNORECASE):
        return Finding(error=read_text(text))
    objects = [each for value in values for each in (value if isinstance(value, list) else [value])]
    for each in objects:
        error = marked_error(each) or (read_error(each) if has_words(each) else None)
        if error is not None:
            return Finding(error=error)
    for each in objects:
        api = other_api(each)
        if api:
            return Finding(api=api)
    if has_choices:
        return None
    if not text and objects:
        text = json.dumps(objects[0], ensure_ascii=False)
    return Finding(words=first_words(text)) if text.strip() else None


def other_api(value: object) -> str:
    """Return the name of the API that an object is of, empty if it is unknown."""
    if not isinstance(value, dict):
        return ""
    return next((each.name for each in OTHER_APIS if each.matches(value)), "")


def error_in_stray(stray: str) -> ErrorObject | None:
    """Return the error in the first line `error: …` outside the events of a stream."""
    match = re.search(r"^[ \t]*+error[ \t]*+:(.*+)", stray, re.IGNORECASE | re.MULTILINE)
    return error_of_field(match.group(1), stray[match.end() :]) if match else None
