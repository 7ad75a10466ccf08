"""The one decision on how an answer is written."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Target(Enum):
    """How an answer is written to stdout."""

    MARKDOWN = "markdown"  # a terminal: laid out, while it streams
    PLAIN = "plain"  # a terminal without layout: the text, control characters shown
    RAW = "raw"  # a pipe or a file: the answer's bytes
    EXTRACT = "extract"  # its code blocks only
    JSON = "json"  # one object
    JSON_LINES = "json lines"  # one object a delta


class OutputOptions(NamedTuple):
    """What was asked for. `stream` is the flag as given: None where it was not."""

    raw: bool = False
    extract: bool = False
    json: bool = False
    stream: bool | None = None
    markdown: bool = True


def choose_target(wish: OutputOptions, *, is_terminal: bool, is_dumb: bool) -> Target:
    """Choose the target: an explicit flag first, then what stdout is.

    >>> choose_target(Wish(), is_terminal=False, is_dumb=False)
    <Target.RAW: 'raw'>
    """
    if wish.json:
        return Target.JSON_LINES if wish.stream else Target.JSON
    if wish.extract:
        return Target.EXTRACT
    if not is_terminal:
        return Target.RAW
    if wish.raw or not wish.markdown or is_dumb:
        return Target.PLAIN
    return Target.MARKDOWN
