"""File, environment and flags to one frozen `Settings`, each value with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from newapi_cli.config.fields import BY_NAME, FIELDS, Field
from newapi_cli.config.file import ConfigFile
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.profile import KeyKind, KeySource, Origin, Secret, Settings, Source, Timeouts
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.text import quote_name, suggestion

Found = tuple[object, Origin]

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False)  # the environment holds keys
class Layers:
    """The places where a setting can stand, for one chosen profile."""

    config: ConfigFile
    profile: str
    overrides: Mapping[str, object]
    environ: Mapping[str, str]

    @property
    def table(self) -> Mapping[str, object]:
        """Give the profile's own values; an unknown profile has none."""
        return self.config.profiles.get(self.profile, NOTHING)

    def find(self, field: Field) -> Found | None:
        """Give the strongest value and its origin, or nothing where it is not set anywhere."""
        flag = self.overrides.get(field.name)
        if flag is not None:
            return flag, Origin(Source.FLAG, field.flag)
        found = self.find_in_environment(field) or self.find_in_profile(field)
        if found is None and field.default is not None:
            return field.default, Origin(Source.DEFAULT)
        return found

    def find_in_environment(self, field: Field) -> Found | None:
        """Give the variable's value; an empty variable is an unset one. Raises `ConfigError`."""
        text = self.environ.get(field.variable, "")
        if not text.strip():
            return None
        try:
            return field.parse(text), Origin(Source.ENVIRONMENT, field.variable)
        except ValueError as problem:
            raise ConfigError(
                f"{field.variable} {problem}", hint=f"unset {field.variable}, or change it"
            ) from None

    def find_in_profile(self, field: Field) -> Found | None:
        """Give the profile's value; an empty text is an unset one. Raises `ConfigError`."""
        value = self.table.get(field.name)
        if value is None or value == "":
            return None
        try:
            return field.check(value), Origin(Source.PROFILE, self.profile)
        except ValueError as problem:
            raise ConfigError(
                f"{field.name} of profile {quote_name(self.profile)} {problem}",
                why=str(self.config.path),
                hint="newapi login" if field.is_secret else f"newapi config set {field.name} VALUE",
            ) from None


