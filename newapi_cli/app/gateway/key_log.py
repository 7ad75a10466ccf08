"""The log of a key: what its requests cost, and what that shows about its prices.

The log contains the group of the key and the ratios that it really pays, which the public price
list lacks. It is fetched at `login` and after the first answer of a key, then at most once a day,
while an answer arrives; commands such as `balance` fetch it when they need it.

Every answer imports this module for the rates, so the decoder of the log (`api.gateway.key_log`) is
imported only when a log is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from newapi_cli.api.chat.client import Client
from newapi_cli.api.http.reader import run_to_end
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import Lookup, Request
from newapi_cli.config.cache import Cache
from newapi_cli.domain.money import LogEntry
from newapi_cli.domain.rates import NO_RATES, KeyRates, rates_from_json, rates_to_json
from newapi_cli.domain.settings import Secret
from newapi_cli.errors import (
    AuthenticationError,
    GatewayError,
    Interrupted,
    LimitError,
    NewapiError,
    Reason,
)
from newapi_cli.i18n import tr

LOG_AGE_S, HOUR_S, DAY_S, MONTH_S = 300.0, 3_600.0, 86_400.0, 30 * 86_400.0
NOT_FOUND = 404
NO_LOG = {Reason.PATH_NOT_FOUND, Reason.HTML_PAGE, Reason.REDIRECTED, Reason.NOT_IMPLEMENTED}
# Names in the cache files.
LOG, RATES, BY_QUERY = "log", "rates", "log by query"
REQUESTED, AT_LOGIN, ARRIVED = "log requested", "at login", "arrived"


class KeyPlace(NamedTuple):
    """A key and its caches.

    A conversation may switch to another gateway while a log is fetched.
    """

    key: Secret
    rates: Cache
    times: Cache
    is_old: bool


class KeyLog:
    """The log of the current settings' key. Methods that send requests raise `NewapiError`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    @property
    def rates(self) -> KeyRates:
        """What the log showed about the prices of the key when it was fetched last."""
        entry = self._lookup.rates_cache.get(RATES, MONTH_S)
        return NO_RATES if entry is None else rates_from_json(entry.value)

    @property
    def group(self) -> str:
        """The group of the key from the settings or its log, else empty."""
        return self._context.settings.text("group") or self.rates.group

    def entries(self, max_age_s: float = LOG_AGE_S) -> list[LogEntry]:
        """Return the key's charged requests, newest first; the log is at most five minutes old.

        If a newer one is wanted and the rate limit does not allow it, the cached one is used.
        Raises `GatewayError` for a server without such a log, as one-api is.
        """
        from newapi_cli.api.gateway.key_log import log_from_json, without_details

        cache = self._lookup.log_cache
        entry = cache.get(LOG, min(max(max_age_s, 0.0), LOG_AGE_S))
        try:
            if entry is not None:
                value = entry.value
            else:
                client, place = self._lookup.brief_client(), self._place()
                value = without_details(self._fetched(self._lookup.run, client, place))
                cache.put(LOG, value)
        except LimitError:
            entry = cache.get(LOG, LOG_AGE_S)
            if entry is None:
                raise
            value = entry.value
        except GatewayError as error:
            if error.reason not in NO_LOG:
                raise
            message = tr("this server has no log that a key can read")
            raise GatewayError(message, why=error.why, request_id=error.request_id) from error
        return log_from_json(value) or []

    def learn(self) -> None:
        """Fetch the log for the group and the rates of the key, at most once a day.

        As long as the log is empty it is fetched again.
        """
        cache = self._lookup.rates_cache
        is_known = cache.get(RATES, DAY_S) is not None
        entry = cache.get(REQUESTED, DAY_S)
        has_failed = entry is not None and entry.value is None and entry.age_s < HOUR_S
        if is_known or has_failed or not self._lookup.is_new_api:
            return
        try:
            self.entries()
        except Interrupted:
            raise
        except NewapiError:
            cache.put(REQUESTED, None)

    def learn_at_login(self) -> None:
        """Fetch the log of a key that was just stored; a failure is ignored."""
        if not self._context.settings.flag("prices") or not self._lookup.is_new_api:
            return
        try:
            self.entries(max_age_s=0.0)
        except Interrupted:
            raise
        except NewapiError:
            return
        self._lookup.rates_cache.put(REQUESTED, AT_LOGIN)

    # -- the request while an answer arrives -------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether the log may be fetched while an answer arrives."""
        entry = self._lookup.rates_cache.get(REQUESTED, DAY_S)
        has_failed = entry is not None and entry.value is None and entry.age_s >= HOUR_S
        is_due = entry is None or entry.value == AT_LOGIN or has_failed
        return self._context.settings.flag("prices") and is_due

    @property
    def needs_answer(self) -> bool:
        """Whether the log is fetched for the row of the current answer, the first of the key."""
        entry = self._lookup.rates_cache.get(REQUESTED, DAY_S)
        return not self.rates.group or (entry is not None and entry.value == AT_LOGIN)

    def mark_requested(self) -> bool:
        """Store that the log is requested now; return whether the next run will know it."""
        return self._lookup.rates_cache.put(REQUESTED, None)

    def fetcher(self) -> Callable[[Client], None]:
        """Return a function that fetches the log of the current key and ignores a failure."""
        from newapi_cli.api.gateway.key_log import has_rows

        place = self._place()

        def fetch(client: Client) -> None:
            try:
                value = self._fetched(run_to_end, client, place)
            except NewapiError:
                return
            if not has_rows(value):  # else it is stored already
                place.rates.put(REQUESTED, ARRIVED)

        return fetch

    def _place(self) -> KeyPlace:
        lookup = self._lookup
        is_old = lookup.is_new_api and not lookup.reports_version
        return KeyPlace(self._context.api_key, lookup.rates_cache, lookup.request_times, is_old)

    def _fetched(self, run: Callable[[Request], object], client: Client, place: KeyPlace) -> object:
        """Return the log, fetched now.

        Servers before 2026-02 expect the key in the query. With the header alone, their log is
        that of no key.
        """
        from newapi_cli.api.gateway.key_log import fetch_key_log, has_rows, rates_from_log

        is_by_query = place.is_old and place.times.get(BY_QUERY) is not None
        value: object = None
        if not is_by_query:
            self._lookup.count_request(place.times)
            try:
                value = run(fetch_key_log(client))
            except (AuthenticationError, GatewayError) as error:
                if not place.is_old or error.status == NOT_FOUND:
                    raise
        if place.is_old and place.key.reveal() and not has_rows(value):
            self._lookup.count_request(place.times)
            value = run(fetch_key_log(client, key_in_query=place.key))
            if not is_by_query and has_rows(value):
                place.times.put(BY_QUERY, True)
        rates = rates_from_log(value)
        if rates.group:
            place.rates.put_all({RATES: rates_to_json(rates), REQUESTED: ARRIVED})
        return value
