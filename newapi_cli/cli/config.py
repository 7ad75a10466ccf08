"""`newapi config`: list, print, set, unset and edit the settings."""

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from newapi_cli.app import config_edit
from newapi_cli.app.context import Context
from newapi_cli.app.editor import chosen_editor, run_editor
from newapi_cli.cli.options import ALWAYS, WITH_PROFILE, command

config_app = typer.Typer(
    help="Show and change settings.", no_args_is_help=True, rich_markup_mode="rich"
)
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of a setting; `newapi config list --all` lists them",
        show_default=False,
    ),
]
NEGATIVE_NUMBER = re.compile(r"-[0-9.][0-9.e+-]*")


class CommandWithNumber(TyperCommand):
    """A command whose argument may be a negative number, which looks like an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; with a negative number among them, options are not checked."""
        ctx.ignore_unknown_options = any(map(NEGATIVE_NUMBER.fullmatch, args))
        return super().parse_args(ctx, args)


@command(WITH_PROFILE)
def list_settings(
    context: Context,
    all_settings: Annotated[
        bool, typer.Option("--all", help="Include settings that are not set")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """List the settings of this run with their origins."""
    config_edit.list_settings(context, all_settings=all_settings, json=json)


@command(WITH_PROFILE)
def get(context: Context, name: Name) -> None:
    """Print the value of a setting."""
    config_edit.print_setting(context, name)


@command(WITH_PROFILE)
def set_value(
    context: Context,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
) -> None:
    """Store a setting in the profile.

    [dim]newapi config set model gpt-4o-mini[/dim]
    [dim]newapi config set fallback gpt-4o,deepseek-chat[/dim]
    """
    config_edit.set_setting(context, name, value)


@command(WITH_PROFILE)
def unset(context: Context, name: Name) -> None:
    """Remove a setting from the profile."""
    config_edit.unset_setting(context, name)


@command(WITH_PROFILE)
def edit(context: Context) -> None:
    """Open the config file in $VISUAL or $EDITOR."""
    chosen_editor(context.streams)  # raises if there is none, before the file is created
    run_editor(context, config_edit.create_config_file(context))
    context.load_settings()  # only now: reports what is wrong in the file


@command(ALWAYS)
def path(context: Context) -> None:
    """Print the path of the config file."""
    context.streams.stdout.write(f"{context.paths.config_file}\n")


config_app.command("list")(list_settings)
config_app.command("get")(get)
config_app.command("set", cls=CommandWithNumber)(set_value)
config_app.command("unset")(unset)
config_app.command("edit")(edit)
config_app.command("path")(path)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(config_app, name="config")
