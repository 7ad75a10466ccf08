"""Which command lives where.

A run that names a command loads and builds that one alone: Typer needs 1 to 2 ms for each, and each
brings its own imports. Help and completion, which speak of all, have them all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Annotated

import typer

from newapi_cli.cli.options import show_version
from newapi_cli.errors import ExitCode
from newapi_cli.streams import Streams

MODULES = {  # in the order of the help page
    "chat": "chat",
    "models": "models",
    "sessions": "sessions",
    "login": "login",
    "logout": "login",
    "config": "config",
    "demo": "demo",
    "completion": "completion",
}
EXIT_CODES = " · ".join(f"{code.value} {code.meaning}" for code in ExitCode)


def app_for(argv: Sequence[str]) -> typer.Typer:
    """Give the app with the command that `argv` names, with all where it names none."""
    app = typer.Typer(
        name="newapi",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"Exit codes: {EXIT_CODES}",
    )
    app.callback(invoke_without_command=True)(newapi)
    named = MODULES.get(argv[0]) if argv else None
    for module in dict.fromkeys([named] if named else MODULES.values()):
        import_module(f"newapi_cli.cli.{module}").register(app)
    return app


def newapi(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=show_version, is_eager=True, help="show the version"
        ),
    ] = False,
) -> None:
    """The terminal client for New API gateways.

    [dim]newapi demo[/dim]                            try it: no key, no network
    [dim]newapi login https://gateway.example[/dim]   store a gateway and its key
    [dim]newapi chat "Hello"[/dim]                    one answer
    [dim]git diff | newapi chat "review this"[/dim]   in a pipeline
    [dim]newapi[/dim]                                 a conversation
    [dim]newapi chat -c[/dim]                         the last one, gone on with
    """
    if ctx.invoked_subcommand is not None:
        return
    streams: Streams = ctx.obj
    if not streams.are_interactive:
        with redirect_stdout(sys.stderr):  # rich writes the page itself
            ctx.get_help()
        streams.tell("error: a conversation needs a terminal; newapi chat reads from a pipe")
        raise typer.Exit(ExitCode.USAGE)
    import_module("newapi_cli.cli.chat").run_alone(streams)