def choose_profile(
    config: ConfigFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[str, Origin]:
    """Give the profile in force: flag, variable, default_profile, the only one, or `default`.

    Raises `ConfigError` for one that was named for this run and does not exist.
    """
    flag, variable = overrides.get("profile"), environ.get("NEWAPI_PROFILE", "")
    if isinstance(flag, str):
        return _existing(config, flag, Origin(Source.FLAG, "--profile"))
    if variable:
        return _existing(config, variable, Origin(Source.ENVIRONMENT, "NEWAPI_PROFILE"))
    if config.default_profile is not None:
        return config.default_profile, Origin(Source.PROFILE, "default_profile")
    if len(config.profiles) == 1:
        return next(iter(config.profiles)), Origin(Source.DEFAULT)
    return "default", Origin(Source.DEFAULT)


def _existing(config: ConfigFile, name: str, origin: Origin) -> tuple[str, Origin]:
    if name in config.profiles:
        return name, origin
    known = ", ".join(quote_name(profile) for profile in config.profiles)
    raise ConfigError(
        f"there is no profile {quote_name(name)} ({origin.name})"
        f"{suggestion(name, config.profiles)}",
        why=f"the profiles are: {known}" if known else f"{config.path} holds no profile",
        hint="newapi login --profile NAME",
    )


MATCHED = frozenset({"base_url", *(kind.value for kind in KeyKind)})
SILENCES = ("first_byte_timeout", "first_content_timeout", "idle_timeout", "content_idle_timeout")


def load_settings(
    config: ConfigFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> Settings:
    """Give the settings of one run: flag > environment > profile > default, for every value.

    `overrides` holds what stood on the command line, already typed and checked there, under the
    names of the fields and `profile`; `None` means not given. Raises `ConfigError`.
    """
    profile, profile_origin = choose_profile(config, overrides, environ)
    layers = Layers(config, profile, overrides, environ)
    found = _with_silences(_plain_fields(layers))
    base = find_base_url(layers)
    key, key_problem = find_key(layers, base)
    origins = {"profile": profile_origin} | {name: origin for name, (_, origin) in found.items()}
    if base:
        origins["base_url"] = base[1]
    if key:
        origins[key.kind.value] = key.origin
    values = {name: value for name, (value, _) in found.items()}
    return Settings(
        profile=profile,
        base_url=base[0] if base else None,
        key=key,
        key_problem=key_problem or ("" if key else _no_choice(config, profile)),
        timeouts=_timeouts(values),
        values=MappingProxyType(values),
        origins=MappingProxyType(origins),
    )


def _plain_fields(layers: Layers) -> dict[str, Found]:
    candidates = ((row.name, layers.find(row)) for row in FIELDS if row.name not in MATCHED)
    return {name: found for name, found in candidates if found is not None}


def _with_silences(found: dict[str, Found]) -> dict[str, Found]:
    """Let `timeout` stand for the four silences that are not set themselves."""
    if "timeout" not in found:
        return found
    unset = [name for name in SILENCES if found[name][1].source is Source.DEFAULT]
    return found | dict.fromkeys(unset, found["timeout"])


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


def _no_choice(config: ConfigFile, profile: str) -> str:
    if not config.profiles or profile in config.profiles:
        return ""
    known = ", ".join(quote_name(name) for name in config.profiles)
    return f"no profile is chosen: set default_profile, or use --profile with one of {known}"


OPENAI_URL = "OPENAI_BASE_URL"
OPENAI_KEY = "OPENAI_API_KEY"


def find_base_url(layers: Layers) -> tuple[BaseUrl, Origin] | None:
    """Give the base URL in force: flag, variable, profile, then `OPENAI_BASE_URL`."""
    found = layers.find(BY_NAME["base_url"]) or _openai(layers, OPENAI_URL)
    return (_base_url(found), found[1]) if found else None


def find_key(layers: Layers, base: tuple[BaseUrl, Origin] | None) -> tuple[KeySource | None, str]:
    """Give the key that may go to the base URL in force, or why there is none.

    The reason is empty where no key is set at all. No key is read and no command is run.
    """
    for kind in KeyKind:
        if found := layers.find_in_environment(BY_NAME[kind.value]):
            return _source(kind, found), ""
    mine, problem = _profile_key(layers), ""
    if mine is not None:
        problem = _why_not(layers, base)
        if not problem:
            return mine, ""
    openai = _openai(layers, OPENAI_KEY)
    if openai and base and base[1].name == OPENAI_URL:
        return _source(KeyKind.VALUE, openai), ""
    if openai and not problem:
        problem = f"{OPENAI_KEY} goes to {OPENAI_URL} only, and that is not the base URL in force"
    return None, problem


def _profile_key(layers: Layers) -> KeySource | None:
    for kind in KeyKind:
        if found := layers.find_in_profile(BY_NAME[kind.value]):
            return _source(kind, found)
    return None


def _why_not(layers: Layers, base: tuple[BaseUrl, Origin] | None) -> str:
    """Say why the profile's key may not go to the base URL in force; empty if it may."""
    profile = f"profile {quote_name(layers.profile)}"
    home = layers.find_in_profile(BY_NAME["base_url"])
    if home is None:
        return f"{profile} has a key but no base_url, so the key belongs to no host"
    if base is None:
        return ""
    own, other = _base_url(home), base[0]
    if own.origin == other.origin:
        return ""
    names = (own.authority, other.authority)
    if names[0] == names[1]:
        names = (f"{own.scheme}://{names[0]}", f"{other.scheme}://{names[1]}")
    return f"the key of {profile} belongs to {names[0]}, not to {names[1]}"


def _source(kind: KeyKind, found: Found) -> KeySource:
    value, origin = found
    return KeySource(kind, Secret(str(value)), origin)


def _openai(layers: Layers, variable: str) -> Found | None:
    text = layers.environ.get(variable, "")
    return (text, Origin(Source.ENVIRONMENT, variable)) if text.strip() else None


def _base_url(found: Found) -> BaseUrl:
    text, origin = found
    try:
        return base_url_from_text(str(text))
    except InvalidBaseUrl as problem:
        where = f"base_url of profile {quote_name(origin.name)}"
        if origin.source is not Source.PROFILE:
            where = origin.name
        error = UsageError if origin.source is Source.FLAG else ConfigError
        raise error(
            f"{where} is no base URL: {problem}",
            hint="give it as https://HOST, as the gateway's console shows it",
        ) from None
