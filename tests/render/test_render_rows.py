"""Rows in three forms: a table on a terminal, TSV elsewhere, JSON on request."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from newapi_cli.render.rows import (
    Column,
    Form,
    _lines_of_rows,
    output_form,
    plain_table,
    write_json,
    write_rows,
    write_tsv,
)
from newapi_cli.streams import Input, Output, Streams
from tests.render.pipes import Pipes


class Pet(NamedTuple):
    name: str
    legs: int


PETS = [Pet("Rex", 4), Pet("蛇\x1b[2J", 0)]
COLUMNS: list[Column[Pet]] = [
    Column("name", lambda pet: pet.name, lambda pet: pet.name),
    Column("exact", None, lambda pet: f"{pet.legs:.3f}"),
    Column("legs", lambda pet: f"{pet.legs} legs"),
    Column("note", lambda _: "in a wide window only", min_width=100),
]


def as_json(pets: Sequence[Pet]) -> object:
    return [pet.name for pet in pets]


def on_terminal(environ: Mapping[str, str], *, json: bool = False) -> tuple[Form, str]:
    """Return the form, and what the rows look like on a terminal of 80 columns."""
    master, slave = os.openpty()
    try:
        streams = Streams(Input(None), Output(slave), Output(None), environ)
        form = output_form(streams, json=json)
        write_rows(streams, form, COLUMNS, PETS, as_json=as_json)
        return form, os.read(master, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(master)
        os.close(slave)


def in_pipe(*, json: bool = False) -> tuple[Form, str]:
    with Pipes() as pipes:
        form = output_form(pipes.streams, json=json)
        write_rows(pipes.streams, form, COLUMNS, PETS, as_json=as_json)
    return form, pipes.out.decode()


def test_a_terminal_gets_a_table() -> None:
    form, text = on_terminal({"TERM": "xterm", "NO_COLOR": "1"})
    assert form is Form.TABLE
    lines = [re.sub(r"\x1b\[\d+m", "", line).rstrip() for line in text.splitlines()]
    assert lines == ["name    legs", "Rex     4 legs", "蛇␛[2J  0 legs"]


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_dumb_terminal_gets_the_same_table_without_control_sequences(term: str) -> None:
    form, text = on_terminal({"TERM": term})
    assert form is Form.TABLE
    assert text == "name    legs\nRex     4 legs\n蛇␛[2J  0 legs\n"


def test_a_pipe_gets_tab_separated_values_without_titles() -> None:
    assert in_pipe() == (Form.TSV, "Rex\t4.000\n蛇\\x1b[2J\t0.000\n")


def test_json_is_written_wherever_stdout_goes() -> None:
    form, text = in_pipe(json=True)
    assert form is Form.JSON
    assert text == '[\n  "Rex",\n  "蛇\\u001b[2J"\n]\n'
    assert on_terminal({"TERM": "xterm"}, json=True) == (form, text)


@pytest.mark.parametrize(
    ("room", "lines"),
    [
        (33, ["1a2b3c4d  taxes of     5 minutes", "          2026         ago"]),
        (25, ["1a2b3c4d  taxes   5", "          of      minutes", "          2026    ago"]),
        (20, ["1a2b3c4d  taxe  5", "          s of  minu"]),
    ],
)
def test_a_name_or_an_id_is_not_broken(room: int, lines: list[str]) -> None:
    rows = [["1a2b3c4d", "taxes of 2026", "5 minutes ago"]]
    [shown] = _lines_of_rows(rows, room)
    assert shown[: len(lines)] == lines


def test_a_table_without_rows_has_its_titles() -> None:
    assert plain_table([["id", "title"]]) == ["id  title"]


def test_tsv_has_one_line_per_row() -> None:
    with Pipes() as pipes:
        write_tsv(pipes.streams.stdout, [["a", "b\tc"], ["d\ne\r", "\\"], ["你", ""]])
    assert pipes.out.decode() == "a\tb\\tc\nd\\ne\\r\t\\\\\n你\t\n"


def test_no_rows_are_no_lines_of_tsv() -> None:
    with Pipes() as pipes:
        write_tsv(pipes.streams.stdout, [])
    assert pipes.out == b""


def test_json_is_one_value() -> None:
    with Pipes() as pipes:
        write_json(pipes.streams.stdout, {"a": ["你"]})
    assert pipes.out.decode() == '{\n  "a": [\n    "你"\n  ]\n}\n'
