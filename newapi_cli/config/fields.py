"""The table of all settings: name, type, range, default and help.

Options, environment variables, the checks of the config file, `newapi config` and the docs derive
from it. Unset settings are not sent to any server.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from newapi_cli.domain.settings import Timeouts
from newapi_cli.i18n import tr

YES = ("true", "1", "yes", "on")
NO = ("false", "0", "no", "off")
MAX_SECONDS = 1_000_000
MAX_NESTING = 40
DEFAULT_TIMEOUTS = Timeouts()
TYPE_NAMES = (
    (bool, tr("true or false")),
    (str, tr("a string")),
    (int, tr("an integer")),
    (float, tr("a float")),
    (list, tr("a list")),
    (dict, tr("a table")),
)


class Kind(Enum):
    """The type of a setting. The value is its displayed name."""

    TEXT = tr("a string")
    SECRET = tr("a key as a string")
    NUMBER = tr("a number")
    INTEGER = tr("an integer")
    SECONDS = tr("a number of seconds")
    BOOLEAN = tr("true or false")
    CHOICE = tr("one of several words")
    TEXTS = tr("a string or a list of strings")
    NAMES = tr("names separated by commas, or a list of names")
    TABLE = tr("a table of JSON values")
    HEADERS = tr("a table of header names and values")


LISTS = (Kind.TEXTS, Kind.NAMES)


@dataclass(frozen=True, slots=True)
class Field:
    """One setting. It is unset if `default` is None, and has no option if `flag` is empty."""

    name: str
    kind: Kind
    default: object
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    flag: str = ""

    @property
    def variable(self) -> str:
        """The environment variable of the setting."""
        return f"NEWAPI_{self.name.upper()}"

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be displayed."""
        return self.kind is Kind.SECRET

    @property
    def expected(self) -> str:
        """The type and the range, as displayed.

        >>> BY_NAME["temperature"].expected, BY_NAME["max_tokens"].expected
        ('a number from 0 to 2', 'an integer of at least 1')
        >>> BY_NAME["reasoning"].expected
        'one of show, hide'
        """
        if self.choices:
            return tr("one of {choices}", choices=", ".join(self.choices))
        kind: str = self.kind.value
        if self.maximum is not None:
            return tr(
                "{kind} from {minimum:,} to {maximum:,}",
                kind=kind,
                minimum=self.minimum,
                maximum=self.maximum,
            )
        if self.minimum is not None:
            return tr("{kind} of at least {minimum:,}", kind=kind, minimum=self.minimum)
        return kind

    def parse(self, text: str) -> object:
        """Return the value of a text, from an environment variable or from `config set`.

        Raise `ValueError` with the expected type, without the text: it may be a key.

        >>> BY_NAME["stop"].parse('["a", "b"]'), BY_NAME["stop"].parse("END")
        (['a', 'b'], ['END'])
        >>> BY_NAME["fallback"].parse("a, b"), BY_NAME["fallback"].parse('["a,b"]')
        (['a', 'b'], ['a,b'])
        >>> BY_NAME["stream"].parse("off"), BY_NAME["timeout"].parse("1.5")
        (False, 1.5)
        """
        try:
            value = _value_from_text(self.kind, text)
        except (ValueError, RecursionError):
            # From None: Python's own message repeats the text.
            raise ValueError(tr("must be {expected}", expected=self.expected)) from None
        return self.check(value)

    def check(self, value: object) -> object:
        """Return a typed value; where the setting is a list, a text becomes one.

        Raise `ValueError` like `parse`.

        >>> BY_NAME["top_p"].check(2)
        Traceback (most recent call last):
        ValueError: must be a number from 0 to 1, not 2
        """
        if self.kind is Kind.TEXTS and isinstance(value, str):
            value = [value]
        if self.kind is Kind.NAMES and isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()] or [""]
        if not _is_of_kind(self.kind, value):
            if isinstance(value, dict) and self.kind is Kind.HEADERS:
                raise ValueError(tr('must be a table of strings or { command = "…" }'))
            raise self._mismatch(_type_name(value))
        if isinstance(value, (int, float)) and not self._is_in_range(value):
            raise self._mismatch(_number_text(value))
        if self.choices and value not in self.choices:
            raise ValueError(tr("must be {expected}", expected=self.expected))
        return value

    def _mismatch(self, actual: str) -> ValueError:
        message = tr("must be {expected}, not {actual}", expected=self.expected, actual=actual)
        return ValueError(message)

    def _is_in_range(self, value: float) -> bool:
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)


