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

from newapi_cli.cli.shell_scripts import BASH, ZSH
from newapi_cli.errors import LocalError
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
    try:
        _, path = install(shell=shell, prog_name="newapi", complete_var=VARIABLE)
        if shell in OURS:
            path.write_text(script(shell), "utf-8")  # the file is newapi's alone
    except OSError as error:
        raise LocalError("cannot install the completion", why=error.strerror or "") from error
    streams.tell(f"completion for {shell} is in {path}; it works in the next shell that you open")


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
