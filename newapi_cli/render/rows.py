"""Rows of values, as commands print them: a table on a terminal, TSV in a pipe, JSON on request.

`output_form` decides between the three; commands only pass its answer on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from itertools import chain, zip_longest
from typing import Generic, NamedTuple, TypeVar

from newapi_cli.render.sanitizer import safe_line, safe_text
from newapi_cli.render.status_lines import BOLD, RESET
from newapi_cli.streams import Output, Streams
from newapi_cli.text import cell_width

GAP = "  "  # between two columns
SPECIAL = re.compile(r"[\\\x00-\x08\x0a-\x1f\x7f-\x9f]")  # tabs are found by counting them
ESCAPES = str.maketrans(
    {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
    | {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
)

T = TypeVar("T")


class Form(Enum):
    """How values are written to stdout."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"


class Column(NamedTuple, Generic[T]):
    """A column: its title in the table, and functions that return the text of a row's cell.

    Without `for_people` the column is not in the table, without `for_machines` not in the TSV. It
    is also left out of the table on terminals with less than `min_width` columns.
    """

    title: str
    for_people: Callable[[T], str] | None = None
    for_machines: Callable[[T], str] | None = None
    min_width: int = 0


def output_form(streams: Streams, *, json: bool = False) -> Form:
    """Return the form of the output: JSON if requested, else by what stdout is."""
    if json:
        return Form.JSON
    return Form.TABLE if streams.stdout.is_terminal else Form.TSV


def write_rows(
    streams: Streams,
    form: Form,
    columns: Sequence[Column[T]],
    rows: Sequence[T],
    *,
    as_json: Callable[[Sequence[T]], object],
) -> None:
    """Write rows in a form; `as_json` returns their JSON value."""
    cells = [column.for_machines for column in columns if column.for_machines]
    write_output(
        streams,
        form,
        for_people=lambda: _write_table(streams, columns, rows),
        for_machines=lambda: ([cell(row) for cell in cells] for row in rows),
        as_json=lambda: as_json(rows),
    )


def write_output(
    streams: Streams,
    form: Form,
    *,
    for_people: Callable[[], None],
    for_machines: Callable[[], Iterable[Sequence[str]]],
    as_json: Callable[[], object],
) -> None:
    """Write values in a form. `for_people` writes the table; the others return what to write."""
    if form is Form.JSON:
        write_json(streams.stdout, as_json())
    elif form is Form.TSV:
        write_tsv(streams.stdout, for_machines())
    else:
        for_people()


def _write_table(streams: Streams, columns: Sequence[Column[T]], rows: Sequence[T]) -> None:
    if not rows:
        return  # stderr says so
    width = streams.stdout.width
    shown = [(c.title, c.for_people) for c in columns if c.for_people and c.min_width <= width]
    titles = [title for title, _ in shown]
    texts = [[safe_line(cell(row)) for _, cell in shown] for row in rows]
    if streams.terminal_is_dumb:
        streams.stdout.write("".join(f"{line}\n" for line in plain_table([titles, *texts])))
        return
    head, *others = _lines_of_rows([titles, *texts], width)
    lines = [*(f"{BOLD}{line}{RESET}" for line in head), *chain(*others)]
    streams.stdout.write("".join(f"{line}\n" for line in lines))


def plain_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table without control sequences, its columns aligned.

    >>> plain_table([["id", "title"], ["1a2b", "taxes"]])
    ['id    title', '1a2b  taxes']
    """
    return list(chain(*_lines_of_rows(rows)))


def _lines_of_rows(rows: Sequence[Sequence[str]], room: int | None = None) -> Iterator[list[str]]:
    """Yield the lines of each row: one, or more where a cell is wrapped to fit the room.

    There are no borders, which would be copied along.

    >>> list(_lines_of_rows([["id", "title"], ["1a2b", "taxes of 2026"]], 14))
    [['id    title'], ['1a2b  taxes of', '      2026']]
    """
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    gaps = len(GAP) * (len(widths) - 1)
    if room is None or sum(widths) + gaps <= room:
        for row in rows:
            yield [_aligned(row, widths)]
        return
    from newapi_cli.render.live.wrapping import wrapped_text  # noqa: PLC0415  # rich takes 40 ms

    shared = shared_widths(widths, _least_widths(rows, room - gaps), room - gaps)
    for row in rows:
        cells = [wrapped_text(text, width) for text, width in zip(row, shared, strict=True)]
        yield [_aligned(line, shared) for line in zip_longest(*cells, fillvalue="")]


def _least_widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return the widths that keep words whole: in all columns, or else in the first, a name or id.

    >>> rows = [["1a2b3c4d", "an answer"]]
    >>> _least_widths(rows, 14), _least_widths(rows, 13), _least_widths(rows, 8)
    ([8, 6], [8, 1], [1, 1])
    """
    words = (chain.from_iterable(map(str.split, column)) for column in zip(*rows, strict=True))
    longest = [max(map(cell_width, column), default=1) for column in words]
    others = [1] * (len(longest) - 1)
    for least in (longest, [longest[0], *others]):
        if sum(least) <= room:
            return least
    return [1, *others]


def _aligned(texts: Iterable[str], widths: Iterable[int]) -> str:
    cells = (
        text + " " * (width - cell_width(text)) for text, width in zip(texts, widths, strict=True)
    )
    return GAP.join(cells).rstrip()


def write_tsv(stdout: Output, rows: Iterable[Sequence[str]]) -> None:
    """Write a line per row, its values separated by tabs and control characters escaped.

    Unescaped, a title that clears the screen would do so through `| head` as well.
    """
    write_untrusted(stdout, "".join(map(_tsv_line, rows)))


def _tsv_line(row: Sequence[str]) -> str:
    line = "\t".join(row)
    if line.count("\t") < len(row) and not SPECIAL.search(line):
        return f"{line}\n"  # the usual case: nothing to escape
    return "\t".join(value.translate(ESCAPES) for value in row) + "\n"


def write_json(stdout: Output, value: object) -> None:
    """Write one JSON value."""
    write_untrusted(stdout, json_text(value))


def write_untrusted(stdout: Output, text: str) -> None:
    """Write untrusted text unchanged, but with control characters made visible on a terminal."""
    stdout.write(safe_text(text) if stdout.is_terminal else text)


def json_text(value: object) -> str:
    """Return a JSON value as indented text with a final line break."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def value_text(value: object) -> str:
    """Return a setting's value as a user types it: text unchanged, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shared_widths(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return widths that fit, as far as none is below `least`.

    Narrow columns have the width of their widest cell, the others share the rest.

    >>> shared_widths([3, 30, 40], [1, 1, 1], 24)
    [3, 11, 10]
    """
    if sum(widths) <= room:
        return list(widths)
    low, high = 0, max(room, 0)  # the width that no shared column exceeds
    while low < high:
        middle = (low + high + 1) // 2
        taken = sum(
            min(width, max(need, middle)) for width, need in zip(widths, least, strict=True)
        )
        low, high = (middle, high) if taken <= room else (low, middle - 1)
    shared = [min(width, max(need, low)) for width, need in zip(widths, least, strict=True)]
    spare = room - sum(shared)  # what is left of the division
    for index, width in enumerate(shared):
        if spare > 0 and width < widths[index] and width == low:
            shared[index] += 1
            spare -= 1
    return shared
