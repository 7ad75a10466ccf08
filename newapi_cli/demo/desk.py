"""Everything that is answered at once and not by a model: which path gives what, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qs

from newapi_cli.demo.account import Accounts, Statement
from newapi_cli.demo.failures import Refuser
from newapi_cli.demo.keys import Standing, key_in
from newapi_cli.demo.limiter import TightLimiter
from newapi_cli.demo.prices import price_of
from newapi_cli.demo.pricing import model_list, pricing_response, status_of
from newapi_cli.demo.replies import DEMO_MODELS
from newapi_cli.demo.site import Site
from newapi_cli.demo.statements import log_of, spending_of, subscription_of, token_usage_of
from newapi_cli.demo.wire import HTML_TYPE, Response, json_response

CHAT_PATH = "/v1/chat/completions"
TOKEN_USAGE_PATH = "/api/usage/token/"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as far as the desk looks at it. `path` has no query; `address` is the client's."""

    method: str
    path: str
    query: str
    authorization: str
    address: str
    refuser: Refuser

    @property
    def key(self) -> str:
        """The key of the Authorization header, without `sk-`."""
        return key_in(self.authorization)


class Desk:
    """Answers what needs no model, of one gateway at `base_url`."""

    def __init__(self, site: Site, accounts: Accounts, base_url: str, started_at: int) -> None:
        self._site = site
        self._accounts = accounts
        self._base_url = base_url
        self._started_at = started_at
        self._limiter = TightLimiter(site.clock)
        self._routes = self._make_routes()

    def answer(self, visit: Visit) -> Response | None:
        """Give the response of a path that is served here; None for any other.

        A slash too many or too few is redirected, as gin does (contract 5.2).
        """
        if visit.method == "GET" and visit.path in self._routes:
            return self._routes[visit.path](visit)
        other = visit.path[:-1] if visit.path.endswith("/") else f"{visit.path}/"
        if visit.method == "GET" and other in self._routes:
            return _redirect(other, visit.query, 301)
        if (visit.method, other) == ("POST", CHAT_PATH):
            return _redirect(other, visit.query, 307)
        return None

    def models_of(self, statement: Statement) -> list[str]:
        """Name the models that a key's group may use, those which the key itself may not too."""
        group = statement.terms.group
        return [name for name in DEMO_MODELS if price_of(name, self._site).is_for(group)]

    def _make_routes(self) -> Mapping[str, Callable[[Visit], Response]]:
        routes = {
            "/api/status": self._status,
            "/api/pricing": lambda _visit: pricing_response(self._site),
            "/api/log/token": self._log,
            TOKEN_USAGE_PATH: self._token_usage,
            "/v1/models": self._models,
        }
        for prefix in ("", "/v1"):
            routes[f"{prefix}/dashboard/billing/subscription"] = self._subscription
            routes[f"{prefix}/dashboard/billing/usage"] = self._spending
        if self._site.is_old:
            del routes[TOKEN_USAGE_PATH]
        return routes

    def _status(self, _visit: Visit) -> Response:
        return json_response(200, status_of(self._site, self._base_url, self._started_at))

    def _models(self, visit: Visit) -> Response:
        statement = self._accounts.statement(visit.key)
        if statement.standing is not Standing.LIVE:
            return visit.refuser.bad_key(statement.standing)
        names = [name for name in self.models_of(statement) if statement.terms.allows(name)]
        return json_response(200, model_list(names, self._site))

    def _subscription(self, visit: Visit) -> Response:
        return self._billing(visit, subscription_of)

    def _spending(self, visit: Visit) -> Response:
        return self._billing(visit, spending_of)

    def _billing(
        self, visit: Visit, build: Callable[[Statement, Site], dict[str, object]]
    ) -> Response:
        statement = self._accounts.statement(visit.key)
        if statement.standing is not Standing.LIVE:
            return visit.refuser.bad_key(statement.standing)._replace(status=200)
        return json_response(200, build(statement, self._site))

    def _token_usage(self, visit: Visit) -> Response:
        refusal = self._limited(visit) or self._unreadable(visit)
        if refusal is not None:
            return refusal
        words = visit.authorization.split(" ")
        if len(words) != 2 or words[0].lower() != "bearer":
            return _api_refusal(401, "Invalid Bearer token")
        return json_response(200, token_usage_of(self._accounts.statement(visit.key)))

    def _log(self, visit: Visit) -> Response:
        refusal = self._limited(visit)
        if refusal is None and not self._site.is_old:
            refusal = self._unreadable(visit)
        if refusal is not None:
            return refusal
        key = visit.key
        if self._site.is_old:
            # A key that does not exist has no rows, and that is all that is said of it; so has
            # the empty one of a client that sends only the header.
            key = parse_qs(visit.query).get("key", [""])[0].removeprefix("sk-")
        token_id = self._accounts.statement(key).token_id
        return json_response(200, log_of(self._accounts.rows(key), token_id, self._site))

    def _limited(self, visit: Visit) -> Response | None:
        wait_s = self._limiter.seconds_to_wait(visit.address)
        if not wait_s:
            return None
        headers = {} if self._site.is_old else {"Retry-After": str(wait_s)}
        return Response(429, headers=MappingProxyType(headers))

    def _unreadable(self, visit: Visit) -> Response | None:
        if not visit.authorization:
            return _api_refusal(401, "No Authorization header")
        if self._accounts.statement(visit.key).standing.is_readable:
            return None
        return _api_refusal(401, "Invalid token")


def _api_refusal(status: int, message: str) -> Response:
    return json_response(status, {"success": False, "message": message})


def _redirect(path: str, query: str, status: int) -> Response:
    location = f"{path}?{query}" if query else path
    body = f'<a href="{path}">Moved Permanently</a>.\n\n'.encode() if status == 301 else b""
    return Response(status, body, HTML_TYPE, {"Location": location})
