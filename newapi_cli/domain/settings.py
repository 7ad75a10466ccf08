"""The settings of one run and the origin of each of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from newapi_cli.domain.base_url import BaseUrl


class Secret:
    """A key whose text form is masked, such as `sk-****ghij`. `reveal` returns the key."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the Authorization header and for redaction."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __str__(self) -> str:
        """Return enough of the key to distinguish it from others.

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
    """Where one value comes from. `name` is the profile, the variable or the option."""

    source: Source
    name: str = ""

    def __str__(self) -> str:
        """Return the origin as programs read it; these texts do not change.

        >>> str(Origin(Source.ENVIRONMENT, "NEWAPI_MODEL")), str(Origin(Source.DEFAULT))
        ('environment NEWAPI_MODEL', 'default')
        """
        return f"{self.source.value} {self.name}".rstrip()

    @property
    def readable(self) -> str:
        """The origin as people read it.

        >>> Origin(Source.FLAG, "--proxy").readable, Origin(Source.PROFILE, "work").readable
        ('option --proxy', 'profile work')
        """
        if self == DEFAULT_PROFILE:
            return "config file"
        return f"option {self.name}" if self.source is Source.FLAG else str(self)


# Of the profile in use, if the file selects it.
DEFAULT_PROFILE = Origin(Source.PROFILE, "default_profile")


class Timeouts(NamedTuple):
    """The timeouts of a request, in seconds; 0 means no limit."""

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
    """Where a key comes from. By `kind`, `text` is the key, a shell command or a path."""

    kind: KeyKind
    text: Secret
    origin: Origin


class Settings(NamedTuple):
    """The settings of one run.

    `key` is set only if it may be sent to `base_url`; otherwise `key_problem` says why not.
    `values` holds every other setting that is set, defaults included. `origins` holds the origin of
    each, and of `profile`, `base_url` and the key (by the name of its kind).
    """

    profile: str
    base_url: BaseUrl | None = None
    key: KeySource | None = None
    key_problem: str = ""
    timeouts: Timeouts = Timeouts()
    values: Mapping[str, object] = MappingProxyType({})
    origins: Mapping[str, Origin] = MappingProxyType({})

    def text(self, name: str) -> str:
        """Return a text setting, empty if it is not set."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def table(self, name: str) -> Mapping[str, object]:
        """Return a table, empty if it is not set."""
        value = self.values.get(name)
        return value if isinstance(value, Mapping) else {}

    def flag(self, name: str) -> bool:
        """Return a boolean setting, False if it is not set."""
        return self.values.get(name) is True

    def integer(self, name: str) -> int:
        """Return an integer setting, 0 if it is not set."""
        value = self.values.get(name)
        return value if isinstance(value, int) else 0
