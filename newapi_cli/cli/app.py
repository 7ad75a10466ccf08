"""Which command lives where."""

from __future__ import annotations

from typing import Annotated

import typer

from newapi_cli import __version__
from newapi_cli.cli.chat import Call, chat, run_chat
from newapi_cli.cli.completion import completion
from newapi_cli.cli.config import config_app
from newapi_cli.cli.context import Context
from newapi_cli.cli.demo import demo
from newapi_cli.cli.login import login, logout
from newapi_cli.cli.models import models
from newapi_cli.errors import ExitCode
from newapi_cli.streams import Streams

EXIT_CODES = " · ".join(f"{code.value} {code.meaning}" for code in ExitCode)

app = typer.Typer(
    name="newapi",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit codes: {EXIT_CODES}",
)
app.command("chat")(chat)
app.command("models")(models)
app.command("login")(login)
app.command("logout")(logout)
app.add_typer(config_app, name="config")
app.command("demo")(demo)
app.command("completion")(completion)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"newapi {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def newapi(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="show the version"
        ),
    ] = False,
) -> None:
    """The terminal client for New API gateways.

    [dim]newapi demo[/dim]                            try it: no key, no network
    [dim]newapi login https://gateway.example[/dim]   store a gateway and its key
    [dim]newapi chat "Hello"[/dim]                    one answer
    [dim]git diff | newapi chat "review this"[/dim]   in a pipeline
    [dim]newapi[/dim]                                 a conversation
    """
    if ctx.invoked_subcommand is not None:
        return
    streams: Streams = ctx.obj
    if not streams.are_interactive:
        streams.tell(ctx.get_help())
        raise typer.Exit(ExitCode.USAGE)
    run_chat(Context(streams, {}), Call())
