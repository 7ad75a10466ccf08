"""Rows of the tables as values of the domain, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from math import isfinite

from newapi_cli.domain.completion import COUNTS, Status, ToolCall, Usage, usage_from_counts
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.errors import LocalError

DAMAGES = (ValueError, TypeError, OverflowError, OSError, RecursionError)  # in what is stored
LARGEST = 2**63 - 1  # SQLite's; a server may claim more tokens
SESSION_COLUMNS = (
    "id, title, is_named, profile, host, model, system, left_out, leaf_id, turns, created_at,"
    " used_at"
)
TURN_COLUMNS = (
    "prompt, answer, reasoning, status, model, answered_by, request, attachments, tool_calls,"
    " finish_reason, error, prompt_tokens, completion_tokens, total_tokens, cached_tokens,"
    " reasoning_tokens, cost, cost_kind, tried, profile, host, request_id, first_token_s,"
    " duration_s, created_at, id, parent_id"
)

NUMBERS = {  # all other columns are texts
    *COUNTS,
    "is_named",
    "left_out",
    "leaf_id",
    "turns",
    "parent_id",
    "first_token_s",
    "duration_s",
    "created_at",
    "used_at",
}


def session_from_row(row: sqlite3.Row) -> Session:
    """Give a session of the columns `SESSION_COLUMNS`. Raises `LocalError` for a damaged one."""
    try:
        _check_types(row, NUMBERS)
        return _session(row)
    except DAMAGES as error:
        raise LocalError(f"session {row['id']} in the session store is damaged") from error


def _session(row: sqlite3.Row) -> Session:
    return Session(
        row["id"],
        row["title"],
        bool(row["is_named"]),
        row["profile"],
        row["host"],
        row["model"],
        row["system"],
        row["left_out"],
        row["leaf_id"],
        row["turns"],
        time_from_seconds(row["created_at"]),
        time_from_seconds(row["used_at"]),
    )


def turn_from_row(row: sqlite3.Row) -> TurnRecord:
    """Give a turn of the columns `TURN_COLUMNS`. Raises `LocalError` for a damaged one."""
    try:
        _check_types(row, {*NUMBERS, "id"})
        return _turn(row)
    except DAMAGES as error:
        raise LocalError(f"turn {row['id']} in the session store is damaged") from error


def _turn(row: sqlite3.Row) -> TurnRecord:
    counts = tuple(row[name] for name in COUNTS)
    return TurnRecord(
        prompt=row["prompt"],
        answer=row["answer"],
        reasoning=row["reasoning"],
        status=Status(row["status"]),
        model=row["model"],
        answered_by=row["answered_by"],
        request=json.loads(row["request"]),
        attachments=tuple(Attachment(*each) for each in json.loads(row["attachments"])),
        tool_calls=tuple(ToolCall(*each) for each in json.loads(row["tool_calls"])),
        finish_reason=row["finish_reason"],
        error=row["error"],
        usage=None if all(count is None for count in counts) else usage_from_counts(counts),
        cost=row["cost"],
        cost_kind=row["cost_kind"],
        tried=tuple((model, why) for model, why in json.loads(row["tried"])),
        profile=row["profile"],
        host=row["host"],
        request_id=row["request_id"],
        first_token_s=row["first_token_s"],
        duration_s=row["duration_s"],
        created_at=time_from_seconds(row["created_at"]),
        id=row["id"],
        parent_id=row["parent_id"],
    )


def _check_types(row: sqlite3.Row, numbers: Set[str]) -> None:
    """Raise `TypeError` for a value of another kind than its column: SQLite keeps what it gets."""
    for name in row.keys():  # noqa: SIM118  # a row is no mapping
        value: object = row[name]
        kinds = (int, float) if name in numbers else (str,)
        if value is not None and not isinstance(value, kinds):
            raise TypeError(f"{name} is {type(value).__name__}")
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{name} is infinite")


def values_of_session(session: Session) -> dict[str, object]:
    """Give the columns of a session, its number of use apart."""
    return {
        **{name: storable(value) for name, value in session._asdict().items()},
        "is_named": int(session.is_named),
        "created_at": session.created_at.timestamp(),
        "used_at": session.used_at.timestamp(),
    }


def values_of_turn(turn: TurnRecord) -> dict[str, object]:
    """Give the columns of a turn, its own id apart."""
    usage = turn.usage or Usage()
    values: Mapping[str, object] = {
        "parent_id": turn.parent_id,
        "prompt": turn.prompt,
        "answer": turn.answer,
        "reasoning": turn.reasoning,
        "status": str(turn.status),
        "model": turn.model,
        "answered_by": turn.answered_by,
        "request": json.dumps(dict(turn.request)),
        "attachments": json.dumps(turn.attachments),
        "tool_calls": json.dumps(turn.tool_calls),
        "finish_reason": turn.finish_reason,
        "error": turn.error,
        **{name: getattr(usage, name) for name in COUNTS},
        "cost": turn.cost,
        "cost_kind": turn.cost_kind,
        "tried": json.dumps(turn.tried),
        "profile": turn.profile,
        "host": turn.host,
        "request_id": turn.request_id,
        "first_token_s": turn.first_token_s,
        "duration_s": turn.duration_s,
        "created_at": turn.created_at.timestamp(),
    }
    return {name: storable(value) for name, value in values.items()}


def storable(value: object) -> object:
    """Give a value that SQLite takes: no half characters, no number beyond its integers."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif isinstance(value, int) and abs(value) > LARGEST:
        return None
    return value


def time_from_seconds(seconds: float) -> datetime:
    """Give a time by its seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
