"""`newapi login` and `newapi logout`."""

from typing import Annotated

import typer

from newapi_cli.app import login as app_login
from newapi_cli.app.context import Context
from newapi_cli.cli.options import CONNECTING, WITH_PROFILE, command


@command(CONNECTING)
def login(
    context: Context,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="[URL]",
            help="Gateway URL in any form, or the connection info copied from the console",
            show_default=False,
        ),
    ] = None,
    from_stdin: Annotated[
        bool,
        typer.Option("--stdin", help="Read the key or the connection info from standard input"),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the key before storing it")
    ] = True,
) -> None:
    """Check and store a gateway and its key.

    [dim]newapi login https://gateway.example[/dim]
    [dim]pass show gateway | newapi login https://gateway.example --stdin[/dim]
    """
    app_login.login(context, app_login.LoginOptions(url, from_stdin, check))


@command(WITH_PROFILE)
def logout(context: Context) -> None:
    """Remove the key of the profile from the config file."""
    app_login.logout(context)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.command("logout")(logout)
