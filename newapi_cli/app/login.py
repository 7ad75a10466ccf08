"""`newapi login` and `logout`: store a gateway and its key, after trying them; remove the key.

A user types or pastes a URL, a key, or the connection info of the console. Its "copy connection
info" gives `{"_type":"newapi_channel_conn","key":…,"url":…}` (QuantumNous/new-api,
web/src/lib/channel-connection-info.ts, since 2026-03-31).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from newapi_cli.app.config_edit import (
    HOST_SETTINGS,
    allow_new_profile,
    ensure_same_host,
    set_in_profile,
    unset_in_profile,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.hints import words_of_run
from newapi_cli.app.terminal_prompt import ask
from newapi_cli.config.cache import split_model_names
from newapi_cli.config.file import ensure_valid_profile_name
from newapi_cli.config.keys import ensure_key_may_be_sent, key_from_text
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.pricing import ModelInfo
from newapi_cli.domain.settings import KeyKind, Secret
from newapi_cli.errors import (
    AuthenticationError,
    ConfigError,
    GatewayError,
    LimitError,
    NewapiError,
    NextStep,
    UsageError,
    profile_command,
)
from newapi_cli.i18n import ntr, reword, tr
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.status_lines import print_warning
from newapi_cli.text import near_names, quote_name

MAX_PIPED_BYTES = 64 * 1024
CONNECTION_INFO = tr("the connection info")
LONG_WORD = re.compile(r"[^\W_]{32}")  # in keys, but not in names of models
SHOWN_MODELS = 12
NO_MODELS = tr("this key has no models; in the gateway's console, choose another group for it")
FIRST_SERVER_ERROR = 500
CLIPBOARD_TYPE = "newapi_channel_conn"
MAX_TEXT = 10_000
KEY_SHAPE = re.compile(r"(bearer\s+)?(sk-[\w-]+|[\w-]{20,})", re.IGNORECASE)
URL_HINT = tr("use the form https://HOST, or paste the connection info that the console copies")


class LoginOptions(NamedTuple):
    """The options of `newapi login`; `text` is a URL, or the console's connection info."""

    text: str | None = None
    from_stdin: bool = False
    checks: bool = True


class Credentials(NamedTuple):
    """A server and its key."""

    base_url: BaseUrl
    key: Secret


def login(context: Context, options: LoginOptions) -> None:
    """Store a gateway and its key.

    Raises `NewapiError`; then nothing is stored.
    """
    _allow_profile(context)
    credentials = _read_credentials(context, options)
    key = credentials.key
    context.secrets.append(key)
    ensure_same_host(context, context.settings.profile, credentials.base_url, HOST_SETTINGS)
    context.own_url = credentials.base_url
    gateway = Gateway(context)
    models: list[ModelInfo] = []
    if options.checks:
        credentials, models = _check_api(context, gateway, credentials)
    _store(context, credentials)
    _warn_about_variables(context, credentials)
    gateway.models.remember_names(models)
    if options.checks:
        _use_stored(context, gateway, credentials, models)
    if context.settings.text("model"):
        return
    model = ""
    try:
        model = _choose_model(context, models, key)
        if model:
            set_in_profile(context, context.settings.profile, {"model": model})
    finally:  # Ctrl-C at the prompt leaves a profile that only lacks a model
        if not model:
            text = tr(
                "next: {models}, then {command}",
                models=profile_command("newapi models"),
                command=profile_command("newapi config set", "model NAME"),
            )
            context.streams.print_err(reword(text, words_of_run(context)))


def _check_api(
    context: Context, gateway: Gateway, given: Credentials
) -> tuple[Credentials, list[ModelInfo]]:
    """Return what `_find_api` does; hints about the base URL are about the given one."""
    try:
        return _find_api(context, gateway, given)
    except NewapiError as error:
        url = given.base_url
        if url != context.settings.base_url:
            error.with_hint(
                reword(error.hint, {NextStep.CHECK_BASE_URL: _check_hint(context, url)})
            )
        raise


