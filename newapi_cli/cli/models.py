"""`newapi models`: the models of the key, and their prices."""

from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.model_list import ModelsOptions, Order, list_models
from newapi_cli.cli.options import CONNECTING, command


@command(CONNECTING)
def models(
    context: Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            help="Show only models whose name or owner contains all of these words",
            show_default=False,
        ),
    ] = None,
    prices: Annotated[
        bool, typer.Option("--prices", "-p", help="Print all published prices, also in a pipe")
    ] = False,
    sort: Annotated[
        Order | None,
        typer.Option(
            "--sort", help="Sort by name, or by the price of input or output", show_default=False
        ),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch the list even if it is cached")
    ] = False,
    health: Annotated[
        bool,
        typer.Option("--health", help="Show how often each model succeeded in the last 24 hours"),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON array")] = False,
) -> None:
    """List the models that the key may use, and the prices of a million tokens.

    [dim]newapi models gpt mini[/dim]
    [dim]newapi models --sort out[/dim]
    [dim]newapi models --prices > prices.tsv[/dim]
    """
    options = ModelsOptions(tuple(words or ()), prices, sort, refresh, json, health)
    list_models(context, options)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models")(models)
