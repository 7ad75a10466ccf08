"""Settings: listed, changed in the config file, or changed by a conversation for its own run.

tomlkit (30 ms) is imported when the file is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.hints import words_of_run
from newapi_cli.app.output import load_theme
from newapi_cli.config.fields import BY_NAME, FIELDS, Kind
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.proxy import proxy_url_from_text
from newapi_cli.domain.rates import AUTO_GROUP
from newapi_cli.domain.settings import KeyKind, Origin, Source
from newapi_cli.errors import ConfigError, UsageError, profile_command
from newapi_cli.i18n import reword, tr
from newapi_cli.render.rows import Column, output_form, value_text, write_rows
from newapi_cli.render.status_lines import print_warning
from newapi_cli.text import near_names, quote_name

MAX_GROUPS = 8  # named in an error
PROFILE = "profile"  # listed with the settings, but not one of a profile
KEY_NAMES = [kind.value for kind in KeyKind]
HOST_SETTINGS = ["headers", "client_cert"]  # for the profile's host only, as its key is
HEADERS_EXAMPLE = """'{"X-Name": "value", "X-Token": {"command": "pass show token"}}'"""
FILES = ("client_cert", "client_key")  # a relative path is one of the config folder
COLUMNS: list[Column[Setting]] = [
    Column(tr("setting"), lambda row: row.name, lambda row: row.name),
    Column(tr("value"), lambda row: row.readable_value, lambda row: row.value),
    Column(tr("origin"), lambda row: row.readable_origin, lambda row: row.origin),
    Column(tr("description"), lambda row: row.description, min_width=80),
]
# Everything about a request and the display of its answer, nothing about where it is sent.
RUN_SETTINGS = (
    "temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "stop", "seed",
    "effort", "options", "stream", "reasoning", "usage", "theme", "code_style", "timeout",
    "retries", "require_finish_reason", "fallback", "group",
)  # fmt: skip

COMMANDS_FOR = {"model": "/model NAME", "system": "/system TEXT", PROFILE: "/profile NAME"}


class Setting(NamedTuple):
    """A setting as text; `value` and `origin` are empty where it is not set."""

    name: str
    value: str
    origin: str
    readable_origin: str = ""

    @property
    def description(self) -> str:
        """What the setting does."""
        return tr("profile in use") if self.name == PROFILE else BY_NAME[self.name].help

    @property
    def readable_value(self) -> str:
        """The value as it is typed: a list of names with commas between them if possible."""
        if not self.value or self.name not in BY_NAME or BY_NAME[self.name].kind is not Kind.NAMES:
            return self.value
        names = BY_NAME[self.name].parse(self.value)
        text = ", ".join(map(str, names)) if isinstance(names, list) else ""
        return text if text and BY_NAME[self.name].parse(text) == names else self.value


def list_settings(context: Context, *, all_settings: bool, json: bool) -> None:
    """Print the settings of this run, each with its origin, on request also those not set."""
    settings = context.settings
    rows = [_setting_from(PROFILE, settings.profile, settings.origins[PROFILE])]
    for field in FIELDS:
        setting = _setting(context, field.name)
        if setting is None and all_settings:
            setting = _setting_from(field.name, "", Origin(Source.DEFAULT))
        if setting is not None:
            rows.append(setting)
    write_rows(
        context.streams,
        output_form(context.streams, json=json),
        COLUMNS,
        rows,
        as_json=lambda rows: {row.name: {"value": row.value, "origin": row.origin} for row in rows},
    )
    if settings.key is None and settings.key_problem:
        context.streams.print_err(tr("note: {problem}", problem=settings.key_problem))
    base_url, bound = settings.base_url, context.bound_settings
    for name in HOST_SETTINGS:
        if name in settings.values and base_url and not bound.includes(name, base_url):
            text = tr(
                "note: the setting {name} of profile {profile} is for a host other than {host}, and"
                " not used",
                name=name,
                profile=quote_name(settings.profile),
                host=base_url.authority,
            )
            context.streams.print_err(text)


def print_setting(context: Context, name: str) -> None:
    """Print the value of one setting.

    Raises `ConfigError` if it is not set.
    """
    if name == PROFILE:
        context.streams.stdout.write(f"{context.settings.profile}\n")
        return
    _ensure_known(name)
    setting = _setting(context, name)
    if setting is None:
        hint = profile_command("newapi config set", f"{name} VALUE")
        raise ConfigError(tr("{name} is not set", name=name), hint=hint)
    context.streams.stdout.write(f"{setting.value}\n")


def set_setting(context: Context, name: str, text: str) -> None:
    """Store a setting in the profile.

    Raises `UsageError` for an invalid one.
    """
    _ensure_known(name)
    if name == KeyKind.VALUE.value:
        raise UsageError(
            tr("a key on the command line would be visible to other users"),
            hint=tr(
                "{login}, or {login_stdin}",
                login=profile_command("newapi login"),
                login_stdin=profile_command("newapi login", "--stdin"),
            ),
        )
    value = _parse(name, text)
    profile = context.settings.profile
    _ensure_not_blank(name, value)
    base_url: BaseUrl | None = None
    if name == "base_url":
        with suppress(InvalidBaseUrl):  # reported below
            base_url = base_url_from_text(text)
            ensure_same_host(context, profile, base_url, [*KEY_NAMES, *HOST_SETTINGS])
    if name in FILES:
        value = os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111  # they never raise
    if name == "code_style":
        _ensure_style_exists(context, str(value))
    if name == "group":
        _ensure_group_exists(context, str(value))
    set_in_profile(context, profile, {name: value})
    done = tr("Set {name} in profile {profile}", name=name, profile=quote_name(profile))
    _confirm(context, done)
    if base_url is not None and str(base_url) != text.strip().rstrip("/"):
        note = tr("  as {stored}; its API is at {url}", stored=base_url, url=base_url.api_url)
        context.streams.print_err(note)
    if isinstance(value, dict) and name == "headers":
        _warn_about_headers(context, value)
    _report_overriding_keys(context, profile, name)


def _report_overriding_keys(context: Context, profile: str, name: str) -> None:
    """Report that another setting of the key overrides the one that was set."""
    overriding = KEY_NAMES[: KEY_NAMES.index(name)] if name in KEY_NAMES else []
    for other in overriding:
        if other in context.config_file.profiles.get(profile, {}):
            text = tr(
                "  no effect: {other} overrides it; {command}",
                other=other,
                command=profile_command("newapi config unset", other),
            )
            context.streams.print_err(reword(text, words_of_run(context)))


def unset_setting(context: Context, name: str) -> None:
    """Remove a setting from the profile."""
    profile = context.settings.profile
    quoted = quote_name(profile)
    if unset_in_profile(context, profile, (name,)):
        _confirm(context, tr("Removed {name} from profile {profile}", name=name, profile=quoted))
        return
    _ensure_known(name)
    text = tr("{name} is not set in profile {profile}", name=name, profile=quoted)
    context.streams.print_err(text)


def set_in_profile(context: Context, profile: str, values: Mapping[str, object]) -> None:
    """Write values of a profile. The first profile becomes the default."""
    from newapi_cli.config.edit import set_values

    path, config = context.paths.config_file, context.config_file
    others = [name for name, table in config.profiles.items() if name != profile and table]
    if config.default_profile is None and len(others) == 1:
        set_values(path, others[0], {}, make_default=True)
    is_first = config.default_profile is None and not others
    set_values(path, profile, values, make_default=is_first)


def unset_in_profile(context: Context, profile: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Remove values of a profile; return the names that were set."""
    from newapi_cli.config.edit import unset_values

    return unset_values(context.paths.config_file, profile, names)


