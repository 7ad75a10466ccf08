"""`newapi models`: what the key may use."""

from typing import Annotated

import typer

from newapi_cli.cli.context import Context
from newapi_cli.cli.options import command
from newapi_cli.domain.catalog import ModelInfo
from newapi_cli.render.rows import write_json


@command
def models(
    context: Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="only models that hold all these words", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="a JSON list")] = False,
) -> None:
    """List the models that the key may use.

    [dim]newapi models gpt mini[/dim]
    """
    found = context.gateway.models(refresh=True).models
    masked = context.streams.masked
    chosen = [
        model._replace(id=masked(model.id), owned_by=masked(model.owned_by))
        for model in found
        if model.matches(tuple(words or ()))
    ]
    if json:
        write_json(context.streams.stdout, [_as_json(model) for model in chosen])
    elif context.streams.stdout.is_terminal:
        rows = [[m.id, m.owned_by, ", ".join(m.endpoint_types)] for m in chosen]
        context.table(["model", "owner", "endpoints"], rows)
    else:
        context.table(["model"], [[model.id] for model in chosen])
    if not chosen and not json:
        context.streams.tell(f"none of the {len(found)} models of this key matches")


def _as_json(model: ModelInfo) -> dict[str, object]:
    return {
        "id": model.id,
        "owned_by": model.owned_by or None,
        "endpoint_types": list(model.endpoint_types),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models")(models)
