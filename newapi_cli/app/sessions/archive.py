"""A session as JSON and back: for `newapi sessions export` and `newapi sessions import`.

The format is a stable interface: a new field may come at any time, a changed one is a new version.

    {"format": "newapi-session", "version": 1, "id": …, "leaf": 3, "turns": [{"id": 1, …}, …]}

As JSON lines, the session without its turns is the first line (`"type": "session"`) and each turn
is one more (`"type": "turn"`). What is read was written by anybody: all of it is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from newapi_cli.app.sessions.json_fields import JsonObject, plain_json, problem_at
from newapi_cli.domain.completion import COUNTS, Status, ToolCall, Usage, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import EPOCH, ID_LENGTH, Session, StoredSession, TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.text import well_formed

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
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": session.id,
        "title": well_formed(session.title),
        "is_named": session.is_named,
        "profile": well_formed(session.profile),
        "host": well_formed(session.host),
        "model": well_formed(session.model),
        "system": well_formed(session.system),
        "left_out": session.left_out,
        "created_at": _time_text(session.created_at),
        "used_at": _time_text(session.used_at),
        "leaf": session.leaf_id,
    }


def _turn_to_json(turn: TurnRecord) -> dict[str, object]:
    return {
        "id": turn.id,
        "parent_id": turn.parent_id,
        "prompt": well_formed(turn.prompt),
        "answer": well_formed(turn.answer),
        "reasoning": well_formed(turn.reasoning),
        "status": str(turn.status),
        "model": well_formed(turn.model),
        "answered_by": well_formed(turn.answered_by),
        "request": plain_json(turn.request),
        "attachments": [plain_json(each._asdict()) for each in turn.attachments],
        "tool_calls": [plain_json(each._asdict()) for each in turn.tool_calls],
        "finish_reason": plain_json(turn.finish_reason),
        "error": well_formed(turn.error),
        "usage": _counts(turn.usage),
        "cost": plain_json(turn.cost),
        "cost_kind": well_formed(turn.cost_kind),
        "tried": [
            {"model": well_formed(model), "why": well_formed(why)} for model, why in turn.tried
        ],
        "profile": well_formed(turn.profile),
        "host": well_formed(turn.host),
        "request_id": well_formed(turn.request_id),
        "first_token_s": plain_json(turn.first_token_s),
        "duration_s": plain_json(turn.duration_s),
        "created_at": _time_text(turn.created_at),
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
    leaf_id = source.whole("leaf", least=1)
    if leaf_id is not None and leaf_id not in known:
        raise source.wrong("leaf", "must be the id of one of the turns")
    return StoredSession(_session(source, leaf_id, len(turns)), tuple(turns))


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


def _session(source: JsonObject, leaf_id: int | None, turns: int) -> Session:
    created_at = source.time("created_at", EPOCH)
    return Session(
        id=source.matching("id", SESSION_ID, f"must be {ID_LENGTH} hex digits"),
        title=source.text("title"),
        is_named=source.flag("is_named"),
        profile=source.text("profile"),
        host=source.text("host"),
        model=source.text("model"),
        system=source.text("system"),
        left_out=source.whole("left_out") or 0,
        leaf_id=leaf_id,
        turns=turns,
        created_at=created_at,
        used_at=source.time("used_at", created_at),
    )


def _turn_from(source: JsonObject, profile: str, host: str) -> TurnRecord:
    """Give a turn; older exports say only of the session what it was sent to."""
    source.require("id", "parent_id", "prompt", "status")
    turn_id = source.whole("id", least=1)
    if turn_id is None:
        raise source.wrong("id", "must be a whole number, 1 or more")
    if source.optional_text("prompt") is None:
        raise source.wrong("prompt", "must be a text")
    return TurnRecord(
        prompt=source.text("prompt"),
        answer=source.text("answer"),
        reasoning=source.text("reasoning"),
        status=_status(source),
        model=source.text("model"),
        answered_by=source.text("answered_by"),
        request=source.table("request"),
        attachments=tuple(map(_attachment, source.children("attachments"))),
        tool_calls=tuple(map(_tool_call, source.children("tool_calls"))),
        finish_reason=source.optional_text("finish_reason"),
        error=source.text("error"),
        usage=_usage(source.child("usage")),
        cost=_cost(source),
        cost_kind=source.text("cost_kind"),
        tried=tuple((each.text("model"), each.text("why")) for each in source.children("tried")),
        profile=profile if (own := source.optional_text("profile")) is None else own,
        host=host if (own := source.optional_text("host")) is None else own,
        request_id=source.text("request_id"),
        first_token_s=source.seconds("first_token_s"),
        duration_s=source.seconds("duration_s"),
        created_at=source.time("created_at", EPOCH),
        id=turn_id,
        parent_id=source.whole("parent_id", least=1),
    )


def _status(source: JsonObject) -> Status:
    """Give the status; an answer that was still open when it was exported will not go on here."""
    try:
        status = Status(source.text("status"))
    except ValueError:
        raise source.wrong("status", f"must be one of {', '.join(Status)}") from None
    return Status.INTERRUPTED if status is Status.OPEN else status


def _cost(source: JsonObject) -> str | None:
    if source.optional_text("cost") is None:
        return None
    return source.matching("cost", DOLLARS, 'must be dollars as text, such as "0.0004"')


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


def _usage(source: JsonObject | None) -> Usage | None:
    return None if source is None else usage_from_counts(source.whole(name) for name in COUNTS)
