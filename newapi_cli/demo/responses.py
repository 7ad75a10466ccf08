"""Complete HTTP responses: JSON, redirects, and errors as a New API gateway words them.

Source: New API 2026-08, relaykit/types/error.go and middleware/utils.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.demo.account import KeyStatus

JSON_TYPE = "application/json; charset=utf-8"
SSE_TYPE = "text/event-stream"
HTML_TYPE = "text/html; charset=utf-8"
HOME_PAGE = b"<!doctype html>\n<html><head><title>New API</title></head><body></body></html>\n"

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Response(NamedTuple):
    """An HTTP response with a body of known length."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = NO_HEADERS


def json_response(status: int, value: object) -> Response:
    return Response(status, encode_json(value))


def encode_json(value: object) -> bytes:
    """Return JSON on one line, in UTF-8 and with minimal escaping; raise ValueError for NaN.

    A lone surrogate becomes U+FFFD, as in Go.

    >>> encode_json({"a": "é\\ud800"}).decode()
    '{"a":"é\ufffd"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def redirect(status: int, path: str, query: str) -> Response:
    """Return a redirect to a path; a 301 has a short HTML body, as in gin."""
    location = f"{path}?{query}" if query else path
    body = f'<a href="{path}">Moved Permanently</a>.\n\n'.encode() if status == 301 else b""
    return Response(status, body, HTML_TYPE, {"Location": location})


def api_error(status: int, message: str) -> Response:
    """Return an error of an endpoint under /api."""
    return json_response(status, {"success": False, "message": message})


def invalid_url(method: str, path: str) -> Response:
    """Return the 404 of a path that does not exist."""
    error = {
        "message": f"Invalid URL ({method} {path})",
        "type": "invalid_request_error",
        "param": "",
        "code": "",
    }
    return json_response(404, {"error": error})


class ErrorResponses:
    """The errors of the endpoints under /v1, for one request."""

    key_messages: Mapping[KeyStatus, str] = dict.fromkeys(KeyStatus, "Invalid token")

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def middleware(self, status: int, message: str, code: str = "") -> Response:
        """Return an error of the checks in front of the relay: it has no `param`."""
        error = {"message": self.with_id(message), "type": "new_api_error", "code": code}
        return json_response(status, {"error": error})

    def relay(self, status: int, message: str, code: str) -> Response:
        """Return an error of the relay itself: `param` is always empty."""
        error = {
            "message": self.with_id(message),
            "type": "new_api_error",
            "param": "",
            "code": code,
        }
        return json_response(status, {"error": error})

    def upstream(self, status: int, error: Mapping[str, object], *, is_stream: bool) -> Response:
        """Return an error of the provider behind the gateway: it has no request id.

        A client that requested a stream gets bare JSON labeled as an event stream: New API sets
        the headers of the stream before the provider answers.
        """
        content_type = SSE_TYPE if is_stream else JSON_TYPE
        return Response(status, encode_json({"error": dict(error)}), content_type)

    def rejected_key(self, status: KeyStatus) -> Response:
        return self.middleware(401, self.key_messages[status])

    def missing_model(self) -> Response:
        return self.middleware(400, "Model name not specified, model name cannot be empty")

    def no_channel(self, model: str, group: str) -> Response:
        """Return the error for a model that is unknown or not available to the group."""
        message = f"No available channel for model {model} under group {group} (distributor)"
        return self.middleware(503, message, "model_not_found")

    def model_not_allowed(self, model: str) -> Response:
        """Return the error for a model that is not on the list of the key."""
        return self.middleware(403, f"This token has no access to model {model}")

    def invalid_field(self, message: str) -> Response:
        """Return the error for an invalid field: a 500, since the relay rewrite of August 2025."""
        return self.relay(500, message, "invalid_request")

    def out_of_quota(self) -> Response:
        return self.relay(403, "用户额度不足, 剩余额度: ＄0.000000", "insufficient_user_quota")

    def for_model(self, model: str, *, earlier_requests: int, is_stream: bool) -> Response | None:
        """Return the error of a model that fails on purpose, or None.

        `earlier_requests` is the number of earlier requests for the same model.
        """
        if model == "demo-429":
            return Response(429)
        if model == "demo-429-once" and earlier_requests % 2 == 0:
            return Response(429, headers={"Retry-After": "1"})
        if model == "demo-401":
            return self.rejected_key(KeyStatus.UNKNOWN)
        if model == "demo-500":
            error: dict[str, object] = {
                "message": "The server had an error while processing your request",
                "type": "server_error",
                "param": "",
                "code": None,
            }
            return self.upstream(500, error, is_stream=is_stream)
        if model == "demo-quota":
            return self.out_of_quota()
        return None

    def with_id(self, message: str) -> str:
        """Return a message with the request id appended."""
        return f"{message} (request id: {self._request_id})"
