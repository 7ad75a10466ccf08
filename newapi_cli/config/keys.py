"""Which key may go to which host.

key                         goes to
NEWAPI_API_KEY and its kin  the base URL in force: whoever sets it for the run means it so
a profile's key             scheme, host and port of that profile's base URL
OPENAI_API_KEY              the base URL in force, if that came from OPENAI_BASE_URL
"""

from __future__ import annotations

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.layers import Found, Layers
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.profile import KeyKind, KeySource, Origin, Secret, Source
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.text import quote_name

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
