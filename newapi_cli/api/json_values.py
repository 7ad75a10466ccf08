"""Parsing of JSON that a server sends, with limits on its depth and on the number of values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from newapi_cli.text import well_formed

MAX_VALUES = 500_000
WHITE_SPACE = re.compile(r"\s*")
_parse = json.JSONDecoder().raw_decode


def decode_json(data: str | bytes) -> object:
    """Parse a JSON value.

    Text after the value is ignored: New API's rate limiter can send two objects back to back.

    Raises `ValueError` if the text is not JSON.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    _check_value_count(text)
    try:
        value: object = _parse(text.lstrip("\ufeff \t\r\n"))[0]
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def decode_json_values(text: str) -> Iterator[object]:
    """Parse JSON values that follow each other.

    Raises `ValueError` at the first invalid one.
    """
    _check_value_count(text)
    position = _skip_white_space(text, 0)
    while position < len(text):
        try:
            value, end = _parse(text, position)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        yield value
        position = _skip_white_space(text, end)


def str_or_empty(value: object) -> str:
    """Return a string as valid Unicode, and an empty one for a value of any other type."""
    return well_formed(value) if isinstance(value, str) else ""


def str_tuple(value: object) -> tuple[str, ...]:
    """Return the strings of a list as valid Unicode; nothing for a value of any other type."""
    if not isinstance(value, list):
        return ()
    return tuple(well_formed(text) for text in value if isinstance(text, str))


def _check_value_count(text: str) -> None:
    """Raise `ValueError` for a JSON bomb: the three bytes of `{},` take 70 in Python.

    Large answers are texts and images, which are few values; a list of models has ten per model.
    """
    if len(text) > MAX_VALUES and text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise ValueError("too many values")


def _skip_white_space(text: str, position: int) -> int:
    match = WHITE_SPACE.match(text, position)
    return match.end() if match else position
