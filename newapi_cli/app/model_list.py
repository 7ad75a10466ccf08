"""`newapi models`: the models of the key, filtered and sorted, with their prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.hints import words_of_run
from newapi_cli.domain.pricing import ModelInfo, PriceView
from newapi_cli.errors import profile_command
from newapi_cli.i18n import reword, tr
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


def list_models(context: Context, options: ModelsOptions) -> None:
    """Print the models."""
    gateway = Gateway(context)
    with gateway.explain_errors():
        listed = gateway.priced_models(refresh=options.refresh, with_prices=options.prices)
    models = (_redact_model(model, context.streams.redact) for model in listed.models)
    matching = [model for model in models if model.matches(options.words)]
    if options.sort is not None:
        matching.sort(key=SORT_KEYS[options.sort])
    form = output_form(context.streams, json=options.json)
    write_rows(
        context.streams,
        form,
        _columns(gateway, with_prices=options.prices),
        matching,
        as_json=lambda rows: [_as_json(row) for row in rows],
    )
    if form is not Form.JSON:
        has_prices = form is Form.TABLE or options.prices or options.sort in (Order.IN, Order.OUT)
        _report_missing(context, options, matching, has_prices=has_prices)
    if context.streams.stderr.is_terminal and listed.age_s >= MIN_REPORTED_AGE_S:
        age = seconds(listed.age_s)
        print_dim(context.streams, tr("cached {age} ago; --refresh fetches again", age=age))


def _report_missing(
    context: Context, options: ModelsOptions, matching: list[ModelInfo], *, has_prices: bool
) -> None:
    """Report that no model matches, or that prices, if there are any, are of a guessed group."""
    streams = context.streams
    if not matching:
        text = tr("this key has no models")
        if options.words:
            text = tr("no model matches “{words}”", words=" ".join(options.words))
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
        print_dim(streams, reword(text, words_of_run(context)))


def _redact_model(model: ModelInfo, redact: Callable[[str], str]) -> ModelInfo:
    """Return a model with keys redacted: some servers repeat them."""
    view = model.price
    return ModelInfo(
        redact(model.id),
        redact(model.owned_by),
        tuple(map(redact, model.endpoint_types)),
        tuple(map(redact, model.groups)),
        None if view is None else view._replace(group=redact(view.group)),
    )


def _columns(gateway: Gateway, *, with_prices: bool) -> list[Column[ModelInfo]]:
    """Return the columns: on a terminal prices, or the owner if the server publishes no prices."""
    columns: list[Column[ModelInfo]] = [Column(tr("model"), _id, _id)]
    if with_prices:
        columns += [Column(name, None, _field(i)) for i, name in enumerate(PRICE_FIELDS)]
    endpoints: Column[ModelInfo] = Column(
        tr("endpoints"), lambda model: ", ".join(model.endpoint_types)
    )
    if gateway.prices.cached() is None:
        return [*columns, Column(tr("owner"), lambda model: model.owned_by), endpoints]
    currency = gateway.prices.currency()
    columns.append(Column(tr("in/M"), lambda model: price_cells(model.price, currency)[0]))
    if with_prices:
        columns.append(Column(tr("cached/M"), lambda model: cached_cell(model.price, currency)))
    columns.append(Column(tr("out/M"), lambda model: price_cells(model.price, currency)[1]))
    groups: Column[ModelInfo] = Column(
        tr("groups"), lambda model: ", ".join(model.groups), min_width=GROUPS_MIN_WIDTH
    )
    return [*columns, groups, endpoints._replace(min_width=ENDPOINTS_MIN_WIDTH)]


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


def _as_json(model: ModelInfo) -> dict[str, object]:
    return {
        "id": model.id,
        "owned_by": model.owned_by or None,
        "endpoint_types": list(model.endpoint_types),
        "groups": list(model.groups),
        "price": price_json(model.price),
    }
