"""The body of a chat completion request."""

from __future__ import annotations

import json
from binascii import b2a_base64  # loaded for http.client anyway, unlike base64
from collections.abc import Mapping

from newapi_cli.domain.completion import ChatRequest, Sampling
from newapi_cli.domain.messages import Attachment, Message, size_text

CHAT_COMPLETIONS = "/v1/chat/completions"


def encode_chat(
    request: ChatRequest, *, with_usage: bool = True, without_data: bool = False
) -> bytes:
    """Return the body of a chat request as JSON text in UTF-8, as `chat_body` describes it."""
    body = chat_body(request, with_usage=with_usage, without_data=without_data)
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def chat_body(
    request: ChatRequest, *, with_usage: bool = True, without_data: bool = False
) -> dict[str, object]:
    """Return the body of a chat request; fields that are not set are left out.

    `with_usage` requests `stream_options` for a stream: without it New API may drop the finish
    reason (QuantumNous/new-api issue 7489). `without_data` leaves out the bytes of attachments, for
    a body that is displayed.
    """
    attached = None if without_data else request.attached
    body: dict[str, object] = {
        "model": request.model,
        "messages": [
            {"role": str(m.role), "content": _content(m, attached)} for m in request.messages
        ],
        "stream": request.stream,
    }
    body.update(_standard_fields(request.sampling))
    if request.stream and with_usage:
        body["stream_options"] = {"include_usage": True}
    body.update(request.sampling.options)
    return body


def request_fields(sampling: Sampling) -> dict[str, object]:
    """Return the optional fields that are set, by their names on the wire."""
    return {**_standard_fields(sampling), **sampling.options}


def _standard_fields(sampling: Sampling) -> dict[str, object]:
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
    """Return the text, or, with attachments, a list of content parts."""
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
