"""Rows for programs: TSV and JSON. Their form on a terminal is in `tables`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from newapi_cli.render.sanitizer import safe_text
from newapi_cli.streams import Output

SPECIAL = re.compile(r"[\\\x00-\x08\x0a-\x1f\x7f-\x9f]")  # a tab is seen by counting them
ESCAPES = str.maketrans(
    {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
    | {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
)


def write_tsv(stdout: Output, rows: Iterable[Sequence[str]]) -> None:
    """Write a row a line, a tab between two values; control characters inside are escaped.

    A title that clears the screen would do so through `| head` as well.
    """
    write_foreign(stdout, "".join(map(_tsv_line, rows)))


def _tsv_line(row: Sequence[str]) -> str:
    line = "\t".join(row)
    if line.count("\t") < len(row) and not SPECIAL.search(line):
        return f"{line}\n"  # nothing to escape, as nearly always
    return "\t".join(value.translate(ESCAPES) for value in row) + "\n"


def write_json(stdout: Output, value: object) -> None:
    """Write one JSON value."""
    write_foreign(stdout, json_text(value))


def write_foreign(stdout: Output, text: str) -> None:
    """Write text that others wrote: as it is, but on a terminal so that it drives nothing."""
    stdout.write(safe_text(text) if stdout.is_terminal else text)


def json_text(value: object) -> str:
    """Give one JSON value as text for people and programs."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def value_text(value: object) -> str:
    """Give a setting's value as it is typed: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