def create_config_file(context: Context) -> Path:
    """Return the path of the config file, created if it does not exist."""
    from newapi_cli.config.edit import create_config_file as create

    create(context.paths.config_file)
    return context.paths.config_file


def allow_new_profile(context: Context, name: str) -> None:
    """Accept a profile that is not in the config file yet."""
    profiles = {**context.config_file.profiles, name: {}}
    context.config_file = replace(context.config_file, profiles=profiles)


def _confirm(context: Context, text: str) -> None:
    context.streams.print_err(tr("{text} ({path})", text=text, path=context.paths.config_file))


def _setting(context: Context, name: str) -> Setting | None:
    """Return a setting that is set, redacted."""
    settings, origin = context.settings, context.settings.origins.get(name)
    value = settings.values.get(name)
    if name == "base_url":
        value = None if settings.base_url is None else str(settings.base_url)
    elif name == "proxy" and isinstance(value, str) and "@" in value:
        value = proxy_url_from_text(value)  # in this form its password is redacted
    elif name == "headers" and isinstance(value, dict):
        from newapi_cli.config.headers import masked

        value = masked(value)
    elif settings.key is not None and name == settings.key.kind.value:
        secret = settings.key.text
        value = str(secret) if settings.key.kind is KeyKind.VALUE else secret.reveal()
    if value is None or origin is None:
        return None
    return _setting_from(name, context.streams.redact(value_text(value)), origin)


