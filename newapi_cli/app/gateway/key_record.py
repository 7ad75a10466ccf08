"""A key's record, log and balance.

Record and log come from the endpoints with the strictest rate limit. They allow 20 requests in 20
minutes to all clients behind one address (New API middleware/rate-limit.go): newapi sends at most
10, and caches each response for five minutes.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import (
    fetch_balance,
    fetch_key_log,
    fetch_key_usage,
    key_usage_from_json,
    log_from_json,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import Lookup
from newapi_cli.app.gateway.prices import Prices
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import Balance, Currency, KeyState, KeyUsage, LogEntry
from newapi_cli.domain.pricing import MAX_DOLLARS
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import (
    AuthenticationError,
    DeadlineError,
    GatewayError,
    Interrupted,
    LimitError,
    NetworkError,
    NewapiError,
    profile_command,
)
from newapi_cli.i18n import ntr, tr

RECORD_AGE_S, DAY_S, MONTH_S = 300.0, 86_400.0, 30 * 86_400.0
BRIEFEST = Timeouts(3, 5, 5, 5, 5, 8)  # for a request that delays an error message
LIMIT_SPAN_S, MAX_REQUESTS = 1_200.0, 10
# Names in the cache files.
REQUEST_TIMES, GROUP, GROUP_REQUESTED = "tight calls", "group", "group asked"
RECORD, RECORD_AFTER_REFUSAL = "record", "record after a refusal"
USUAL_QUOTA = 500_000  # quota per dollar of servers that do not report it


class KeyRecord:
    """The record of the current settings' key. Methods that send requests raise `NewapiError`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    @property
    def group(self) -> str:
        """The group of the key from the settings or its cached log, else empty."""
        entry = self._lookup.key_cache.get(GROUP, MONTH_S)
        cached = entry.value if entry is not None else ""
        return self._context.settings.text("group") or (cached if isinstance(cached, str) else "")

    def load_usage(self) -> KeyUsage:
        """Return the record of the key, at most five minutes old."""
        value = self._limited(RECORD, fetch_key_usage(self._lookup.brief_client()))
        usage = key_usage_from_json(value)
        if usage is None:
            raise invalid_response(tr("it is not the record of a key"))
        return usage

    def load_log(self, max_age_s: float = RECORD_AGE_S) -> list[LogEntry]:
        """Return the key's charged requests, newest first, and cache the key's group."""
        max_age_s = min(max(max_age_s, 0.0), RECORD_AGE_S)
        entries = self._log_by_header(max_age_s)
        is_old_version = self._lookup.is_new_api and not self._lookup.reports_version
        if not entries and is_old_version:
            client = self._lookup.brief_client()
            request = fetch_key_log(client, key_in_query=self._context.api_key)
            entries = log_from_json(self._limited("log by query", request, max_age_s)) or []
        group = next((entry.group for entry in entries if entry.group), "")
        if group:
            self._lookup.key_cache.put(GROUP, group)
        return entries

    def _log_by_header(self, max_age_s: float) -> list[LogEntry]:
        client = self._lookup.brief_client()
        try:
            value = self._limited("log", fetch_key_log(client), max_age_s)
        except (AuthenticationError, GatewayError):
            if self._lookup.reports_version or not self._lookup.is_new_api:
                raise
            return []
        return log_from_json(value) or []

    def learn_group(self) -> None:
        """Fetch the key's log for its group, at most once a day, until the log has an entry."""
        cache = self._lookup.key_cache
        is_known = self.group or cache.get(GROUP_REQUESTED, DAY_S) is not None
        if is_known or not self._lookup.is_new_api:
            return
        entries: list[LogEntry] | None
        try:
            entries = self.load_log()
        except Interrupted:
            raise
        except NewapiError:
            entries = None
        if entries != []:
            cache.put(GROUP_REQUESTED, None)

    def load_after_refusal(self) -> KeyUsage | None:
        """Return the record of a rejected key, fetched at most once a day; None if unknown."""
        if not self._lookup.may_look_up:
            return None
        cache = self._lookup.key_cache
        entry = cache.get(RECORD_AFTER_REFUSAL, DAY_S)
        if entry is not None:
            return key_usage_from_json(entry.value)
        if not cache.put(RECORD_AFTER_REFUSAL, None):
            return None  # else each refusal would request it
        try:
            client = self._lookup.brief_client(timeouts=BRIEFEST)
            value = self._limited(RECORD, fetch_key_usage(client), max_age_s=0)
        except Interrupted:
            raise
        except NewapiError:
            return None
        cache.put(RECORD_AFTER_REFUSAL, value)
        return key_usage_from_json(value)

    def _limited(
        self,
        name: str,
        request: Generator[TurnEvent, None, object],
        max_age_s: float = RECORD_AGE_S,
    ) -> object:
        """Return the cached response, or run the request if the rate limit allows it."""
        entry = self._lookup.key_cache.get(name, max_age_s)
        if entry is not None:
            return entry.value
        now = datetime.now(UTC).timestamp()
        entry = self._lookup.request_times.get(REQUEST_TIMES, LIMIT_SPAN_S)
        stored = entry.value if entry is not None and isinstance(entry.value, list) else []
        times = [
            at for at in stored if isinstance(at, int | float) and 0 <= now - at < LIMIT_SPAN_S
        ]
        if len(times) >= MAX_REQUESTS:
            minutes = round((LIMIT_SPAN_S - (now - min(times))) / 60)
            raise LimitError(
                tr("newapi has requested key records {n} times in 20 minutes", n=len(times)),
                why=tr("the gateway allows 20 requests to all clients behind one address"),
                hint=ntr("retry in {n} minute", "retry in {n:,} minutes", minutes),
            )
        if not self._lookup.request_times.put(REQUEST_TIMES, [*times, now]):
            raise LimitError(
                tr("requests for key records cannot be counted, and the gateway limits them"),
                why=tr("cannot write {path}", path=self._context.paths.cache_dir),
            )
        value = self._lookup.run(request)
        self._lookup.key_cache.put(name, value)
        return value


