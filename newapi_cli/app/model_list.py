"""`newapi models`: the models of the key, filtered and sorted, with their prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.hints import words_of_run
from newapi_cli.domain.health import ModelHealth
from newapi_cli.domain.pricing import ModelInfo, PriceList, PriceView
from newapi_cli.domain.redaction import redact_all
from newapi_cli.errors import NewapiError, profile_command
from newapi_cli.i18n import reword, tr
from newapi_cli.render.health import (
    group_text,
    health_json,
    latency_cell,
    speed_cell,
    success_cell,
)
from newapi_cli.render.prices import (
    PRICE_FIELDS,
    cached_cell,
    price_cells,
    price_fields,
    price_json,
)
from newapi_cli.render.rows import Column, Form, output_form, write_rows
from newapi_cli.render.status_lines import print_dim
from newapi_cli.render.units import seconds

MIN_REPORTED_AGE_S = 60.0
GROUPS_MIN_WIDTH, ENDPOINTS_MIN_WIDTH = 56, 72  # columns of a terminal with room for these


class Order(StrEnum):
    """What the list is sorted by: the name, or the price of tokens in or out."""

    NAME = "name"
    IN = "in"
    OUT = "out"


class ModelsOptions(NamedTuple):
    """The options of `newapi models`; only models that contain all words are listed."""

    words: tuple[str, ...] = ()
    prices: bool = False
    sort: Order | None = None
    refresh: bool = False
    json: bool = False
    health: bool = False


class Listing(NamedTuple):
    """What is listed about the models. `health` is None unless it is requested."""

    gateway: Gateway
    prices: PriceList | None
    with_prices: bool
    health: Mapping[str, ModelHealth] | None


def list_models(context: Context, options: ModelsOptions) -> None:
    """Print the models."""
    gateway = Gateway(context)
    try:
        listed = gateway.priced_models(refresh=options.refresh, with_prices=options.prices)
        health = _load_health(context, gateway, options) if options.health else None
    except NewapiError as error:
        from newapi_cli.app.error_hints import explain_error

        explained = explain_error(context, gateway, error)
        if explained is error:
            raise
        raise explained from error
    models = _redact_models(listed.models, context.streams.redact)
    matching = [model for model in models if model.matches(options.words)]
    if len(matching) == 1 and health and (name := matching[0].id) in health:
        health = {name: health[name]._replace(groups=gateway.health.groups(name))}
    listing = Listing(gateway, listed.prices, options.prices, health)
    if options.sort is not None:
        matching.sort(key=SORT_KEYS[options.sort])
    form = output_form(context.streams, json=options.json)
    write_rows(
        context.streams,
        form,
        _columns(listing),
        matching,
        as_json=lambda rows: [_as_json(row, health) for row in rows],
    )
    if form is not Form.JSON:
        has_prices = form is Form.TABLE or options.prices or options.sort in (Order.IN, Order.OUT)
        unpublished = _unpublished_group(listed.prices, gateway.key_log.group)
        _report_missing(context, options, matching, unpublished, has_prices=has_prices)
        _report_groups(context, health)
    if context.streams.stderr.is_terminal and listed.age_s >= MIN_REPORTED_AGE_S:
        age = seconds(listed.age_s)
        print_dim(context.streams, tr("cached {age} ago; --refresh fetches again", age=age))


def _load_health(
    context: Context, gateway: Gateway, options: ModelsOptions
) -> Mapping[str, ModelHealth]:
    """Return the performance of the models; report if the server does not publish it."""
    health = gateway.health.load(refresh=options.refresh)
    if health is None:
        context.streams.print_err(tr("the server does not publish the performance of its models"))
    return health or {}


def _report_groups(context: Context, health: Mapping[str, ModelHealth] | None) -> None:
    """Report the performance of a single listed model in each group."""
    for each in (health or {}).values():
        for group in each.groups:
            print_dim(context.streams, context.streams.redact(group_text(group)))


def _unpublished_group(prices: PriceList | None, group: str) -> str:
    """Return the group of the key if the site does not publish its ratio, else an empty text."""
    return "" if prices is None or group in prices.group_ratios else group


def _report_missing(
    context: Context,
    options: ModelsOptions,
    matching: list[ModelInfo],
    unpublished: str,
    *,
    has_prices: bool,
) -> None:
    """Report that no model matches, or that prices, if there are any, are of a guessed group.

    `unpublished` is the group of the key if the site does not publish its ratio, else empty.
    """
    streams = context.streams
    if not matching:
        text = tr("the server lists no models for this key")
        if options.words:
            text = tr('no model matches "{words}"', words=" ".join(options.words))
        streams.print_err(text)
    groups = {m.price.group for m in matching if m.price and not m.price.is_group_certain}
    if has_prices and groups and streams.stderr.is_terminal:
        text = tr(
            "prices of group {names}, as the key's group is unknown:"
            " `{balance}` may find it, `{command}` sets it",
            balance=profile_command("newapi balance"),
            command=profile_command("newapi config set", "group NAME"),
            names=", ".join(sorted(groups)),
        )
        if unpublished:
            text = tr(
                "prices of group {names}, as the site does not publish the ratio of the key's group"
                " {group}",
                names=", ".join(sorted(groups)),
                group=unpublished,
            )
        print_dim(streams, reword(text, words_of_run(context)))


def _redact_models(
    models: Sequence[ModelInfo], redact: Callable[[str], str]
) -> Sequence[ModelInfo]:
    """Return models with keys redacted: some servers repeat them."""
    texts: list[str] = []
    for model in models:
        texts += (model.id, model.owned_by, *model.endpoint_types, *model.groups)
        texts.append(model.price.group if model.price is not None else "")
    if redact_all(texts, redact) is texts:
        return models
    return [_redact_model(model, redact) for model in models]


def _redact_model(model: ModelInfo, redact: Callable[[str], str]) -> ModelInfo:
    view = model.price
    return ModelInfo(
        redact(model.id),
        redact(model.owned_by),
        tuple(map(redact, model.endpoint_types)),
        tuple(map(redact, model.groups)),
        None if view is None else view._replace(group=redact(view.group)),
    )


def _columns(listing: Listing) -> list[Column[ModelInfo]]:
    """Return the columns: on a terminal prices, or the owner if the server publishes no prices."""
    with_prices = listing.with_prices
    columns: list[Column[ModelInfo]] = [Column(tr("model"), _id, _id)]
    if with_prices:
        columns += [Column(name, None, _field(i)) for i, name in enumerate(PRICE_FIELDS)]
    health = _health_columns(listing.health)
    endpoints: Column[ModelInfo] = Column(
        tr("endpoints"), lambda model: ", ".join(model.endpoint_types)
    )
    if listing.prices is None:
        owner: Column[ModelInfo] = Column(tr("owner"), lambda model: model.owned_by)
        return [*columns, *health, owner, endpoints]
    currency = listing.gateway.prices.currency()
    columns.append(Column(tr("in/M"), lambda model: price_cells(model.price, currency)[0]))
    if with_prices:
        columns.append(Column(tr("cached/M"), lambda model: cached_cell(model.price, currency)))
    columns.append(Column(tr("out/M"), lambda model: price_cells(model.price, currency)[1]))
    groups: Column[ModelInfo] = Column(
        tr("groups"), lambda model: ", ".join(model.groups), min_width=GROUPS_MIN_WIDTH
    )
    return [*columns, *health, groups, endpoints._replace(min_width=ENDPOINTS_MIN_WIDTH)]


def _health_columns(health: Mapping[str, ModelHealth] | None) -> list[Column[ModelInfo]]:
    if health is None:
        return []

    def cell(text: Callable[[ModelHealth], str]) -> Callable[[ModelInfo], str]:
        return lambda model: text(health[model.id]) if model.id in health else ""

    return [
        Column(tr("success"), cell(success_cell), cell(lambda each: f"{each.success_rate:g}")),
        Column(tr("tokens/s"), cell(speed_cell), cell(speed_cell)),
        Column(tr("latency"), cell(latency_cell), cell(lambda each: _seconds(each.latency_s))),
    ]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _id(model: ModelInfo) -> str:
    return model.id


def _field(index: int) -> Callable[[ModelInfo], str]:
    return lambda model: price_fields(model.price)[index]


def _by_price(
    token_price: Callable[[PriceView], Decimal | None],
) -> Callable[[ModelInfo], tuple[bool, Decimal, str]]:
    """Return a sort key: the price of a call or of tokens; models without one come last."""

    def key(model: ModelInfo) -> tuple[bool, Decimal, str]:
        view = model.price
        amount = None
        if view is not None:
            amount = token_price(view) if view.per_call is None else view.per_call
        return amount is None, amount or Decimal(0), model.id

    return key


SORT_KEYS: Mapping[Order, Callable[[ModelInfo], tuple[bool, Decimal, str]]] = {
    Order.NAME: lambda model: (False, Decimal(0), model.id.lower()),
    Order.IN: _by_price(lambda view: view.prompt),
    Order.OUT: _by_price(lambda view: view.completion),
}


def _as_json(model: ModelInfo, health: Mapping[str, ModelHealth] | None) -> dict[str, object]:
    value: dict[str, object] = {
        "id": model.id,
        "owned_by": model.owned_by or None,
        "endpoint_types": list(model.endpoint_types),
        "groups": list(model.groups),
        "price": price_json(model.price),
    }
    if health is not None:
        value["health"] = health_json(health.get(model.id))
    return value
