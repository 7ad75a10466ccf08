"""Refusals, worded and labelled as a New API gateway does, and the models that always refuse.

Source: spec/newapi-contract.md 2.4 and 4.1-4.4, read from the server's code of August 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from newapi_cli.demo.wire import JSON_TYPE, SSE_TYPE, encode_json

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole answer that is not a completion."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)


def middleware_refusal(status: int, message: str, request_id: str, code: str = "") -> Refusal:
    """Refuse as the checks in front of the relay do: an error of three members."""
    error = {"message": _signed(message, request_id), "type": "new_api_error", "code": code}
    return Refusal(status, encode_json({"error": error}))


def relay_refusal(status: int, message: str, request_id: str, code: str) -> Refusal:
    """Refuse as the relay itself does: an error of four members, `param` always empty."""
    error = {
        "message": _signed(message, request_id),
        "type": "new_api_error",
        "param": "",
        "code": code,
    }
    return Refusal(status, encode_json({"error": error}))


def upstream_refusal(status: int, error: Mapping[str, object], *, to_stream: bool) -> Refusal:
    """Pass on an upstream's own error: no request id in it.

    To a streaming client it is labelled as an event stream although it is bare JSON (contract
    2.4, shape 2).
    """
    label = SSE_TYPE if to_stream else JSON_TYPE
    return Refusal(status, encode_json({"error": dict(error)}), label)


def invalid_url(method: str, path: str) -> Refusal:
    """Refuse a path that nobody serves."""
    error = {
        "message": f"Invalid URL ({method} {path})",
        "type": "invalid_request_error",
        "param": "",
        "code": "",
    }
    return Refusal(404, encode_json({"error": error}))


def invalid_token(request_id: str) -> Refusal:
    """Refuse a key: missing, unknown, expired and exhausted all read alike."""
    return middleware_refusal(401, "Invalid token", request_id)


def refusal_of(
    model: str, request_id: str, *, earlier_calls: int, to_stream: bool
) -> Refusal | None:
    """Give the refusal that a demo model stands for; None for the models that answer.

    `earlier_calls` says how often this server was asked for the model before.
    """
    if model == "demo-429":
        return Refusal(429)
    if model == "demo-429-once" and earlier_calls % 2 == 0:
        return Refusal(429, headers=MappingProxyType({"Retry-After": "1"}))
    if model == "demo-401":
        return invalid_token(request_id)
    if model == "demo-500":
        error: dict[str, object] = {
            "message": "The server had an error while processing your request",
            "type": "server_error",
            "param": "",
            "code": None,
        }
        return upstream_refusal(500, error, to_stream=to_stream)
    if model == "demo-quota":
        text = "用户额度不足, 剩余额度: ＄0.000000"
        return relay_refusal(403, text, request_id, "insufficient_user_quota")
    return None


def _signed(message: str, request_id: str) -> str:
    return f"{message} (request id: {request_id})"
