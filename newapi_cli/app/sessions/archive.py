"""Sessions as JSON, for `newapi sessions export` and `newapi sessions import`.

The format is a stable interface: new fields can be added at any time, a changed field is a new
version.

    {"format": "newapi-session", "version": 1, "id": …, "leaf": 3, "turns": [{"id": 1, …}, …]}

As JSON Lines, the first line is the session without its turns (`"type": "session"`), and each turn
is another line (`"type": "turn"`). Imported files are untrusted: every field is checked.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

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
    EPOCH,
    ID_LENGTH,
    MAX_INTEGER,
    SESSION_FIELDS,
    TURN_FIELDS,
    FieldType,
    Session,
    StoredField,
    StoredSession,
    TurnRecord,
)
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.json_output import usage_json
from newapi_cli.text import well_formed

FORMAT = "newapi-session"
VERSION = 1
SESSION_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
DOLLARS = re.compile(r"[0-9]{1,60}(\.[0-9]{1,18})?")
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_DEPTH = 100
NOT_A_STRING = tr("must be a string")
NOT_AN_OBJECT = tr("must be an object")
HINT = tr("use a file that `newapi sessions export --json` wrote")


def session_to_json(stored: StoredSession) -> dict[str, object]:
    """Return a session with the turns of all branches as plain JSON values."""
    turns = [_fields_to_json(turn, TURN_FIELDS) for turn in stored.turns]
    return {**_session_to_json(stored.session), "turns": turns}


def session_to_lines(stored: StoredSession) -> Iterator[str]:
    """Yield the lines of a session as JSON Lines, without line breaks."""
    yield _line({"type": "session", **_session_to_json(stored.session)})
    for turn in stored.turns:
        yield _line({"type": "turn", **_fields_to_json(turn, TURN_FIELDS)})


def session_from_json(value: object) -> StoredSession:
    """Return the session in a JSON value.

    Raises `UsageError` with the path of an invalid field.
    """
    return _session_from(JsonObject(value, ""))


def sessions_from_text(text: str) -> list[StoredSession]:
    """Return the sessions in JSON, one or a list, or in JSON Lines."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise UsageError(tr("invalid session export: it is empty"), hint=HINT)
    value, is_all = _first_value(text)
    if is_all and isinstance(value, list):
        return [_session_from(JsonObject(each, f"[{i}].")) for i, each in enumerate(value)]
    if is_all and not (isinstance(value, dict) and value.get("type") == "session"):
        return [session_from_json(value)]
    return _sessions_from_lines(text)


# -- writing --------------------------------------------------------------------------------------


def _session_to_json(session: Session) -> dict[str, object]:
    return {"format": FORMAT, "version": VERSION, **_fields_to_json(session, SESSION_FIELDS)}


def _fields_to_json(
    source: Session | TurnRecord, fields: Iterable[StoredField]
) -> dict[str, object]:
    return {
        field.json_name: WRITERS.get(field.type, plain_json)(getattr(source, field.name))
        for field in fields
        if field.json_name
    }


def _time_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- reading --------------------------------------------------------------------------------------


def _first_value(text: str) -> tuple[object, bool]:
    """Return the first JSON value of a text, and whether nothing follows it."""
    begin = len(text) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text, begin)
    except json.JSONDecodeError as error:
        message = tr(
            "invalid session export: invalid JSON at line {line}, column {column}",
            line=error.lineno,
            column=error.colno,
        )
        raise UsageError(message, why=error.msg, hint=HINT) from None
    except RecursionError:
        message = tr("invalid session export: the JSON is nested too deeply")
        raise UsageError(message, hint=HINT) from None
    except ValueError:  # an integer of thousands of digits
        message = tr("invalid session export: the JSON contains a number that is too long")
        raise UsageError(message, hint=HINT) from None
    return value, not text[end:].strip()


