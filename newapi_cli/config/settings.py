"""The settings of one run, from options, environment, config file and defaults.

Also which key, headers and client certificate may be sent to which host. A profile's key is sent
only to the scheme, host and port of that profile's own base URL, and `OPENAI_API_KEY` only to the
base URL of `OPENAI_BASE_URL`. A key from `NEWAPI_API_KEY`, `NEWAPI_API_KEY_COMMAND` or
`NEWAPI_API_KEY_FILE` is sent to the base URL in effect, whatever set that URL. Headers and a client
certificate belong to the host of the profile that sets them, or to the base URL in effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.config.cache import split_model_names
from newapi_cli.config.fields import BY_NAME, FIELDS, Field
from newapi_cli.config.file import ConfigFile, near_name_hint
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.settings import (
    DEFAULT_PROFILE,
    KeyKind,
    KeySource,
    Origin,
    Secret,
    Settings,
    Source,
    Timeouts,
)
from newapi_cli.errors import ConfigError, UsageError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

NO_BASE_URL_HINT = tr(
    "run `{login}`, or set NEWAPI_BASE_URL and NEWAPI_API_KEY",
    login=profile_command("newapi login"),
)
# These depend on one another, see `find_base_url` and `find_key`.
COMBINED = frozenset({"base_url", *(kind.value for kind in KeyKind)})
# `timeout` sets those of them that are not set.
SILENCE_TIMEOUTS = (
    "first_byte_timeout",
    "first_content_timeout",
    "idle_timeout",
    "content_idle_timeout",
)
OPENAI_URL = "OPENAI_BASE_URL"
OPENAI_KEY = "OPENAI_API_KEY"
URL_FORM_HINT = tr("use the form https://HOST, as the gateway's console shows it")
NOTHING: Mapping[str, object] = MappingProxyType({})

SettingValue = tuple[object, Origin]


class Layers:
    """The places where a setting can be set, for one profile."""

    def __init__(
        self,
        config: ConfigFile,
        profile: str,
        overrides: Mapping[str, object],
        environ: Mapping[str, str],
    ) -> None:
        self.config = config
        self.profile = profile
        self.overrides = overrides
        self.environ = environ

    @property
    def table(self) -> Mapping[str, object]:
        """The values of the profile; a missing profile has none."""
        return self.config.profiles.get(self.profile, NOTHING)

    def find(self, field: Field) -> SettingValue | None:
        """Return the value of option, environment, profile or default, in this order."""
        option = self.overrides.get(field.name)
        if option is not None:
            return option, Origin(Source.FLAG, field.flag)
        setting = self.find_in_environment(field) or self.find_in_profile(field)
        if setting is None and field.default is not None:
            return field.default, Origin(Source.DEFAULT)
        return setting

    def find_in_environment(self, field: Field) -> SettingValue | None:
        """Return the value of the variable; an empty one is unset."""
        text = self.environ.get(field.variable, "")
        if not text.strip():
            return None
        try:
            return field.parse(text), Origin(Source.ENVIRONMENT, field.variable)
        except ValueError as problem:
            raise ConfigError(
                tr("{name} {problem}", name=field.variable, problem=problem.args[0]),
                hint=tr("unset or change {name}", name=field.variable),
            ) from None

    def find_in_profile(self, field: Field) -> SettingValue | None:
        """Return the value in the profile; an empty text is unset."""
        value = self.table.get(field.name)
        if value is None or value == "":
            return None
        try:
            return field.check(value), Origin(Source.PROFILE, self.profile)
        except ValueError as problem:
            hint = profile_command("newapi config set", f"{field.name} VALUE")
            raise ConfigError(
                tr(
                    "{name} of profile {profile} {problem}",
                    name=field.name,
                    profile=quote_name(self.profile),
                    problem=problem.args[0],
                ),
                why=str(self.config.path),
                hint=profile_command("newapi login") if field.is_secret else hint,
            ) from None

    def find_openai_variable(self, name: str) -> SettingValue | None:
        """Return the value of a variable that OpenAI's tools use; an empty one is unset."""
        text = self.environ.get(name, "")
        return (text, Origin(Source.ENVIRONMENT, name)) if text.strip() else None


