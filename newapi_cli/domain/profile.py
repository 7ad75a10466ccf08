"""Settings of one run, and where each of them came from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.domain.base_url import BaseUrl


class Secret:
    """A key that shows itself only to who calls `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the key itself, for the Authorization header and for the masking of output."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __str__(self) -> str:
        """Show enough to tell two keys apart.

        >>> str(Secret("sk-0123456789abcdefghij")), str(Secret("short"))
        ('sk-****ghij', '****')
        """
        if len(self._value) < 16:
            return "****"
        return f"{'sk-' if self._value.startswith('sk-') else ''}****{self._value[-4:]}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Source(Enum):
    """Where a setting can come from, weakest first."""

    DEFAULT = "default"
    PROFILE = "profile"
    ENVIRONMENT = "environment"
    FLAG = "flag"


class Origin(NamedTuple):
    """Where one value came from: `name` is the profile, the variable or the flag."""

    source: Source
    name: str = ""

    def __str__(self) -> str:
        """Name the origin as `config list` prints it.

        >>> str(Origin(Source.ENVIRONMENT, "NEWAPI_MODEL")), str(Origin(Source.DEFAULT))
        ('environment NEWAPI_MODEL', 'default')
        """
        return f"{self.source.value} {self.name}".rstrip()


class Timeouts(NamedTuple):
    """The longest silences to accept, in seconds; 0 switches a clock off."""

    connect_s: float = 10.0
    first_byte_s: float = 60.0
    first_content_s: float = 300.0
    idle_s: float = 60.0
    content_idle_s: float = 300.0
    total_s: float = 0.0


class KeyKind(Enum):
    """How a key is given."""

    VALUE = "api_key"
    COMMAND = "api_key_command"
    FILE = "api_key_file"


class KeySource(NamedTuple):
    """Where a key is to be had; `text` is the key, the shell command or the path, by `kind`."""

    kind: KeyKind
    text: Secret
    origin: Origin


class Settings(NamedTuple):
    """One run's settings.

    `base_url` and `key` are already matched: a key stands here only if it may go to that host; else
    `key_problem` says why it may not. `values` holds every other field of `config.fields` that is
    set, defaults included, and `origins` the origin of each, of `profile`, `base_url` and the key
    (under the name of its kind) too.
    """

    profile: str
    base_url: BaseUrl | None = None
    key: KeySource | None = None
    key_problem: str = ""
    timeouts: Timeouts = Timeouts()
    values: Mapping[str, object] = MappingProxyType({})
    origins: Mapping[str, Origin] = MappingProxyType({})

    def text(self, name: str) -> str:
        """Give a text setting, or the empty text where it is not set."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """Give a yes-or-no setting; one that is not set is no."""
        return self.values.get(name) is True

    def whole(self, name: str) -> int:
        """Give a whole number; one that is not set is 0."""
        value = self.values.get(name)
        return value if isinstance(value, int) else 0
