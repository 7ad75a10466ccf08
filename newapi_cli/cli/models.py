"""`newapi models`: what the key may use, and what that costs."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.error_hints import explain_errors
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.cli.options import command
from newapi_cli.domain.models import PricedModel
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

TOLD_AGE_S = 60.0  # of a list that is younger nothing is said
GROUPS_MIN_WIDTH, ENDPOINTS_MIN_WIDTH = 56, 72  # columns of a terminal with room for these


class Order(StrEnum):
    """What the list is sorted by."""

    NAME = "name"
    IN = "in"
    OUT = "out"


@command
def models(
    context: Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="only models that hold all these words", show_default=False),
    ] = None,
    prices: Annotated[
        bool, typer.Option("--prices", "-p", help="all that is told of prices; in a pipe too")
    ] = False,
    sort: Annotated[
        Order | None,
        typer.Option("--sort", help="by name, or by what tokens cost", show_default=False),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="ask again, though the list is not an hour old")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="a JSON list")] = False,
) -> None:
    """List the models that the key may use, and what a million tokens cost.

    [dim]newapi models gpt mini[/dim]
    [dim]newapi models --sort out[/dim]
    [dim]newapi models --prices > prices.tsv[/dim]
    """
    gateway = Gateway(context)
    with explain_errors(context, gateway):
        listed = gateway.priced_models(refresh=refresh, with_prices=prices)
    found = [_without_keys(each, context.streams.redact) for each in listed.models]
    chosen = [each for each in found if each.matches(tuple(words or ()))]
    if sort is not None:
        chosen.sort(key=SORT_KEYS[sort])
    form = output_form(context.streams, json=json)
    write_rows(
        context.streams,
        form,
        _columns(gateway, with_prices=prices),
        chosen,
        as_json=lambda rows: [_as_json(row) for row in rows],
    )
    _tell(context, listed.age_s, chosen, len(found), is_table=form is not Form.JSON)


def _without_keys(offer: PricedModel, redact: Callable[[str], str]) -> PricedModel:
    """Take keys out of what a server says of a model: some repeat them."""
    view = offer.price
    return PricedModel(
        redact(offer.id),
        redact(offer.owned_by),
        tuple(map(redact, offer.endpoint_types)),
        tuple(map(redact, offer.groups)),
        None if view is None else view._replace(group=redact(view.group)),
    )


def _columns(gateway: Gateway, *, with_prices: bool) -> list[Column[PricedModel]]:
    """Return the columns: on a terminal prices, or the owner if the server publishes no prices."""
    columns: list[Column[PricedModel]] = [Column("model", _id, _id)]
    if with_prices:
        columns += [Column(name, None, _field(i)) for i, name in enumerate(PRICE_FIELDS)]
    endpoints: Column[PricedModel] = Column(
        "endpoints", lambda offer: ", ".join(offer.endpoint_types)
    )
    if gateway.prices.cached() is None:
        return [*columns, Column("owner", lambda offer: offer.owned_by), endpoints]
    currency = gateway.prices.currency()
    columns.append(Column("in/M", lambda offer: price_cells(offer.price, currency)[0]))
    if with_prices:
        columns.append(Column("cached/M", lambda offer: cached_cell(offer.price, currency)))
    columns.append(Column("out/M", lambda offer: price_cells(offer.price, currency)[1]))
    groups: Column[PricedModel] = Column(
        "groups", lambda offer: ", ".join(offer.groups), min_width=GROUPS_MIN_WIDTH
    )
    return [*columns, groups, endpoints._replace(min_width=ENDPOINTS_MIN_WIDTH)]


def _id(offer: PricedModel) -> str:
    return offer.id


def _field(index: int) -> Callable[[PricedModel], str]:
    return lambda offer: price_fields(offer.price)[index]


def _tell(
    context: Context, age_s: float, chosen: list[PricedModel], count: int, *, is_table: bool
) -> None:
    """Tell what the list itself does not."""
    streams = context.streams
    if not chosen and is_table:
        streams.print_err(f"none of the {count} models of this key matches")
    if not streams.stderr.is_terminal:
        return
    guessed = {
        each.price.group for each in chosen if each.price and not each.price.is_group_certain
    }
    if guessed and is_table:
        print_dim(
            streams,
            f"prices of group {', '.join(sorted(guessed))}: the key's own is not known;"
            " `newapi balance` may learn it, `newapi config set group NAME` tells it",
        )
    if age_s >= TOLD_AGE_S:
        print_dim(streams, f"told {seconds(age_s)} ago; --refresh asks again")


def _price_in(offer: PricedModel) -> tuple[bool, object, str]:
    view = offer.price
    amount = None if view is None else view.prompt if view.per_call is None else view.per_call
    return amount is None, amount or 0, offer.id


def _price_out(offer: PricedModel) -> tuple[bool, object, str]:
    view = offer.price
    amount = None if view is None else view.completion if view.per_call is None else view.per_call
    return amount is None, amount or 0, offer.id


SORT_KEYS = {Order.NAME: lambda offer: offer.id.lower(), Order.IN: _price_in, Order.OUT: _price_out}


def _as_json(offer: PricedModel) -> dict[str, object]:
    return {
        "id": offer.id,
        "owned_by": offer.owned_by or None,
        "endpoint_types": list(offer.endpoint_types),
        "groups": list(offer.groups),
        "price": price_json(offer.price),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models")(models)