def _sessions_from_lines(text: str) -> list[StoredSession]:
    sessions: list[StoredSession] = []
    head: JsonObject | None = None
    turns: list[JsonObject] = []
    for number, line in enumerate(text.split("\n"), 1):  # strings may contain U+2028 and the like
        if not line.strip():
            continue
        source = _object_from_line(line, number)
        kind = source.text("type")
        if kind == "turn" and head is not None:
            turns.append(source)
            continue
        if kind == "turn":
            raise source.error("type", tr("is a turn, but no session precedes it"))
        if head is not None:
            sessions.append(_stored(head, turns))
        head, turns = (source, []) if kind == "session" else (None, [])
        if head is None:
            sessions.append(_session_from(source))
    return sessions if head is None else [*sessions, _stored(head, turns)]


def _object_from_line(line: str, number: int) -> JsonObject:
    try:
        value, is_all = _first_value(line)
    except UsageError as error:
        message = tr("invalid session export: invalid JSON at line {line}", line=number)
        raise UsageError(message, why=error.why, hint=HINT) from None
    if not is_all:
        raise _import_error(f"line {number}", tr("must be one JSON object"))
    return JsonObject(value, f"line {number}: ")


def _session_from(source: JsonObject) -> StoredSession:
    _check_format(source)
    source.require("turns")
    return _stored(source, source.children("turns"))


def _check_format(source: JsonObject) -> None:
    source.require("format", "version")
    if source.text("format") != FORMAT:
        raise source.error("format", tr("must be {value}", value=FORMAT))
    if source.integer("version") != VERSION:
        raise source.error(
            "version",
            tr(
                "must be {version}; a newer version of newapi may be able to import it",
                version=VERSION,
            ),
        )


def _stored(source: JsonObject, sources: list[JsonObject]) -> StoredSession:
    _check_format(source)
    source.require("id", "leaf")
    all_ids = {turn_source.integer("id", minimum=1) for turn_source in sources}
    known: set[int] = set()
    profile, host = source.text("profile"), source.text("host")
    turns = []
    for turn_source in sources:
        turn = _turn_from(turn_source, profile, host)
        _check_parent(turn_source, turn, known, all_ids)
        known.add(turn.id)
        turns.append(turn)
    session = _session(source, len(turns))
    if session.leaf_id is not None and session.leaf_id not in known:
        raise source.error("leaf", tr("must be the ID of one of the turns"))
    return StoredSession(session, tuple(turns))


def _check_parent(
    source: JsonObject, turn: TurnRecord, known: set[int], all_ids: set[int | None]
) -> None:
    """Raise `UsageError` unless the id is new and the parent precedes the turn: no cycles."""
    if turn.id in known:
        raise source.error("id", tr("is the ID of an earlier turn"))
    if turn.parent_id is None or turn.parent_id in known:
        return
    problem = tr("must be the ID of an earlier turn, but no turn has it")
    if turn.parent_id == turn.id:
        problem = tr("must be the ID of an earlier turn, not of the turn itself")
    elif turn.parent_id in all_ids:
        problem = tr("must be the ID of an earlier turn, not of a later one")
    raise source.error("parent_id", problem)


def _session(source: JsonObject, turns: int) -> Session:
    values = _fields_from_json(source, SESSION_FIELDS)
    if source.optional_text("used_at") is None:
        values["used_at"] = values["created_at"]
    values["turns"] = turns
    return Session._make(values[name] for name in Session._fields)


def _turn_from(source: JsonObject, profile: str, host: str) -> TurnRecord:
    """Return a turn. In older exports only the session has the profile and the host."""
    source.require("id", "parent_id", "prompt", "status")
    if source.integer("id", minimum=1) is None:
        raise source.error("id", _not_an_integer(1))
    if source.optional_text("prompt") is None:
        raise source.error("prompt", NOT_A_STRING)
    values = _fields_from_json(source, TURN_FIELDS)
    for name, default in (("profile", profile), ("host", host)):
        if source.optional_text(name) is None:
            values[name] = default
    return TurnRecord._make(values[name] for name in TurnRecord._fields)


