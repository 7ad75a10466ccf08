"""Reading the body of POST /v1/chat/completions as strictly as the gateway does.

The order of the checks and the odd statuses (500 for a wrong field) are the gateway's:
spec/newapi-contract.md 1.1-1.3. Unknown fields are ignored, null counts as absent.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass

from newapi_cli.demo.failures import Refuser
from newapi_cli.demo.keys import Terms
from newapi_cli.demo.wire import Response

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


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message with its text; parts that are not text are left out."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat completion that was asked for. `max_tokens` 0 means no limit."""

    model: str
    messages: tuple[ChatMessage, ...]
    is_stream: bool = False
    wants_usage: bool = True
    max_tokens: int = 0


def parse_body(content_type: str, body: bytes) -> dict[str, object] | None:
    """Read a JSON object; an empty one for another Content-Type, None for anything else.

    The gateway doesn't look into a body that is not called `application/json`. Bytes that are no
    UTF-8 become U+FFFD, as in Go.
    """
    if not content_type.startswith("application/json"):
        return {}
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def model_of(fields: Mapping[str, object] | None) -> str:
    """Give the model's name; empty when there is none or it is no text."""
    model = fields.get("model") if fields else None
    return model if isinstance(model, str) else ""


def read_call(
    fields: Mapping[str, object] | None, terms: Terms, models: Container[str], refuser: Refuser
) -> ChatCall | Response:
    """Check a parsed body and give the call, or the refusal that the gateway would send.

    `terms` are those of the key, `models` what its group may use.
    """
    if fields is None:
        return refuser.middleware(400, "Invalid request, not a JSON object")
    refusal = _check_model(fields, terms, models, refuser)
    if refusal is not None:
        return refusal
    problem = _find_problem(fields)
    if problem:
        return refuser.invalid_request(problem)
    options = fields.get("stream_options")
    limit = fields.get("max_completion_tokens") or fields.get("max_tokens")
    return ChatCall(
        model=model_of(fields),
        messages=_read_messages(fields["messages"]),
        is_stream=fields.get("stream") is True,
        # Only when it is asked for, as OpenAI and the gateway before 2025-08-09 do: the documented
        # Python example reads `choices[0]` of every chunk, and the usage chunk has none.
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
        max_tokens=limit if isinstance(limit, int) else 0,
    )


def _check_model(
    fields: Mapping[str, object], terms: Terms, models: Container[str], refuser: Refuser
) -> Response | None:
    model = fields.get("model")
    if model is not None and not isinstance(model, str):
        return refuser.middleware(400, "field model must be a string")
    if not model and not refuser.is_old:
        text = "Model name not specified, model name cannot be empty"
        return refuser.middleware(400, text)
    if model and not terms.allows(model):
        return refuser.model_not_allowed(model)
    if model not in models:
        return refuser.no_channel(model or "", terms.group)
    return None


def _find_problem(fields: Mapping[str, object]) -> str:
    for go_type, names in _GO_TYPES.items():
        for name in names:
            value = fields.get(name)
            if value is not None and not _fits(go_type, value):
                return (
                    f"json: cannot unmarshal {_json_kind(value)} into Go struct field "
                    f"GeneralOpenAIRequest.{name} of type {go_type}"
                )
    for name in _GO_TYPES["uint"]:
        value = fields.get(name)
        if isinstance(value, int) and value > MAX_MAX_TOKENS:
            return "max_tokens is invalid"
    return "" if fields.get("messages") else "field messages is required"


def _fits(go_type: str, value: object) -> bool:
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


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return f"number {value}"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _read_messages(value: object) -> tuple[ChatMessage, ...]:
    assert isinstance(value, list)  # _find_problem saw to it
    return tuple(ChatMessage(item.get("role", ""), _text_of(item.get("content"))) for item in value)


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
