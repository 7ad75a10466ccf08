"""Requests to a gateway for more than answers, and the cache files of what it returned."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from newapi_cli.api.chat.client import Client
from newapi_cli.app.context import Context
from newapi_cli.config.cache import Cache, key_cache_name, site_cache_name
from newapi_cli.domain.completion import Notice, ResponseStarted, TurnEvent
from newapi_cli.domain.settings import Timeouts

BRIEF = Timeouts(5, 10, 10, 10, 10, 20)  # for requests that the user did not ask for
KIND = "is New API"  # as stored, with one of the next two as its value
FAMILY, VERSIONED = "family", "names its version"
Result = TypeVar("Result")


class Lookup:
    """Sends requests to the gateway of the current settings, and caches what it returns.

    The cache files are looked up at each use: /profile may have changed the settings.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._caches: dict[str, Cache] = {}

    def run(
        self, request: Generator[TurnEvent, None, Result], *, is_current_gateway: bool = True
    ) -> Result:
        """Run a request on the main thread until a signal ends it, and print its retries.

        What the response shows about the kind of server is stored for the current gateway only.
        """
        context = self._context
        with context.interrupts:
            while True:
                try:
                    event = next(request)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                if isinstance(event, ResponseStarted) and event.is_new_api and is_current_gateway:
                    self.mark_as_new_api(VERSIONED if event.reports_version else FAMILY)
                if isinstance(event, Notice) and (context.is_verbose or not event.is_detail):
                    context.streams.print_err(event.text)

    def brief_client(
        self, *, with_key: bool = True, timeouts: Timeouts = BRIEF, retries: int | None = 0
    ) -> Client:
        """Return a client with short timeouts, or shorter ones from the settings."""
        own = self._context.settings.timeouts
        shortest = Timeouts(*(min(a, b) if a else b for a, b in zip(own, timeouts, strict=True)))
        endpoint = None if with_key else self._context.endpoint()
        return self._context.client(endpoint, retries=retries, timeouts=shortest)

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

    def mark_as_new_api(self, kind: str) -> None:
        """Store the kind of server: `FAMILY` or `VERSIONED`."""
        entry = self.request_times.get(KIND)
        if entry is None or entry.value != kind:
            self.request_times.put(KIND, kind)

    @property
    def site_cache(self) -> Cache:
        """The cache of public responses of the server."""
        return self._cache(site_cache_name("site", self._context.base_url))

    @property
    def request_times(self) -> Cache:
        """When requests were sent, and the kind of server. Small: it is read during an answer."""
        return self._cache(site_cache_name("asked", self._context.base_url))

    @property
    def key_cache(self) -> Cache:
        """The cache of responses to the key."""
        return self._cache(key_cache_name(self._context.base_url, self._context.api_key))

    def _cache(self, name: str) -> Cache:
        path = self._context.paths.cache_dir / name if self._context.writes_cache else None
        if name not in self._caches:
            self._caches[name] = Cache(path, self._context.redact_known_keys)
        return self._caches[name]
