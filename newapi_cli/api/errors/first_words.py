"""The beginning of a body in which neither an answer nor the message of an error was found."""

from __future__ import annotations

import json

from newapi_cli.api.json_values import decode_json_values
from newapi_cli.i18n import tr
from newapi_cli.text import ELLIPSIS, shorten, well_formed

MAX_WORDS = 200
MAX_READ = 64_000
MAX_DEPTH = 12


def first_words(text: str) -> str:
    """Return the beginning of a text in one line. JSON is encoded again, without its escapes.

    >>> first_words('"a\\u0062c"  '), first_words("status:  ok"), first_words("42 is it")
    ('"abc"', 'status: ok', '42 is it')
    """
    text = text[:MAX_READ]
    try:
        values = list(decode_json_values(text))
        text = " ".join(json.dumps(value, ensure_ascii=False) for value in values)
    except (ValueError, RecursionError):
        pass
    if "\0" in text:
        return tr("binary data")
    shown = shorten(" ".join(well_formed(text).split()), MAX_WORDS)
    return "" if shown == ELLIPSIS else shown  # one long word, perhaps a key


def unread_words(error: object, without: set[str]) -> str:
    """Return the beginning of the JSON of an error in which no message was found.

    Empty if it has no other text than those of `without`, which mean only that it is an error.
    """
    return first_words(json.dumps(error, ensure_ascii=False)) if _has_text(error, without) else ""


def _has_text(value: object, without: set[str], depth: int = 0) -> bool:
    if isinstance(value, dict | list) and depth < MAX_DEPTH:
        inner = value.values() if isinstance(value, dict) else value
        return any(_has_text(each, without, depth + 1) for each in inner)
    return isinstance(value, str) and value.strip().lower() not in without
