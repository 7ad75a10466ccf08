"""JSON to domain values and back. Every wire field name of the program stands in this file.

Decoding accepts whatever a server sends: unknown, missing, null and wrong-typed members are passed
over, never an error of ours. Pure: no I/O, no state.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64  # loaded for http.client anyway, unlike base64
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from newapi_cli.domain.attachment import Attachment, size_text
from newapi_cli.domain.catalog import ModelInfo
from newapi_cli.domain.completion import (
    ChatRequest,
    Chunk,
    Sampling,
    ToolCallDelta,
    Usage,
    UsageExtras,
)
from newapi_cli.domain.message import Message

CHAT_COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
DONE = "[DONE]"
REQUEST_ID_HEADER = "x-oneapi-request-id"
VERSION_HEADER = "x-new-api-version"  # since 2026-01-30
MAX_ERROR_DEPTH = 3
MAX_VALUES = 500_000
OTHER_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "cf-ray")
WHITE_SPACE = re.compile(r"\s*")
HALVES = re.compile("[\ud800-\udfff]")
_parse = json.JSONDecoder().raw_decode
REQUEST_ID_SUFFIX = re.compile(r"\(request id: ([^)\s]++)\)\s*+$")


class Refusal(NamedTuple):
    """An error object of a server in any of its shapes; `code` as text, empty where it has none."""

    message: str
    type: str = ""
    code: str = ""
    request_id: str = ""


def encode_chat(
    request: ChatRequest, *, with_usage: bool = True, without_data: bool = False
) -> bytes:
    """Give the body of a chat request; nothing that was not asked for is in it.

    `stream_options` goes with each stream: without it New API may drop the finish reason
    (QuantumNous/new-api issue 7489). `without_data` leaves the bytes of attachments out, for a
    body that is looked at.
    """
    body = chat_body(request, with_usage=with_usage, without_data=without_data)
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def chat_body(
    request: ChatRequest, *, with_usage: bool = True, without_data: bool = False
) -> dict[str, object]:
    """Give the body as a JSON value, in the order of the documented table of fields."""
    attached = None if without_data else request.attached
    body: dict[str, object] = {
        "model": request.model,
        "messages": [
            {"role": str(m.role), "content": _content(m, attached)} for m in request.messages
        ],
        "stream": request.stream,
    }
    body.update(_documented_fields(request.sampling))
    if request.stream and with_usage:
        body["stream_options"] = {"include_usage": True}
    body.update(request.sampling.options)
    return body


def request_fields(sampling: Sampling) -> dict[str, object]:
    """Give the optional fields that are sent, by their names on the wire."""
    return {**_documented_fields(sampling), **sampling.options}


def _documented_fields(sampling: Sampling) -> dict[str, object]:
    values = {
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "reasoning_effort": sampling.effort,
    }
    return {name: value for name, value in values.items() if value is not None}


def _content(message: Message, attached: Mapping[str, bytes] | None) -> object:
    """Give the text alone, or, with attachments, content parts (contract, section 1.7)."""
    if not message.attachments:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [*text, *(_attachment_part(each, attached) for each in message.attachments)]


def _attachment_part(
    attachment: Attachment, attached: Mapping[str, bytes] | None
) -> dict[str, object]:
    data = f"({size_text(attachment.size_bytes)} left out)"
    if attached is not None:
        data = b2a_base64(attached[attachment.sha256], newline=False).decode("ascii")
    url = f"data:{attachment.media_type};base64,{data}"
    if attachment.media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": attachment.name, "file_data": url}}


def decode_json(data: str | bytes) -> object:
    """Parse JSON text; raises `ValueError` for all that is none.

    Of two objects back to back the first is taken: New API's rate limiter can answer so.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    _refuse_too_many_values(text)
    try:
        value: object = _parse(text.lstrip("\ufeff \t\r\n"))[0]
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def decode_all(data: str) -> Iterator[object]:
    """Parse JSON values that stand back to back; ends with a `ValueError` where one is none."""
    _refuse_too_many_values(data)
    place = _next_value(data, 0)
    while place < len(data):
        try:
            value, end = _parse(data, place)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        yield value
        place = _next_value(data, end)


def _refuse_too_many_values(text: str) -> None:
    """Raise `ValueError` for a bomb: of three bytes, `{},`, Python makes seventy.

    Large answers are texts and pictures, of few values; a long list of models has ten for each.
    """
    if len(text) > MAX_VALUES and text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise ValueError("too many values")


def _next_value(text: str, place: int) -> int:
    match = WHITE_SPACE.match(text, place)
    return match.end() if match else place


def refusal_in(value: object) -> Refusal | None:
    """Find an error in a JSON value: `error` as an object or as text, and its older relatives."""
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict) and error:
        return _refusal(error, _first_text(error, value))
    if isinstance(error, str) and error:
        return _refusal(value, error)
    if value.get("success") is False:
        return _refusal(value, _first_text(value))
    return None


def refusal_from_body(value: object) -> Refusal:
    """Read the body of an HTTP error, where an object without `error` is an error too."""
    found = refusal_in(value)
    if found is None and isinstance(value, dict):
        found = _refusal(value, _first_text(value))
    return found or Refusal("")


