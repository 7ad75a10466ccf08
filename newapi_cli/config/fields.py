"""The one table of settings: what each is called, may be, and is for.

A row feeds the command line's help, the environment variable, the check of the config file,
`newapi config` and the docs. Values of unset settings are not sent to any server.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

YES = ("true", "1", "yes", "on")
NO = ("false", "0", "no", "off")
MAX_SECONDS = 1_000_000
MAX_NESTING = 40
TYPE_NAMES = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (list, "a list like this"),
    (dict, "a table like this"),
)


class Kind(Enum):
    """The type of a setting; the value is how a person calls it."""

    TEXT = "text"
    SECRET = "a key as text"
    NUMBER = "a number"
    INTEGER = "a whole number"
    SECONDS = "seconds"
    BOOLEAN = "true or false"
    CHOICE = "one of"
    TEXTS = "a text or a list of texts"
    TABLE = "a table (JSON: an object) of JSON values"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting; a `default` of `None` means unset, a `flag` of "" no command-line option."""

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
        """Give the environment variable."""
        return f"NEWAPI_{self.name.upper()}"

    @property
    def is_secret(self) -> bool:
        """Say whether the value must never be shown."""
        return self.kind is Kind.SECRET

    @property
    def expected(self) -> str:
        """Name the type and the range.

        >>> BY_NAME["temperature"].expected, BY_NAME["max_tokens"].expected
        ('a number from 0 to 2', 'a whole number of 1 or more')
        >>> BY_NAME["reasoning"].expected
        'show or hide'
        """
        if self.choices:
            return " or ".join(self.choices)
        words = self.kind.value
        if self.maximum is not None:
            return f"{words} from {self.minimum:,} to {self.maximum:,}"
        return f"{words} of {self.minimum:,} or more" if self.minimum is not None else words

    def parse(self, text: str) -> object:
        """Read a value given as text: a variable's, or that of `config set`.

        Raises `ValueError` that says what is expected and does not repeat the text.

        >>> BY_NAME["stop"].parse('["a", "b"]'), BY_NAME["stop"].parse("END")
        (['a', 'b'], ['END'])
        >>> BY_NAME["stream"].parse("off"), BY_NAME["timeout"].parse("1.5")
        (False, 1.5)
        """
        try:
            value = _value_from_text(self.kind, text)
        except (ValueError, RecursionError):
            # From nothing: Python's own message repeats the text.
            raise ValueError(f"must be {self.expected}") from None
        return self.check(value)

    def check(self, value: object) -> object:
        """Give a typed value back, a single `stop` as a list. Raises `ValueError` as `parse` does.

        >>> BY_NAME["top_p"].check(2)
        Traceback (most recent call last):
        ValueError: must be a number from 0 to 1, not 2
        """
        if self.kind is Kind.TEXTS and isinstance(value, str):
            value = [value]
        if not _is_of_kind(self.kind, value):
            raise ValueError(f"must be {self.expected}, not {_type_name(value)}")
        if isinstance(value, (int, float)) and not self._is_in_range(value):
            raise ValueError(f"must be {self.expected}, not {_short(value)}")
        if self.choices and value not in self.choices:
            raise ValueError(f"must be {self.expected}")
        return value

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
    if kind is Kind.TABLE or (kind is Kind.TEXTS and word.startswith("[")):
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
    if kind is Kind.TEXTS:
        return isinstance(value, list) and all(_is_text(item) for item in value)
    if kind is Kind.TABLE:
        return isinstance(value, dict) and _is_json(value)
    if kind is Kind.SECRET:  # its characters are told by their place, where it is used
        return isinstance(value, str)
    return _is_text(value)


def _is_text(value: object) -> bool:
    """Say whether it is text that can be sent: no NUL, no half character of a bad variable."""
    if not isinstance(value, str):
        return False
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_json(value: object, depth: int = 0) -> bool:
    """Say whether it can be sent as JSON: TOML knows dates and infinity, JSON does not."""
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
        return "text with a NUL or half a character"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    for kind, name in TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return "a date or a time"


def _short(value: float) -> str:
    try:
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"
    except ValueError:  # more digits than Python prints
        return "a number of that size"


