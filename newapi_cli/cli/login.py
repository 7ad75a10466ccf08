"""`newapi login` and `logout`: a gateway and its key, tried before they are stored."""

import re
from typing import Annotated

import typer

from newapi_cli.app.config_edit import allow_new_profile, set_in_profile, unset_in_profile
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.prompts import ask
from newapi_cli.cli.options import command
from newapi_cli.config.connection_info import connection_info_from_text
from newapi_cli.config.keys import ensure_key_may_be_sent, key_from_text
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.models import ModelInfo
from newapi_cli.domain.profile import Secret
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.text import MAX_NAME, is_plain_name

MAX_PIPED_BYTES = 64 * 1024
INFO = "the connection info"
LONG_WORD = re.compile(r"[^\W_]{32}")  # keys hold such, names of models do not


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
    _allow_new_profile(context)
    base_url, key = _asked(context, url, from_stdin=from_stdin)
    context.secrets.append(key)
    gateway = Gateway(context)
    models: list[ModelInfo] = []
    if check:
        models = gateway.models.fetch(context.client(context.endpoint(base_url, key)))
        context.streams.print_err(f"{base_url} answers: {len(models)} models for this key")
    _store(context, {"base_url": str(base_url), "api_key": key.reveal()})
    _tell_what_rules(context, base_url, key)
    gateway.models.remember_names(models)
    has_model = bool(context.settings.text("model"))
    try:
        if not has_model and (chosen := _default_model(context, models, key)):
            set_in_profile(context, context.settings.profile, {"model": chosen})
            has_model = True
    finally:  # Ctrl-C at the question leaves a profile that wants nothing but a model
        if not has_model:
            profile = context.overrides.get("profile")
            of = f" -P '{profile}'" if profile else ""
            context.streams.print_err(
                f"next: newapi models{of}, then newapi config set model NAME{of}"
            )


def _store(context: Context, values: dict[str, str]) -> None:
    profile = context.settings.profile
    before = context.config_file.profiles.get(profile, {}).get("api_key")
    set_in_profile(context, profile, values)
    if before not in (None, values["api_key"]):
        context.streams.print_err(f"it replaces the key that profile {profile} had")
    context.streams.print_err(f"stored as profile {profile} in {context.paths.config_file}")


def _tell_what_rules(context: Context, base_url: BaseUrl, key: Secret) -> None:
    """Name the variables that will be asked for in place of what has just been stored."""
    settings = context.settings
    origin, source = settings.origins.get("base_url"), settings.key
    names = []
    if origin is not None and settings.base_url != base_url:
        names.append(origin.name)
    if source is not None and source.text.reveal().strip() != key.reveal():
        names.append(source.origin.name)
    for name in names:
        if name.startswith("NEWAPI_"):
            context.streams.print_err(
                f"warning: {name} is set to another one, and rules: unset {name}"
            )


@command
def logout(context: Context) -> None:
    """Remove the key of the profile from the config file."""
    profile = context.settings.profile
    removed = unset_in_profile(context, profile, ("api_key", "api_key_command", "api_key_file"))
    if removed:
        context.streams.print_err(f"removed {', '.join(removed)} from profile {profile}")
    else:
        context.streams.print_err(f"profile {profile} holds no key")


def _allow_new_profile(context: Context) -> None:
    """Accept a new profile. Raises `UsageError` for a name that could not be stored later."""
    name = str(
        context.overrides.get("profile") or context.streams.environ.get("NEWAPI_PROFILE") or ""
    )
    if not name or name in context.config_file.profiles:
        return
    if not is_plain_name(name):
        raise UsageError(
            f"a profile name is short words of letters and digits, {MAX_NAME} characters in all",
            hint="newapi login --profile work",
        )
    allow_new_profile(context, name)


def _asked(context: Context, url: str | None, *, from_stdin: bool) -> tuple[BaseUrl, Secret]:
    """Get address and key from argument, standard input and, on a terminal, by asking."""
    text, where, base_url = "", INFO, None
    if url is not None:
        argument = connection_info_from_text(url)
        text, base_url = argument.key or "", argument.base_url
    if "base_url" in context.overrides:
        base_url = _the_same(base_url, context.settings.base_url)
    if from_stdin and not context.streams.stdin.is_terminal:
        if text:
            raise UsageError("the key is given twice: in the connection info, and by --stdin")
        return _with_key(context, base_url, _piped(context), "standard input")
    base_url = base_url or context.settings.base_url
    if base_url is None and not from_stdin:
        _require_terminal(context, tr("cannot ask for the gateway's address: not a terminal"))
        answer = connection_info_from_text(ask(context.streams, "Address of the gateway"))
        text, base_url = answer.key or "", answer.base_url
    if not text:
        text, where = _key_asked_for(context, base_url, from_stdin=from_stdin), "the prompt"
    return _with_key(context, base_url, text, where)


