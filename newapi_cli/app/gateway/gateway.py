"""What a gateway reports besides answers, and where each part is cached.

    models       models.py       an hour, for each key
    prices       prices.py       a day, for each server
    key record   key_record.py   five minutes, for each key
    balance      key_record.py   not cached; combines the gateway's dashboard with the key record
    lookup       lookup.py       the requests and cache files of all of them

Light, as it is made before the request leaves: each part is imported when it is first used (16 ms).
`GatewayPricer` is what a turn uses of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context
from newapi_cli.domain.completion import Usage
from newapi_cli.errors import NewapiError
from newapi_cli.signals import Interrupts

if TYPE_CHECKING:
    from newapi_cli.app.gateway.key_record import KeyRecord
    from newapi_cli.app.gateway.lookup import Lookup
    from newapi_cli.app.gateway.models import ModelList, Models
    from newapi_cli.app.gateway.prices import Prices
    from newapi_cli.domain.money import Balance, Cost


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
        """The record and the log of the key."""
        from newapi_cli.app.gateway.key_record import KeyRecord

        return KeyRecord(self._context, self.lookup)

    def priced_models(self, *, refresh: bool = False, with_prices: bool = False) -> ModelList:
        """Return the models with prices; `with_prices` requests them from servers of any kind."""
        from newapi_cli.app.gateway.models import priced_models

        models = self.models.load(refresh=refresh)
        must_fetch = with_prices and self.prices.cached() is None
        prices = self.prices.load(refresh=refresh or must_fetch)
        return priced_models(models, prices, self.key_record.group)

    def balance(self) -> Balance:
        """Return the balance of the key."""
        from newapi_cli.app.gateway.key_record import load_balance

        return load_balance(self.lookup, self.prices, self.key_record)

    @contextmanager
    def explain_errors(self, model: str = "") -> Iterator[None]:
        """Improve the hints of errors raised in the block; `model` is the requested one, if any.

        Goes around the block that catches signals, as the key's record is fetched in a block of
        its own.
        """
        try:
            yield
        except NewapiError as error:
            from newapi_cli.app.error_hints import explain_error

            explained = explain_error(self._context, self.models, self.key_record, error, model)
            if explained is error:
                raise
            raise explained from error


class GatewayPricer:
    """Calculates what answers of the current gateway cost. Implements `app.protocols.Pricer`."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._context = context
        self._gateway = gateway
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Fetch the prices on a thread if they are due."""
        prices = self._gateway.prices
        if self._thread is not None or not self._gateway.lookup.may_look_up:
            return
        prices.mark_as_new_api()
        if not prices.are_due or not prices.mark_requested():
            return  # without the mark each answer would request them
        try:
            # Signals belong to the answer; prices that do not arrive are due again in an hour.
            client = self._context.client(
                self._context.endpoint(), retries=0, interrupts=Interrupts(())
            )
        except NewapiError:
            return
        self._thread = threading.Thread(
            target=prices.fetch, args=(client,), name="newapi prices", daemon=True
        )
        self._thread.start()

    def is_busy(self, wait_s: float) -> bool:
        """Wait for the prices; return whether they are still being fetched."""
        if self._thread is None or self._context.interrupts.code is not None:
            return False  # after Ctrl-C the user does not want to wait
        self._thread.join(wait_s)
        return self._thread.is_alive()

    def cost(self, model: str, usage: Usage | None) -> Cost | None:
        """Return what an answer cost, None if the server publishes no prices."""
        prices = self._gateway.prices.cached(model)
        if prices is None:
            return None
        return prices.cost(model, usage, self._gateway.key_record.group)