def _find_api(
    context: Context, gateway: Gateway, given: Credentials
) -> tuple[Credentials, list[ModelInfo]]:
    """Return the API that lists models, the given one or else another of the host, and the models.

    Raises the error of the given one if none lists models.
    """
    listed: tuple[Credentials, list[ModelInfo]] | None = None
    problem: GatewayError | None = None
    for base_url in (given.base_url, *given.base_url.alternatives()):
        credentials = given._replace(base_url=base_url)
        client = context.client(context.endpoint(base_url, given.key))
        try:
            models = gateway.models.fetch(client)
        except (AuthenticationError, LimitError) as error:
            from newapi_cli.app.error_hints import explain_refused_login

            raise explain_refused_login(context, base_url, given.key, error) from error
        except GatewayError as error:
            if error.status >= FIRST_SERVER_ERROR:
                raise
            problem = problem or error
            continue
        # New API lists models in the forms of other APIs too, but answers below /v1 only.
        is_elsewhere = gateway.lookup.last_was_new_api and base_url.api != "/v1"
        if models and not is_elsewhere:
            listed = credentials, models
            break
        listed = listed or (credentials, models)
    if listed is None:
        assert problem is not None  # or the first API would be listed
        if given.base_url.alternatives():
            problem = problem.with_hint(
                tr(
                    "check the base URL; if its server lists no models: {login}",
                    login=profile_command("newapi login", f"{given.base_url.quoted} --no-check"),
                )
            )
        raise problem
    _report_api(context, given.base_url, listed[0].base_url, len(listed[1]))
    return listed


def _report_api(context: Context, given: BaseUrl, base_url: BaseUrl, n: int) -> None:
    if base_url != given:
        text = tr(
            "no models at {given}; using {found} instead",
            given=given.api_url,
            found=base_url.api_url,
        )
        context.streams.print_err(text)
    context.streams.print_err(
        ntr(
            "{url}: key accepted, {n} model",
            "{url}: key accepted, {n:,} models",
            n,
            url=base_url,
        )
    )


def _use_stored(
    context: Context, gateway: Gateway, stored: Credentials, models: list[ModelInfo]
) -> None:
    """Warn about a key without models, and fetch its log for the prices.

    The log is not fetched if a variable overrides what was stored.
    """
    if not models:
        print_warning(context.streams, NO_MODELS)
    response = gateway.lookup.last_response
    profile, config = context.settings.profile, context.config_file
    values = {"base_url": str(stored.base_url), "api_key": stored.key.reveal()}
    table = {**config.profiles.get(profile, {}), **values}
    context.config_file = replace(config, profiles={**config.profiles, profile: table})
    context.forget_settings()
    key = context.settings.key
    is_used = key is not None and key.text.reveal().strip() == stored.key.reveal()
    if response is not None and is_used and context.settings.base_url == stored.base_url:
        gateway.lookup.remember_server(response)
        gateway.key_log.learn_at_login()


def logout(context: Context) -> None:
    """Remove the key of the profile from the config file."""
    profile = context.settings.profile
    removed = unset_in_profile(context, profile, tuple(kind.value for kind in KeyKind))
    name = quote_name(profile)
    text = tr("profile {profile} has no key", profile=name)
    if removed:
        text = tr("Removed {names} from profile {profile}", names=", ".join(removed), profile=name)
    context.streams.print_err(text)


def _check_hint(context: Context, base_url: BaseUrl) -> str:
    """Return what to do about a URL that could not be reached and is not stored."""
    command = f"newapi doctor --base-url {base_url.quoted}"
    if context.config_file.profiles.get(context.settings.profile):  # else it does not exist yet
        command = profile_command("newapi doctor", f"--base-url {base_url.quoted}")
    return tr("check the URL, or run `{command}`", command=command)


def _allow_profile(context: Context) -> None:
    """Accept a new profile.

    Raises `UsageError` for a name that could not be stored later.
    """
    name = context.overrides.get("profile") or context.streams.environ.get("NEWAPI_PROFILE")
    if not name or name in context.config_file.profiles:
        return
    ensure_valid_profile_name(str(name))
    allow_new_profile(context, str(name))


def _store(context: Context, credentials: Credentials) -> None:
    profile, key = context.settings.profile, credentials.key.reveal()
    before = context.config_file.profiles.get(profile, {}).get("api_key")
    set_in_profile(context, profile, {"base_url": str(credentials.base_url), "api_key": key})
    name, path = quote_name(profile), context.paths.config_file
    text = tr("Saved profile {profile} ({path})", profile=name, path=path)
    if before not in (None, key):
        text = tr("Replaced the key of profile {profile} ({path})", profile=name, path=path)
    context.streams.print_err(text)


