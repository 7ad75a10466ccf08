"""Gateways that charge as four real servers did, for tests of costs.

    2608      New API of 2026-08    publishes cache ratios and tiers, charges searches
    2602      New API of 2026-02    publishes no cache ratio, charges searches
    2504      New API of 2025-04    also: no version; its log has no ids, its newest row last, and
                                    wants the key in the URL
    one-api   one-api of 2025-02    no prices and no log

The charges are computed here, from the servers' own formulas, and not by the code under test.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs

from newapi_cli.demo import documents
from newapi_cli.demo.account import Account, Charge, KeyStatus
from newapi_cli.demo.chat_request import ChatRequest, parse_chat_request
from newapi_cli.demo.http_request import Request
from newapi_cli.demo.replies import Reply
from newapi_cli.demo.responses import Response, api_error, invalid_url, json_response
from newapi_cli.demo.routes import LOG_PATH, TOKEN_USAGE_PATH, ChatAnswer, Handler
from newapi_cli.demo.server import DemoGateway
from newapi_cli.demo.stream import ReplyEncoder
from tests.support.gateway_variants import Currency, PricingAccess, VariantRoutes, decoded

Age = Literal["2608", "2602", "2504", "one-api"]
VERSIONS: Mapping[Age, str] = MappingProxyType({"2608": "v1.0.0-rc.23", "2602": "v0.10.9-alpha.5"})
STOPS_CHARGING = ("2608",)
PROMPT, COMPLETION = 1234, 567
PLAIN: Mapping[str, Any] = MappingProxyType(
    {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION}
)
SEARCH_PRICE = Decimal("0.025")  # of one search of a `*-search-preview` model
CLAUDE_SEARCH_PRICE = Decimal("0.01")


class Model(NamedTuple):
    """How a model is charged, and the usage that its provider reports.

    Ratios that `is_listed` and the age of the site do not publish are charged all the same. `tools`
    are calls and dollars per 1,000 of tools that the usage does not count.
    """

    usage: Mapping[str, Any] | None = PLAIN
    model_ratio: float = 0.75  # $1.50 per million
    completion_ratio: float = 4
    cache_ratio: float = 1
    create_cache_ratio: float = 1.25
    image_ratio: float = 1
    audio_ratio: float = 1
    audio_completion_ratio: float = 1
    model_price: float | None = None
    expression: str = ""
    tokens_value: Callable[[Mapping[str, float]], float] | None = None  # of the expression
    groups: tuple[str, ...] = ("default", "vip")
    is_listed: bool = True
    tools: tuple[tuple[str, int, float], ...] = ()
    text: str = "An answer."
    first_pause_s: float = 0


@dataclass(slots=True)
class Site:
    """A gateway and its one user. `charges` are the log rows of all keys, oldest first.

    `key_group` is that of every key, `auto` for the groups in `auto_groups` by model. `special`
    are the ratios of the user's own group for groups of keys.
    """

    models: Mapping[str, Model]
    age: Age = "2608"
    key_group: str = "default"
    ratios: Mapping[str, float] = field(default_factory=lambda: {"default": 1, "vip": 0.5})
    hidden_groups: tuple[str, ...] = ()
    special: Mapping[str, float] = field(default_factory=dict)
    auto_groups: Mapping[str, str] = field(default_factory=dict)
    is_self_use: bool = False
    logs: bool = True
    quota_per_unit: int = 500_000
    currency: Currency = "USD"
    pricing: PricingAccess = "public"
    use_time_s: int = 0
    failing: Mapping[str, int] = field(default_factory=dict)  # HTTP statuses by model
    performance: list[dict[str, Any]] | None = None
    announcements: list[dict[str, Any]] = field(default_factory=list)
    notice: str = ""
    charges: list[dict[str, Any]] = field(default_factory=list)

    def group_of(self, model: str) -> str:
        """Return the group that a request is charged in."""
        return self.auto_groups[model] if self.key_group == "auto" else self.key_group

    def ratio_of(self, group: str) -> float:
        """Return the ratio that is really charged."""
        return self.special.get(group, self.ratios[group])

    def dollars(self, number: int = -1) -> Decimal:
        """Return what one of the requests cost."""
        return Decimal(self.charges[number]["quota"]) / self.quota_per_unit


def measured_gateway(site: Site, pace_s: float = 0.0) -> DemoGateway:
    """Return a gateway that serves a site."""
    return DemoGateway(pace_s=pace_s, make_routes=partial(MeasuredRoutes, site=site))


# -- what is charged -------------------------------------------------------------------------------


class Counts:
    """The counts of a usage. `is_claude`: the prompt is counted without what is cached."""

    def __init__(self, age: Age, usage: Mapping[str, Any]) -> None:
        prompt = usage.get("prompt_tokens_details", {})
        completion = usage.get("completion_tokens_details", {})
        billing = usage.get("billing_usage", {}).get("claude_usage", {})
        self.prompt, self.completion = usage["prompt_tokens"], usage["completion_tokens"]
        self.cached = prompt.get("cached_tokens", 0)
        self.hour_writes = usage.get("claude_cache_creation_1_h_tokens", 0)
        split = self.hour_writes + usage.get("claude_cache_creation_5_m_tokens", 0)
        self.writes = max(split, prompt.get("cached_creation_tokens", 0))
        if age != "2608":
            self.writes = self.hour_writes = 0  # charged as part of the prompt
        self.images, self.audio = prompt.get("image_tokens", 0), prompt.get("audio_tokens", 0)
        self.spoken = completion.get("audio_tokens", 0)
        is_claude = usage.get("usage_semantic") == "anthropic"
        self.is_claude = is_claude or self.cached > self.prompt
        self.searches: int = billing.get("server_tool_use", {}).get("web_search_requests", 0)


def quota_of(site: Site, name: str, model: Model, counts: Counts) -> int:
    """Return the charge of one request (New API service/text_quota.go)."""
    ratio = _decimal(site.ratio_of(site.group_of(name)))
    per_unit = Decimal(site.quota_per_unit)
    extra = sum((Decimal(n) * _decimal(usd) / 1000 for _, n, usd in model.tools), Decimal(0))
    extra += surcharge(site.age, name, counts)
    if model.tokens_value is not None and site.age == "2608":
        dollars = model.tokens_value(expression_tokens(model.expression, counts)) / 1_000_000
        return _rounded(_decimal(dollars * site.quota_per_unit) * ratio + extra * per_unit * ratio)
    if model.model_price is not None:
        return _rounded((_decimal(model.model_price) + extra) * per_unit * ratio)
    plain = counts.prompt - counts.images
    if not counts.is_claude:
        plain -= counts.cached + counts.writes
    if model.audio_ratio != 1:
        plain -= counts.audio
    tokens = (
        Decimal(max(plain, 0))
        + counts.cached * _decimal(model.cache_ratio)
        + (counts.writes - counts.hour_writes) * _decimal(model.create_cache_ratio)
        + counts.hour_writes * _decimal(model.create_cache_ratio) * Decimal("1.6")
        + counts.images * _decimal(model.image_ratio)
    )
    written = counts.completion * _decimal(model.completion_ratio)
    if model.audio_ratio != 1:
        audio = _decimal(model.audio_ratio)
        tokens += counts.audio * audio
        written = (counts.completion - counts.spoken) * _decimal(model.completion_ratio)
        written += counts.spoken * audio * _decimal(model.audio_completion_ratio)
    charge = (tokens + written) * _decimal(model.model_ratio) * ratio + extra * per_unit * ratio
    is_free = model.model_ratio == 0 or ratio == 0
    return _rounded(charge) if is_free else max(_rounded(charge), 1)


def surcharge(age: Age, name: str, counts: Counts) -> Decimal:
    """Return the dollars for searches."""
    if age not in ("2608", "2602"):
        return Decimal(0)
    if name.endswith("search-preview"):
        return SEARCH_PRICE
    return Decimal(counts.searches) * CLAUDE_SEARCH_PRICE


def expression_tokens(expression: str, counts: Counts) -> dict[str, float]:
    """Return the variables of an expression: `p` is without what has a price of its own."""
    prompt = counts.prompt - (counts.cached if "cr *" in expression else 0)
    return {"p": prompt, "c": counts.completion, "cr": counts.cached, "len": counts.prompt}


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


# -- the endpoints ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MeasuredEncoder(ReplyEncoder):
    """Reports the usage of a model, or none."""

    usage: Mapping[str, Any] | None = None

    def _usage(self) -> dict[str, object]:
        assert self.usage is not None
        total = self.usage["prompt_tokens"] + self.usage["completion_tokens"]
        return {"total_tokens": total, **self.usage}


class MeasuredCharge(Charge):
    """Charges a request once. A stopped stream is charged in full, except by 2608."""

    def __init__(
        self, routes: MeasuredRoutes, request: Request, chat: ChatRequest, model: Model
    ) -> None:
        self._routes = routes
        self._key, self._id = request.key, request.request_id
        self._chat, self._model = chat, model
        self._is_done = False

    def add_sent(self, tokens: int) -> None:
        del tokens

    def settle(self, *, is_complete: bool = True) -> None:
        if self._is_done:
            return
        self._is_done = True
        site, model = self._routes.site, self._model
        counts = Counts(site.age, model.usage or PLAIN)
        if not is_complete and self._chat.is_stream and site.age in STOPS_CHARGING:
            counts.completion = 1
        name = self._chat.model
        row = {
            "created_at": int(time.time()),
            "request_id": self._id,
            "model_name": name,
            "quota": quota_of(site, name, model, counts),
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.completion,
            "use_time": site.use_time_s,
            "is_stream": self._chat.is_stream,
            "group": site.group_of(name),
            "other": self._details(counts),
        }
        site.charges.append(row)
        self._routes.log_row(self._key, row)

    def _details(self, counts: Counts) -> dict[str, object]:  # type: ignore[override]
        site, model, name = self._routes.site, self._model, self._chat.model
        group = site.group_of(name)
        details: dict[str, object] = {
            "model_ratio": model.model_ratio if model.model_price is None else 0,
            "group_ratio": site.ratio_of(group),
            "user_group_ratio": site.special.get(group, -1),
            "completion_ratio": model.completion_ratio if model.model_price is None else 0,
            "cache_tokens": counts.cached,
            "cache_ratio": model.cache_ratio,
            "model_price": -1 if model.model_price is None else model.model_price,
            "frt": 10,
        }
        if counts.is_claude:
            details["claude"] = True
        if counts.writes:
            details |= {
                "cache_creation_tokens": counts.writes,
                "cache_creation_ratio": model.create_cache_ratio,
            }
        if counts.hour_writes:
            details |= {
                "cache_creation_tokens_1h": counts.hour_writes,
                "cache_creation_ratio_1h": model.create_cache_ratio * 1.6,
            }
        if counts.images:
            details |= {"image": True, "image_ratio": model.image_ratio}
        if model.audio_ratio != 1:
            details |= {"audio": True, "audio_ratio": model.audio_ratio, "cache_ratio": 0}
        if model.tokens_value is not None and site.age == "2608":
            details |= {"billing_mode": "tiered_expr", "matched_tier": "standard"}
        return details | self._tools(counts)

    def _tools(self, counts: Counts) -> dict[str, object]:
        age, name = self._routes.site.age, self._chat.model
        items = [(tool, count, usd) for tool, count, usd in self._model.tools]
        if surcharge(age, name, counts):
            is_model = name.endswith("search-preview")
            tool = "web_search_preview" if is_model else "web_search"
            items.append((tool, 1 if is_model else counts.searches, 25 if is_model else 10))
        if not items:
            return {}
        if age == "2608":
            return {"tool_surcharges": [{"name": t, "count": n, "price": p} for t, n, p in items]}
        _, count, price = items[0]
        return {"web_search": True, "web_search_call_count": count, "web_search_price": price}


class MeasuredRoutes(VariantRoutes):
    """The endpoints of a site."""

    def __init__(self, base_url: str, pace_s: float, *, site: Site) -> None:
        self.site = site
        self._rows: dict[str, list[dict[str, Any]]] = {}
        super().__init__(
            base_url,
            pace_s,
            currency=site.currency,
            pricing_access=site.pricing,
            clock=time.monotonic,
        )

    def handlers_for_get(self) -> dict[str, Handler]:
        handlers = super().handlers_for_get()
        missing = {
            "2504": [TOKEN_USAGE_PATH],
            "one-api": [TOKEN_USAGE_PATH, LOG_PATH, "/api/pricing"],
        }.get(self.site.age, [])
        if self.site.age == "2608":
            handlers |= {
                "/api/notice": self.notice,
                "/api/perf-metrics/summary": self.performance,
                "/api/perf-metrics": self.model_performance,
            }
        return handlers | dict.fromkeys(missing, _not_found)

    def notice(self, _request: Request) -> Response:
        return json_response(200, {"success": True, "message": "", "data": self.site.notice})

    def performance(self, _request: Request) -> Response:
        if self.site.performance is None:
            return api_error(403, "performance metrics are disabled")
        return json_response(200, {"success": True, "data": {"models": self.site.performance}})

    def headers(self, request_id: str) -> dict[str, str]:
        headers = {"X-Oneapi-Request-Id": request_id}
        version = VERSIONS.get(self.site.age)
        return headers | ({"X-New-Api-Version": version} if version else {})

    def chat(self, request: Request) -> Response | ChatAnswer:
        errors = self.errors(request.request_id)
        account = self.accounts.account(request.key)
        if account.status is not KeyStatus.ACTIVE:
            return errors.rejected_key(account.status)
        chat = parse_chat_request(request.json_object() or {})
        if chat.model in self.site.failing:
            error = {"message": "upstream is down", "type": "upstream_error", "code": "x"}
            status = self.site.failing[chat.model]
            return errors.upstream(status, error, is_stream=chat.is_stream)
        if chat.model not in self.site.models:
            return errors.no_channel(chat.model, self.site.key_group)
        model = self.site.models[chat.model]
        reply = Reply(model.text, pace_s=self._pace_s, first_pause_s=model.first_pause_s)
        if model.usage is None:
            chat = replace(chat, include_usage=False)
        encoder = MeasuredEncoder(
            chat, reply, request.request_id, int(time.time()), usage=model.usage
        )
        return ChatAnswer(encoder, MeasuredCharge(self, request, chat, model))

    def model_performance(self, request: Request) -> Response:
        name = parse_qs(request.path.partition("?")[2])["model"][0]
        rows = [row for row in self.site.performance or () if row["model_name"] == name]
        return json_response(200, {"success": True, "data": {"groups": rows}})

    def log_row(self, key: str, row: dict[str, Any]) -> None:
        if self.site.logs:
            self._rows.setdefault(key, []).append(row)

    def _models_of_group(self, account: Account) -> list[str]:
        del account
        return [*self.site.models, *self.site.failing]

    def status(self, request: Request) -> Response:
        status = decoded(super().status(request))
        status["data"] |= {
            "quota_per_unit": self.site.quota_per_unit,
            "self_use_mode_enabled": self.site.is_self_use,
            "announcements": self.site.announcements,
        }
        return json_response(200, status)

    def pricing(self, request: Request) -> Response:
        response = super().pricing(request)
        if response.status != 200:
            return response
        public = {
            group: ratio
            for group, ratio in self.site.ratios.items()
            if group not in self.site.hidden_groups
        }
        entries = [
            self._price(name, model) for name, model in self.site.models.items() if model.is_listed
        ]
        return json_response(200, {"success": True, "data": entries, "group_ratio": public})

    def _price(self, name: str, model: Model) -> dict[str, object]:
        entry: dict[str, object] = {
            "model_name": name,
            "quota_type": 0 if model.model_price is None else 1,
            "model_ratio": model.model_ratio,
            "model_price": model.model_price or 0,
            "owner_by": "",
            "completion_ratio": model.completion_ratio,
            "enable_groups": list(model.groups),
        }
        if self.site.age == "2608":
            entry |= {
                "cache_ratio": model.cache_ratio,
                "create_cache_ratio": model.create_cache_ratio,
                "image_ratio": model.image_ratio,
                "audio_ratio": model.audio_ratio,
                "audio_completion_ratio": model.audio_completion_ratio,
            }
            if model.tokens_value is not None:
                entry |= {"billing_mode": "tiered_expr", "billing_expr": model.expression}
        return entry

    def token_log(self, request: Request) -> Response:
        is_old = self.site.age == "2504"
        query = parse_qs(request.path.partition("?")[2])
        if not is_old and not request.headers.get("authorization"):
            return api_error(401, "No Authorization header")
        key = query.get("key", [""])[0].removeprefix("sk-") if is_old else request.key
        rows = self._rows.get(key, [])
        ordered = rows if is_old else rows[::-1]
        log: Any = documents.token_log(ordered, 1)
        if is_old:
            for row in log["data"]:
                del row["request_id"]
        return json_response(200, json.loads(json.dumps(log)))


def _not_found(request: Request) -> Response:
    return invalid_url(request.method, request.path.partition("?")[0])