def _setting_from(name: str, value: str, origin: Origin) -> Setting:
    return Setting(name, value, str(origin), origin.readable)


def ensure_same_host(
    context: Context, profile: str, base_url: BaseUrl, names: Sequence[str]
) -> None:
    """Raise `UsageError` for another host than the one that settings of the profile belong to."""
    stored = context.config_file.profiles.get(profile, {})
    known, bound = stored.get("base_url"), [name for name in names if stored.get(name)]
    if not bound or not isinstance(known, str):
        return
    try:
        is_same = base_url_from_text(known).origin == base_url.origin
    except InvalidBaseUrl:
        return
    if is_same:
        return
    if bound[0] in KEY_NAMES:
        raise UsageError(
            tr("profile {profile} has a key for another host", profile=quote_name(profile)),
            hint=tr(
                "`{login}` stores both; or unset the key first",
                login=profile_command("newapi login", base_url.quoted),
            ),
        )
    raise UsageError(
        tr(
            "profile {profile} has {name} for another host",
            profile=quote_name(profile),
            name=bound[0],
        ),
        hint=tr(
            "use another profile: newapi login {url} -P NAME; or {unset}",
            url=base_url.quoted,
            unset=profile_command("newapi config unset", bound[0]),
        ),
    )


def _warn_about_headers(context: Context, headers: Mapping[str, object]) -> None:
    if any(isinstance(value, str) for value in headers.values()):
        text = tr(
            "a value on the command line is visible to other users; for a secret use"
            " {example}, or: newapi config edit",
            example='{"NAME": {"command": "COMMAND"}}',
        )
        print_warning(context.streams, text)


def _ensure_not_blank(name: str, value: object) -> None:
    """Raise `UsageError` for an empty text, which counts as unset everywhere."""
    for text in value if isinstance(value, list) else [value]:
        is_blank = isinstance(text, str) and not (text if name == "stop" else text.strip())
        if is_blank:
            hint = profile_command("newapi config unset", name)
            raise UsageError(tr("{name} must not be empty", name=name), hint=hint)


def _ensure_style_exists(context: Context, name: str) -> None:
    """Raise `UsageError` for a code style that the next answer would fail with."""
    context.override(code_style=name)
    context.forget_settings()
    try:
        load_theme(context)
    except ConfigError as problem:
        raise UsageError(problem.message, hint=problem.hint) from problem


def _ensure_group_exists(context: Context, name: str) -> None:
    """Raise `UsageError` for a group that neither the site nor the log of the key names.

    The groups of a site are published with its prices, which are fetched if they are due.
    """
    from newapi_cli.app.gateway.gateway import Gateway

    gateway = Gateway(context)
    prices = None if context.settings.base_url is None else gateway.prices.load()
    if prices is None or not prices.group_ratios:
        context.streams.print_err(
            tr("cannot check {name}: the groups of the gateway are not known yet", name=name)
        )
        return
    key, groups = context.settings.key, list(prices.group_ratios)
    if key is not None and key.kind is not KeyKind.COMMAND:
        with suppress(ConfigError):  # the key cannot be read
            groups += gateway.key_log.rates.ratios
    if name in (*groups, AUTO_GROUP):
        return
    names = near_names(name, groups) or sorted(groups)[:MAX_GROUPS]
    raise UsageError(
        tr("the gateway has no group {name}", name=quote_name(name)),
        why=tr("it publishes {names}", names=", ".join(sorted(prices.group_ratios)[:MAX_GROUPS])),
        hint=tr("use {names}", names=" or ".join(names)),
    )


