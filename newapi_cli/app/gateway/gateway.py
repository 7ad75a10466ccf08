"""What the settings' gateway tells beside answers, each thing asked for as seldom as it changes.

everybody   status and prices             once a day, without the key
the key     models                        once an hour
            record and log                once in five minutes (`key_record`)
            record after a refusal        once a day
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from newapi_cli.api.codec import MODELS, models_from_json
from newapi_cli.api.errors.rules import not_understood
from newapi_cli.api.gateway.billing import fetch_balance
from newapi_cli.api.gateway.responses import (
    PRICING,
    STATUS,
    currency_from_json,
    price_list_from_json,
    quota_per_unit_from_json,
)
from newapi_cli.app.gateway.balance import balance_of
from newapi_cli.app.gateway.key_record import KeyRecord
from newapi_cli.app.gateway.lookup import FAMILY, Lookup
from newapi_cli.config.model_names import cache_model_names, cached_model_names
from newapi_cli.domain.billing import Balance, KeyUsage
from newapi_cli.domain.completion import TurnEvent
from newapi_cli.domain.models import ModelInfo, PricedModel
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import DOLLAR, PriceList, TotalCost, total_cost
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import (
    AuthenticationError,
    DeadlineError,
    GatewayError,
    Interrupted,
    LimitError,
    NetworkError,
    NewapiError,
)

if TYPE_CHECKING:
    from newapi_cli.api.chat.client import Client
    from newapi_cli.app.context import Context

CAME = "came"  # what is noted of prices that were asked for, once they are there
REFUSALS = (401, 403, 404)  # by which a site says that it tells no prices
HOUR_S, DAY_S = 3_600.0, 86_400.0
Told = TypeVar("Told")


class Listed(NamedTuple):
    """Models, and how many seconds ago the gateway told them."""

    models: list[ModelInfo]
    age_s: float


class Offers(NamedTuple):
    """Models with their prices, and how many seconds ago the gateway told the models."""

    offers: list[PricedModel]
    age_s: float


class Gateway:
    """Asks the gateway of the present settings. Methods that ask raise `NewapiError`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asking = Lookup(context)
        self.record = KeyRecord(context, self._asking)

    def models(self, *, refresh: bool = False) -> Listed:
        """Give the models that the key may use, at most an hour old."""
        kept = None if refresh else self._asking.key.get("models", HOUR_S)
        if kept is not None:
            found = models_from_json(kept.value)
            if found is not None:
                return Listed(found, kept.age_s)
        value = self._asking.ask(self._context.client().fetch_json(MODELS))
        found = _listed(value)
        self._asking.key.put("models", value)
        self.remember_names(found)
        return Listed(found, 0.0)

    def offers(self, *, refresh: bool = False, with_prices: bool = False) -> Offers:
        """Give the models with their prices; `with_prices` asks servers of any kind for them."""
        listed = self.models(refresh=refresh)
        has_none = with_prices and self.prices() is None
        found = self.fresh_prices(refresh=refresh or has_none)
        group = self.record.group
        return Offers([_offer(model, found, group) for model in listed.models], listed.age_s)

    def models_by(self, client: Client) -> list[ModelInfo]:
        """Give the models by another client, whose gateway and key are being tried."""
        return _listed(self._asking.ask(client.fetch_json(MODELS), is_elsewhere=True))

    def remember_names(self, models: list[ModelInfo]) -> None:
        """Keep the names for TAB, without such as hold a key."""
        redact = self._context.streams.redact
        names = [model.id for model in models if redact(model.id) == model.id]
        if self._context.keeps_cache:
            cache_model_names(self._context.paths.cache_dir, names)

    def known_names(self) -> list[str]:
        """Give the model names that are known without asking anybody."""
        kept = self._asking.key.get("models")
        found = models_from_json(kept.value) if kept is not None else None
        if found:
            return [model.id for model in found]
        return cached_model_names(self._context.paths.cache_dir)

    def prices(self, model: str = "") -> PriceList | None:
        """Give the prices that were told last, without asking anybody; of one model, if named."""
        kept = self._asking.site.entries()
        status, pricing = kept.get("status"), kept.get("pricing")
        if status is None or pricing is None or not self._context.settings.flag("prices"):
            return None
        return price_list_from_json(status.value, pricing.value, model)

    def currency(self) -> Currency | None:
        """Give the site's money as it was told last, without asking anybody."""
        status = self._asking.site.get("status")
        return currency_from_json(status.value) if status is not None else None

    def spent(self, turns: Iterable[TurnRecord]) -> TotalCost:
        """Add up what turns cost, in the site's money."""
        return total_cost(turns, self.currency() or DOLLAR)

    @property
    def may_look_up(self) -> bool:
        """Say whether a run may ask for more than it was told to."""
        return self._asking.may_look_up

    @property
    def prices_are_due(self) -> bool:
        """Say whether prices may be asked for: once a day, an hour after they did not come."""
        asked = self._asking.marks.get("site asked", DAY_S)
        is_recent = asked is not None and (asked.value == CAME or asked.age_s < HOUR_S)
        return self._context.settings.flag("prices") and not is_recent

    def note_family(self) -> None:
        """Note that an answer has shown the server to be of New API's family."""
        if not self._asking.is_new_api:
            self._asking.mark_as_new_api(FAMILY)

    def begin_fetching(self) -> bool:
        """Note that prices are asked for now; say whether the next run will know it."""
        return self._asking.marks.put("site asked", None)

    def fetch_site(self, client: Client) -> None:
        """Ask for status and prices by a client without the key.

        Where the site refuses to tell, it has none; where they only did not come, those that were
        told before still hold. Runs beside a conversation, which may go over to another gateway:
        what is told belongs to the one that was asked.
        """
        site, marks = self._asking.site, self._asking.marks
        for name, path in (("status", STATUS), ("pricing", PRICING)):
            value: object = None
            try:
                value = _run(client.fetch_json(path))
            except Interrupted:
                raise
            except NewapiError as error:
                if error.status not in REFUSALS and not isinstance(error, AuthenticationError):
                    return
            site.put(name, value)
            if value is None:
                break
        marks.put("site asked", CAME)

    def fresh_prices(self, *, refresh: bool = False) -> PriceList | None:
        """Give the prices, asked for where they are due; of New API alone, or with `refresh`."""
        allowed = self._context.settings.flag("prices")
        if allowed and (refresh or (self._asking.is_new_api and self.prices_are_due)):
            self.begin_fetching()
            client = self._asking.brief_client(with_key=False)
            with self._context.interrupts:
                self.fetch_site(client)
        return self.prices()

    def quota_per_unit(self) -> Decimal:
        """Give how much quota is a dollar, asked for where it is not known."""
        status = self._asking.site.get("status")
        found = quota_per_unit_from_json(status.value) if status is not None else None
        if found is None:
            client = self._asking.brief_client(with_key=False)
            value = self._asking.ask(client.fetch_json(STATUS))
            self._asking.site.put("status", value)
            found = quota_per_unit_from_json(value)
        if found is None:
            raise GatewayError("the gateway does not tell how much of its quota is a dollar")
        return found

    def balance(self) -> Balance:
        """Give what the key has left: by the dashboard, with what the key's record adds."""
        record: KeyUsage | None = None
        found: Balance | None = None
        problem: NewapiError | None = None
        try:
            found = self._asking.ask(fetch_balance(self._asking.brief_client(retries=None)))
        except (GatewayError, AuthenticationError, LimitError) as error:
            problem = error
        try:
            record = self.record.usage()
        except (NetworkError, DeadlineError):
            if found is None:
                raise
        except (GatewayError, AuthenticationError, LimitError) as error:
            if problem is None or not isinstance(error, GatewayError):
                problem = error
        self.fresh_prices()
        if found is not None:  # else the key is refused, or this is no New API
            self.record.learn_group()
        status = self._asking.site.get("status")
        told = balance_of(
            found,
            record,
            currency=self.currency(),
            quota_per_unit=quota_per_unit_from_json(status.value) if status is not None else None,
            now=datetime.now(UTC),
        )
        if told is None:
            if found is not None or record is not None:
                raise not_understood("it tells more money than there can be")
            raise _tells_nothing(problem)
        return told._replace(group=self.record.group)


def _tells_nothing(problem: NewapiError | None) -> NewapiError:
    """Say of a server that has no such endpoints what it does not tell; all else as it is."""
    if problem is None or not isinstance(problem, GatewayError):
        return problem or not_understood("it tells nothing of the key")
    return GatewayError(
        "the server does not tell what this key has left",
        why=problem.summary,
        hint="New API and its relatives do, other servers need not",
        request_id=problem.request_id,
    )


def _listed(value: object) -> list[ModelInfo]:
    found = models_from_json(value)
    if found is None:
        raise not_understood("it is no list of models")
    return found


def _offer(model: ModelInfo, prices: PriceList | None, group: str) -> PricedModel:
    price = prices.prices.get(model.id) if prices is not None else None
    if prices is None or price is None:
        return PricedModel(*model)
    endpoint_types = model.endpoint_types or price.endpoint_types
    view = prices.view(model.id, group)
    return PricedModel(model.id, model.owned_by, endpoint_types, price.groups, view)


def _run(asking: Generator[TurnEvent, None, Told]) -> Told:
    while True:
        try:
            next(asking)
        except StopIteration as end:
            told: Told = end.value
            return told