def _value_from_text(kind: Kind, text: str) -> object:
    word = text.strip()
    if kind in (Kind.NUMBER, Kind.SECONDS):
        return float(word)
    if kind is Kind.INTEGER:
        return int(word)
    if kind is Kind.BOOLEAN:
        return _boolean_from_text(word.lower())
    if kind is Kind.CHOICE:
        return word.lower()
    is_json = kind in (Kind.TABLE, Kind.HEADERS)
    if is_json or (kind in LISTS and word.startswith("[")):
        return json.loads(word)
    return text


def _boolean_from_text(word: str) -> bool:
    if word not in YES and word not in NO:
        raise ValueError
    return word in YES


def _is_of_kind(kind: Kind, value: object) -> bool:
    if isinstance(value, bool) or kind is Kind.BOOLEAN:
        return isinstance(value, bool) and kind is Kind.BOOLEAN
    if kind in (Kind.NUMBER, Kind.SECONDS):
        return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if kind is Kind.INTEGER:
        return isinstance(value, int)
    if kind in LISTS:
        return isinstance(value, list) and all(_is_text(item) for item in value)
    if kind is Kind.TABLE:
        return isinstance(value, dict) and _is_json(value)
    if kind is Kind.HEADERS:
        return isinstance(value, dict) and all(map(_is_header, value.items()))
    if kind is Kind.SECRET:  # its characters are checked where the key is used
        return isinstance(value, str)
    return _is_text(value)


def _is_header(header: tuple[object, object]) -> bool:
    """Return whether a header is a name with a text or a command; their use checks more."""
    name, value = header
    if isinstance(value, dict):
        return _is_text(name) and [*value] == ["command"] and _is_text(value["command"])
    return _is_text(name) and _is_text(value)


def _is_text(value: object) -> bool:
    """Return whether a value is text that can be sent, without NULs and lone surrogates."""
    if not isinstance(value, str):
        return False
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_json(value: object, depth: int = 0) -> bool:
    """Return whether a value can be sent as JSON, which has no dates and no infinity."""
    if isinstance(value, float):
        return math.isfinite(value)
    if depth > MAX_NESTING:
        return False
    if isinstance(value, dict):
        return all(_is_text(name) and _is_json(item, depth + 1) for name, item in value.items())
    if isinstance(value, list):
        return all(_is_json(item, depth + 1) for item in value)
    return value is None or isinstance(value, int) or _is_text(value)


def _type_name(value: object) -> str:
    if isinstance(value, str) and not _is_text(value):
        return tr("a string with a NUL or an invalid character")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    for kind, name in TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return tr("a date or a time")


def _number_text(value: float) -> str:
    try:
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"
    except ValueError:  # more digits than Python prints
        return tr("a number of that size")


