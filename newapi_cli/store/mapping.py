"""Rows of the tables converted to sessions and turns, and back, by the tables of their fields."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime
from math import isfinite

from newapi_cli.domain.completion import COUNTS, Status, ToolCall, Usage, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import (
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
MAX_INTEGER = 2**63 - 1  # of SQLite; a server may report more tokens
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


# How a value is read from its column and written to it; a value of another type is stored as it is.
DECODERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.FLAG: bool,
    FieldType.TIME: time_from_seconds,
    FieldType.STATUS: Status,
    FieldType.OBJECT: json.loads,
    FieldType.ATTACHMENTS: lambda text: tuple(Attachment(*each) for each in json.loads(text)),
    FieldType.TOOL_CALLS: lambda text: tuple(ToolCall(*each) for each in json.loads(text)),
    FieldType.TRIED: lambda text: tuple((model, why) for model, why in json.loads(text)),
}
ENCODERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.FLAG: int,
    FieldType.TIME: lambda time: time.timestamp(),
    FieldType.STATUS: str,
    FieldType.OBJECT: lambda values: json.dumps(dict(values)),
    FieldType.ATTACHMENTS: json.dumps,
    FieldType.TOOL_CALLS: json.dumps,
    FieldType.TRIED: json.dumps,
}


def _columns(fields: Iterable[StoredField]) -> Iterator[str]:
    for field in fields:
        yield from COUNTS if field.type is FieldType.USAGE else (field.name,)


def _number_columns(fields: Iterable[StoredField]) -> Set[str]:
    return set(_columns(field for field in fields if field.type in NUMBER_TYPES))


SESSION_COLUMNS = ", ".join(_columns(SESSION_FIELDS))
TURN_COLUMNS = ", ".join(_columns(TURN_FIELDS))
SESSION_NUMBERS = _number_columns(SESSION_FIELDS)
TURN_NUMBERS = _number_columns(TURN_FIELDS)


def session_from_row(row: sqlite3.Row) -> Session:
    """Return a session from the columns `SESSION_COLUMNS`. Raise `LocalError` if it is damaged."""
    try:
        _check_types(row, SESSION_NUMBERS)
        values = {field.name: _decoded(field, row) for field in SESSION_FIELDS}
    except DAMAGE_ERRORS as error:
        message = tr("session {id} in the session store is damaged", id=row["id"])
        raise LocalError(message) from error
    return Session._make(values[name] for name in Session._fields)


def turn_from_row(row: sqlite3.Row) -> TurnRecord:
    """Return a turn from the columns `TURN_COLUMNS`. Raise `LocalError` if it is damaged."""
    try:
        _check_types(row, TURN_NUMBERS)
        values = {field.name: _decoded(field, row) for field in TURN_FIELDS}
    except DAMAGE_ERRORS as error:
        message = tr("turn {id} in the session store is damaged", id=row["id"])
        raise LocalError(message) from error
    return TurnRecord._make(values[name] for name in TurnRecord._fields)


def _check_types(row: sqlite3.Row, numbers: Set[str]) -> None:
    """Raise `TypeError` or `ValueError` for a wrong type: SQLite stores any type in any column."""
    for name in row.keys():  # noqa: SIM118  # a row is no mapping
        value: object = row[name]
        kinds = (int, float) if name in numbers else (str,)
        if value is not None and not isinstance(value, kinds):
            raise TypeError(f"{name} is {type(value).__name__}")
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{name} is infinite")


def _decoded(field: StoredField, row: sqlite3.Row) -> object:
    if field.type is FieldType.USAGE:
        counts = tuple(row[name] for name in COUNTS)
        return None if all(count is None for count in counts) else usage_from_counts(counts)
    decode = DECODERS.get(field.type)
    return row[field.name] if decode is None else decode(row[field.name])


def values_of_session(session: Session) -> dict[str, object]:
    """Return the columns of a session, without its `use_number`."""
    return _values(session, SESSION_FIELDS)


def values_of_turn(turn: TurnRecord) -> dict[str, object]:
    """Return the columns of a turn, without its id."""
    return _values(turn, [field for field in TURN_FIELDS if field.name != "id"])


def _values(source: Session | TurnRecord, fields: Iterable[StoredField]) -> dict[str, object]:
    values: dict[str, object] = {}
    for field in fields:
        value = getattr(source, field.name)
        if field.type is FieldType.USAGE:
            usage = value or Usage()
            values |= {name: storable(getattr(usage, name)) for name in COUNTS}
        else:
            encode = ENCODERS.get(field.type)
            values[field.name] = storable(value if encode is None else encode(value))
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