def choose_profile(
    config: ConfigFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[str, Origin]:
    """Return the profile of option, variable, default_profile, the only one, or `default`.

    Raise `ConfigError` if the option or the variable names a profile that does not exist.
    """
    flag, variable = overrides.get("profile"), environ.get("NEWAPI_PROFILE", "")
    if isinstance(flag, str):
        return _existing_profile(config, flag, Origin(Source.FLAG, "--profile"))
    if variable:
        return _existing_profile(config, variable, Origin(Source.ENVIRONMENT, "NEWAPI_PROFILE"))
    if config.default_profile is not None:
        return config.default_profile, DEFAULT_PROFILE
    if len(config.profiles) == 1:
        return next(iter(config.profiles)), Origin(Source.DEFAULT)
    return "default", Origin(Source.DEFAULT)


def _existing_profile(config: ConfigFile, name: str, origin: Origin) -> tuple[str, Origin]:
    if name in config.profiles:
        return name, origin
    known = ", ".join(quote_name(profile) for profile in config.profiles)
    why = tr("{path} has no profiles", path=config.path)
    if known:
        why = tr("the profiles are: {names}", names=known)
    raise ConfigError(
        tr("profile {name} not found (from {origin})", name=quote_name(name), origin=origin.name),
        why=why,
        hint=near_name_hint(name, config.profiles) or tr("newapi login --profile NAME"),
    )


def load_settings(
    config: ConfigFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> Settings:
    """Return the settings of one run.

    `overrides` holds the values of the command line, already parsed and checked, by the names of
    the fields and `profile`; None means not given.
    """
    profile, profile_origin = choose_profile(config, overrides, environ)
    layers = Layers(config, profile, overrides, environ)
    independent = _with_common_timeout(_independent_fields(layers))
    base = find_base_url(layers)
    key, key_problem = find_key(layers, base)
    origins = {"profile": profile_origin} | {
        name: origin for name, (_, origin) in independent.items()
    }
    if base:
        origins["base_url"] = base[1]
    if key:
        origins[key.kind.value] = key.origin
    values = {name: value for name, (value, _) in independent.items()}
    return Settings(
        profile=profile,
        base_url=base[0] if base else None,
        key=key,
        key_problem=key_problem or ("" if key else _no_profile_problem(config, profile)),
        timeouts=_timeouts(values),
        values=MappingProxyType(values),
        origins=MappingProxyType(origins),
    )


def _independent_fields(layers: Layers) -> dict[str, SettingValue]:
    settings = ((field.name, layers.find(field)) for field in FIELDS if field.name not in COMBINED)
    return {name: setting for name, setting in settings if setting is not None}


def _with_common_timeout(settings: dict[str, SettingValue]) -> dict[str, SettingValue]:
    """Return the settings with `timeout` in place of the silence timeouts that are not set."""
    if "timeout" not in settings:
        return settings
    unset = [name for name in SILENCE_TIMEOUTS if settings[name][1].source is Source.DEFAULT]
    return settings | dict.fromkeys(unset, settings["timeout"])


def _timeouts(values: Mapping[str, object]) -> Timeouts:
    def seconds(name: str) -> float:
        value = values[name]
        return float(value) if isinstance(value, (int, float)) else 0.0

    return Timeouts(
        connect_s=seconds("connect_timeout"),
        first_byte_s=seconds("first_byte_timeout"),
        first_content_s=seconds("first_content_timeout"),
        idle_s=seconds("idle_timeout"),
        content_idle_s=seconds("content_idle_timeout"),
        total_s=seconds("total_timeout"),
    )


def _no_profile_problem(config: ConfigFile, profile: str) -> str:
    if not config.profiles or profile in config.profiles:
        return ""
    known = ", ".join(quote_name(name) for name in config.profiles)
    return tr(
        "no profile is selected: set default_profile, or use --profile with one of {names}",
        names=known,
    )


def model_and_fallbacks(settings: Settings, cache_dir: Path) -> list[str]:
    """Return the model, empty if none is set, and the models to try in turn if it fails.

    Names after a comma override the setting `fallback`: `a,` has no fallback.
    """
    text, stored = settings.text("model"), settings.values.get("fallback")
    names = split_model_names(text, cache_dir) if "," in text else [text.strip()]
    if len(names) <= 1 and not text.rstrip().endswith(",") and isinstance(stored, list):
        names += [str(name).strip() for name in stored]
    return [name for name in names if name] or [""]


# -- the base URL, and what may be sent to it ------------------------------------------------------


def find_base_url(layers: Layers) -> tuple[BaseUrl, Origin] | None:
    """Return the base URL in effect and its origin; `OPENAI_BASE_URL` is used last."""
    setting = layers.find(BY_NAME["base_url"]) or layers.find_openai_variable(OPENAI_URL)
    return (base_url_from_setting(setting), setting[1]) if setting else None


def base_url_from_setting(setting: SettingValue) -> BaseUrl:
    """Return the base URL of a setting.

    Raises `ConfigError`, or `UsageError` for an option.
    """
    text, origin = setting
    try:
        return base_url_from_text(str(text))
    except InvalidBaseUrl as error:
        problem = error.args[0]
    message = tr("invalid {name}: {problem}", name=origin.name, problem=problem)
    if origin.source is Source.PROFILE:
        message = tr(
            "invalid base_url of profile {profile}: {problem}",
            profile=quote_name(origin.name),
            problem=problem,
        )
    error_type = UsageError if origin.source is Source.FLAG else ConfigError
    raise error_type(message, hint=URL_FORM_HINT)


class BoundSettings(NamedTuple):
    """The settings besides the key that are sent only to their own host.

    These are `headers`, `client_cert` and `client_key`. `own_url` is the server that `login` is
    about to make the profile's own.
    """

    settings: Settings
    config: ConfigFile
    own_url: BaseUrl | None

    def includes(self, name: str, base_url: BaseUrl) -> bool:
        """Return whether a setting is set and belongs to the host of a server."""
        if not self.settings.values.get(name):
            return False
        owner = self.own_url or self._owner(name)
        return owner is not None and owner.origin == base_url.origin

    def file(self, name: str, base_url: BaseUrl) -> str:
        """Return the path in a setting; in a profile it is relative to the config folder."""
        path = self.settings.text(name)
        if not path or not self.includes(name, base_url):
            return ""
        is_relative = self.settings.origins[name].source is Source.PROFILE and path[0] != "~"
        return str(self.config.path.parent / path) if is_relative else path

    def _owner(self, name: str) -> BaseUrl | None:
        """Return the server whose host a setting belongs to, None if it has none."""
        if self.settings.origins[name].source is not Source.PROFILE:
            return self.settings.base_url
        table = self.config.profiles.get(self.settings.profile, {})
        try:
            return base_url_from_text(str(table.get("base_url", "")))
        except InvalidBaseUrl:
            return None


def find_key(layers: Layers, base: tuple[BaseUrl, Origin] | None) -> tuple[KeySource | None, str]:
    """Return the key that may be sent to the base URL in effect, or why there is none.

    The reason is empty if no key is set at all. No key file is read and no command is run.
    """
    for kind in KeyKind:
        if setting := layers.find_in_environment(BY_NAME[kind.value]):
            return _key_source(kind, setting), ""
    profile_key, problem = _profile_key(layers), ""
    if profile_key is not None:
        problem = _host_problem(layers, base)
        if not problem:
            return profile_key, ""
    openai_key = layers.find_openai_variable(OPENAI_KEY)
    if openai_key and base and base[1].name == OPENAI_URL:
        return _key_source(KeyKind.VALUE, openai_key), ""
    if openai_key and not problem:
        problem = tr(
            "{key} is sent to {url} only, which is not the base URL in effect",
            key=OPENAI_KEY,
            url=OPENAI_URL,
        )
    return None, problem


def _profile_key(layers: Layers) -> KeySource | None:
    for kind in KeyKind:
        if setting := layers.find_in_profile(BY_NAME[kind.value]):
            return _key_source(kind, setting)
    return None


def _host_problem(layers: Layers, base: tuple[BaseUrl, Origin] | None) -> str:
    """Return why the profile's key may not be sent to the base URL; empty if it may."""
    profile = quote_name(layers.profile)
    profile_url = layers.find_in_profile(BY_NAME["base_url"])
    if profile_url is None:
        return tr(
            "profile {profile} has a key but no base_url, so the key belongs to no host",
            profile=profile,
        )
    if base is None:
        return ""
    own, other = base_url_from_setting(profile_url), base[0]
    if own.origin == other.origin:
        return ""
    names = (own.authority, other.authority)
    if names[0] == names[1]:
        names = (f"{own.scheme}://{names[0]}", f"{other.scheme}://{names[1]}")
    return tr(
        "the key of profile {profile} belongs to {host}, not to {other}",
        profile=profile,
        host=names[0],
        other=names[1],
    )


def _key_source(kind: KeyKind, setting: SettingValue) -> KeySource:
    value, origin = setting
    return KeySource(kind, Secret(str(value)), origin)
