"""The body of POST /v1/chat/completions, validated as strictly as the real gateway does.

Unknown fields are ignored and null counts as absent, as in New API relaykit/dto/openai_request.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

MAX_MAX_TOKENS = 1_073_741_823

_GO_TYPES: dict[str, tuple[str, ...]] = {
    "float64": ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"),
    "uint": ("max_tokens", "max_completion_tokens"),
    "int": ("top_k", "n", "top_logprobs", "dimensions"),
    "bool": ("stream", "logprobs", "parallel_tool_calls"),
    "string": ("reasoning_effort",),
    "dto.StreamOptions": ("stream_options",),
    "[]dto.Message": ("messages",),
}


class InvalidField(Exception):
    """A field is missing or has the wrong type. The text is the gateway's own."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message and its text; content parts of other types are dropped."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A valid request for a chat completion. `max_tokens` 0 means no limit."""

    model: str
    messages: tuple[ChatMessage, ...]
    is_stream: bool = False
    include_usage: bool = True
    max_tokens: int = 0

    @property
    def user_texts(self) -> list[str]:
        """The texts of the user's messages, oldest first."""
        return [message.text for message in self.messages if message.role == "user"]


def parse_json_object(content_type: str, body: bytes) -> dict[str, object] | None:
    """Return the JSON object in a body, or None if it is anything else.

    The gateway ignores a body with another Content-Type than `application/json`: the result is
    an empty object. Invalid UTF-8 becomes U+FFFD, as in Go.
    """
    if not content_type.startswith("application/json"):
        return {}
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def parse_chat_request(fields: Mapping[str, object]) -> ChatRequest:
    """Return the request in a JSON object that names a model.

    Raise InvalidField for a field of a wrong type and for missing messages.
    """
    _check_fields(fields)
    options = fields.get("stream_options")
    max_tokens = fields.get("max_completion_tokens") or fields.get("max_tokens")
    return ChatRequest(
        model=str(fields["model"]),
        messages=_parse_messages(fields["messages"]),
        is_stream=fields.get("stream") is True,
        # Only on request, like OpenAI and gateways before 2025-08-09: the Python example of the
        # documentation reads `choices[0]` of every chunk, and the usage chunk has no choices.
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        max_tokens=max_tokens if isinstance(max_tokens, int) else 0,
    )


def _check_fields(fields: Mapping[str, object]) -> None:
    for go_type, names in _GO_TYPES.items():
        for name in names:
            value = fields.get(name)
            if value is not None and not _has_type(go_type, value):
                raise InvalidField(
                    f"json: cannot unmarshal {_json_type(value)} into Go struct field "
                    f"GeneralOpenAIRequest.{name} of type {go_type}"
                )
    for name in _GO_TYPES["uint"]:
        value = fields.get(name)
        if isinstance(value, int) and value > MAX_MAX_TOKENS:
            raise InvalidField("max_tokens is invalid")
    if not fields.get("messages"):
        raise InvalidField("field messages is required")


def _has_type(go_type: str, value: object) -> bool:
    if go_type in ("bool", "string"):
        return isinstance(value, bool if go_type == "bool" else str)
    if go_type == "dto.StreamOptions":
        return isinstance(value, dict) and isinstance(value.get("include_usage", True), bool)
    if go_type == "[]dto.Message":
        return isinstance(value, list) and all(_is_message(item) for item in value)
    if isinstance(value, bool):
        return False
    if go_type == "float64":
        return isinstance(value, int | float)
    return isinstance(value, int) and (go_type == "int" or value >= 0)


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role", ""), str)


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _parse_messages(value: object) -> tuple[ChatMessage, ...]:
    assert isinstance(value, list)  # checked by _check_fields
    return tuple(
        ChatMessage(item.get("role", ""), _content_text(item.get("content"))) for item in value
    )


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
