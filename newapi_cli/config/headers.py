"""Headers of a profile: `headers = { NAME = "…", OTHER = { command = "…" } }`.

They are bound to the profile's host as its key is (see `settings`), and their values are masked as
a key is. Loaded only if the setting is set. No message contains a value or a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from newapi_cli.config.keys import (
    ensure_key_may_be_sent,
    first_line_of_command,
    name_of_character,
)
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.settings import Origin, Secret, Settings, Source
from newapi_cli.errors import ConfigError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

NAME = r"[A-Za-z0-9._-]{1,128}"  # of the tokens of RFC 9110 those that no shell interprets
MAX_VALUE = 8192
COMMAND = "command"
AUTHORIZATION = "authorization"  # the key's own header
OURS = (
    "accept", "accept-encoding", "connection", "content-length", "content-type", "expect", "host",
    "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
)  # fmt: skip
PUBLIC = ("accept-language", "http-referer", "referer", "user-agent", "x-title")

Headers = Mapping[str, object]


def load_headers(settings: Settings, base_url: BaseUrl) -> Mapping[str, Secret]:
    """Return the headers of a run for its server; their commands are run.

    Raises `ConfigError` for a header that cannot be sent, or must not be.
    """
    table, what = settings.table("headers"), tr("the headers")
    ensure_key_may_be_sent(base_url, allow_insecure=settings.flag("allow_insecure"), what=what)
    if settings.key is not None and any(name.lower() == AUTHORIZATION for name in table):
        raise ConfigError(
            tr("both a key and the header Authorization are set"),
            why=tr("the key is sent in this header"),
            hint=tr(
                "remove one of them: {logout}, or newapi config edit",
                logout=profile_command("newapi logout"),
            ),
        )
    return read_headers(table, settings.origins["headers"])


def ensure_valid_headers(headers: Headers) -> None:
    """Raise `ValueError` for a header that cannot be sent. Commands are not run."""
    names: set[str] = set()
    for name, value in headers.items():
        if not re.fullmatch(NAME, name):
            raise ValueError(tr("must have names of letters, digits and hyphens only"))
        if name.lower() in OURS:
            raise ValueError(tr("must not contain {name}, which newapi sets itself", name=name))
        if name.lower() in names:
            raise ValueError(tr("must not contain {name} twice", name=name))
        names.add(name.lower())
        if isinstance(value, str):
            _ensure_valid_value(name, value)


def _ensure_valid_value(name: str, value: str) -> None:
    if not value.strip():
        raise ValueError(tr("must not have an empty value, as {name} has", name=name))
    if len(value) > MAX_VALUE:
        raise ValueError(
            tr(
                "must not have a value of more than {n:,} characters, as {name} has",
                n=MAX_VALUE,
                name=name,
            )
        )
    for position, character in enumerate(value, 1):
        if not " " <= character <= "~":
            raise ValueError(
                tr(
                    "must have values of visible ASCII characters: {name} contains {character} at"
                    " position {position}",
                    name=name,
                    character=name_of_character(character),
                    position=position,
                )
            )


def read_headers(headers: Headers, origin: Origin) -> dict[str, Secret]:
    """Return the headers to send; the commands are run. Raise `ConfigError`."""
    try:
        ensure_valid_headers(headers)
        values = {name: _value(name, value, origin) for name, value in headers.items()}
        ensure_valid_headers(values)
    except ValueError as problem:
        # From None: nothing below may repeat a value.
        raise ConfigError(
            tr("headers {problem}", problem=problem.args[0]), why=_source(origin),
            hint=tr("newapi config edit"),
        ) from None  # fmt: skip
    return {name: Secret(value.strip()) for name, value in values.items()}


def _value(name: str, value: object, origin: Origin) -> str:
    if isinstance(value, Mapping):
        where = tr("header {name} of {source}", name=name, source=_source(origin))
        return first_line_of_command(str(value[COMMAND]), where).strip()
    return str(value)


def _source(origin: Origin) -> str:
    if origin.source is Source.PROFILE:
        return tr("profile {profile}", profile=quote_name(origin.name))
    return origin.name


def known_secrets(headers: Headers) -> list[Secret]:
    """Return the values to redact in all texts, as far as they are known without a command."""
    return secret_values({name: v for name, v in headers.items() if isinstance(v, str)})


def secret_values(headers: Mapping[str, str | Secret]) -> list[Secret]:
    """Return the values of all headers but those that are public by their meaning."""
    values = ((name, Secret(v) if isinstance(v, str) else v) for name, v in headers.items())
    return [value for name, value in values if name.lower() not in PUBLIC]


def masked(headers: Headers) -> dict[str, object]:
    """Return the headers with their values masked, but with the commands."""
    return {name: str(Secret(v)) if isinstance(v, str) else v for name, v in headers.items()}


def shell_variable(name: str) -> str:
    """Return the variable that stands for a header's value in a printed command.

    >>> shell_variable("CF-Access-Client-Id")
    'HEADER_CF_ACCESS_CLIENT_ID'
    """
    return f"HEADER_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
