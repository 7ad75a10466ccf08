"""The performance of a gateway's models, and the announcements of its operator.

Both are public. They are requested by `models --health` and `doctor`, and after a failure of the
server, at most once an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import quote

from newapi_cli.api.gateway.health import (
    MODEL_PERFORMANCE,
    NOTICE,
    PERFORMANCE,
    announcements_from_json,
    groups_from_json,
    health_from_json,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import Lookup
from newapi_cli.domain.health import Announcement, GroupHealth, ModelHealth
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import Interrupted, NewapiError

HEALTH_AGE_S, HOUR_S = 300.0, 3_600.0
QUICK = Timeouts(1.5, 2, 2, 2, 2, 2)  # for requests that delay an error message
MAX_SHOWN = 100  # announcements that are remembered as shown
# Names in the cache files.
HEALTH, NOTICE_TEXT, REQUESTED, SHOWN = "health", "notice", "health requested", "announced"


class Health:
    """The state of the current settings' gateway."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    def load(self, *, refresh: bool = False) -> Mapping[str, ModelHealth] | None:
        """Return the performance of the models, None if it is not published. Raises `NewapiError`.

        The figures are at most five minutes old.
        """
        cache = self._lookup.site_cache
        entry = None if refresh else cache.get(HEALTH, HEALTH_AGE_S)
        if entry is None:
            client = self._lookup.brief_client(with_key=False)
            try:
                value = self._lookup.run(client.fetch_json(PERFORMANCE))
            except NewapiError as error:
                if error.status not in (401, 403, 404):
                    raise
                value = None
            cache.put(HEALTH, value)
            return health_from_json(value)
        return health_from_json(entry.value)

    def groups(self, model: str) -> tuple[GroupHealth, ...]:
        """Return the performance of a model in each group; empty if it is not published."""
        client = self._lookup.brief_client(with_key=False)
        path = f"{MODEL_PERFORMANCE}{quote(model, safe='')}"
        try:
            return groups_from_json(self._lookup.run(client.fetch_json(path)))
        except Interrupted:
            raise
        except NewapiError:
            return ()

    def after_failure(self) -> Mapping[str, ModelHealth]:
        """Return the performance of the models after the server failed; empty if it is unknown.

        What is cached is at most an hour old, and requested if it is older. A signal raises
        `Interrupted`.
        """
        self._request_if_due()
        entry = self._lookup.site_cache.get(HEALTH, HOUR_S)
        return (health_from_json(entry.value) if entry is not None else None) or {}

    @property
    def is_new_api(self) -> bool:
        """Whether responses have shown the server to be of New API's family."""
        return self._lookup.is_new_api

    def new_announcements(self, limit: int) -> list[Announcement]:
        """Return announcements that were not returned before, newest first; sends nothing."""
        cache = self._lookup.site_cache
        entries = cache.entries()
        status, notice = entries.get("status"), entries.get(NOTICE_TEXT)
        announced = announcements_from_json(
            status.value if status is not None else None,
            notice.value if notice is not None else None,
        )
        shown = entries[SHOWN].value if SHOWN in entries else []
        known = [each for each in shown if isinstance(each, str)] if isinstance(shown, list) else []
        new = {_digest(each): each for each in announced[:limit] if _digest(each) not in known}
        if new and not cache.put(SHOWN, [*known, *new][-MAX_SHOWN:]):
            return []  # else each failure would repeat them
        return list(new.values())

    def _request_if_due(self) -> None:
        lookup, settings = self._lookup, self._context.settings
        may_request = settings.flag("prices") and lookup.may_look_up
        if not may_request or lookup.request_times.get(REQUESTED, HOUR_S) is not None:
            return
        if not lookup.request_times.put(REQUESTED, None):
            return
        client = lookup.brief_client(with_key=False, timeouts=QUICK)
        for name, path in ((HEALTH, PERFORMANCE), (NOTICE_TEXT, NOTICE)):
            try:
                value = lookup.run(client.fetch_json(path))
            except Interrupted:
                raise
            except NewapiError:
                continue
            lookup.site_cache.put(name, value)


def _digest(announcement: Announcement) -> str:
    return sha256(announcement.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
