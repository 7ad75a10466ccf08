"""How an answer is written to stdout; the only place where that is decided."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Target(Enum):
    """How an answer is written to stdout."""

    MARKDOWN = "markdown"  # on a terminal: rendered while it streams
    PLAIN = "plain"  # on a terminal, not rendered: the text with control characters visible
    RAW = "raw"  # in a pipe or a file: the answer's bytes
    EXTRACT = "extract"  # only its code blocks
    JSON = "json"  # one object
    JSON_LINES = "json lines"  # an object per delta


class OutputOptions(NamedTuple):
    """What the user requested. `stream` is the flag, None if it was not given."""

    raw: bool = False
    extract: bool = False
    json: bool = False
    stream: bool | None = None
    markdown: bool = True


def choose_target(options: OutputOptions, *, is_terminal: bool, is_dumb: bool) -> Target:
    """Return the target: by an explicit flag, else by what stdout is.

    >>> choose_target(OutputOptions(), is_terminal=False, is_dumb=False)
    <Target.RAW: 'raw'>
    """
    if options.json:
        return Target.JSON_LINES if options.stream else Target.JSON
    if options.extract:
        return Target.EXTRACT
    if not is_terminal:
        return Target.RAW
    if options.raw or not options.markdown or is_dumb:
        return Target.PLAIN
    return Target.MARKDOWN