def _key_asked_for(context: Context, base_url: BaseUrl | None, *, from_stdin: bool) -> str:
    if not from_stdin:
        hint = tr("pipe it in with --stdin")
        _require_terminal(context, tr("cannot ask for the key: not a terminal"), hint)
    if base_url is None:
        return ask(context.streams, "Connection info of the gateway (hidden)", is_hidden=True)
    _ensure_may_travel(context, base_url)
    question = f"API key or connection info for {base_url} (hidden)"
    return ask(context.streams, question, is_hidden=True)


def _with_key(
    context: Context, base_url: BaseUrl | None, text: str, where: str
) -> tuple[BaseUrl, Secret]:
    """Give address and key of a text that is a key, or connection info for the same address."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        info = connection_info_from_text(text)
        base_url, text, where = _the_same(base_url, info.base_url), info.key or "", INFO
    _ensure_no_address(text, where)
    if base_url is None:
        base_url = context.settings.base_url
    if base_url is None:
        raise UsageError("no address is known", hint="newapi login https://HOST --stdin")
    _ensure_may_travel(context, base_url)
    return base_url, key_from_text(text, where)


def _ensure_no_address(text: str, where: str) -> None:
    """Refuse the address that was pasted once more: it would be sent, and stored, as the key."""
    if re.match(r"\s*(bearer\s+)?https?://", text, re.IGNORECASE):
        raise ConfigError(
            f"the key from {where} is an address, which begins with http:// or https://",
            why="nothing was sent, and nothing is stored",
            hint="copy the key with the copy button of the console; it often begins with sk-",
        )


def _require_terminal(context: Context, message: str, hint: str = "") -> None:
    if not context.streams.are_interactive:
        raise UsageError(message, hint=hint)


def _ensure_may_travel(context: Context, base_url: BaseUrl) -> None:
    ensure_key_may_be_sent(base_url, allow_insecure=context.settings.flag("allow_insecure"))


def _the_same(one: BaseUrl | None, other: BaseUrl | None) -> BaseUrl | None:
    """Give the address that two places name. Raises `UsageError` where they contradict."""
    if one is not None and other is not None and one != other:
        raise UsageError(
            f"two addresses are given: {one} and {other}",
            why="nothing was sent, and nothing is stored",
            hint="give only the one that is meant",
        )
    return one or other


def _piped(context: Context) -> str:
    data, is_whole = context.streams.stdin.read(MAX_PIPED_BYTES)
    if not is_whole:
        raise UsageError("standard input is too long for a key")
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def _default_model(context: Context, models: list[ModelInfo], key: Secret) -> str:
    """Give the model to store: the only one, or the one that the person names."""
    if len(models) == 1:
        context.streams.print_err(f"model: {safe_line(models[0].id)}")
        return models[0].id
    if not models or not context.streams.are_interactive:
        return ""
    shown = ", ".join(safe_line(model.id) for model in models[:12])
    context.streams.print_err(f"models: {shown}{', …' if len(models) > 12 else ''}")
    listed = {model.id for model in models}
    while True:
        answer = ask(context.streams, "Model to use (Enter: none yet)").strip()
        names = [name.strip() for name in answer.split(",") if name.strip()]
        unlisted = [name for name in names if name not in listed]
        if not any(_is_a_key(context, name, key) for name in (answer, *unlisted)):
            break
        context.streams.print_err("that is a key, not the name of a model: it is not stored as one")
    for name in unlisted:
        told = f"{safe_line(name)} is not among the {len(models)} models of this key"
        context.streams.print_err(f"{told}; it is stored all the same")
    return answer


def _is_a_key(context: Context, text: str, key: Secret) -> bool:
    is_known = text == key.reveal() or context.streams.redact(text) != text
    return is_known or LONG_WORD.search(text) is not None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.command("logout")(logout)
