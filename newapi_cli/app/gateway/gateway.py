"""What a gateway reports besides answers, and where each part is cached.

    models       models.py       an hour, for each key
    prices       prices.py       a day, for each server
    key record   key_record.py   five minutes, for each key
    balance      balance.py      not cached; combines the gateway's dashboard with the key record
    lookup       lookup.py       the requests and cache files of all of them

Light, as it is made before the request leaves: each part is imported when it is first used (16 ms).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context

if TYPE_CHECKING:
    from newapi_cli.app.gateway.key_record import KeyRecord
    from newapi_cli.app.gateway.lookup import Lookup
    from newapi_cli.app.gateway.models import Models, PricedModels
    from newapi_cli.app.gateway.prices import Prices
    from newapi_cli.domain.billing import Balance


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

    def priced_models(self, *, refresh: bool = False, with_prices: bool = False) -> PricedModels:
        """Return the models with prices; `with_prices` requests them from servers of any kind."""
        from newapi_cli.app.gateway.models import priced_models

        models = self.models.load(refresh=refresh)
        must_fetch = with_prices and self.prices.cached() is None
        prices = self.prices.load(refresh=refresh or must_fetch)
        return priced_models(models, prices, self.key_record.group)

    def balance(self) -> Balance:
        """Return the balance of the key."""
        from newapi_cli.app.gateway.balance import load_balance

        return load_balance(self.lookup, self.prices, self.key_record)
