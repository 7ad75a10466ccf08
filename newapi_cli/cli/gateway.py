"""What the settings' gateway tells beside answers, each thing asked for as seldom as it changes.

    everybody   status and prices                 once a day, without the key
    the key     models                            once an hour
                record and log (tight limiter)    once in five minutes, 10 calls in 20 minutes
                record after a refused key        once a day

The tight limiter is 20 calls in 20 minutes for all behind one address (contract, section 5.4).
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from newapi_cli.api.billing import fetch_balance, fetch_key_log, fetch_key_usage
from newapi_cli.api.codec import MODELS, models_from_json
from newapi_cli.api.gateway_codec import (
    PRICING,
    STATUS,
    currency_from_json,
    key_usage_from_json,
    log_from_json,
    price_list_from_json,
    quota_per_unit_from_json,
)
from newapi_cli.api.refusals import not_understood
from newapi_cli.config.model_names import keep_model_names, kept_model_names
from newapi_cli.config.shelf import Shelf, name_of_key, name_of_site
from newapi_cli.domain.billing import Balance, KeyUsage, LogEntry
from newapi_cli.domain.catalog import ModelInfo, Offer
from newapi_cli.domain.completion import Accepted, Notice, TurnEvent
from newapi_cli.domain.cost import Currency
from newapi_cli.domain.pricing import PriceList, Spent, spent
from newapi_cli.domain.profile import Clocks
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import AuthenticationError, GatewayError, LimitError, NewapiError
from newapi_cli.flows.balance import balance_of

if TYPE_CHECKING:
    from newapi_cli.api.client import Client
    from newapi_cli.cli.context import Context

HOUR_S, DAY_S, MONTH_S = 3_600.0, 86_400.0, 30 * 86_400.0
RECORD_AGE_S = 300.0
HASTY = Clocks(3, 5, 5, 5, 5, 8)  # for what a person waits for beside an error
TIGHT_SPAN_S, TIGHT_CALLS = 1_200.0, 10
Told = TypeVar("Told")


class Listed(NamedTuple):
    """Models, and how many seconds ago the gateway told them."""

    models: list[ModelInfo]
    age_s: float


class Offers(NamedTuple):
    """Models with their prices, and how many seconds ago the gateway told the models."""

    offers: list[Offer]
    age_s: float


class Gateway:
    """Asks the gateway of the present settings. Methods that ask raise `NewapiError`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._in_memory: dict[str, Shelf] = {}

    def models(self, *, refresh: bool = False) -> Listed:
        """Give the models that the key may use, at most an hour old."""
        kept = None if refresh else self._key.get("models", HOUR_S)
        if kept is not None:
            found = models_from_json(kept.value)
            if found is not None:
                return Listed(found, kept.age_s)
        value = self.ask(self._context.client().fetch_json(MODELS))
        found = _listed(value)
        self._key.put("models", value)
        self.remember_names(found)
        return Listed(found, 0.0)

    def offers(self, *, refresh: bool = False, with_prices: bool = False) -> Offers:
        """Give the models with their prices; `with_prices` asks servers of any kind for them."""
        listed = self.models(refresh=refresh)
        has_none = with_prices and self.prices() is None
        found = self.fresh_prices(refresh=refresh or has_none)
        return Offers([_offer(model, found, self.group) for model in listed.models], listed.age_s)

    def models_by(self, client: Client) -> list[ModelInfo]:
        """Give the models by another client, whose gateway and key are being tried."""
        return _listed(self.ask(client.fetch_json(MODELS), is_elsewhere=True))

    def remember_names(self, models: list[ModelInfo]) -> None:
        """Keep the names for TAB, without such as hold a key."""
        masked = self._context.streams.masked
        names = [model.id for model in models if masked(model.id) == model.id]
        if self._context.keeps_cache:
            keep_model_names(self._context.paths.cache_dir, names)

    def known_names(self) -> list[str]:
        """Give the model names that are known without asking anybody."""
        kept = self._key.get("models")
        found = models_from_json(kept.value) if kept is not None else None
        if found:
            return [model.id for model in found]
        return kept_model_names(self._context.paths.cache_dir)

    def prices(self, model: str = "") -> PriceList | None:
        """Give the prices that were told last, without asking anybody; of one model, if named."""
        kept = self._site.everything()
        status, pricing = kept.get("status"), kept.get("pricing")
        if status is None or pricing is None or not self._context.settings.flag("prices"):
            return None
        return price_list_from_json(status.value, pricing.value, model)

    def currency(self) -> Currency | None:
        """Give the site's money as it was told last, without asking anybody."""
        status = self._site.get("status")
        return currency_from_json(status.value) if status is not None else None

    def spent(self, turns: Iterable[TurnRecord]) -> Spent:
        """Add up what turns cost, in the site's money."""
        return spent(turns, self.currency())

    @property
    def may_look_up(self) -> bool:
        """Say whether a run may ask for more than it was told to: not where nothing is kept.

        There it would ask each time, and `-n` promises to touch no file.
        """
        return self._context.settings.flag("save") or not self._context.keeps_cache

    @property
    def prices_are_due(self) -> bool:
        """Say whether prices may be asked for: at most once a day, and only where allowed."""
        allowed = self._context.settings.flag("prices")
        return allowed and self._marks.get("site asked", DAY_S) is None

    def fetch_site(self, client: Client) -> None:
        """Ask for status and prices by a client without the key; what refuses tells nothing."""
        self._marks.put("site asked", None)
        for name, path in (("status", STATUS), ("pricing", PRICING)):
            try:
                value = _run(client.fetch_json(path))
            except NewapiError:
                value = None
            self._site.put(name, value)
            if value is None:
                return

    def fresh_prices(self, *, refresh: bool = False) -> PriceList | None:
        """Give the prices, asked for where they are due; of New API alone, or with `refresh`."""
        allowed = self._context.settings.flag("prices")
        if allowed and (refresh or (self._is_new_api and self.prices_are_due)):
            with self._context.interrupts:
                self.fetch_site(self._context.client(with_key=False))
        return self.prices()

    @property
    def group(self) -> str:
        """Give the group of the key by the settings, or as its log told it; else nothing."""
        kept = self._key.get("group", MONTH_S)
        told = kept.value if kept is not None else ""
        return self._context.settings.text("group") or (told if isinstance(told, str) else "")

    def key_usage(self) -> KeyUsage:
        """Give the record of the key. By the tight limiter: at most once in five minutes."""
        value = self._tight("record", fetch_key_usage(self._context.client()))
        found = key_usage_from_json(value)
        if found is None:
            raise not_understood("it is no record of a key")
        return found

    def key_log(self) -> list[LogEntry]:
        """Give the key's charged calls, newest first; learns the key's group. Tight limiter."""
        context = self._context
        value = self._tight("log", fetch_key_log(context.client(), context.api_key))
        found = log_from_json(value) or []
        group = next((entry.group for entry in found if entry.group), "")
        if group:
            self._key.put("group", group)
        return found

    def learn_group(self) -> None:
        """Let the key's log tell its group, at most once a day. Tight limiter."""
        if self.group or not self._is_new_api or self._key.get("group asked", DAY_S) is not None:
            return  # known, or asked for
        self._key.put("group asked", None)
        with contextlib.suppress(GatewayError, AuthenticationError, LimitError):
            self.key_log()

    def refused_key(self) -> KeyUsage | None:
        """Give the record of a key that was refused, asked for at most once a day."""
        if not self.may_look_up:
            return None
        kept = self._key.get("record after a refusal", DAY_S)
        if kept is not None:
            return key_usage_from_json(kept.value)
        value: object = None
        self._key.put("record after a refusal", None)
        try:
            client = self._context.client(retries=0, clocks=HASTY)
            value = self._tight("record", fetch_key_usage(client), max_age_s=0)
        except NewapiError:
            return None
        self._key.put("record after a refusal", value)
        return key_usage_from_json(value)

    def balance(self) -> Balance:
        """Give what the key has left: by the dashboard, with what the key's record adds."""
        record: KeyUsage | None = None
        found: Balance | None = None
        problem: NewapiError | None = None
        try:
            found = self.ask(fetch_balance(self._context.client()))
        except (GatewayError, AuthenticationError, LimitError) as error:
            problem = error
        try:
            record = self.key_usage()
        except (GatewayError, AuthenticationError, LimitError) as error:
            if problem is None or not isinstance(error, GatewayError):
                problem = error
        self.fresh_prices()
        if found is not None:  # else the key is refused, or this is no New API
            self.learn_group()
        status = self._site.get("status")
        told = balance_of(
            found,
            record,
            currency=self.currency(),
            quota_per_unit=quota_per_unit_from_json(status.value) if status is not None else None,
            now=datetime.now(UTC),
        )
        if told is None:
            raise _tells_nothing(problem)
        return told._replace(group=self.group)

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
                if isinstance(event, Accepted) and event.is_new_api and not is_elsewhere:
                    self._mark_as_new_api()
                if isinstance(event, Notice) and (context.is_verbose or not event.is_detail):
                    context.streams.tell(event.text)

    def _tight(
        self,
        name: str,
        asking: Generator[TurnEvent, None, object],
        max_age_s: float = RECORD_AGE_S,
    ) -> object:
        """Ask an endpoint of the tight limiter, unless it told lately, or too often was asked."""
        kept = self._key.get(name, max_age_s)
        if kept is not None:
            return kept.value
        now = datetime.now(UTC).timestamp()
        marks = self._marks.get("tight calls", TIGHT_SPAN_S)
        told = marks.value if marks is not None and isinstance(marks.value, list) else []
        calls = [at for at in told if isinstance(at, int | float) and 0 <= now - at < TIGHT_SPAN_S]
        if len(calls) >= TIGHT_CALLS:
            minutes = (TIGHT_SPAN_S - (now - min(calls))) / 60
            raise LimitError(
                f"newapi has asked for keys {len(calls)} times in 20 minutes",
                why="the gateway allows 20 calls to all behind one address",
                hint=f"try again in {minutes:.0f} minutes",
            )
        self._marks.put("tight calls", [*calls, now])
        value = self.ask(asking)
        self._key.put(name, value)
        return value

    def _mark_as_new_api(self) -> None:
        if not self._is_new_api:
            self._marks.put("is New API", True)

    @property
    def _is_new_api(self) -> bool:
        """Say whether the server has shown itself to be of New API's family."""
        return self._marks.get("is New API") is not None

    # Shelves, looked for anew each time: /profile may have changed the settings.

    @property
    def _site(self) -> Shelf:
        return self._shelf(name_of_site("site", self._context.base_url))

    @property
    def _marks(self) -> Shelf:  # apart: small, as it is looked at while an answer streams
        return self._shelf(name_of_site("asked", self._context.base_url))

    @property
    def _key(self) -> Shelf:
        return self._shelf(name_of_key(self._context.base_url, self._context.api_key))

    def _shelf(self, name: str) -> Shelf:
        if self._context.keeps_cache:
            return Shelf(self._context.paths.cache_dir / name, self._context.without_keys)
        return self._in_memory.setdefault(name, Shelf(None))


def _tells_nothing(problem: NewapiError | None) -> NewapiError:
    """Say of a server that has no such endpoints what it does not tell; all else as it is."""
    if problem is None or not isinstance(problem, GatewayError):
        return problem or not_understood("it tells nothing of the key")
    return GatewayError(
        "the server does not tell what this key has left",
        why=f"{problem.message}: {problem.why}" if problem.why else problem.message,
        hint="New API and its relatives do, other servers need not",
        request_id=problem.request_id,
    )


def _listed(value: object) -> list[ModelInfo]:
    found = models_from_json(value)
    if found is None:
        raise not_understood("it is no list of models")
    return found


def _offer(model: ModelInfo, prices: PriceList | None, group: str) -> Offer:
    price = prices.prices.get(model.id) if prices is not None else None
    if prices is None or price is None:
        return Offer(*model)
    endpoint_types = model.endpoint_types or price.endpoint_types
    view = prices.view(model.id, group)
    return Offer(model.id, model.owned_by, endpoint_types, price.groups, view)


def _run(asking: Generator[TurnEvent, None, Told]) -> Told:
    while True:
        try:
            next(asking)
        except StopIteration as end:
            told: Told = end.value
            return told
