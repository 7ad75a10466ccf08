"""Requests to a gateway for more than answers, and the cache files of what it returned."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TypeVar

from newapi_cli.api.chat.client import Client
from newapi_cli.app.context import Context
from newapi_cli.config.cache import Cache, key_cache_name, site_cache_name
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.completion import Notice, ResponseStarted, TurnEvent
from newapi_cli.domain.settings import Secret, Timeouts
from newapi_cli.errors import LimitError
from newapi_cli.i18n import ntr, tr
from newapi_cli.signals import Interrupts

BRIEF = Timeouts(5, 10, 10, 10, 10, 20)  # for requests that the user did not ask for
BRIEFEST = Timeouts(3, 5, 5, 5, 5, 8)  # for those that delay an error message
# The endpoints of a key allow 20 requests in 20 minutes to all clients behind one address (New API
# middleware/rate-limit.go).
LIMIT_SPAN_S, MAX_REQUESTS = 1_200.0, 10
# Names in the cache files.
KIND = "is New API"  # with one of the next two as its value
FAMILY, VERSIONED = "family", "names its version"
VERSION, REQUEST_TIMES = "version", "tight calls"
Request = Generator[TurnEvent, None, object]
Result = TypeVar("Result")


class Lookup:
    """Sends requests to the gateway of the current settings, and caches what it returns.

    The cache files are looked up at each use: /profile may have changed the settings.
    """

    def __init__(
        self, context: Context, base_url: BaseUrl | None = None, api_key: Secret | None = None
    ) -> None:
        """Without a server and a key, those of the settings are used."""
        self._context = context
        self._given_url, self._given_key = base_url, api_key
        self._caches: dict[str, Cache] = {}
        self.last_response: ResponseStarted | None = None  # the beginning of that of `run`

    def run(
        self, request: Generator[TurnEvent, None, Result], *, is_current_gateway: bool = True
    ) -> Result:
        """Run a request on the main thread until a signal ends it, and print its retries.

        What the response shows about the kind of server is stored for the current gateway only.
        """
        context = self._context
        self.last_response = None
        with context.interrupts:
            while True:
                try:
                    event = next(request)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                if isinstance(event, ResponseStarted):
                    self.last_response = event
                    if is_current_gateway:
                        self.remember_server(event)
                if isinstance(event, Notice) and (context.is_verbose or not event.is_detail):
                    context.streams.print_err(event.text)

    @property
    def last_was_new_api(self) -> bool:
        """Whether New API sent the last response of `run`."""
        return self.last_response is not None and self.last_response.is_new_api

    def brief_client(
        self,
        *,
        with_key: bool = True,
        timeouts: Timeouts = BRIEF,
        retries: int | None = 0,
        interrupts: Interrupts | None = None,
    ) -> Client:
        """Return a client with short timeouts, or shorter ones from the settings."""
        own = self._context.settings.timeouts
        shortest = Timeouts(*(min(a, b) if a else b for a, b in zip(own, timeouts, strict=True)))
        endpoint = None if with_key else self._context.endpoint()
        if self._given_url is not None:
            key = self._given_key if with_key else None
            endpoint = self._context.endpoint(self._given_url, key)
        return self._context.client(
            endpoint, retries=retries, timeouts=shortest, interrupts=interrupts
        )

    def count_request(self, request_times: Cache | None = None) -> None:
        """Count a request for the record or the log of a key. Raises `LimitError` at the limit.

        `request_times` is the cache that counts, by default that of the current gateway. newapi
        sends half of what the gateway allows: other clients share the address.
        """
        now, request_times = time.time(), request_times or self.request_times
        entry = request_times.get(REQUEST_TIMES, LIMIT_SPAN_S)
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
        if not request_times.put(REQUEST_TIMES, [*times, now]):
            raise LimitError(
                tr("requests for key records cannot be counted, and the gateway limits them"),
                why=tr("cannot write {path}", path=self._context.paths.cache_dir),
            )

    @property
    def may_look_up(self) -> bool:
        """Whether a run may send requests that the user did not ask for.

        Not with `-n`, which promises to write no file: without the cache each run would send them.
        """
        return self._context.settings.flag("save") or not self._context.writes_cache

    @property
    def is_new_api(self) -> bool:
        """Whether responses have shown the server to be of New API's family."""
        return self.request_times.get(KIND) is not None

    @property
    def reports_version(self) -> bool:
        """Whether responses have shown the server to be New API of 2026."""
        entry = self.request_times.get(KIND)
        return entry is not None and entry.value == VERSIONED

    @property
    def version(self) -> str:
        """The version that the server reported, empty if it reports none."""
        entry = self.request_times.get(VERSION)
        return entry.value if entry is not None and isinstance(entry.value, str) else ""

    def remember_server(self, response: ResponseStarted) -> None:
        """Store what a response shows about the kind of server."""
        if not response.is_new_api:
            return
        kind = VERSIONED if response.version else FAMILY
        values = {KIND: kind, VERSION: response.version}
        entries = self.request_times.entries()
        if any(name not in entries or entries[name].value != values[name] for name in values):
            self.request_times.put_all(values)

    @property
    def _base_url(self) -> BaseUrl:
        return self._given_url or self._context.base_url

    @property
    def site_cache(self) -> Cache:
        """The cache of public responses of the server."""
        return self._cache(site_cache_name("site", self._base_url))

    @property
    def request_times(self) -> Cache:
        """When requests were sent, and the kind of server. Small: it is read during an answer."""
        return self._cache(site_cache_name("asked", self._base_url))

    @property
    def key_cache(self) -> Cache:
        """The cache of responses to the key."""
        return self._cache_of_key("key")

    @property
    def rates_cache(self) -> Cache:
        """The cache of what the log of the key shows about prices. Small: each answer reads it."""
        return self._cache_of_key("rates")

    @property
    def log_cache(self) -> Cache:
        """The cache of the log of the key."""
        return self._cache_of_key("log")

    def _cache_of_key(self, kind: str) -> Cache:
        context, key = self._context, self._given_key or self._context.api_key
        if not key.reveal():  # headers replace it
            key = Secret("\n".join(value.reveal() for value in context.headers.values()))
        return self._cache(key_cache_name(self._base_url, key, kind))

    def _cache(self, name: str) -> Cache:
        path = self._context.paths.cache_dir / name if self._context.writes_cache else None
        if name not in self._caches:
            self._caches[name] = Cache(path, self._context.redact_known_keys)
        return self._caches[name]
