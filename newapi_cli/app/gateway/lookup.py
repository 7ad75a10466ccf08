"""Asking a gateway for more than answers, and where what it told is kept."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

from newapi_cli.config.cache import Cache, key_cache_name, site_cache_name
from newapi_cli.domain.completion import Notice, ResponseStarted, TurnEvent
from newapi_cli.domain.profile import Timeouts

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.app.context import Context

BRIEF = Timeouts(5, 10, 10, 10, 10, 20)  # for what is beside what was asked for
FAMILY, VERSIONED = "family", "names its version"  # what a server has shown itself to be
Told = TypeVar("Told")


class Lookup:
    """Asks the gateway of the present settings, and keeps what it has shown itself to be.

    The shelves are looked for anew each time: /profile may have changed the settings.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._caches: dict[str, Cache] = {}

    def ask(self, asking: Generator[TurnEvent, None, Told], *, is_elsewhere: bool = False) -> Told:
        """Run a request on the main thread, telling of retries, until a signal ends it.

        `is_elsewhere`: not at the gateway of the settings, of which nothing is learnt then.
        """
        context = self._context
        with context.interrupts:
            while True:
                try:
                    event = next(asking)
                except StopIteration as end:
                    told: Told = end.value
                    return told
                if isinstance(event, ResponseStarted) and event.is_new_api and not is_elsewhere:
                    self.mark_as_new_api(VERSIONED if event.names_version else FAMILY)
                if isinstance(event, Notice) and (context.is_verbose or not event.is_detail):
                    context.streams.print_err(event.text)

    def brief_client(
        self, *, with_key: bool = True, timeouts: Timeouts = BRIEF, retries: int | None = 0
    ) -> Client:
        """Give a client that is done soon, and sooner where the settings say so."""
        own = self._context.settings.timeouts
        shortest = Timeouts(*(min(a, b) if a else b for a, b in zip(own, timeouts, strict=True)))
        return self._context.client(with_key=with_key, retries=retries, timeouts=shortest)

    @property
    def may_look_up(self) -> bool:
        """Say whether a run may ask for more than it was told to: not where nothing is kept.

        There it would ask each time, and `-n` promises to touch no file.
        """
        return self._context.settings.flag("save") or not self._context.keeps_cache

    def mark_as_new_api(self, kind: str) -> None:
        """Note what the server has shown itself to be: `FAMILY` or `VERSIONED`."""
        kept = self.marks.get("is New API")
        if kept is None or kept.value != kind:
            self.marks.put("is New API", kind)

    @property
    def is_new_api(self) -> bool:
        """Say whether the server has shown itself to be of New API's family."""
        return self.marks.get("is New API") is not None

    @property
    def names_version(self) -> bool:
        """Say whether it has shown itself to be New API of 2026."""
        kept = self.marks.get("is New API")
        return kept is not None and kept.value == VERSIONED

    @property
    def site(self) -> Cache:
        """Give the shelf of what the site tells everybody."""
        return self._cache(site_cache_name("site", self._context.base_url))

    @property
    def marks(self) -> Cache:
        """Give the shelf of when it was asked: small, as it is looked at in mid-answer."""
        return self._cache(site_cache_name("asked", self._context.base_url))

    @property
    def key(self) -> Cache:
        """Give the shelf of what it tells the key."""
        return self._cache(key_cache_name(self._context.base_url, self._context.api_key))

    def _cache(self, name: str) -> Cache:
        path = self._context.paths.cache_dir / name if self._context.keeps_cache else None
        if name not in self._caches:
            self._caches[name] = Cache(path, self._context.remove_keys)
        return self._caches[name]
