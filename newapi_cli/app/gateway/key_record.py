"""A key's record and log, from the endpoints with the strictest rate limit.

They allow 20 requests in 20 minutes to all clients behind one address (contract, section 5.4):
newapi sends at most 10, and caches each response for five minutes.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime

from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import (
    fetch_key_log,
    fetch_key_usage,
    key_usage_from_json,
    log_from_json,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import Lookup
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.money import KeyUsage, LogEntry
from newapi_cli.domain.profile import Timeouts
from newapi_cli.errors import (
    AuthenticationError,
    GatewayError,
    Interrupted,
    LimitError,
    NewapiError,
)
from newapi_cli.i18n import ntr, tr

RECORD_AGE_S, DAY_S, MONTH_S = 300.0, 86_400.0, 30 * 86_400.0
BRIEFEST = Timeouts(3, 5, 5, 5, 5, 8)  # for a request that delays an error message
LIMIT_SPAN_S, MAX_REQUESTS = 1_200.0, 10
# Names in the cache files.
REQUEST_TIMES, GROUP, GROUP_REQUESTED = "tight calls", "group", "group asked"
RECORD, RECORD_AFTER_REFUSAL = "record", "record after a refusal"


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

    def usage(self) -> KeyUsage:
        """Return the record of the key, at most five minutes old."""
        value = self._limited(RECORD, fetch_key_usage(self._lookup.brief_client()))
        usage = key_usage_from_json(value)
        if usage is None:
            raise invalid_response(tr("it is not the record of a key"))
        return usage

    def log(self, max_age_s: float = RECORD_AGE_S) -> list[LogEntry]:
        """Return the key's charged requests, newest first, and cache the key's group."""
        max_age_s = min(max(max_age_s, 0.0), RECORD_AGE_S)
        entries = self._log_by_header(max_age_s)
        is_old_version = self._lookup.is_new_api and not self._lookup.names_version
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
            if self._lookup.names_version or not self._lookup.is_new_api:
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
            entries = self.log()
        except Interrupted:
            raise
        except NewapiError:
            entries = None
        if entries != []:
            cache.put(GROUP_REQUESTED, None)

    def after_refusal(self) -> KeyUsage | None:
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
                hint=ntr("retry in {n} minute", "retry in {n} minutes", minutes),
            )
        if not self._lookup.request_times.put(REQUEST_TIMES, [*times, now]):
            raise LimitError(
                tr("requests for key records cannot be counted, and the gateway limits them"),
                why=tr("cannot write {path}", path=self._context.paths.cache_dir),
            )
        value = self._lookup.run(request)
        self._lookup.key_cache.put(name, value)
        return value
