"""Demo gateways that differ from the usual one: older, with other currencies, with limits.

2026-08    New API: all bad keys are answered alike, the record tells a disabled one
2026-02    New API: Chinese words for each bad key; the record does not tell a disabled one
2025-04    New API: no code in errors of the gateway itself, no record of a key
one-api    one-api of 2025-02: its own error type and words; no prices, no record, no log
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import parse_qs

from newapi_cli.demo import documents
from newapi_cli.demo.account import Account, Charge, KeyStatus
from newapi_cli.demo.http_request import Request
from newapi_cli.demo.prices import PRICES, QUOTA_PER_DOLLAR, TokenCounts
from newapi_cli.demo.responses import ErrorResponses, Response, api_error, json_response
from newapi_cli.demo.routes import LOG_PATH, TOKEN_USAGE_PATH, Handler, Routes
from newapi_cli.demo.server import DemoGateway

Release = Literal["2026-08", "2026-02", "2025-04", "one-api"]
PricingAccess = Literal["public", "login", "off"]
Currency = Literal["USD", "CNY", "TOKENS", "CUSTOM"]

LIMITED_PATHS = (LOG_PATH, TOKEN_USAGE_PATH)
LIMIT = 20
LIMIT_WINDOW_S = 1200
RESERVED_PER_TOKEN = 5  # quota: $10 per million tokens of the longest answer


def gateway_variant(
    release: Release = "2026-08",
    *,
    currency: Currency = "USD",
    pricing: PricingAccess = "public",
    clock: Callable[[], float] = time.monotonic,
    pace_s: float = 0.0,
    refusals: Refusals | None = None,
) -> DemoGateway:
    """Return a gateway of a release. `clock` returns the seconds that the limiter goes by.

    With `pricing="login"` an API key is not enough to read the prices.
    """
    routes = partial(ROUTES[release], currency=currency, pricing_access=pricing, clock=clock)

    def make_routes(base_url: str, pace_s: float) -> Routes:
        made = routes(base_url, pace_s)
        made.refusals = refusals or Refusals()
        return made

    return DemoGateway(pace_s=pace_s, make_routes=make_routes)


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a gateway refuses. `upstream` holds the error of the provider for each model.

    `keeps_alive`: comments are sent before the provider answers, with status 200. `subnet`: keys
    are for other addresses.
    """

    upstream: Mapping[str, tuple[int, Mapping[str, object]]] = field(default_factory=dict)
    keeps_alive: bool = False
    subnet: str = ""