def _fields_from_json(source: JsonObject, fields: Iterable[StoredField]) -> dict[str, object]:
    return {
        field.name: READERS[field.type](source, field.json_name)
        for field in fields
        if field.json_name
    }


def _session_id(source: JsonObject, name: str) -> str:
    return source.matching(name, SESSION_ID, tr("must be {n} hex digits", n=ID_LENGTH))


def _status(source: JsonObject, name: str) -> Status:
    """Return the status. An answer that was still open at the export counts as interrupted."""
    try:
        status = Status(source.text(name))
    except ValueError:
        raise source.error(name, tr("must be one of {values}", values=", ".join(Status))) from None
    return Status.INTERRUPTED if status is Status.OPEN else status


def _dollars(source: JsonObject, name: str) -> str | None:
    if source.optional_text(name) is None:
        return None
    return source.matching(name, DOLLARS, tr('must be dollars as a string, such as "0.0004"'))


def _attachment(source: JsonObject) -> Attachment:
    source.require(*Attachment._fields)
    return Attachment(
        name=source.text("name"),
        reference=source.text("reference"),
        media_type=source.text("media_type"),
        size_bytes=source.integer("size_bytes") or 0,
        sha256=source.matching("sha256", SHA256, tr("must be {n} hex digits", n=64)),
    )


def _tool_call(source: JsonObject) -> ToolCall:
    return ToolCall(source.text("id"), source.text("name"), source.text("arguments"))


def _source(source: JsonObject) -> Source:
    return Source(source.text("url"), source.text("title"))


def _usage(source: JsonObject, name: str) -> Usage | None:
    usage = source.child(name)
    return None if usage is None else usage_from_counts(usage.integer(count) for count in COUNTS)


