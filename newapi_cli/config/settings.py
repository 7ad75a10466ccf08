"""File, environment and flags to one frozen `Settings`, each value with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from newapi_cli.config.fields import FIELDS
from newapi_cli.config.file import ConfigFile
from newapi_cli.config.keys import find_base_url, find_key
from newapi_cli.config.layers import Found, Layers, choose_profile
from newapi_cli.domain.profile import KeyKind, Settings, Source, Timeouts
from newapi_cli.text import quote_name

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
