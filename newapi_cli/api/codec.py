"""JSON to domain values and back: requests, errors, lists of models. Answers: `completion_codec`.

Decoding accepts whatever a server sends: unknown, missing, null and wrong-typed members are passed
over, never an error of ours. Pure: no I/O, no state.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64  # loaded for http.client anyway, unlike base64
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from newapi_cli.domain.completion import ChatRequest, Sampling
from newapi_cli.domain.messages import Attachment, Message, size_text
from newapi_cli.domain.models import ModelInfo
from newapi_cli.text import well_formed

CHAT_COMPLETIONS = "/v1/chat/completions"
MODELS = "/v1/models"
DONE = "[DONE]"
REQUEST_ID_HEADER = "x-oneapi-request-id"
VERSION_HEADER = "x-new-api-version"  # since 2026-01-30
MAX_ERROR_DEPTH = 3
MAX_VALUES = 500_000
OTHER_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "cf-ray")
WHITE_SPACE = re.compile(r"\s*")
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
    """Find an error in a JSON value: `error` in any form, and its older relatives.

    Of a list, in its objects: Gemini puts its error into one.
    """
    if isinstance(value, list):
        found = (refusal_in(each) for each in value if isinstance(each, dict))
        return next(filter(None, found), None)
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict) and error:
        return _refusal(error, _first_text(error, value))
    if isinstance(error, str) and error:
        return _refusal(value, error)
    if error:
        several = error if isinstance(error, list) else []
        texts = (each for each in several if isinstance(each, str))
        return _refusal(value, _first_text(*several) or next(texts, "") or _first_text(value))
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
    request_id, message = "", well_formed(message)
    match = REQUEST_ID_SUFFIX.search(message)
    if match:  # of several (chained gateways) the last one is ours
        request_id, message = match.group(1), message[: match.start()].rstrip()
    code = source.get("code")
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    return Refusal(
        message=message,
        type=text_in(source.get("type")),
        code=text_in(code),
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


def models_from_json(value: object) -> list[ModelInfo] | None:
    """Read a list of models in the old or the new shape; None where it is no such list."""
    data = value.get("data") if isinstance(value, dict) else value
    if not isinstance(data, list):
        return None
    entries = [entry for entry in data if isinstance(entry, dict)]
    return [
        ModelInfo(
            id=well_formed(entry["id"]),
            owned_by=text_in(entry.get("owned_by")),
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
    return tuple(well_formed(text) for text in value if isinstance(text, str))


def text_in(value: object) -> str:
    """Give a text as it can be written and stored; empty for all that is none."""
    return well_formed(value) if isinstance(value, str) else ""