FIELDS: tuple[Field, ...] = (
    Field("base_url", Kind.TEXT, None, "base URL, such as https://gateway.example",
          flag="--base-url"),
    Field("api_key", Kind.SECRET, None, "API key, sent to the host of this profile only"),
    Field("api_key_command", Kind.TEXT, None, "shell command that prints the API key"),
    Field("api_key_file", Kind.TEXT, None, "file whose first line is the API key"),
    Field("headers", Kind.HEADERS, None, "HTTP headers, sent to the host of this profile only"),
    Field("client_cert", Kind.TEXT, None,
          "file with the client certificate for this profile's host"),
    Field("client_key", Kind.TEXT, None, "file with its key, if client_cert does not contain it"),
    Field("allow_insecure", Kind.BOOLEAN, False, "allow sending the key over plain HTTP"),
    Field("model", Kind.TEXT, None, "model to use; more models after commas are fallbacks",
          flag="--model"),
    Field("fallback", Kind.NAMES, None, "models to try if the model fails, separated by commas"),
    Field("group", Kind.TEXT, None, "group of the key, on which prices may depend"),
    Field("prices", Kind.BOOLEAN, True, "fetch prices and the rates of the key, once a day"),
    Field("system", Kind.TEXT, None, "system prompt, or @FILE to read it from a file",
          flag="--system"),
    Field("temperature", Kind.NUMBER, None, "sampling temperature", 0, 2,
          flag="--temperature"),
    Field("top_p", Kind.NUMBER, None, "nucleus sampling: share of the probability mass", 0, 1,
          flag="--top-p"),
    Field("max_tokens", Kind.INTEGER, None, "maximum length of the answer, in tokens", 1,
          flag="--max-tokens"),
    Field("frequency_penalty", Kind.NUMBER, None, "penalty for frequent tokens", -2, 2,
          flag="--frequency-penalty"),
    Field("presence_penalty", Kind.NUMBER, None, "penalty for tokens that already occurred", -2, 2,
          flag="--presence-penalty"),
    Field("stop", Kind.TEXTS, None, "text that ends the answer; may be repeated",
          flag="--stop"),
    Field("seed", Kind.INTEGER, None, "seed for repeatable sampling", flag="--seed"),
    Field("effort", Kind.TEXT, None, "reasoning effort, such as low, medium, high",
          flag="--effort"),
    Field("options", Kind.TABLE, None, "additional fields of the request body", flag="--option"),
    Field("stream", Kind.BOOLEAN, True, "print the answer while it arrives", flag="--stream"),
    Field("reasoning", Kind.CHOICE, "show", "show or hide the model's reasoning",
          choices=("show", "hide"), flag="--reasoning"),
    Field("usage", Kind.BOOLEAN, None, "print tokens and time after the answer",
          flag="--usage"),
    Field("markdown", Kind.BOOLEAN, True, "render Markdown on a terminal"),
    Field("theme", Kind.CHOICE, "ansi", "colors: the terminal's own (ansi), dark or light",
          choices=("ansi", "dark", "light")),
    Field("code_style", Kind.TEXT, None, "Pygments style for code, such as monokai"),
    Field("require_finish_reason", Kind.BOOLEAN, True,
          "treat an answer without a finish reason as incomplete"),
    Field("proxy", Kind.TEXT, None, "URL of the proxy, or none", flag="--proxy"),
    Field("ca_bundle", Kind.TEXT, None, "file with the certificate authorities to trust"),
    Field("timeout", Kind.SECONDS, None, "maximum silence, in seconds; 0 = no limit",
          0, MAX_SECONDS, flag="--timeout"),
    Field("connect_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.connect_s,
          "maximum time to connect, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("first_byte_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.first_byte_s,
          "maximum time to the first byte, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("first_content_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.first_content_s,
          "maximum time to the first text, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("idle_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.idle_s,
          "maximum time between two bytes, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("content_idle_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.content_idle_s,
          "maximum time between two deltas, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("total_timeout", Kind.SECONDS, DEFAULT_TIMEOUTS.total_s,
          "maximum time for the answer, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("retries", Kind.INTEGER, 2, "maximum number of retries, before the first text",
          0, 10, flag="--retries"),
    Field("save", Kind.BOOLEAN, True, "save the conversation as a session", flag="--no-save"),
    Field("editing_mode", Kind.CHOICE, "emacs", "key bindings of the conversation: emacs or vi",
          choices=("emacs", "vi")),
)  # fmt: skip

BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in FIELDS})
