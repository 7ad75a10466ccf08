"""`newapi models`: what the key may use, and what that costs."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.error_hints import explain_errors
from newapi_cli.cli.options import command
from newapi_cli.domain.models import PricedModel
from newapi_cli.domain.money import Currency
from newapi_cli.render.machine_output import write_json
from newapi_cli.render.prices import cached_cell, price_cells, price_fields, price_json
from newapi_cli.render.status_lines import print_dim
from newapi_cli.render.units import seconds

TOLD_AGE_S = 60.0  # of a list that is younger nothing is said
WITH_GROUPS, WITH_ENDPOINTS = 56, 72  # columns of a terminal that has room for these


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
    with explain_errors(context):
        listed = context.gateway.offers(refresh=refresh, with_prices=prices)
    found = [_without_keys(each, context.streams.redact) for each in listed.offers]
    chosen = [each for each in found if each.matches(tuple(words or ()))]
    if sort is not None:
        chosen.sort(key=SORT_KEYS[sort])
    if json:
        write_json(context.streams.stdout, [_as_json(each) for each in chosen])
    else:
        _write(context, chosen, with_prices=prices)
    _tell(context, listed.age_s, chosen, len(found), is_table=not json)


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


def _write(context: Context, offers: list[PricedModel], *, with_prices: bool) -> None:
    if context.streams.stdout.is_terminal:
        columns, rows = _table(context, offers, with_prices=with_prices)
        context.table(columns, rows)
    elif with_prices:
        context.table([], [[each.id, *price_fields(each.price)] for each in offers])
    else:
        context.table([], [[each.id] for each in offers])


def _table(
    context: Context, offers: list[PricedModel], *, with_prices: bool
) -> tuple[list[str], list[list[str]]]:
    """Give columns and rows for a terminal: of a server without prices, who owns a model."""
    if context.gateway.prices() is None:
        rows = [[each.id, each.owned_by, ", ".join(each.endpoint_types)] for each in offers]
        return ["model", "owner", "endpoints"], rows
    currency, width = context.gateway.currency(), context.streams.stdout.width
    rows = [_priced_row(each, currency, with_prices=with_prices, width=width) for each in offers]
    amounts = ["in/M", "cached/M", "out/M"] if with_prices else ["in/M", "out/M"]
    about = (["groups"] if width >= WITH_GROUPS else []) + (
        ["endpoints"] if width >= WITH_ENDPOINTS else []
    )
    return ["model", *amounts, *about], rows


def _priced_row(
    offer: PricedModel, currency: Currency | None, *, with_prices: bool, width: int
) -> list[str]:
    amounts = list(price_cells(offer.price, currency))
    if with_prices:
        amounts.insert(1, cached_cell(offer.price, currency))
    about = [", ".join(offer.groups)] if width >= WITH_GROUPS else []
    if width >= WITH_ENDPOINTS:
        about.append(", ".join(offer.endpoint_types))
    return [offer.id, *amounts, *about]


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
