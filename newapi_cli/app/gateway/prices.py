"""The prices and the currency of a gateway, fetched without the key and cached for a day.

They are made from two public responses, status and pricing, in `site-HASH.json` of the cache folder
(`Lookup.site_cache`). When prices do not arrive, the next request for them is an hour later; the
time of the last one is in `asked-HASH.json` (`Lookup.request_times`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal

from newapi_cli.api.chat.client import Client
from newapi_cli.api.gateway.responses import (
    PRICING,
    STATUS,
    currency_from_json,
    price_list_from_json,
    quota_per_unit_from_json,
)
from newapi_cli.api.http.reader import run_to_end
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import BRIEFEST, Lookup
from newapi_cli.domain.completion import ResponseStarted
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import DOLLAR, PriceList, TotalCost, total_cost
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import AuthenticationError, GatewayError, Interrupted, NewapiError
from newapi_cli.i18n import tr

LAST_REQUEST, ARRIVED = "site asked", "came"  # as stored: when prices were requested, and arrived
REFUSALS = (401, 403, 404)  # statuses of a server that publishes no prices
HOUR_S, DAY_S = 3_600.0, 86_400.0


class Prices:
    """The prices of the current settings' gateway. Methods that send requests raise `NewapiError`.

    `cached`, `currency` and `total_cost` send none.
    """

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    def cached(self, model: str = "") -> PriceList | None:
        """Return the prices that were fetched last, of one model if it is named."""
        entries = self._lookup.site_cache.entries()
        status, pricing = entries.get("status"), entries.get("pricing")
        if status is None or pricing is None or not self._context.settings.flag("prices"):
            return None
        prices = price_list_from_json(status.value, pricing.value, model)
        if prices is None:
            return None
        return prices._replace(
            fetched_at=time.time() - pricing.age_s, charges_searches=self._lookup.reports_version
        )

    @property
    def may_be_published(self) -> bool:
        """Whether the server may publish prices: it has not refused them."""
        entries = self._lookup.site_cache.entries()
        is_refused = any(
            name in entries and entries[name].value is None for name in ("status", "pricing")
        )
        return self._context.settings.flag("prices") and not is_refused

    def load(self, *, refresh: bool = False) -> PriceList | None:
        """Return the prices, fetched first if they are due; `refresh` fetches from any server."""
        is_new_and_due = self._lookup.is_new_api and self.are_due
        if self._context.settings.flag("prices") and (refresh or is_new_and_due):
            self.mark_requested()
            client = self._lookup.brief_client(with_key=False)
            with self._context.interrupts:
                self.fetch(client)
        return self.cached()

    def after_refusal(self, model: str, *, is_gateway: bool) -> PriceList | None:
        """Return the price of a model that was refused, fetched first if it is due.

        `is_gateway`: the refusal shows that the server is of New API's family.
        """
        lookup = self._lookup
        if is_gateway and lookup.may_look_up and not lookup.is_new_api:
            lookup.remember_server(ResponseStarted("", is_new_api=True))
        may_fetch = lookup.may_look_up and lookup.is_new_api and self.are_due
        if self.cached() is None and may_fetch and self.mark_requested():
            with self._context.interrupts:
                self.fetch(lookup.brief_client(with_key=False, timeouts=BRIEFEST))
        return self.cached(model)

    def currency(self) -> Currency | None:
        """Return the gateway's currency as it was fetched last."""
        status = self._lookup.site_cache.get("status")
        return currency_from_json(status.value) if status is not None else None

    def total_cost(self, turns: Iterable[TurnRecord]) -> TotalCost:
        """Return the cost of turns in the gateway's currency."""
        return total_cost(turns, self.currency() or DOLLAR)

    def cached_quota_per_unit(self) -> Decimal | None:
        """Return how much quota is a dollar, as it was fetched last."""
        status = self._lookup.site_cache.get("status")
        return quota_per_unit_from_json(status.value) if status is not None else None

    def load_quota_per_unit(self) -> Decimal:
        """Return how much quota is a dollar, fetched if it is not cached."""
        quota = self.cached_quota_per_unit()
        if quota is None:
            client = self._lookup.brief_client(with_key=False)
            value = self._lookup.run(client.fetch_json(STATUS))
            self._lookup.site_cache.put("status", value)
            quota = quota_per_unit_from_json(value)
        if quota is None:
            raise GatewayError(tr("the gateway does not report its quota per dollar"))
        return quota

    # -- the request that runs during an answer ---------------------------------------------------

    @property
    def are_due(self) -> bool:
        """Whether prices may be fetched: once a day, or an hour after they did not arrive."""
        last = self._lookup.request_times.get(LAST_REQUEST, DAY_S)
        is_recent = last is not None and (last.value == ARRIVED or last.age_s < HOUR_S)
        return self._context.settings.flag("prices") and not is_recent

    def mark_requested(self) -> bool:
        """Store that prices are requested now; return whether the next run will know it."""
        return self._lookup.request_times.put(LAST_REQUEST, None)

    def fetch(self, client: Client) -> None:
        """Fetch status and prices with a client without a key, and cache them.

        A server that refuses has no prices; if they only did not arrive, the cached ones remain.
        Runs on a thread during a conversation, whose gateway may change meanwhile: the cache files
        are those of the gateway at the beginning.
        """
        site, times = self._lookup.site_cache, self._lookup.request_times
        for name, path in (("status", STATUS), ("pricing", PRICING)):
            value: object = None
            try:
                value = run_to_end(client.fetch_json(path))
            except Interrupted:
                raise
            except NewapiError as error:
                if error.status not in REFUSALS and not isinstance(error, AuthenticationError):
                    return
            site.put(name, value)
            if value is None:
                break
        times.put(LAST_REQUEST, ARRIVED)
