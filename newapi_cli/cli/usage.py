"""`newapi usage`: tokens and costs of stored answers."""

from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.spending import By
from newapi_cli.app.usage import show_usage
from newapi_cli.cli.options import CONNECTING, command


@command(CONNECTING)
def usage(
    context: Context,
    by: Annotated[By, typer.Option("--by", help="Group by model, day or session")] = By.MODEL,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Start of the report: a duration ago (7d), a date (2026-11-01), or all",
        ),
    ] = "30d",
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Fetch exact costs from the gateway's log of this key (gateways from before"
            " 2026-02-06 accept the key only in the URL, which their access logs may contain)",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Report tokens, costs and times of the answers stored on this machine.

    [dim]newapi usage[/dim]
    [dim]newapi usage --by day --since 7d[/dim]
    [dim]newapi usage --exact -P work[/dim]
    """
    show_usage(context, by, since, exact=exact, json=json)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("usage")(usage)