def load_balance(lookup: Lookup, prices: Prices, key_record: KeyRecord) -> Balance:
    """Return the balance of the key.

    If one of the two sources fails, the other one is enough.
    """
    record: KeyUsage | None = None
    dashboard: Balance | None = None
    problem: NewapiError | None = None
    try:
        dashboard = lookup.run(fetch_balance(lookup.brief_client(retries=None)))
    except (GatewayError, AuthenticationError, LimitError) as error:
        problem = error
    try:
        record = key_record.load_usage()
    except (NetworkError, DeadlineError):
        if dashboard is None:
            raise
    except (GatewayError, AuthenticationError, LimitError) as error:
        if problem is None or not isinstance(error, GatewayError):
            problem = error
    prices.load()
    if dashboard is not None:  # else the key was rejected, or this is not New API
        key_record.learn_group()
    balance = combined_balance(
        dashboard,
        record,
        currency=prices.currency(),
        quota_per_unit=prices.cached_quota_per_unit(),
        now=datetime.now(UTC),
    )
    if balance is not None:
        return balance._replace(group=key_record.group)
    if dashboard is not None or record is not None:
        raise invalid_response(tr("the amounts are implausibly large"))
    if problem is None or not isinstance(problem, GatewayError):
        raise problem or invalid_response(tr("it contains no data about the key"))
    raise GatewayError(
        tr("the server does not report a balance"),
        why=problem.summary,
        hint=tr(
            "run `{doctor}` to check whether the server is a New API gateway",
            doctor=profile_command("newapi doctor"),
        ),
        request_id=problem.request_id,
    )


def combined_balance(
    dashboard: Balance | None,
    record: KeyUsage | None,
    *,
    currency: Currency | None,
    quota_per_unit: Decimal | None,
    now: datetime,
) -> Balance | None:
    """Return the balance in the site's currency; the dashboard's amounts override the record's.

    `currency` and `quota_per_unit` are None if the site does not report them. Implausible amounts
    are ignored; the result is None if both sources are missing or implausible.
    """
    if dashboard is not None and not _is_plausible(_in_site_currency(dashboard, currency)):
        dashboard = None
    is_wrong = (  # if the site displays quota, a limit may be the number that means "unlimited"
        dashboard is not None
        and record is not None
        and (dashboard.limit is None) is not record.is_unlimited
    )
    if dashboard is not None and not is_wrong:
        balance = _in_site_currency(dashboard, currency)
    elif record is not None:
        balance = _from_record(record, currency, quota_per_unit)
    else:
        return None
    if not _is_plausible(balance):
        return None
    if record is not None:
        balance = balance._replace(
            name=record.name,
            models=record.models,
            expires_at=record.expires_at or balance.expires_at,
            state=record.state(now),
        )
    is_limited = record is None or not record.is_unlimited
    if dashboard is not None and is_limited and balance.left is not None and balance.left <= 0:
        return balance._replace(state=KeyState.EXHAUSTED)  # the record may not know of a debt
    return balance


def _in_site_currency(balance: Balance, currency: Currency | None) -> Balance:
    """Return the dashboard's amounts with their currency; it reports a custom one in dollars."""
    if currency is None or currency.name != "CUSTOM":
        return balance._replace(currency=currency)
    limit = None if balance.limit is None else balance.limit * currency.per_usd
    return balance._replace(currency=currency, limit=limit, used=balance.used * currency.per_usd)


def _is_plausible(balance: Balance) -> bool:
    """Return whether the amounts are possible. Negative ones are: keys and accounts have debts.

    If the currency is unknown, an amount may be quota, which is larger.
    """
    most = MAX_DOLLARS * (USUAL_QUOTA if balance.currency is None else balance.currency.per_usd)
    return abs(balance.used) <= most and (balance.limit is None or abs(balance.limit) <= most)


def _from_record(
    record: KeyUsage, currency: Currency | None, quota_per_unit: Decimal | None
) -> Balance:
    """Return the record's quota as money, or as quota if the site reports no rate."""
    factor = Decimal(1)
    if currency is None or quota_per_unit is None:
        currency = None
    else:
        factor = currency.per_usd / quota_per_unit
    limit = None if record.is_unlimited else record.granted * factor
    return Balance(limit, record.used * factor, record.expires_at, currency)