def _refusal(source: dict[str, Any], message: str) -> Refusal:
    request_id, message = "", whole_text(message)
    match = REQUEST_ID_SUFFIX.search(message)
    if match:  # of several (chained gateways) the last one is ours
        request_id, message = match.group(1), message[: match.start()].rstrip()
    code = source.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    return Refusal(
        message=message,
        type=_text(source.get("type")),
        code=_text(code),
        request_id=request_id,
    )


def _first_text(*sources: object, depth: int = 0) -> str:
    for source in sources:
        if not isinstance(source, dict) or depth > MAX_ERROR_DEPTH:
            continue
        for name in ("message", "msg", "err", "error_msg", "detail", "title", "error"):
            value = source.get(name)
            if isinstance(value, str) and value:
                return value
        for name in ("header", "response"):
            inner = source.get(name)
            if isinstance(inner, dict):
                found = _first_text(inner, inner.get("error"), depth=depth + 1)
                if found:
                    return found
    return ""


def chunk_from_json(value: dict[str, Any]) -> Chunk:
    """Read a streamed object or a whole completion; both become a chunk of choice 0.

    Content, reasoning and the arguments of tool calls may end in half a character: `deltas`.
    """
    choice = _first_choice(value.get("choices"))
    part = choice.get("delta")
    if not isinstance(part, dict):
        part = choice.get("message")
    if not isinstance(part, dict):
        part = {}
    reasoning = _content_text(part.get("reasoning_content"))
    calls = part.get("tool_calls")
    usage = value.get("usage")
    return Chunk(
        content=_content_text(part.get("content")),
        # Servers of 2025 filled both members with the same text: one of them is enough.
        reasoning=reasoning or _content_text(part.get("reasoning")),
        tool_calls=_tool_calls(calls) if calls else (),
        finish_reason=_text(choice.get("finish_reason")) or None,
        usage=usage_from_json(usage) if isinstance(usage, dict) else None,
        model=_text(value.get("model")),
        id=_text(value.get("id")),
    )


def _first_choice(choices: object) -> dict[str, Any]:
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index", 0) in (0, None):
                return choice
    return {}


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content if isinstance(part, dict))
    return ""


def _part_text(part: dict[str, Any]) -> str:
    """Give the text of a content part; a picture becomes a markdown image, as gateways do it."""
    text, picture = part.get("text"), part.get("image_url")
    if isinstance(picture, dict):
        picture = picture.get("url")
    if isinstance(text, str):
        return text
    return f"![image]({picture})" if isinstance(picture, str) and picture else ""


def _tool_calls(calls: object) -> tuple[ToolCallDelta, ...]:
    if not isinstance(calls, list):
        return ()
    deltas = (_tool_call(call) for call in calls if isinstance(call, dict))
    return tuple(each for each in deltas if each.id or each.name or each.arguments)


def _tool_call(call: dict[str, Any]) -> ToolCallDelta:
    index = call.get("index")
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    return ToolCallDelta(
        position=index if isinstance(index, int) else None,
        id=_text(call.get("id")),
        name=_text(function.get("name")),
        arguments=arguments if isinstance(arguments, str) else "",
    )


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


def models_from_json(value: object) -> list[ModelInfo] | None:
    """Read a list of models in the old or the new shape; None where it is no such list."""
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, list):
        return None
    entries = [entry for entry in data if isinstance(entry, dict)]
    return [
        ModelInfo(
            id=whole_text(entry["id"]),
            owned_by=_text(entry.get("owned_by")),
            endpoint_types=_texts(entry.get("supported_endpoint_types")),
        )
        for entry in entries
        if isinstance(entry.get("id"), str) and entry["id"]
    ]


def request_id_in(headers: Mapping[str, str]) -> str:
    """Give the id by which the gateway's operator finds this exchange; header names in lower case.

    The gateway's own (contract, section 4.4) before those that proxies and vendors add.
    """
    names = (REQUEST_ID_HEADER, *OTHER_REQUEST_ID_HEADERS)
    return next((headers[name] for name in names if headers.get(name)), "")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(whole_text(text) for text in value if isinstance(text, str))


def _text(value: object) -> str:
    return whole_text(value) if isinstance(value, str) else ""


def shortened(text: str, limit: int) -> str:
    """Cut a text where no word is cut: half of one may be half a key, which no mask would know.

    A key is ASCII, so Chinese text may be cut anywhere.

    >>> shortened("one two three", 9), shortened("one", 9), shortened("一二三四", 3)
    ('one two …', 'one', '一二三 …')
    """
    if len(text) <= limit:
        return text
    cut = limit
    while cut and text[cut - 1 : cut + 1].isascii() and not text[cut - 1].isspace():
        cut -= 1
    return f"{text[:cut].rstrip()} …".lstrip()


def whole_text(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates: nothing else can write or store them.

    >>> whole_text("\\ud83d\\ude00"), whole_text("a\\ud83d")
    ('😀', 'a�')
    """
    if text.isascii() or not HALVES.search(text):  # texts of megabytes are not copied
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
