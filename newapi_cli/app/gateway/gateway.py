"""What a gateway reports besides answers, and where each part is cached.

    models       models.py       an hour, for each key
    prices       prices.py       a day, for each server
    key log      key_log.py      what it shows about prices: a month, for each key
    key record   key_record.py   five minutes, for each key
    health       health.py       five minutes, for each server
    balance      key_record.py   not cached; combines the gateway's dashboard with the key record
    lookup       lookup.py       the requests and cache files of all of them

Light, as it is made before the request leaves: each part is imported when it is first used (16 ms).
`GatewayPricer` is what a turn uses of it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context
from newapi_cli.domain.completion import ResponseStarted, Usage
from newapi_cli.errors import NewapiError
from newapi_cli.signals import Interrupts

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.app.gateway.health import Health
    from newapi_cli.app.gateway.key_log import KeyLog
    from newapi_cli.app.gateway.key_record import KeyRecord
    from newapi_cli.app.gateway.lookup import Lookup
    from newapi_cli.app.gateway.models import ModelList, Models
    from newapi_cli.app.gateway.prices import Prices
    from newapi_cli.domain.money import Balance, Cost

VERSION = r"v?(\d+)\.(\d+)\.(\d+)(?:-rc\.(\d+))?"  # not compiled before the request leaves
# Since 2026-07-06 a stream is closed with its client; before, it is read to its end and charged.
FIRST_VERSION, FIRST_CANDIDATE = (1, 0, 0), 21


class Gateway:
    """The gateway of the current settings. Methods that send requests raise `NewapiError`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def lookup(self) -> Lookup:
        """The requests and the cache."""
        from newapi_cli.app.gateway.lookup import Lookup

        return Lookup(self._context)

    @cached_property
    def models(self) -> Models:
        """The models of the key."""
        from newapi_cli.app.gateway.models import Models

        return Models(self._context, self.lookup)

    @cached_property
    def prices(self) -> Prices:
        """The prices and the currency of the server."""
        from newapi_cli.app.gateway.prices import Prices

        return Prices(self._context, self.lookup)

    @cached_property
    def key_record(self) -> KeyRecord:
        """The record of the key."""
        from newapi_cli.app.gateway.key_record import KeyRecord

        return KeyRecord(self._context, self.lookup)

    @cached_property
    def key_log(self) -> KeyLog:
        """The log of the key, and what it shows about prices."""
        from newapi_cli.app.gateway.key_log import KeyLog

        return KeyLog(self._context, self.lookup)

    @cached_property
    def health(self) -> Health:
        """The performance of the models, and the announcements of the operator."""
        from newapi_cli.app.gateway.health import Health

        return Health(self._context, self.lookup)

    def cost(self, model: str, usage: Usage | None, *, searches: bool = False) -> Cost | None:
        """Return what an answer cost, None if the server publishes no prices."""
        prices = self.prices.cached(model)
        if prices is not None:
            group = self._context.settings.text("group")
            return prices.cost(model, usage, group, self.key_log.rates, searches=searches)
        if not self.prices.may_be_published:
            return None
        from newapi_cli.domain.money import Cost, CostKind

        return Cost(CostKind.UNKNOWN)  # the prices have not arrived

    def priced_models(self, *, refresh: bool = False, with_prices: bool = False) -> ModelList:
        """Return the models with prices; `with_prices` requests them from servers of any kind."""
        from newapi_cli.app.gateway.models import priced_models

        models = self.models.load(refresh=refresh)
        must_fetch = with_prices and self.prices.cached() is None
        prices = self.prices.load(refresh=refresh or must_fetch)
        return priced_models(
            models, prices, self._context.settings.text("group"), self.key_log.rates
        )

    def balance(self) -> Balance:
        """Return the balance of the key."""
        from newapi_cli.app.gateway.key_record import load_balance

        return load_balance(self.lookup, self.prices, self.key_record, self.key_log)


class GatewayPricer:
    """Calculates what answers of the current gateway cost. Implements `app.protocols.Pricer`.

    Prices are fetched while the answer arrives. So is the log of the key, once a day; that of a new
    key is fetched when its first answer has ended, as it then has a row.
    """

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._context = context
        self._gateway = gateway
        self._threads: list[threading.Thread] = []
        self._has_begun = False
        self._log_is_due = False

    def begin(self, response: ResponseStarted) -> None:
        """Start to fetch what is due, on threads."""
        if self._has_begun or not self._gateway.lookup.may_look_up:
            return
        self._has_begun = True
        self._gateway.lookup.remember_server(response)
        prices, key_log = self._gateway.prices, self._gateway.key_log
        # Without the marks each answer would request them.
        if prices.are_due and prices.mark_requested():
            self._start("newapi prices", prices.fetch, with_key=False)
        self._log_is_due = key_log.is_due
        if self._log_is_due and not key_log.needs_answer:
            self._fetch_log()

    def end(self) -> None:
        """Start to fetch the log of a key that now has its first answer."""
        if self._log_is_due:
            self._fetch_log()

    def _fetch_log(self) -> None:
        self._log_is_due = False
        if self._gateway.key_log.mark_requested():
            self._start("newapi key log", self._gateway.key_log.fetcher(), with_key=True)

    def _start(self, name: str, fetch: Callable[[Client], None], *, with_key: bool) -> None:
        try:
            # Signals belong to the answer; what does not arrive is due again in an hour.
            client = self._gateway.lookup.brief_client(with_key=with_key, interrupts=Interrupts(()))
        except NewapiError:
            return
        thread = threading.Thread(target=fetch, args=(client,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def is_busy(self, wait_s: float) -> bool:
        """Wait for what is being fetched, and return whether anything still is."""
        if self._context.interrupts.code is not None:
            return False  # after Ctrl-C the user does not want to wait
        running = next((thread for thread in self._threads if thread.is_alive()), None)
        if running is not None:
            running.join(wait_s)
        return any(thread.is_alive() for thread in self._threads)

    def cost(self, model: str, usage: Usage | None, *, searches: bool) -> Cost | None:
        """Return what an answer cost, None if the server publishes no prices."""
        return self._gateway.cost(model, usage, searches=searches)

    def may_charge_rest(self, response: ResponseStarted | None, *, is_stream: bool) -> bool:
        """Return whether the server may charge all of an answer that was stopped."""
        lookup = self._gateway.lookup
        is_new_api = lookup.is_new_api if response is None else response.is_new_api
        version = lookup.version if response is None else response.version
        return is_new_api and not (is_stream and stops_charging(version))


def stops_charging(version: str) -> bool:
    """Return whether a version of New API charges a stopped stream only for what it has sent.

    >>> [stops_charging(version) for version in ("v1.0.0-rc.23", "v1.2.0", "v0.10.9-alpha.3", "")]
    [True, True, False, False]
    """
    match = re.match(VERSION, version)
    if match is None:
        return False
    number = tuple(int(each) for each in match.groups()[:3])
    candidate = match.group(4)
    if number == FIRST_VERSION and candidate is not None:
        return int(candidate) >= FIRST_CANDIDATE
    return number >= FIRST_VERSION