def _tried(source: JsonObject, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((each.text("model"), each.text("why")) for each in source.children(name))


# -- checked JSON ------------------------------------------------------------------------------


class JsonObject:
    """A JSON object whose fields are checked as they are read.

    `prefix` precedes the names of fields in messages, such as `turns[3].` or `line 5: `. A missing
    field is the same as null.
    """

    def __init__(self, value: object, prefix: str) -> None:
        if not isinstance(value, dict):
            raise _import_error(prefix.rstrip(".: "), NOT_AN_OBJECT)
        self._prefix = prefix
        self._value = value

    def error(self, name: str, problem: str) -> UsageError:
        """Return the error for a field."""
        return _import_error(self._prefix + name, problem)

    def require(self, *names: str) -> None:
        """Raise `UsageError` if one of these fields is missing."""
        for name in names:
            if name not in self._value:
                raise self.error(name, tr("is missing"))

    def text(self, name: str) -> str:
        """Return a string, empty if it is missing."""
        return self.optional_text(name) or ""

    def optional_text(self, name: str) -> str | None:
        """Return a string or None, with lone surrogates replaced."""
        value = self._value.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error(name, NOT_A_STRING)
        return well_formed(value)

    def matching(self, name: str, pattern: re.Pattern[str], problem: str) -> str:
        """Return a string that matches a pattern."""
        text = self.text(name)
        if not pattern.fullmatch(text):
            raise self.error(name, problem)
        return text

    def integer(self, name: str, minimum: int = 0) -> int | None:
        """Return an integer or None."""
        value = self._value.get(name)
        if value is None:
            return None
        if type(value) is not int or not minimum <= value <= MAX_INTEGER:  # a bool is an int too
            raise self.error(name, _not_an_integer(minimum))
        return value

    def seconds(self, name: str) -> float | None:
        """Return a duration in seconds, or None."""
        value = self._value.get(name)
        if value is None:
            return None
        is_number = type(value) in (int, float) and 0 <= value <= MAX_INTEGER  # false for NaN
        if not is_number:
            raise self.error(name, tr("must be a number of seconds, 0 or more"))
        return float(value)

    def flag(self, name: str) -> bool:
        """Return true or false; a missing one is false."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, tr("must be true or false"))
        return bool(value)

    def time(self, name: str, default: datetime) -> datetime:
        """Return a time in UTC, which is also assumed if there is no offset."""
        text = self.optional_text(name)
        if text is None:
            return default
        try:
            time = datetime.fromisoformat(text)
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.error(name, tr("must be a time such as 2026-01-31T12:00:00Z")) from None

    def mapping(self, name: str) -> dict[str, object]:
        """Return an object of plain JSON values, empty if it is missing."""
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(name, NOT_AN_OBJECT)
        if not _is_shallow(value):
            raise self.error(name, tr("must have at most {n} levels", n=MAX_DEPTH))
        if not _is_finite(value):
            raise self.error(name, tr("must not contain NaN or Infinity"))
        return {well_formed(key): plain_json(inner) for key, inner in value.items()}

    def child(self, name: str) -> JsonObject | None:
        """Return an object to read, or None."""
        value = self._value.get(name)
        return None if value is None else JsonObject(value, f"{self._prefix}{name}.")

    def children(self, name: str) -> list[JsonObject]:
        """Return a list of objects to read, empty if it is missing."""
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(name, tr("must be a list"))
        return [JsonObject(item, f"{self._prefix}{name}[{i}].") for i, item in enumerate(value)]


def _import_error(place: str, problem: str) -> UsageError:
    """Return the error for a field or line, or for all of it if `place` is empty."""
    if not place:
        message = tr("invalid session export: it {problem}", problem=problem)
    else:
        message = tr("invalid session export: {place}: {problem}", place=place, problem=problem)
    return UsageError(message, hint=HINT)


def _not_an_integer(minimum: int) -> str:
    return tr("must be an integer, {minimum} or more", minimum=minimum)


def plain_json(value: object, depth: int = 0) -> object:
    """Return a value as valid JSON: null for anything else, and for what is nested too deeply.

    >>> plain_json({"a": (1, float("nan"), "x")})
    {'a': [1, None, 'x']}
    """
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {well_formed(str(k)): plain_json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item, depth + 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else None


def _is_shallow(value: object) -> bool:
    """Return whether a value has at most `MAX_DEPTH` levels, without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return True
    return False


def _is_finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return all(map(_is_finite, _inside(value)))


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


# -- the table of field types ------------------------------------------------------------------

# How a field is written to JSON and read from it. Other types are plain JSON values.
WRITERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.TIME: _time_text,
    FieldType.STATUS: str,
    FieldType.USAGE: usage_json,
    FieldType.ATTACHMENTS: lambda values: [plain_json(each._asdict()) for each in values],
    FieldType.TOOL_CALLS: lambda values: [plain_json(each._asdict()) for each in values],
    FieldType.SOURCES: lambda values: [plain_json(each._asdict()) for each in values],
    FieldType.TRIED: lambda values: [plain_json({"model": m, "why": why}) for m, why in values],
}
READERS: Mapping[FieldType, Callable[[JsonObject, str], object]] = {
    FieldType.TEXT: JsonObject.text,
    FieldType.OPTIONAL_TEXT: JsonObject.optional_text,
    FieldType.SESSION_ID: _session_id,
    FieldType.TURN_ID: lambda source, name: source.integer(name, minimum=1),
    FieldType.COUNT: lambda source, name: source.integer(name) or 0,
    FieldType.FLAG: JsonObject.flag,
    FieldType.SECONDS: JsonObject.seconds,
    FieldType.TIME: lambda source, name: source.time(name, EPOCH),
    FieldType.STATUS: _status,
    FieldType.OBJECT: JsonObject.mapping,
    FieldType.DOLLARS: _dollars,
    FieldType.USAGE: _usage,
    FieldType.ATTACHMENTS: lambda source, name: tuple(map(_attachment, source.children(name))),
    FieldType.TOOL_CALLS: lambda source, name: tuple(map(_tool_call, source.children(name))),
    FieldType.SOURCES: lambda source, name: tuple(map(_source, source.children(name))),
    FieldType.TRIED: _tried,
}
