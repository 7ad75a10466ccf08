"""The functions that `coverage_guided.py` fuzzes, and its initial inputs."""

from __future__ import annotations

import json
from collections.abc import Callable

from newapi_cli.api.chat.response_reader import no_answer
from newapi_cli.api.errors.body import find_error
from newapi_cli.api.errors.wrappers import read_error
from newapi_cli.api.gateway import key_log, responses
from newapi_cli.api.http.exchange import ResponseHead
from newapi_cli.api.json_values import decode_json
from newapi_cli.render.json_output import completion_json
from tests.fuzz.answers import assert_encodes, read
from tests.fuzz.event_streams import WORDS, by_the_standard, decoded
from tests.fuzz.fuzzing import cut_at
from tests.support.wire import answer_events, chunk, completion, error, event, json_bytes

NAMES = [
    "choices", "delta", "message", "content", "reasoning_content", "tool_calls", "function",
    "arguments", "index", "finish_reason", "usage", "prompt_tokens", "prompt_tokens_details",
    "cached_tokens", "error", "type", "code", "success", "data", "id", "model", "text",
    "image_url", "url", "quota_per_unit", "model_ratio", "group_ratio", "total_used", "quota",
    "header", "response", "msg", "detail", "owned_by", "quota_display_type", "created_at",
]  # fmt: skip
TOKENS = [
    *WORDS, *(f'"{name}":'.encode() for name in NAMES), b"<think>", b"</think>", b'"\\ud83d"',
    b'"\\ude00"', b"NaN", b"1e999", b"null", b"true", b"data: {", b"}\n\n", b"[[[[[[", b"\r\n",
]  # fmt: skip
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
ORDERLY = [
    b"".join(answer_events("Hello, ", "world")),
    b"".join(answer_events("<think>hm", "</think>yes")),
    event(chunk(delta={"tool_calls": [CALL]})) + event(chunk(finish="tool_calls")),
    event(chunk("a")) + json_bytes(error("no", code=7)),
    json_bytes(completion("whole")),
    json_bytes(error("no (request id: abc)", "upstream_error", "x")),
    json_bytes({"data": [{"id": "m", "owned_by": "o", "supported_endpoint_types": ["a"]}]}),
    json_bytes({"data": [{"model_name": "m", "model_ratio": 1.5}], "group_ratio": {"a": 1}}),
    json_bytes({"data": {"quota_per_unit": 5e5, "quota_display_type": "CNY"}}),
    json_bytes({"data": {"total_used": 1, "expires_at": 5, "model_limits": {"m": True}}}),
    json_bytes({"data": [{"type": 2, "quota": 5, "prompt_tokens": 1, "created_at": 1}]}),
]
DECODERS: list[Callable[[object], object]] = [
    responses.models_from_json, find_error, read_error,
    responses.currency_from_json, responses.key_usage_from_json,
    key_log.log_from_json, key_log.rates_from_log,
    lambda value: responses.price_list_from_json(value, value),
    lambda value: json.dumps(key_log.without_details(value)),
    lambda value: responses.price_list_from_json({"data": {"quota_per_unit": 1}}, value),
]  # fmt: skip


def _parts(data: bytes) -> tuple[list[int], bytes]:
    """Return four positions to split at, and the stream; atheris chooses both."""
    return [data[i] | data[i + 1] << 8 for i in range(0, min(8, len(data) - 1), 2)], data[8:]


def decoder(data: bytes) -> None:
    """Decode a stream whole, split and by the standard, then with a small limit."""
    places, stream = _parts(data)
    whole = decoded([stream])
    pieces = cut_at(stream, places)
    assert decoded(pieces) == whole
    assert whole.events == by_the_standard(stream).events
    limit = 1 + sum(places) % 64
    assert decoded(pieces, limit).is_too_large == decoded([stream], limit).is_too_large


def codecs(data: bytes) -> None:
    """Decode an answer whole and split, an error, and every other response of a gateway."""
    places, body = _parts(data)
    whole = read([body])
    assert_encodes(whole)
    assert read(cut_at(body, places)) == whole
    json.dumps(completion_json(whole[0], "m"), ensure_ascii=False, allow_nan=False).encode()
    status = 300 + sum(places) % 300
    error = no_answer(ResponseHead(status, {}), body).error
    assert_encodes([error.message, error.why, error.request_id])
    try:
        value = decode_json(body)
    except ValueError:
        return
    for decode in DECODERS:
        assert_encodes(decode(value))


TARGETS = {"decoder": decoder, "codec": codecs}