def _warn_about_variables(context: Context, credentials: Credentials) -> None:
    """Warn about variables that override what has just been stored."""
    settings = context.settings
    origin, source = settings.origins.get("base_url"), settings.key
    names = []
    if origin is not None and settings.base_url != credentials.base_url:
        names.append(origin.name)
    if source is not None and source.text.reveal().strip() != credentials.key.reveal():
        names.append(source.origin.name)
    for name in names:
        if name.startswith("NEWAPI_"):
            text = tr("{name} overrides the stored value; unset {name}", name=name)
            print_warning(context.streams, text)


# -- the URL and the key --------------------------------------------------------------------------


def _read_credentials(context: Context, options: LoginOptions) -> Credentials:
    """Return URL and key from the argument, stdin, and prompts on a terminal."""
    text, origin, base_url = "", CONNECTION_INFO, None
    if options.text is not None:
        info = connection_info_from_text(options.text)
        text, base_url = info.key or "", info.base_url
    if "base_url" in context.overrides:
        base_url = _merged_url(base_url, context.settings.base_url)
    if options.from_stdin and not context.streams.stdin.is_terminal:
        if text:
            raise UsageError(tr("the key is given twice: in the connection info and by --stdin"))
        return _credentials_from_text(context, base_url, _read_stdin(context), tr("standard input"))
    base_url = base_url or context.settings.base_url
    if base_url is None and not options.from_stdin:
        _require_terminal(context, tr("cannot prompt for the gateway's URL: not a terminal"))
        info = connection_info_from_text(ask(context.streams, tr("Gateway URL")))
        text, base_url = info.key or "", info.base_url
    if not text:
        text, origin = _ask_for_key(context, options, base_url), tr("the prompt")
    return _credentials_from_text(context, base_url, text, origin)


def _ask_for_key(context: Context, options: LoginOptions, base_url: BaseUrl | None) -> str:
    if not options.from_stdin:
        hint = tr("pipe it in with --stdin")
        _require_terminal(context, tr("cannot prompt for the key: not a terminal"), hint)
    prompt = tr("Connection info of the gateway (hidden)")
    if base_url is not None:
        _ensure_may_be_sent(context, base_url)
        prompt = tr("API key or connection info for {url} (hidden)", url=base_url)
    return ask(context.streams, prompt, is_hidden=True)


