"""`newapi config`: what is set, and where it comes from."""

from typing import Annotated, NamedTuple

import typer

from newapi_cli.app.config_edit import create_config_file, set_in_profile, unset_in_profile
from newapi_cli.app.context import Context
from newapi_cli.app.editor import chosen_editor, run_editor
from newapi_cli.app.output import load_theme
from newapi_cli.cli.options import command
from newapi_cli.config.fields import BY_NAME, FIELDS
from newapi_cli.domain.base_url import InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.profile import KeyKind, Origin, Source
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.render.rows import Column, output_form, value_text, write_rows
from newapi_cli.text import quote_name, suggestion

config_app = typer.Typer(
    help="Show and change the settings.", no_args_is_help=True, rich_markup_mode="rich"
)
KEY_NAMES = [kind.value for kind in KeyKind]
Name = Annotated[str, typer.Argument(metavar="NAME", help="a setting", show_default=False)]


class Setting(NamedTuple):
    """A setting as it is listed."""

    name: str
    value: str
    origin: str


COLUMNS: list[Column[Setting]] = [
    Column("setting", lambda row: row.name, lambda row: row.name),
    Column("value", lambda row: row.value, lambda row: row.value),
    Column("from", lambda row: row.origin, lambda row: row.origin),
]


@command
def list_settings(
    context: Context,
    all_settings: Annotated[bool, typer.Option("--all", help="also what is not set")] = False,
    json: Annotated[bool, typer.Option("--json", help="a JSON object")] = False,
) -> None:
    """List the settings of this run, each with where it comes from."""
    found_values = {"profile": (context.settings.profile, context.settings.origins["profile"])}
    for field in FIELDS:
        found = shown_value(context, field.name)
        if found is not None or all_settings:
            found_values[field.name] = found or ("", Origin(Source.DEFAULT))
    rows = [Setting(name, value, str(origin)) for name, (value, origin) in found_values.items()]
    write_rows(
        context.streams,
        output_form(context.streams, json=json),
        COLUMNS,
        rows,
        as_json=lambda rows: {row.name: {"value": row.value, "origin": row.origin} for row in rows},
    )
    if context.settings.key is None and context.settings.key_problem:
        context.streams.print_err(f"note: {context.settings.key_problem}")


@command
def get(context: Context, name: Name) -> None:
    """Print one setting."""
    _ensure_known(name)
    found = shown_value(context, name)
    if found is None:
        raise ConfigError(f"{name} is not set", hint=f"newapi config set {name} VALUE")
    context.streams.stdout.write(f"{found[0]}\n")


@command
def set_value(
    context: Context,
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
) -> None:
    """Store a setting in the profile.

    [dim]newapi config set model gpt-4o-mini[/dim]
    """
    _ensure_known(name)
    if name == KeyKind.VALUE.value:
        raise UsageError(
            "a key is not given on the command line, where others can read it",
            hint="newapi login, or newapi login --stdin",
        )
    try:
        typed = BY_NAME[name].parse(value)
    except ValueError as problem:
        raise UsageError(f"{name} {problem}") from None
    profile = context.settings.profile
    _ensure_says_something(name, typed)
    if name == "base_url":
        _ensure_key_stays_home(context, profile, str(typed))
    if name == "code_style":
        _ensure_is_style(context, str(typed))
    set_in_profile(context, profile, {name: typed})
    context.streams.print_err(f"{name} is set in profile {profile} ({context.paths.config_file})")
    stronger = KEY_NAMES[: KEY_NAMES.index(name)] if name in KEY_NAMES else []
    for other in stronger:
        if other in context.config_file.profiles.get(profile, {}):
            context.streams.print_err(
                f"  it has no effect beside {other}: newapi config unset {other}"
            )


@command
def unset(context: Context, name: Name) -> None:
    """Remove a setting from the profile."""
    profile = context.settings.profile
    if unset_in_profile(context, profile, (name,)):
        context.streams.print_err(f"{name} is removed from profile {profile}")
    else:
        _ensure_known(name)
        context.streams.print_err(f"{name} was not set in profile {profile}")


@command
def edit(context: Context) -> None:
    """Open the config file in $VISUAL or $EDITOR."""
    chosen_editor(context.streams)  # raises if there is none, before the file is created
    run_editor(context, create_config_file(context))
    _ = context.settings  # read only now: reports what is wrong in the file


@command
def path(context: Context) -> None:
    """Print where the config file lies."""
    context.streams.stdout.write(f"{context.paths.config_file}\n")


config_app.command("list")(list_settings)
config_app.command("get")(get)
config_app.command("set")(set_value)
config_app.command("unset")(unset)
config_app.command("edit")(edit)
config_app.command("path")(path)


def shown_value(context: Context, name: str) -> tuple[str, Origin] | None:
    """Give a setting as it may be shown, and its origin; a key is masked."""
    settings, origin = context.settings, context.settings.origins.get(name)
    value = settings.values.get(name)
    if name == "base_url":
        value = None if settings.base_url is None else str(settings.base_url)
    elif settings.key is not None and name == settings.key.kind.value:
        secret = settings.key.text
        value = str(secret) if settings.key.kind is KeyKind.VALUE else secret.reveal()
    if value is None or origin is None:
        return None
    return context.streams.redact(value_text(value)), origin


def _ensure_key_stays_home(context: Context, profile: str, text: str) -> None:
    """Refuse another host for a profile that holds a key: the key would go there unasked."""
    stored = context.config_file.profiles.get(profile, {})
    known = stored.get("base_url")
    if not any(kind in stored for kind in KEY_NAMES) or not isinstance(known, str):
        return
    try:
        is_same = base_url_from_text(known).origin == base_url_from_text(text).origin
    except InvalidBaseUrl:
        return
    if not is_same:
        raise UsageError(
            f"profile {profile} holds the key of another host",
            hint=f"newapi login {text} stores both, or newapi config unset the key first",
        )


def _ensure_says_something(name: str, value: object) -> None:
    """Refuse an empty text: everywhere it counts as unset, and one in a list says nothing."""
    for text in value if isinstance(value, list) else [value]:
        is_blank = isinstance(text, str) and not (text if name == "stop" else text.strip())
        if is_blank:
            raise UsageError(f"{name} must not be empty", hint=f"newapi config unset {name}")


def _ensure_is_style(context: Context, name: str) -> None:
    """Refuse a style that the next answer would only fail by."""
    context.override(code_style=name)
    context.forget_settings()
    try:
        load_theme(context)
    except ConfigError as problem:
        raise UsageError(problem.message, hint=problem.hint) from problem


def _ensure_known(name: str) -> None:
    if name not in BY_NAME:
        raise UsageError(
            f"there is no setting {quote_name(name)}{suggestion(name, BY_NAME)}",
            hint="newapi config list --all",
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.add_typer(config_app, name="config")
