"""The table of commands, and the Typer app.

A run that names a command imports and builds only that one, as does completion after its name:
Typer needs 1 to 2 ms for each command, besides its imports. The help page needs all of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Annotated

import typer

from newapi_cli.cli.options import print_version
from newapi_cli.errors import ExitCode, UsageError
from newapi_cli.i18n import tr
from newapi_cli.streams import Streams

MODULES = {  # in the order of the help page
    "chat": "chat",
    "models": "models",
    "sessions": "sessions",
    "balance": "balance",
    "usage": "usage",
    "login": "login",
    "logout": "login",
    "config": "config",
    "doctor": "doctor",
    "demo": "demo",
    "completion": "completion",
}
EXIT_CODES = " · ".join(f"{code.value} {code.meaning}" for code in ExitCode)


def app_for(argv: Sequence[str]) -> typer.Typer:
    """Return the app with the command that `argv` names, or with all if it names none."""
    app = typer.Typer(
        name="newapi",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"Exit codes: {EXIT_CODES}",
    )
    app.callback(invoke_without_command=True)(newapi)
    word = argv[0] if argv else _completed_command(os.environ)
    named = MODULES.get(word)
    modules = [named] if named else list(MODULES.values())
    if named and not argv:
        modules.append("completion")  # it prepares Typer for requests of a shell
    for module in dict.fromkeys(modules):
        import_module(f"newapi_cli.cli.{module}").register(app)
    return app


def _completed_command(environ: Mapping[str, str]) -> str:
    """Return the command on the line that a shell completes, if the cursor is after it.

    The line is in COMP_WORDS for bash, in _TYPER_COMPLETE_ARGS for zsh and fish.

    >>> [_completed_command({"COMP_WORDS": line}) for line in ("newapi ch", "newapi chat -")]
    ['', 'chat']
    """
    line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS", "")
    words = line.split()
    return words[1] if len(words) > 2 or (len(words) == 2 and line[-1].isspace()) else ""


def newapi(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=print_version,
            is_eager=True,
            help="Print the version and exit",
        ),
    ] = False,
) -> None:
    """The terminal client for New API gateways.

    [dim]newapi demo[/dim]                            try it: no key, no network
    [dim]newapi login https://gateway.example[/dim]   store a gateway and its key
    [dim]newapi chat "Hello"[/dim]                    one answer
    [dim]git diff | newapi chat "review this"[/dim]   in a pipeline
    [dim]newapi[/dim]                                 a conversation
    [dim]newapi chat -c[/dim]                         continue the last session
    """
    if ctx.invoked_subcommand is not None:
        return
    streams: Streams = ctx.obj
    if not streams.are_interactive:
        with redirect_stdout(sys.stderr):  # rich prints the page itself
            ctx.get_help()
        hint = tr("newapi chat reads from a pipe")
        raise UsageError(tr("a conversation needs a terminal"), hint=hint)
    import_module("newapi_cli.cli.chat").run_alone(streams)