FIELDS: tuple[Field, ...] = (
    Field("base_url", Kind.TEXT, None, "address of the gateway, in any form", flag="--base-url"),
    Field("api_key", Kind.SECRET, None, "API key, sent to the host of this profile only"),
    Field("api_key_command", Kind.TEXT, None, "shell command that prints the API key"),
    Field("api_key_file", Kind.TEXT, None, "file whose first line is the API key"),
    Field("allow_insecure", Kind.BOOLEAN, False, "send the key over plain http too"),
    Field("model", Kind.TEXT, None, "model to ask; after commas those to ask where it fails",
          flag="--model"),
    Field("fallback", Kind.TEXTS, None, "models to ask, in turn, where the model fails"),
    Field("group", Kind.TEXT, None, "group of the key, where its prices depend on it"),
    Field("prices", Kind.BOOLEAN, True, "fetch the gateway's prices, without the key, once a day"),
    Field("system", Kind.TEXT, None, "system prompt, or @FILE", flag="--system"),
    Field("temperature", Kind.NUMBER, None, "randomness of the sampling", 0, 2,
          flag="--temperature"),
    Field("top_p", Kind.NUMBER, None, "sample from this share of the probability", 0, 1,
          flag="--top-p"),
    Field("max_tokens", Kind.INTEGER, None, "longest completion, in tokens", 1,
          flag="--max-tokens"),
    Field("frequency_penalty", Kind.NUMBER, None, "penalty on frequent tokens", -2, 2,
          flag="--frequency-penalty"),
    Field("presence_penalty", Kind.NUMBER, None, "penalty on tokens seen before", -2, 2,
          flag="--presence-penalty"),
    Field("stop", Kind.TEXTS, None, "text that ends the completion; may be repeated",
          flag="--stop"),
    Field("seed", Kind.INTEGER, None, "seed for repeatable sampling", flag="--seed"),
    Field("effort", Kind.TEXT, None, "reasoning effort, such as low, medium, high",
          flag="--effort"),
    Field("options", Kind.TABLE, None, "other fields of the request body", flag="--option"),
    Field("stream", Kind.BOOLEAN, True, "show the answer while it is written", flag="--stream"),
    Field("reasoning", Kind.CHOICE, "show", "show or hide the model's reasoning",
          choices=("show", "hide"), flag="--reasoning"),
    Field("usage", Kind.BOOLEAN, None, "tell tokens and time after the answer",
          flag="--usage"),
    Field("markdown", Kind.BOOLEAN, True, "render markdown on a terminal"),
    Field("theme", Kind.CHOICE, "ansi", "colors: the terminal's own (ansi), or dark or light",
          choices=("ansi", "dark", "light")),
    Field("code_style", Kind.TEXT, None, "style of Pygments for code, such as monokai"),
    Field("require_finish_reason", Kind.BOOLEAN, True,
          "take an answer without finish reason as incomplete"),
    Field("proxy", Kind.TEXT, None, "URL of the proxy", flag="--proxy"),
    Field("ca_bundle", Kind.TEXT, None, "file of the certificate authorities to trust"),
    Field("timeout", Kind.SECONDS, None, "longest silence to accept, in seconds; 0 = no limit",
          0, MAX_SECONDS, flag="--timeout"),
    Field("connect_timeout", Kind.SECONDS, 10.0, "to connect, in seconds; 0 = no limit",
          0, MAX_SECONDS),
    Field("first_byte_timeout", Kind.SECONDS, 60.0, "to the first byte, in seconds; 0 = no limit",
          0, MAX_SECONDS),
    Field("first_content_timeout", Kind.SECONDS, 300.0,
          "to the first text or reasoning, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("idle_timeout", Kind.SECONDS, 60.0, "between two bytes, in seconds; 0 = no limit",
          0, MAX_SECONDS),
    Field("content_idle_timeout", Kind.SECONDS, 300.0,
          "between two pieces of text, in seconds; 0 = no limit", 0, MAX_SECONDS),
    Field("total_timeout", Kind.SECONDS, 0.0, "for the whole answer, in seconds; 0 = no limit",
          0, MAX_SECONDS),
    Field("retries", Kind.INTEGER, 2, "how often to try again before any text came",
          0, 10, flag="--retries"),
    Field("save", Kind.BOOLEAN, True, "keep what is said as a session", flag="--no-save"),
    Field("editing_mode", Kind.CHOICE, "emacs", "keys of the conversation: emacs or vi",
          choices=("emacs", "vi")),
)  # fmt: skip

BY_NAME: Mapping[str, Field] = MappingProxyType({field.name: field for field in FIELDS})
