"""Refusals, worded and labelled as a New API gateway does, and the models that always refuse.

Source: spec/newapi-contract.md 1.3, 2.4 and 4.1-4.4, read from the server's code of August 2026
and of April 2025. In 2025 the middleware's errors have no `code`, most texts are Chinese, and an
upstream's errors are signed and labelled as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from newapi_cli.demo.keys import Standing
from newapi_cli.demo.wire import SSE_TYPE, Response, encode_json, json_response

_OLD_KEY_TEXTS: Mapping[Standing, str] = MappingProxyType(
    {
        Standing.MISSING: "未提供令牌",
        Standing.UNKNOWN: "无效的令牌",
        Standing.EXPIRED: "该令牌已过期",
        Standing.EXHAUSTED: "该令牌额度已用尽 TokenStatusExhausted[sk-***]",
        Standing.DISABLED: "该令牌状态不可用",
    }
)


@dataclass(frozen=True, slots=True)
class Refuser:
    """Refuses one request in the words of the gateway's age."""

    request_id: str
    is_old: bool = False

    def middleware(self, status: int, message: str, code: str = "") -> Response:
        """Refuse as the checks in front of the relay do: no `param`, in 2025 no `code` either."""
        error = {"message": self._signed(message), "type": "new_api_error"}
        if not self.is_old:
            error["code"] = code
        return json_response(status, {"error": error})

    def relay(self, status: int, message: str, code: str) -> Response:
        """Refuse as the relay itself does: an error of four members, `param` always empty."""
        error = {
            "message": self._signed(message),
            "type": "new_api_error",
            "param": "",
            "code": code,
        }
        return json_response(status, {"error": error})

    def upstream(self, status: int, error: Mapping[str, object], *, to_stream: bool) -> Response:
        """Pass on an upstream's own error: no request id in it.

        To a streaming client it is labelled as an event stream although it is bare JSON (contract
        2.4, shape 2; since May 2025).
        """
        error = dict(error)
        if self.is_old:
            saturated = "当前分组上游负载已饱和，请稍后再试"
            error["message"] = self._signed(saturated if status == 429 else f"{error['message']}")
        elif to_stream:
            return Response(status, encode_json({"error": error}), SSE_TYPE)
        return json_response(status, {"error": error})

    def bad_key(self, standing: Standing) -> Response:
        """Refuse a key; since 2026 all reasons read alike."""
        text = _OLD_KEY_TEXTS[standing] if self.is_old else "Invalid token"
        return self.middleware(401, text)

    def no_channel(self, model: str, group: str) -> Response:
        """Refuse a model that is unknown, or not for this group."""
        text = f"No available channel for model {model} under group {group} (distributor)"
        if self.is_old:
            text = f"当前分组 {group} 下对于模型 {model} 无可用渠道"
        return self.middleware(503, text, "model_not_found")

    def model_not_allowed(self, model: str) -> Response:
        """Refuse a model that is not on the key's own list."""
        text = f"This token has no access to model {model}"
        return self.middleware(403, f"该令牌无权访问模型 {model}" if self.is_old else text)

    def invalid_request(self, problem: str) -> Response:
        """Refuse a field: as a 500 since the relay was rewritten in August 2025."""
        if self.is_old:
            return self.relay(400, problem, "invalid_text_request")
        return self.relay(500, problem, "invalid_request")

    def of_model(self, model: str, *, earlier_calls: int, to_stream: bool) -> Response | None:
        """Give the refusal that a demo model stands for; None for the models that answer.

        `earlier_calls` says how often this server was asked for the model before.
        """
        if model == "demo-429":
            return Response(429)
        if model == "demo-429-once" and earlier_calls % 2 == 0:
            return Response(429, headers={"Retry-After": "1"})
        if model == "demo-401":
            return self.bad_key(Standing.UNKNOWN)
        if model == "demo-500":
            error: dict[str, object] = {
                "message": "The server had an error while processing your request",
                "type": "server_error",
                "param": "",
                "code": None,
            }
            return self.upstream(500, error, to_stream=to_stream)
        if model == "demo-quota":
            text = (
                "user quota is not enough" if self.is_old else "用户额度不足, 剩余额度: ＄0.000000"
            )
            return self.relay(403, text, "insufficient_user_quota")
        return None

    def _signed(self, message: str) -> str:
        return f"{message} (request id: {self.request_id})"


def invalid_url(method: str, path: str) -> Response:
    """Refuse a path that nobody serves."""
    error = {
        "message": f"Invalid URL ({method} {path})",
        "type": "invalid_request_error",
        "param": "",
        "code": "",
    }
    return json_response(404, {"error": error})
