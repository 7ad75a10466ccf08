"""`newapi login` and `logout`: a gateway and its key, tried before they are stored."""

from typing import Annotated

import typer

from newapi_cli.cli.context import Context
from newapi_cli.cli.options import command
from newapi_cli.config.connection import Connection, connection_from_text
from newapi_cli.config.secrets import checked_key, ensure_may_travel
from newapi_cli.domain.catalog import ModelInfo
from newapi_cli.domain.profile import Secret
from newapi_cli.errors import UsageProblem
from newapi_cli.render.sanitise import safe_line

MAX_PIPED_BYTES = 64 * 1024


@command
def login(
    context: Context,
    url: Annotated[
        str | None,
        typer.Argument(
            help="the gateway's address in any form, or the console's copied connection info",
            show_default=False,
        ),
    ] = None,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="read the key (or the connection info) from stdin")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="try the key before it is stored")
    ] = True,
) -> None:
    """Store a gateway and its key, after trying both.

    [dim]newapi login https://gateway.example[/dim]
    [dim]pass show gateway | newapi login https://gateway.example --stdin[/dim]
    """
    context.allow_new_profile()
    connection, key = _asked(context, url, from_stdin=from_stdin)
    context.hide(key)
    models: list[ModelInfo] = []
    if check:
        client = context.client(connection.base_url, key)
        models = context.gateway.models_by(client)
        context.streams.tell(f"{connection.base_url} answers: {len(models)} models for this key")
    profile = context.settings.profile
    values: dict[str, object] = {"base_url": str(connection.base_url), "api_key": key.reveal()}
    chosen = _default_model(context, models)
    if chosen:
        values["model"] = chosen
    before = context.config_file.profiles.get(profile, {}).get("api_key")
    context.config_editor.set(profile, values)
    if before not in (None, key.reveal()):
        context.streams.tell(f"it replaces the key that profile {profile} had")
    context.gateway.remember_names(models)
    context.streams.tell(f"stored as profile {profile} in {context.paths.config_file}")
    if not chosen and not context.settings.text("model"):
        context.streams.tell("next: newapi models, then newapi config set model NAME")


@command
def logout(context: Context) -> None:
    """Remove the key of the profile from the config file."""
    profile = context.settings.profile
    removed = context.config_editor.unset(profile, ("api_key", "api_key_command", "api_key_file"))
    if removed:
        context.streams.tell(f"removed {', '.join(removed)} from profile {profile}")
    else:
        context.streams.tell(f"profile {profile} holds no key")


def _asked(context: Context, url: str | None, *, from_stdin: bool) -> tuple[Connection, Secret]:
    """Get address and key from argument, standard input and, on a terminal, by asking."""
    piped = _piped(context) if from_stdin else ""
    if piped.lstrip().startswith("{"):
        connection = connection_from_text(piped)
        piped = connection.key or ""
    elif url is not None:
        connection = connection_from_text(url)
    else:
        connection = _known_or_asked(context, from_stdin=from_stdin)
    ensure_may_travel(connection.base_url, allow_insecure=context.settings.flag("allow_insecure"))
    if from_stdin:
        return connection, checked_key(piped, "standard input")
    if connection.key is not None:
        return connection, checked_key(connection.key, "the connection info")
    context.ask_allowed("the key; pipe it in with --stdin")
    typed = typer.prompt(f"API key for {connection.base_url} (hidden)", hide_input=True, err=True)
    return connection, checked_key(typed, "the prompt")


def _known_or_asked(context: Context, *, from_stdin: bool) -> Connection:
    if context.settings.base_url is not None:
        return Connection(context.settings.base_url)
    if from_stdin:
        raise UsageProblem("no address is known", hint="newapi login https://HOST --stdin")
    context.ask_allowed("the gateway's address")
    return connection_from_text(
        typer.prompt("Address of the gateway (or its copied connection info)", err=True)
    )


def _piped(context: Context) -> str:
    data, is_whole = context.streams.stdin.read_up_to(MAX_PIPED_BYTES)
    if not is_whole:
        raise UsageProblem("standard input is too long for a key")
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def _default_model(context: Context, models: list[ModelInfo]) -> str:
    """Give the model to store: the only one, or the one that the person names."""
    if context.settings.text("model") or not models:
        return ""
    if len(models) == 1:
        context.streams.tell(f"model: {safe_line(models[0].id)}")
        return models[0].id
    if not context.streams.are_interactive:
        return ""
    shown = ", ".join(safe_line(model.id) for model in models[:12])
    context.streams.tell(f"models: {shown}{', …' if len(models) > 12 else ''}")
    name = str(
        typer.prompt("Model to use (Enter: none yet)", default="", show_default=False, err=True)
    )
    return name.strip()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.command("logout")(logout)
