"""A session as JSON and back: for `newapi sessions export` and `newapi sessions import`.

The format is a stable interface: a new field may come at any time, a changed one is a new version.

    {"format": "newapi-session", "version": 1, "id": …, "leaf": 3, "turns": [{"id": 1, …}, …]}

As JSON lines, the session without its turns is the first line (`"type": "session"`) and each turn
is one more (`"type": "turn"`). What is read was written by anybody: all of it is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

from newapi_cli.app.sessions.json_fields import JsonObject, plain_json, problem_at
from newapi_cli.domain.completion import COUNTS, Status, ToolCall, Usage, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import (
    EPOCH,
    ID_LENGTH,
    SESSION_FIELDS,
    TURN_FIELDS,
    FieldType,
    Session,
    StoredField,
    StoredSession,
    TurnRecord,
)
from newapi_cli.errors import UsageError

FORMAT = "newapi-session"
VERSION = 1
SESSION_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}")
DOLLARS = re.compile(r"[0-9]{1,60}(\.[0-9]{1,18})?")
SHA256 = re.compile(r"[0-9a-f]{64}")
HINT = "`newapi sessions export --json` writes what can be imported"


def session_to_json(stored: StoredSession) -> dict[str, object]:
    """Give a session with every turn of every branch as plain JSON values."""
    return {**_session_to_json(stored.session), "turns": [*map(_turn_to_json, stored.turns)]}


def session_to_lines(stored: StoredSession) -> Iterator[str]:
    """Give a session as lines of JSON, without their line breaks."""
    yield _line({"type": "session", **_session_to_json(stored.session)})
    for turn in stored.turns:
        yield _line({"type": "turn", **_turn_to_json(turn)})


def session_from_json(value: object) -> StoredSession:
    """Read a session. Raises `UsageError` that names the place of what is wrong."""
    return _session_from(JsonObject(value, ""))


def sessions_from_text(text: str) -> list[StoredSession]:
    """Read one session, a list of them, or JSON lines. Raises `UsageError`."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise UsageError("there is nothing to import: it is empty", hint=HINT)
    value, is_all = _first_value(text)
    if is_all and isinstance(value, list):
        return [_session_from(JsonObject(each, f"[{i}].")) for i, each in enumerate(value)]
    if is_all and not (isinstance(value, dict) and value.get("type") == "session"):
        return [session_from_json(value)]
    return _sessions_from_lines(text)


# -- writing --------------------------------------------------------------------------------------


def _session_to_json(session: Session) -> dict[str, object]:
    return {"format": FORMAT, "version": VERSION, **_fields_to_json(session, SESSION_FIELDS)}


def _turn_to_json(turn: TurnRecord) -> dict[str, object]:
    return _fields_to_json(turn, TURN_FIELDS)


def _fields_to_json(
    source: Session | TurnRecord, fields: Iterable[StoredField]
) -> dict[str, object]:
    return {
        field.json_name: WRITERS.get(field.type, plain_json)(getattr(source, field.name))
        for field in fields
        if field.json_name
    }


def _counts(usage: Usage | None) -> dict[str, int | None] | None:
    return None if usage is None else {name: getattr(usage, name) for name in COUNTS}


def _time_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _line(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- reading --------------------------------------------------------------------------------------


def _first_value(text: str) -> tuple[object, bool]:
    """Parse the first JSON value; say whether it is all that there is."""
    begin = len(text) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text, begin)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(
            f"cannot import this: {where} is no JSON", why=error.msg, hint=HINT
        ) from None
    except (RecursionError, ValueError):  # a number of thousands of digits
        raise UsageError("cannot import this: it is no JSON within reason", hint=HINT) from None
    return value, not text[end:].strip()


def _sessions_from_lines(text: str) -> list[StoredSession]:
    sessions: list[StoredSession] = []
    head: JsonObject | None = None
    turns: list[JsonObject] = []
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold the others of splitlines
        if not line.strip():
            continue
        each = _object_of_line(line, f"line {number}")
        kind = each.text("type")
        if kind == "turn" and head is not None:
            turns.append(each)
            continue
        if kind == "turn":
            raise each.wrong("type", "is a turn, and no session stands before it")
        if head is not None:
            sessions.append(_stored(head, turns))
        head, turns = (each, []) if kind == "session" else (None, [])
        if head is None:
            sessions.append(_session_from(each))
    return sessions if head is None else [*sessions, _stored(head, turns)]


def _object_of_line(line: str, where: str) -> JsonObject:
    try:
        value, is_all = _first_value(line)
    except UsageError as problem:
        raise UsageError(
            f"cannot import this: {where} is no JSON", why=problem.why, hint=HINT
        ) from None
    if not is_all:
        raise problem_at(where, "must be one JSON object")
    return JsonObject(value, f"{where}: ")


def _session_from(source: JsonObject) -> StoredSession:
    _check_format(source)
    source.require("turns")
    return _stored(source, source.children("turns"))


def _check_format(source: JsonObject) -> None:
    source.require("format", "version")
    if source.text("format") != FORMAT:
        raise source.wrong("format", f"must be {FORMAT}")
    if source.whole("version") != VERSION:
        raise source.wrong(
            "version", f"must be {VERSION}; a newer newapi may have written this, and can read it"
        )


