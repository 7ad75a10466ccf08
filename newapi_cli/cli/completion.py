"""`newapi completion`: the scripts for shells, as Typer makes them, and the values they offer."""

import os
from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import (  # type: ignore[attr-defined]  # re-exported without saying so
    completion_init,
    get_completion_script,
    install,
)

from newapi_cli.cli.completion_scripts import BASH, ZSH
from newapi_cli.config.paths import has_home
from newapi_cli.errors import ConfigError, LocalError
from newapi_cli.streams import Streams

VARIABLE = "_NEWAPI_COMPLETE"


class Shell(StrEnum):
    """The shells that there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


OURS = {Shell.BASH: BASH, Shell.ZSH: ZSH}


def completion(
    ctx: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="the shell", show_default=False)],
    put_in_place: Annotated[
        bool, typer.Option("--install", help="put it where the shell looks for it")
    ] = False,
) -> None:
    """Print the completion script of a shell, or install it.

    [dim]newapi completion bash --install[/dim]
    """
    streams: Streams = ctx.obj
    if not put_in_place:
        streams.stdout.write(script(shell))
        return
    _ensure_home()
    try:
        _, path = install(shell=shell, prog_name="newapi", complete_var=VARIABLE)
        if shell in OURS:
            path.write_text(script(shell), "utf-8")  # the file is newapi's alone
    except OSError as error:
        raise LocalError("cannot install the completion", why=error.strerror or "") from error
    streams.print_err(
        f"completion for {shell} is in {path}; it works in the next shell that you open"
    )


def _ensure_home() -> None:
    """Refuse to install without a home folder; Typer would make one, or write to the root's."""
    if not has_home():
        raise ConfigError(
            "there is no home folder to install the completion in",
            hint="set HOME, or put the output of the same command without --install where your"
            " shell looks",
        )


def script(shell: Shell) -> str:
    """Give the script of a shell."""
    if shell in OURS:
        return OURS[shell]
    text = get_completion_script(prog_name="newapi", complete_var=VARIABLE, shell=shell)
    return text.strip() + "\n"


def register(app: typer.Typer) -> None:
    """Add the command, and make Typer ready where a shell asks for completions."""
    app.command("completion")(completion)
    if VARIABLE in os.environ:
        completion_init()
