"""The settings of one run, from options, environment, config file and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from newapi_cli.config.cache import split_model_names
from newapi_cli.config.fields import BY_NAME, FIELDS
from newapi_cli.config.file import ConfigFile, near_name_hint
from newapi_cli.config.key_scope import OPENAI_URL, find_key
from newapi_cli.config.layers import Layers, SettingValue, base_url_from_setting
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import DEFAULT_PROFILE, KeyKind, Origin, Settings, Source, Timeouts
from newapi_cli.errors import ConfigError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

NO_BASE_URL_HINT = tr(
    "run `{login}`, or set NEWAPI_BASE_URL and NEWAPI_API_KEY",
    login=profile_command("newapi login"),
)
# These depend on one another, see `find_base_url` and `key_scope.find_key`.
COMBINED = frozenset({"base_url", *(kind.value for kind in KeyKind)})
# `timeout` sets those of them that are not set.
SILENCE_TIMEOUTS = (
    "first_byte_timeout",
    "first_content_timeout",
    "idle_timeout",
    "content_idle_timeout",
)


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


def find_base_url(layers: Layers) -> tuple[BaseUrl, Origin] | None:
    """Return the base URL in effect and its origin; `OPENAI_BASE_URL` is used last."""
    setting = layers.find(BY_NAME["base_url"]) or layers.find_openai_variable(OPENAI_URL)
    return (base_url_from_setting(setting), setting[1]) if setting else None


def model_and_fallbacks(settings: Settings, cache_dir: Path) -> list[str]:
    """Return the model, empty if none is set, and the models to try in turn if it fails.

    Names after a comma override the setting `fallback`: `a,` has no fallback.
    """
    text, stored = settings.text("model"), settings.values.get("fallback")
    names = split_model_names(text, cache_dir)
    if len(names) <= 1 and not text.rstrip().endswith(",") and isinstance(stored, list):
        names += [str(name).strip() for name in stored]
    return [name for name in names if name] or [""]