def _stored(source: JsonObject, sources: list[JsonObject]) -> StoredSession:
    _check_format(source)
    source.require("id", "leaf")
    all_ids = {each.whole("id", least=1) for each in sources}
    known: set[int] = set()
    profile, host = source.text("profile"), source.text("host")
    turns = []
    for each in sources:
        turn = _turn_from(each, profile, host)
        _check_place(each, turn, known, all_ids)
        known.add(turn.id)
        turns.append(turn)
    session = _session(source, len(turns))
    if session.leaf_id is not None and session.leaf_id not in known:
        raise source.wrong("leaf", "must be the id of one of the turns")
    return StoredSession(session, tuple(turns))


def _check_place(
    source: JsonObject, turn: TurnRecord, known: set[int], all_ids: set[int | None]
) -> None:
    """Raise `UsageError` unless a turn is new and its parent stands before it: so no ring is."""
    if turn.id in known:
        raise source.wrong("id", "is that of a turn before")
    if turn.parent_id is None or turn.parent_id in known:
        return
    if turn.parent_id == turn.id:
        raise source.wrong("parent_id", "makes the turn its own parent")
    if turn.parent_id in all_ids:
        raise source.wrong("parent_id", "must be the id of a turn before, and that one comes later")
    raise source.wrong("parent_id", "must be the id of a turn before, and there is no such turn")


def _session(source: JsonObject, turns: int) -> Session:
    values = _fields_from_json(source, SESSION_FIELDS)
    if source.optional_text("used_at") is None:
        values["used_at"] = values["created_at"]
    values["turns"] = turns
    return Session._make(values[name] for name in Session._fields)


def _turn_from(source: JsonObject, profile: str, host: str) -> TurnRecord:
    """Return a turn. In older exports only the session has the profile and the host."""
    source.require("id", "parent_id", "prompt", "status")
    if source.whole("id", least=1) is None:
        raise source.wrong("id", "must be a whole number, 1 or more")
    if source.optional_text("prompt") is None:
        raise source.wrong("prompt", "must be a text")
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
    return source.matching(name, SESSION_ID, f"must be {ID_LENGTH} hex digits")


def _status(source: JsonObject, name: str) -> Status:
    """Return the status. An answer that was still open when it was exported was interrupted."""
    try:
        status = Status(source.text(name))
    except ValueError:
        raise source.wrong(name, f"must be one of {', '.join(Status)}") from None
    return Status.INTERRUPTED if status is Status.OPEN else status


def _dollars(source: JsonObject, name: str) -> str | None:
    if source.optional_text(name) is None:
        return None
    return source.matching(name, DOLLARS, 'must be dollars as text, such as "0.0004"')


def _attachment(source: JsonObject) -> Attachment:
    source.require(*Attachment._fields)
    return Attachment(
        name=source.text("name"),
        reference=source.text("reference"),
        media_type=source.text("media_type"),
        size_bytes=source.whole("size_bytes") or 0,
        sha256=source.matching("sha256", SHA256, "must be 64 hex digits"),
    )


def _tool_call(source: JsonObject) -> ToolCall:
    return ToolCall(source.text("id"), source.text("name"), source.text("arguments"))


def _usage(source: JsonObject, name: str) -> Usage | None:
    usage = source.child(name)
    return None if usage is None else usage_from_counts(usage.whole(count) for count in COUNTS)


def _tried(source: JsonObject, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((each.text("model"), each.text("why")) for each in source.children(name))


# How a field is written to JSON and read from it. Other types are plain JSON values.
WRITERS: Mapping[FieldType, Callable[..., object]] = {
    FieldType.TIME: _time_text,
    FieldType.STATUS: str,
    FieldType.USAGE: _counts,
    FieldType.ATTACHMENTS: lambda values: [plain_json(each._asdict()) for each in values],
    FieldType.TOOL_CALLS: lambda values: [plain_json(each._asdict()) for each in values],
    FieldType.TRIED: lambda values: [plain_json({"model": m, "why": why}) for m, why in values],
}
READERS: Mapping[FieldType, Callable[[JsonObject, str], object]] = {
    FieldType.TEXT: JsonObject.text,
    FieldType.OPTIONAL_TEXT: JsonObject.optional_text,
    FieldType.SESSION_ID: _session_id,
    FieldType.TURN_ID: lambda source, name: source.whole(name, least=1),
    FieldType.COUNT: lambda source, name: source.whole(name) or 0,
    FieldType.FLAG: JsonObject.flag,
    FieldType.SECONDS: JsonObject.seconds,
    FieldType.TIME: lambda source, name: source.time(name, EPOCH),
    FieldType.STATUS: _status,
    FieldType.OBJECT: JsonObject.table,
    FieldType.DOLLARS: _dollars,
    FieldType.USAGE: _usage,
    FieldType.ATTACHMENTS: lambda source, name: tuple(map(_attachment, source.children(name))),
    FieldType.TOOL_CALLS: lambda source, name: tuple(map(_tool_call, source.children(name))),
    FieldType.TRIED: _tried,
}
