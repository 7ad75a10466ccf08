"""Which key, headers and client certificate may be sent to which host.

A profile's key is sent only to the scheme, host and port of that profile's own base URL, and
`OPENAI_API_KEY` only to the base URL of `OPENAI_BASE_URL`. A key from `NEWAPI_API_KEY`,
`NEWAPI_API_KEY_COMMAND` or `NEWAPI_API_KEY_FILE` is sent to the base URL in effect, whatever set
that URL. Headers and a client certificate belong to the host of the profile that sets them, or to
the base URL in effect.
"""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.file import ConfigFile
from newapi_cli.config.layers import Layers, SettingValue, base_url_from_setting
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.settings import KeyKind, KeySource, Origin, Secret, Settings, Source
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

OPENAI_URL = "OPENAI_BASE_URL"
OPENAI_KEY = "OPENAI_API_KEY"


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