def _parse(name: str, text: str) -> object:
    """Return the value of a setting that is typed as text."""
    try:
        return BY_NAME[name].parse(text)
    except ValueError as problem:
        hint = profile_command("newapi config set", f"headers {HEADERS_EXAMPLE}")
        raise UsageError(
            tr("{name} {problem}", name=name, problem=problem),
            hint=hint if name == "headers" else "",
        ) from None


def _ensure_known(name: str) -> None:
    if name in BY_NAME:
        return
    if name == PROFILE:
        raise UsageError(
            tr("profile is not a setting of a profile"),
            hint=tr("use -P NAME or NEWAPI_PROFILE, or set default_profile: newapi config edit"),
        )
    hint = tr(
        "`{command}` lists all settings", command=profile_command("newapi config list", "--all")
    )
    raise _unknown_setting(name, BY_NAME, hint=hint)


def _unknown_setting(name: str, known: Iterable[str], *, hint: str) -> UsageError:
    message = tr("unknown setting {name}", name=quote_name(name))
    if near := near_names(name, known, limit=1):
        message = tr("{problem}; did you mean {near}?", problem=message, near=near[0])
    return UsageError(message, hint=hint)


# -- for the run of a conversation ----------------------------------------------------------------


def run_settings(context: Context) -> list[Setting]:
    """Return all settings that a conversation can change."""
    return [run_setting(context, name) for name in RUN_SETTINGS]


def run_setting(context: Context, name: str) -> Setting:
    """Return one setting.

    Raises `UsageError` for a name that a conversation cannot change.
    """
    if name in COMMANDS_FOR:
        raise UsageError(tr("{name} cannot be changed by /set", name=name), hint=COMMANDS_FOR[name])
    if name in BY_NAME and name not in RUN_SETTINGS:
        command = profile_command("newapi config set", f"{name} VALUE")
        if BY_NAME[name].is_secret:
            command = profile_command("newapi login")
        hint = tr("for later runs: {command}", command=command)
        raise UsageError(tr("{name} cannot be changed in a conversation", name=name), hint=hint)
    if name not in RUN_SETTINGS:
        raise _unknown_setting(name, RUN_SETTINGS, hint=tr("/set lists all settings"))
    value = context.settings.values.get(name)
    origin = context.settings.origins.get(name)
    if value is None or origin is None:
        return Setting(name, "", "")
    where = tr("this run") if origin.source is Source.FLAG else origin.readable
    return Setting(name, context.streams.redact(value_text(value)), str(origin), where)


def set_run_setting(context: Context, name: str, text: str) -> Setting:
    """Set a value for this run."""
    run_setting(context, name)
    context.override(**{name: _parse(name, text)})
    context.forget_settings()
    return run_setting(context, name)


def unset_run_setting(context: Context, name: str) -> Setting:
    """Remove the value of this run and return the one that is in effect again."""
    run_setting(context, name)
    context.overrides.pop(name, None)
    context.forget_settings()
    return run_setting(context, name)


def switch_profile(context: Context, name: str) -> None:
    """Use another profile from now on."""
    profiles = context.config_file.profiles
    if name not in profiles:
        hint = ""
        if near := near_names(name, profiles, limit=1):
            hint = tr("use {name}", name=quote_name(near[0]))
        elif profiles:
            hint = tr("use one of {names}", names=", ".join(map(quote_name, profiles)))
        raise ConfigError(tr("unknown profile {name}", name=quote_name(name)), hint=hint)
    context.use_profile(name)