class RateLimiter:
    """Allows 20 requests in 20 minutes per client address, as for the critical routes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def seconds_to_wait(self, address: str) -> int:
        """Count a request and return 0, or return the seconds until one is allowed."""
        with self._lock:
            now = self._clock()
            times = self._times.setdefault(address, deque())
            while times and now - times[0] >= LIMIT_WINDOW_S:
                times.popleft()
            if len(times) < LIMIT:
                times.append(now)
                return 0
            return max(1, math.ceil(LIMIT_WINDOW_S - (now - times[0])))


class VariantErrors(ErrorResponses):
    """The errors of August 2026, with those that a test wants from the provider."""

    def __init__(self, request_id: str, refusals: Refusals) -> None:
        super().__init__(request_id)
        self.refusals = refusals

    def for_model(self, model: str, *, earlier_requests: int, is_stream: bool) -> Response | None:
        if model in self.refusals.upstream:
            status, error = self.refusals.upstream[model]
            return self.upstream(status, error, is_stream=is_stream)
        return super().for_model(model, earlier_requests=earlier_requests, is_stream=is_stream)

    def upstream(self, status: int, error: Mapping[str, object], *, is_stream: bool) -> Response:
        """After comments the status is 200, and the error follows without `data:`."""
        response = super().upstream(status, error, is_stream=is_stream)
        if self.refusals.keeps_alive and is_stream:
            body = b": PING\n\n: PING\n\n" + response.body
            return Response(200, body, "text/event-stream", response.headers)
        return response

    def wrong_address(self, subnet: str) -> Response:
        del subnet  # it is not named
        return self.middleware(403, "您的 IP 不在令牌允许访问的列表中", "access_denied")

    def reservation(self, remaining: int, reserved: int) -> Response:
        """Return the error for a request whose longest answer costs more than is left."""
        has, needs = (f"＄{quota / QUOTA_PER_DOLLAR:.6f}" for quota in (remaining, reserved))
        text = f"预扣费额度失败, 用户剩余额度: {has}, 需要预扣费额度: {needs}"
        return self.relay(403, text, "insufficient_user_quota")


class VariantRoutes(Routes):
    """A gateway of August 2026 with a rate limiter, and a choice of currency and price access."""

    refusals = Refusals()
    error_type = VariantErrors

    def __init__(
        self,
        base_url: str,
        pace_s: float,
        *,
        currency: Currency,
        pricing_access: PricingAccess,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(base_url, pace_s)
        self.currency = currency
        self.pricing_access = pricing_access
        self.limiter = RateLimiter(clock)

    def errors(self, request_id: str) -> VariantErrors:
        return self.error_type(request_id, self.refusals)

    def check_model(
        self, fields: Mapping[str, object], account: Account, errors: ErrorResponses
    ) -> Response | None:
        assert isinstance(errors, VariantErrors)
        if self.refusals.subnet:
            return errors.wrong_address(self.refusals.subnet)
        error = super().check_model(fields, account, errors)
        limit = fields.get("max_tokens")
        if error is None and isinstance(limit, int) and not account.settings.is_unlimited:
            reserved = limit * RESERVED_PER_TOKEN
            if reserved > account.remaining:
                return errors.reservation(account.remaining, reserved)
        return error

    def handlers_for_get(self) -> dict[str, Handler]:
        handlers = super().handlers_for_get()
        return handlers | {path: self.limited(handlers[path]) for path in LIMITED_PATHS}

    def limited(self, handler: Handler) -> Handler:
        """Return a handler that the rate limiter protects."""

        def handle(request: Request) -> Response:
            wait_s = self.limiter.seconds_to_wait(request.client_host)
            return self.rate_limited(wait_s) if wait_s else handler(request)

        return handle

    def rate_limited(self, wait_s: int) -> Response:
        return Response(429, headers=MappingProxyType({"Retry-After": str(wait_s)}))

    def amount(self, quota: int) -> float:
        if self.currency == "TOKENS":
            return quota
        dollars = super().amount(quota)  # of the custom currency too
        return dollars * documents.CNY_PER_USD if self.currency == "CNY" else dollars

    def status(self, request: Request) -> Response:
        status = decoded(super().status(request))
        status["data"] |= {
            "display_in_currency": self.currency != "TOKENS",
            "quota_display_type": self.currency,
        }
        return json_response(200, status)

    def pricing(self, request: Request) -> Response:
        if self.pricing_access == "off":
            return api_error(403, "pricing is disabled")
        if self.pricing_access == "login":
            error = {"success": False, "message": "Unauthorized, not logged in"}
            return json_response(401, error | {"code": "AUTH_UNAUTHORIZED"})
        return super().pricing(request)


class FebruaryErrors(VariantErrors):
    """Each bad key has a Chinese text of its own."""

    key_messages = MappingProxyType(
        {
            KeyStatus.ACTIVE: "",
            KeyStatus.MISSING: "未提供令牌",
            KeyStatus.UNKNOWN: "无效的令牌",
            KeyStatus.EXPIRED: "该令牌已过期",
            KeyStatus.EXHAUSTED: "该令牌额度已用尽 TokenStatusExhausted[sk-***]",
            KeyStatus.DISABLED: "该令牌状态不可用",
        }
    )

    def no_channel(self, model: str, group: str) -> Response:
        text = f"分组 {group} 下模型 {model} 无可用渠道（distributor）"
        return self.middleware(503, text, "model_not_found")


class FebruaryRoutes(VariantRoutes):
    """A gateway of February 2026: no cache ratio, and a record even for a disabled key."""

    error_type = FebruaryErrors

    def token_usage(self, request: Request) -> Response:
        account = self.accounts.account(request.key)
        if account.status is KeyStatus.DISABLED:
            return json_response(200, documents.token_usage(account))
        return super().token_usage(request)

    def pricing(self, request: Request) -> Response:
        response = super().pricing(request)
        if response.status != 200:
            return response
        pricing = decoded(response)
        for entry in pricing["data"]:
            remove(entry, "cache_ratio", "create_cache_ratio")
        return json_response(200, pricing)


class OldCharge(Charge):
    """The upstream is read to the end, and paid in full, when the client has left."""

    def partial_counts(self) -> TokenCounts:
        return self.counts


class OldErrors(FebruaryErrors):
    """Middleware errors have no `code`; most texts are Chinese; all have the request id."""

    def middleware(self, status: int, message: str, code: str = "") -> Response:
        body = decoded(super().middleware(status, message, code))
        remove(body["error"], "code")
        return json_response(status, body)

    def upstream(self, status: int, error: Mapping[str, object], *, is_stream: bool) -> Response:
        del is_stream  # the label is JSON in both cases
        message = "当前分组上游负载已饱和，请稍后再试" if status == 429 else str(error["message"])
        return json_response(status, {"error": {**error, "message": self.with_id(message)}})

    def no_channel(self, model: str, group: str) -> Response:
        return self.middleware(503, f"当前分组 {group} 下对于模型 {model} 无可用渠道")

    def model_not_allowed(self, model: str) -> Response:
        return self.middleware(403, f"该令牌无权访问模型 {model}")

    def invalid_field(self, message: str) -> Response:
        return self.relay(400, message, "invalid_text_request")

    def out_of_quota(self) -> Response:
        return self.relay(403, "user quota is not enough", "insufficient_user_quota")


class OldRoutes(VariantRoutes):
    """A gateway of April 2025."""

    prices = MappingProxyType(
        {model: replace(price, is_tiered=False) for model, price in PRICES.items()}
    )
    charge_type = OldCharge
    error_type = OldErrors
    reasoning_fields = ("reasoning_content", "reasoning")

    def handlers_for_get(self) -> dict[str, Handler]:
        handlers = super().handlers_for_get()
        del handlers[TOKEN_USAGE_PATH]
        return handlers

    def headers(self, request_id: str) -> dict[str, str]:
        return {"X-Oneapi-Request-Id": request_id}

    def rate_limited(self, wait_s: int) -> Response:
        return super().rate_limited(wait_s)._replace(headers={})

    def amount(self, quota: int) -> float:
        if self.currency == "TOKENS":
            return quota
        return Routes.amount(self, quota)  # before `quota_display_type`: dollars

    def check_model(
        self, fields: Mapping[str, object], account: Account, errors: ErrorResponses
    ) -> Response | None:
        if not fields.get("model"):
            return errors.no_channel("", account.settings.group)
        return super().check_model(fields, account, errors)

    def status(self, request: Request) -> Response:
        status = decoded(super().status(request))
        remove(
            status["data"],
            "quota_display_type",
            "custom_currency_symbol",
            "custom_currency_exchange_rate",
            "usd_exchange_rate",
            "self_use_mode_enabled",
            "setup",
        )
        return json_response(200, status)

    def models(self, request: Request) -> Response:
        response = super().models(request)
        if response.status != 200:
            return response
        entries = decoded(response)["data"]
        for entry in entries:
            remove(entry, "supported_endpoint_types")
            entry |= {"permission": [PERMISSION], "root": entry["id"], "parent": None}
        return json_response(200, {"data": entries})

    def pricing(self, request: Request) -> Response:
        response = super().pricing(request)
        if response.status != 200:
            return response
        pricing = decoded(response)
        remove(pricing, "vendors", "supported_endpoint", "auto_groups", "pricing_version")
        for entry in pricing["data"]:
            remove(entry, "vendor_id", "supported_endpoint_types", "cache_ratio")
        return json_response(200, pricing)

    def token_log(self, request: Request) -> Response:
        """Return the log of the key in the query.

        An unknown key has no entries, and neither has the empty key of a client that sends only
        the header.
        """
        query = request.path.partition("?")[2]
        key = parse_qs(query).get("key", [""])[0].removeprefix("sk-")
        token_id = self.accounts.account(key).token_id
        log: Any = documents.token_log(self.accounts.log(key), token_id)
        for entry in log["data"]:
            remove(entry, "ip", "request_id")
            entry["id"] %= 1024
            other = json.loads(entry["other"])
            remove(other, "user_group_ratio", "request_path", "stream_status")
            entry["other"] = json.dumps(other)
        return json_response(200, log)


class OneApiErrors(OldErrors):
    """The errors of one-api: its own type, and the name and number of a key in its words."""

    key_messages = MappingProxyType(
        {**FebruaryErrors.key_messages, KeyStatus.EXHAUSTED: "令牌 demo（#3）额度已用尽"}
    )

    def middleware(self, status: int, message: str, code: str = "") -> Response:
        return self._with_type(super().middleware(status, message, code))

    def relay(self, status: int, message: str, code: str) -> Response:
        return self._with_type(super().relay(status, message, code))

    def wrong_address(self, subnet: str) -> Response:
        return self.middleware(403, f"该令牌只能在指定网段使用：{subnet}，当前 ip：10.1.1.1")

    def model_not_allowed(self, model: str) -> Response:
        return self.middleware(403, f"该令牌无权使用模型：{model}")

    def _with_type(self, response: Response) -> Response:
        body = decoded(response)
        body["error"]["type"] = "one_api_error"
        return json_response(response.status, body)


class OneApiRoutes(OldRoutes):
    """one-api: neither prices nor the record or the log of a key."""

    error_type = OneApiErrors

    def handlers_for_get(self) -> dict[str, Handler]:
        missing = (LOG_PATH, "/api/pricing")
        handlers = super().handlers_for_get()
        return {path: handler for path, handler in handlers.items() if path not in missing}


ROUTES: Mapping[Release, type[VariantRoutes]] = {
    "2026-08": VariantRoutes,
    "2026-02": FebruaryRoutes,
    "2025-04": OldRoutes,
    "one-api": OneApiRoutes,
}
PERMISSION = {
    "id": "modelperm-demo",
    "object": "model_permission",
    "created": 1626777600,
    "allow_create_engine": True,
    "allow_sampling": True,
    "allow_logprobs": True,
    "allow_search_indices": False,
    "allow_view": True,
    "allow_fine_tuning": False,
    "organization": "*",
    "group": None,
    "is_blocking": False,
}


def decoded(response: Response) -> Any:
    return json.loads(response.body)


def remove(value: dict[str, object], *names: str) -> None:
    for name in names:
        value.pop(name, None)