def _credentials_from_text(
    context: Context, base_url: BaseUrl | None, text: str, origin: str
) -> Credentials:
    """Return URL and key from a text that is a key, or connection info for the same URL."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        info = connection_info_from_text(text)
        base_url = _merged_url(base_url, info.base_url)
        text, origin = info.key or "", CONNECTION_INFO
    _ensure_no_url(text, origin)
    base_url = base_url or context.settings.base_url
    if base_url is None:
        hint = profile_command("newapi login", "https://HOST --stdin")
        raise UsageError(tr("no base URL is set"), hint=hint)
    _ensure_may_be_sent(context, base_url)
    return Credentials(base_url, key_from_text(text, origin))


def _ensure_no_url(text: str, origin: str) -> None:
    """Raise `ConfigError` for a URL in place of the key: it would be sent and stored as the key."""
    if re.match(r"\s*(bearer\s+)?https?://", text, re.IGNORECASE):
        raise ConfigError(
            tr("the key from {origin} is a URL", origin=origin),
            why=tr("nothing was sent or stored"),
            hint=tr("use the console's copy button for the key; it often begins with sk-"),
        )


def _ensure_may_be_sent(context: Context, base_url: BaseUrl) -> None:
    ensure_key_may_be_sent(base_url, allow_insecure=context.settings.flag("allow_insecure"))


def _merged_url(one: BaseUrl | None, other: BaseUrl | None) -> BaseUrl | None:
    """Return the URL that is given in one or both of two places.

    Raises `UsageError` if they differ.
    """
    if one is not None and other is not None and one != other:
        raise UsageError(
            tr("two different URLs: {one} and {other}", one=one, other=other),
            why=tr("nothing was sent or stored"),
            hint=tr("use only one of them"),
        )
    return one or other


def _read_stdin(context: Context) -> str:
    content = context.streams.read_stdin(MAX_PIPED_BYTES)
    if not content.is_complete:
        raise UsageError(tr("standard input is too long for a key"))
    return content.data.decode("utf-8", "replace").removeprefix("\ufeff")


def _require_terminal(context: Context, message: str, hint: str = "") -> None:
    if not context.streams.are_interactive:
        raise UsageError(message, hint=hint)


# -- the model ------------------------------------------------------------------------------------


def _choose_model(context: Context, models: list[ModelInfo], key: Secret) -> str:
    """Return the model to store: the only one, or the one that the user names; else empty."""
    streams = context.streams
    if len(models) == 1:
        streams.print_err(tr("model: {name}", name=safe_line(models[0].id)))
        return models[0].id
    if not models or not streams.are_interactive:
        return ""
    listed = ", ".join(safe_line(model.id) for model in models[:SHOWN_MODELS])
    text = tr("models: {names}", names=listed)
    if len(models) > SHOWN_MODELS:
        text = tr("models: {names}, …", names=listed)
    streams.print_err(text)
    known, refused = {model.id for model in models}, ""
    while True:
        answer = ask(streams, tr("Model to use (Enter for none)")).strip()
        names = [answer] if answer in known else split_model_names(answer, context.paths.cache_dir)
        unknown = [name for name in names if name not in known]
        if any(_is_key(context, name, key) for name in (answer, *unknown)):
            streams.print_err(tr("that is a key, not a model; it is not stored"))
        elif not unknown or answer == refused:
            return answer
        else:
            streams.print_err(_not_listed(unknown[0], known))
            refused = answer


def _not_listed(name: str, known: Iterable[str]) -> str:
    if near := near_names(name, known, limit=1):
        return tr(
            "{name} is not listed for this key; did you mean {near}? To use {name}, enter it again",
            name=safe_line(name),
            near=safe_line(near[0]),
        )
    return tr("{name} is not listed for this key; to use it, enter it again", name=safe_line(name))


def _is_key(context: Context, text: str, key: Secret) -> bool:
    is_known = text == key.reveal() or context.streams.redact(text) != text
    return is_known or LONG_WORD.search(text) is not None


# -- what a user pastes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """The base URL of a gateway, and the key if there was one. The key is not checked yet."""

    base_url: BaseUrl
    key: str | None = field(default=None, repr=False)


def connection_info_from_text(text: str) -> ConnectionInfo:
    """Return what a pasted text contains.

    Raises `UsageError`, which never repeats the text.

    >>> str(connection_info_from_text("gateway.example/v1").base_url)
    'https://gateway.example'
    """
    text = text.strip().removeprefix("\ufeff").lstrip()
    if len(text) > MAX_TEXT:
        message = tr("the pasted text is longer than {limit:,} characters", limit=MAX_TEXT)
        raise UsageError(message, hint=URL_HINT)
    if text.startswith("{"):
        return _from_clipboard(text)
    return ConnectionInfo(_base_url(text))


def _from_clipboard(text: str) -> ConnectionInfo:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        # From None: the original error contains the text, and the key in it.
        raise UsageError(tr("the pasted text is incomplete or not JSON"), hint=URL_HINT) from None
    if not isinstance(values, dict) or values.get("_type") != CLIPBOARD_TYPE:
        raise UsageError(tr("the pasted JSON is not connection info of the console"), hint=URL_HINT)
    url, key = values.get("url"), values.get("key")
    if not isinstance(url, str) or not isinstance(key, str | None):
        raise UsageError(tr("the pasted connection info has no url or no key"), hint=URL_HINT)
    return ConnectionInfo(_base_url(url), (key or "").strip() or None)


def _base_url(text: str) -> BaseUrl:
    # A key is a valid host name, and a DNS lookup would disclose it.
    if KEY_SHAPE.fullmatch(text.strip()):
        raise UsageError(tr("this looks like a key; enter the gateway's URL first"), hint=URL_HINT)
    try:
        return base_url_from_text(text)
    except InvalidBaseUrl as problem:
        message = tr("invalid base URL: {problem}", problem=problem.args[0])
        raise UsageError(message, hint=URL_HINT) from None
