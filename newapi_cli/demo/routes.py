"""The endpoints of the gateway: which request gets which response."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from newapi_cli.demo import documents
from newapi_cli.demo.account import Account, Accounts, Charge, KeyStatus
from newapi_cli.demo.chat_request import InvalidField, parse_chat_request
from newapi_cli.demo.http_request import Request
from newapi_cli.demo.prices import PRICES, QUOTA_PER_DOLLAR, Price
from newapi_cli.demo.replies import reply_to
from newapi_cli.demo.responses import (
    HOME_PAGE,
    HTML_TYPE,
    ErrorResponses,
    Response,
    api_error,
    invalid_url,
    json_response,
    redirect,
)
from newapi_cli.demo.stream import ReplyEncoder

CHAT_PATH = "/v1/chat/completions"
LOG_PATH = "/api/log/token"
TOKEN_USAGE_PATH = "/api/usage/token/"

Handler = Callable[[Request], Response]


class ChatAnswer(NamedTuple):
    """An answer to send piece by piece, and its cost."""

    encoder: ReplyEncoder
    charge: Charge


class Routes:
    """The endpoints of one gateway. Thread-safe.

    The test suite derives other gateways from this class: its public attributes and methods are
    where they differ.
    """

    prices: Mapping[str, Price] = PRICES
    charge_type: type[Charge] = Charge
    reasoning_fields: tuple[str, ...] = ("reasoning_content",)

    def __init__(self, base_url: str, pace_s: float) -> None:
        self.accounts = Accounts()
        self._base_url = base_url
        self._pace_s = pace_s
        self._started_at = int(time.time())
        self._lock = threading.Lock()
        self._chat_requests: Counter[str] = Counter()
        self._handlers = self.handlers_for_get()

    def respond(self, request: Request) -> Response | ChatAnswer:
        """Return the response to a request.

        A missing or extra slash at the end is redirected, as by gin.
        """
        path, _, query = request.path.partition("?")
        other_path = path[:-1] if path.endswith("/") else f"{path}/"
        if request.method == "GET":
            if path in self._handlers:
                return self._handlers[path](request)
            if other_path in self._handlers:
                return redirect(301, other_path, query)
        if request.method == "POST":
            if path == CHAT_PATH:
                return self.chat(request)
            if other_path == CHAT_PATH:
                return redirect(307, other_path, query)
        if path.startswith(("/v1", "/api", "/assets")):
            return invalid_url(request.method, path)
        return Response(200, HOME_PAGE, HTML_TYPE)

    def handlers_for_get(self) -> dict[str, Handler]:
        """Return the handler of each path that GET requests may use."""
        return {
            "/api/status": self.status,
            "/api/pricing": self.pricing,
            LOG_PATH: self.token_log,
            TOKEN_USAGE_PATH: self.token_usage,
            "/v1/models": self.models,
            "/dashboard/billing/subscription": self.subscription,
            "/dashboard/billing/usage": self.billing_usage,
            "/v1/dashboard/billing/subscription": self.subscription,
            "/v1/dashboard/billing/usage": self.billing_usage,
        }

    def headers(self, request_id: str) -> dict[str, str]:
        """Return the headers of every response; they identify New API and its relatives."""
        return {"X-Oneapi-Request-Id": request_id, "X-New-Api-Version": documents.VERSION}

    def errors(self, request_id: str) -> ErrorResponses:
        return ErrorResponses(request_id)

    def amount(self, quota: int) -> float:
        """Return quota in the currency that the gateway displays."""
        return quota / QUOTA_PER_DOLLAR

    # -- chat completions ---------------------------------------------------------------------

    def chat(self, request: Request) -> Response | ChatAnswer:
        errors = self.errors(request.request_id)
        account = self.accounts.account(request.key)
        if account.status is not KeyStatus.ACTIVE:
            return errors.rejected_key(account.status)
        fields = request.json_object()
        if fields is None:
            return errors.middleware(400, "Invalid request, not a JSON object")
        error = self.check_model(fields, account, errors)
        if error is not None:
            return error
        try:
            chat = parse_chat_request(fields)
        except InvalidField as problem:
            return errors.invalid_field(str(problem))
        error = errors.for_model(
            chat.model, earlier_requests=self._count(chat.model), is_stream=chat.is_stream
        )
        if error is not None:
            return error
        reply = reply_to(chat, self._pace_s)
        if reply.error is not None and not chat.is_stream:
            return errors.upstream(429, reply.error, is_stream=False)
        return ChatAnswer(
            ReplyEncoder(chat, reply, request.request_id, int(time.time()), self.reasoning_fields),
            self.charge_type(
                self.accounts,
                request.key,
                request.request_id,
                chat,
                reply,
                self.prices[chat.model],
            ),
        )

    def check_model(
        self, fields: Mapping[str, object], account: Account, errors: ErrorResponses
    ) -> Response | None:
        """Return the error for a model that is missing or that the key may not use, or None."""
        model = fields.get("model")
        if model is not None and not isinstance(model, str):
            return errors.middleware(400, "field model must be a string")
        if not model:
            return errors.missing_model()
        if not account.settings.allows(model):
            return errors.model_not_allowed(model)
        if model not in self._models_of_group(account):
            return errors.no_channel(model, account.settings.group)
        return None

    def _count(self, model: str) -> int:
        """Count a request for a model and return the number of earlier ones."""
        with self._lock:
            self._chat_requests[model] += 1
            return self._chat_requests[model] - 1

    def _models_of_group(self, account: Account) -> list[str]:
        group = account.settings.group
        return [model for model, price in self.prices.items() if price.is_for(group)]

    # -- the gateway itself -------------------------------------------------------------------

    def status(self, _request: Request) -> Response:
        return json_response(200, documents.status(self._base_url, self._started_at))

    def pricing(self, _request: Request) -> Response:
        return json_response(200, documents.pricing(self.prices))

    # -- what belongs to a key ----------------------------------------------------------------

    def models(self, request: Request) -> Response:
        account = self.accounts.account(request.key)
        if account.status is not KeyStatus.ACTIVE:
            return self.errors(request.request_id).rejected_key(account.status)
        models = self._models_of_group(account)
        allowed = [model for model in models if account.settings.allows(model)]
        return json_response(200, documents.model_list(allowed))

    def subscription(self, request: Request) -> Response:
        return self._billing(request, documents.subscription)

    def billing_usage(self, request: Request) -> Response:
        return self._billing(request, documents.billing_usage)

    def token_usage(self, request: Request) -> Response:
        error = self._account_error(request)
        if error is not None:
            return error
        words = request.headers["authorization"].split(" ")
        if len(words) != 2 or words[0].lower() != "bearer":
            return api_error(401, "Invalid Bearer token")
        return json_response(200, documents.token_usage(self.accounts.account(request.key)))

    def token_log(self, request: Request) -> Response:
        error = self._account_error(request)
        if error is not None:
            return error
        token_id = self.accounts.account(request.key).token_id
        return json_response(200, documents.token_log(self.accounts.log(request.key), token_id))

    def _billing(
        self,
        request: Request,
        document: Callable[[Account, Callable[[int], float]], documents.Document],
    ) -> Response:
        account = self.accounts.account(request.key)
        if account.status is not KeyStatus.ACTIVE:
            error = self.errors(request.request_id).rejected_key(account.status)
            return error._replace(status=200)
        return json_response(200, document(account, self.amount))

    def _account_error(self, request: Request) -> Response | None:
        """Return the error for a key that may not read its own account, or None."""
        if not request.headers.get("authorization"):
            return api_error(401, "No Authorization header")
        status = self.accounts.account(request.key).status
        if status is KeyStatus.DISABLED:
            return api_error(401, "This token status is unavailable")
        if not status.may_read_account:
            return api_error(401, "Invalid token")
        return None
