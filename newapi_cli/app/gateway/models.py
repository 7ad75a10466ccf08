"""The models that a key may use. The list is cached for an hour; its names serve completion."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.api.chat.client import Client
from newapi_cli.api.errors.explain import invalid_response
from newapi_cli.api.gateway.responses import MODELS, models_from_json
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.lookup import Lookup
from newapi_cli.config.cache import cache_model_names, cached_model_names
from newapi_cli.domain.pricing import ModelInfo, PriceList
from newapi_cli.domain.rates import KeyRates
from newapi_cli.domain.redaction import redact_all
from newapi_cli.i18n import tr

HOUR_S = 3_600.0


class ModelList(NamedTuple):
    """Models, the seconds since they were fetched, and the prices of the site if it has any."""

    models: list[ModelInfo]
    age_s: float
    prices: PriceList | None = None


class Models:
    """The models of the current settings' key. Methods that send requests raise `NewapiError`."""

    def __init__(self, context: Context, lookup: Lookup) -> None:
        self._context = context
        self._lookup = lookup

    def load(self, *, refresh: bool = False) -> ModelList:
        """Return the models that the key may use; the list is at most an hour old."""
        entry = None if refresh else self._lookup.key_cache.get("models", HOUR_S)
        if entry is not None:
            cached = models_from_json(entry.value)
            if cached is not None:
                return ModelList(cached, entry.age_s)
        value = self._lookup.run(self._context.client().fetch_json(MODELS))
        models = _models_from_response(value)
        self._lookup.key_cache.put("models", value)
        self.remember_names(models)
        return ModelList(models, 0.0)

    def fetch(self, client: Client) -> list[ModelInfo]:
        """Return the models of another gateway or key, uncached."""
        request = client.fetch_json(MODELS)
        return _models_from_response(self._lookup.run(request, is_current_gateway=False))

    def remember_names(self, models: list[ModelInfo]) -> None:
        """Store the names for completion, except names that contain a key."""
        ids = [model.id for model in models]
        redacted = redact_all(ids, self._context.streams.redact)
        names = [name for name, shown in zip(ids, redacted, strict=True) if shown == name]
        if self._context.writes_cache:
            cache_model_names(self._context.paths.cache_dir, names)

    def known_names(self) -> list[str]:
        """Return the names that are known without a request."""
        entry = self._lookup.key_cache.get("models")
        cached = models_from_json(entry.value) if entry is not None else None
        if cached:
            return [model.id for model in cached]
        return cached_model_names(self._context.paths.cache_dir)


def priced_models(
    listed: ModelList, prices: PriceList | None, group: str, rates: KeyRates
) -> ModelList:
    """Return models with their prices for the configured group, or for what the key was charged."""
    priced = [_priced(model, prices, group, rates) for model in listed.models]
    return ModelList(priced, listed.age_s, prices)


def _models_from_response(value: object) -> list[ModelInfo]:
    models = models_from_json(value)
    if models is None:
        raise invalid_response(tr("it is not a list of models"))
    return models


def _priced(model: ModelInfo, prices: PriceList | None, group: str, rates: KeyRates) -> ModelInfo:
    price = prices.price_of(model.id, rates) if prices is not None else None
    if prices is None or price is None:
        return model
    endpoint_types = model.endpoint_types or price.endpoint_types
    view = prices.view(model.id, group, rates)
    return model._replace(endpoint_types=endpoint_types, groups=price.groups, price=view)
