"""Rows of the tables converted to sessions and turns, and back, by the tables of their fields."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from newapi_cli.domain.completion import (
    COUNTS,
    Source,
    Status,
    ToolCall,
    Usage,
    usage_from_counts,
)
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import (
    MAX_INTEGER,
    SESSION_FIELDS,
    TURN_FIELDS,
    FieldType,
    Session,
    StoredField,
    TurnRecord,
)
from newapi_cli.errors import LocalError
from newapi_cli.i18n import tr

DAMAGE_ERRORS = (ValueError, TypeError, OverflowError, OSError, RecursionError)
NUMBERS = (int, float)
USAGE = "usage"  # the one field that is stored in several columns, one for each of `COUNTS`
NUMBER_TYPES = (
    FieldType.TURN_ID,
    FieldType.COUNT,
    FieldType.FLAG,
    FieldType.SECONDS,
    FieldType.TIME,
    FieldType.USAGE,
)


def time_from_seconds(seconds: float) -> datetime:
    """Return the time (UTC) that is given in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def _items(text: str) -> list[Any]:
    return json.loads(text) if text != "[]" else []  # most turns have none


# How a value is read from its column and written to it; a value of another type is stored as it is.
DECODERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.FLAG: bool,
    FieldType.TIME: time_from_seconds,
    FieldType.STATUS: Status,
    FieldType.OBJECT: json.loads,
    FieldType.ATTACHMENTS: lambda text: tuple(Attachment(*each) for each in _items(text)),
    FieldType.TOOL_CALLS: lambda text: tuple(ToolCall(*each) for each in _items(text)),
    FieldType.SOURCES: lambda text: tuple(Source(url, title) for url, title in _items(text)),
    FieldType.TRIED: lambda text: tuple((model, why) for model, why in _items(text)),
}
ENCODERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.FLAG: int,
    FieldType.TIME: lambda time: time.timestamp(),
    FieldType.STATUS: str,
    FieldType.OBJECT: lambda values: json.dumps(dict(values)),
    FieldType.ATTACHMENTS: json.dumps,
    FieldType.TOOL_CALLS: json.dumps,
    FieldType.SOURCES: json.dumps,
    FieldType.TRIED: json.dumps,
}


def _columns(fields: Iterable[StoredField]) -> Iterator[str]:
    for field in fields:
        yield from COUNTS if field.name == USAGE else (field.name,)


def _number_columns(fields: Iterable[StoredField]) -> Set[str]:
    return set(_columns(field for field in fields if field.type in NUMBER_TYPES))


# Looked up once: a member of an enum is slow to hash, and a report reads 200,000 turns.
Conversions = tuple[tuple[str, Callable[..., object] | None], ...]


def _conversions(
    fields: Iterable[StoredField], table: Mapping[FieldType, Callable[..., object]]
) -> Conversions:
    return tuple((field.name, table.get(field.type)) for field in fields)


SESSION_COLUMNS = ", ".join(_columns(SESSION_FIELDS))
TURN_COLUMNS = ", ".join(_columns(TURN_FIELDS))
SESSION_NUMBERS = _number_columns(SESSION_FIELDS)
TURN_NUMBERS = _number_columns(TURN_FIELDS)
SESSION_DECODERS = _conversions(SESSION_FIELDS, DECODERS)
TURN_DECODERS = _conversions(TURN_FIELDS, DECODERS)
SESSION_ENCODERS = _conversions(SESSION_FIELDS, ENCODERS)
TURN_ENCODERS = _conversions(TURN_FIELDS, ENCODERS)


def session_from_row(row: sqlite3.Row) -> Session:
    """Return a session from the columns `SESSION_COLUMNS`.

    Raises `LocalError` if it is damaged.
    """
    try:
        values = _decoded(row, SESSION_NUMBERS, SESSION_DECODERS)
    except DAMAGE_ERRORS as error:
        message = tr("session {id} in the session store is damaged", id=row["id"])
        raise LocalError(message) from error
    return Session._make(map(values.__getitem__, Session._fields))


def turn_from_row(row: sqlite3.Row) -> TurnRecord:
    """Return a turn from the columns `TURN_COLUMNS`.

    Raises `LocalError` if it is damaged.
    """
    try:
        values = _decoded(row, TURN_NUMBERS, TURN_DECODERS)
        counts = [values[name] for name in COUNTS]
        is_unknown = all(count is None for count in counts)
        values[USAGE] = None if is_unknown else usage_from_counts(counts)
    except DAMAGE_ERRORS as error:
        message = tr("turn {id} in the session store is damaged", id=row["id"])
        raise LocalError(message) from error
    return TurnRecord._make(map(values.__getitem__, TurnRecord._fields))


def _decoded(row: sqlite3.Row, numbers: Set[str], decoders: Conversions) -> dict[str, Any]:
    """Return the values of a row by their columns.

    Raise `TypeError` or `ValueError` for a wrong type: SQLite stores any type in any column.
    """
    values: dict[str, Any] = dict(zip(row.keys(), row, strict=True))  # `row[name]` is slow
    for name, value in values.items():
        if value is not None and not isinstance(value, NUMBERS if name in numbers else str):
            raise TypeError(f"{name} is {type(value).__name__}")
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{name} is infinite")
    for name, decode in decoders:
        if decode is not None:
            values[name] = decode(values[name])
    return values


def values_of_session(session: Session) -> dict[str, object]:
    """Return the columns of a session, without its `use_number`."""
    return _values(session, SESSION_ENCODERS)


def values_of_turn(turn: TurnRecord) -> dict[str, object]:
    """Return the columns of a turn, without its id."""
    values = _values(turn, TURN_ENCODERS)
    del values["id"]
    return values


def _values(source: Session | TurnRecord, encoders: Conversions) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, encode in encoders:
        value = getattr(source, name)
        if name == USAGE:
            usage = value or Usage()
            values |= {count: storable(getattr(usage, count)) for count in COUNTS}
        else:
            values[name] = storable(encode(value) if encode else value)
    return values


def storable(value: object) -> object:
    """Return a value that SQLite accepts: lone surrogates replaced, None for a huge integer."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        return None
    return value
