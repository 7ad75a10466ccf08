"""`newapi doctor`: check everything between the user and an answer."""

from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.cli.options import CONNECTING, command


@command(CONNECTING)
def doctor(
    context: Context,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Ask the model for one word, which costs a few tokens"),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end")] = False,
) -> None:
    """Check everything between you and an answer.

    [dim]newapi doctor[/dim]
    [dim]newapi doctor -P work --yes[/dim]
    [dim]newapi doctor --json | jq '.checks[] | select(.verdict == "failed")'[/dim]
    """
    from newapi_cli.app.doctor.run import run_doctor  # loads nearly every package, 60 ms

    raise typer.Exit(run_doctor(context, may_spend=yes, json=json))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
