"""A key's record and balance. The record is cached for five minutes: the gateway limits it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import (
    fetch_balance,
    fetch_key_usage,
    key_usage_from_json,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.key_log import KeyLog
from newapi_cli.app.gateway.lookup import BRIEFEST, Lookup
from newapi_cli.app.gateway.prices import Prices
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import Balance, Currency, KeyFinding, KeyState, KeyUsage
from newapi_cli.domain.pricing import MAX_DOLLARS
from newapi_cli.errors import (
    AuthenticationError,
    DeadlineError,
    GatewayError,
    Interrupted,
    LimitError,
    NetworkError,
    NewapiError,
    Reason,
    profile_command,
)
from newapi_cli.i18n import tr

RECORD_AGE_S, DAY_S = 300.0, 86_400.0
# Names in the cache files.
RECORD, RECORD_AFTER_REFUSAL = "record", "record after a refusal"
# In place of a record: the number of the state in the table. A text could be redacted as a key.
REFUSED = "refused"
STATES: dict[str, KeyState] = {
    Reason.KEY_DISABLED: KeyState.DISABLED,
    Reason.KEY_EXPIRED: KeyState.EXPIRED,
    Reason.KEY_QUOTA_EXHAUSTED: KeyState.EXHAUSTED,
}
USUAL_QUOTA = 500_000  # quota per dollar of servers that do not report it


class KeyRecord:
    """The record of the current settings' key. Methods that send requests raise `NewapiError`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    def load_usage(self) -> KeyUsage:
        """Return the record of the key, at most five minutes old."""
        value = self._limited(RECORD, fetch_key_usage(self._lookup.brief_client()))
        usage = key_usage_from_json(value)
        if usage is None:
            raise invalid_response(tr("it is not the record of a key"))
        return usage

    def load_after_refusal(self) -> KeyFinding | None:
        """Return what the record of a rejected key shows, fetched once a day; None if nothing.

        The record of a disabled key is refused, with that reason.
        """
        if not self._lookup.may_look_up or not self._context.settings.flag("prices"):
            return None
        cache = self._lookup.key_cache
        entry = cache.get(RECORD_AFTER_REFUSAL, DAY_S)
        if entry is not None:
            return _finding(entry.value)
        if not cache.put(RECORD_AFTER_REFUSAL, None):
            return None  # else each refusal would request it
        try:
            client = self._lookup.brief_client(timeouts=BRIEFEST)
            value = self._limited(RECORD, fetch_key_usage(client), max_age_s=0)
        except Interrupted:
            raise
        except NewapiError as error:
            if error.reason not in STATES:
                return None
            value = {REFUSED: [*STATES].index(error.reason)}
        cache.put(RECORD_AFTER_REFUSAL, value)
        return _finding(value)

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
        self._lookup.count_request()
        value = self._lookup.run(request)
        self._lookup.key_cache.put(name, value)
        return value


def _finding(value: object) -> KeyFinding | None:
    """Return what a record shows, or the reason for which it was refused."""
    number = value.get(REFUSED) if isinstance(value, dict) else None
    if isinstance(number, int) and 0 <= number < len(STATES):
        return KeyFinding([*STATES.values()][number])
    usage = key_usage_from_json(value)
    if usage is None:
        return None
    return KeyFinding(usage.state(datetime.now(UTC)), usage.expires_at, usage.name)


def load_balance(lookup: Lookup, prices: Prices, key_record: KeyRecord, key_log: KeyLog) -> Balance:
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
        key_log.learn()
    balance = combined_balance(
        dashboard,
        record,
        currency=prices.currency(),
        quota_per_unit=prices.cached_quota_per_unit(),
        now=datetime.now(UTC),
    )
    if balance is not None:
        return balance._replace(group=key_log.group, state=_state(balance, problem))
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


def _state(balance: Balance, problem: NewapiError | None) -> KeyState:
    """Return the state of the key: a record of early 2026 does not show that it is disabled."""
    return balance.state if problem is None else STATES.get(problem.reason, balance.state)


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
