"""Saving, finding, changing and deleting sessions and turns, and their usage and costs.

The commits of a turn:

    begin_turn          the prompt, status open, owned by this process   before the request is sent
    save_partial_turn   what has arrived of the answer                   while it streams
    end_turn            all of it, with its status                       however the answer ends

An open turn whose owner is not running was cut off by a kill or a crash, or its end could not be
stored, not even marked. The next process that writes marks it as interrupted and reports it. An
owner is `PID:START`; START is the start time of the process where the system provides it (Linux, in
clock ticks since boot), because process ids are reused.

A turn that cannot be stored, as on a full disk, stays in memory: see `app.sessions.live_session`.

Search scans all turns: 0.1 to 0.3 s for 200,000 turns. A word index would not find two characters
of Chinese, and its terms would survive a deletion. A spending report reads all turns too, so it
reads only the columns it needs and creates no `TurnRecord`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import (
    CONTINUE_PROMPT,
    ID_LENGTH,
    Hit,
    Session,
    StoredSession,
    TurnRecord,
)
from newapi_cli.errors import LocalError, NextStep, Reason, UsageError
from newapi_cli.i18n import tr
from newapi_cli.store.database import Database, migration_backups
from newapi_cli.store.mapping import (
    SESSION_COLUMNS,
    TURN_COLUMNS,
    session_from_row,
    storable,
    time_from_seconds,
    turn_from_row,
    values_of_session,
    values_of_turn,
)

UNFINISHED = tr("newapi was killed, or could not save the answer")
NEXT_USE = "(SELECT coalesce(max(use_number), 0) + 1 FROM sessions)"
LAST_USED_FIRST = "ORDER BY use_number DESC, used_at DESC"
# Between two whole numbers, so that the next use of a session gets a number beyond them all.
USE_NUMBER_BY_TIME = (
    "(SELECT coalesce(max(use_number), 0) + 0.5 FROM sessions WHERE used_at <= :used_at)"
)
UPDATED_COLUMNS = [name for name in Session._fields if name != "id"]
MIN_ID_PREFIX = 4
HEX_DIGITS = frozenset("0123456789abcdef")
SEARCHED = (f"nullif(prompt, '{CONTINUE_PROMPT}')", "answer")  # what the user typed, or read
MAX_LISTED_IDS = 5
SPENDING_COLUMNS = (  # of a turn
    "id, session_id, host, status, model, prompt_tokens, completion_tokens, cost, cost_kind,"
    " request_id, first_token_s, duration_s, created_at"
)

Made = TypeVar("Made")


class HasCost(Protocol):
    """A turn with its cost, whole or only its figures."""

    @property
    def id(self) -> int: ...

    @property
    def request_id(self) -> str: ...

    @property
    def cost(self) -> str | None: ...

    @property
    def cost_kind(self) -> str: ...


class SessionStore:
    """All sessions of one database. Every method raises `LocalError`."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        check_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = Database(path, check_wait=check_wait)
        self._clock = clock
        self._owner = current_owner()

    def __enter__(self) -> SessionStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.database.close()

    # -- a turn -------------------------------------------------------------------------------

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session if it is new, and return both as they were stored.

        With `at_leaf` the turn follows the newest turn, even one of another process, otherwise
        `turn.parent_id`. A new session with the name of an existing one joins that session.
        """
        now = self._clock()
        database = self.database
        with database.transaction():
            stored = self._stored(session)
            if stored is None:
                stored = session._replace(
                    created_at=time_from_seconds(now), leaf_id=None, turns=0, left_out=0
                )
                self._insert_session(stored)
                turn = turn._replace(parent_id=None)
            if at_leaf:
                turn = turn._replace(parent_id=stored.leaf_id)
            turn = turn._replace(created_at=time_from_seconds(now), status=Status.OPEN)
            turn = turn._replace(id=self._insert_turn(stored.id, turn, self._owner))
            stored = stored._replace(
                profile=session.profile,
                host=session.host,
                model=session.model,
                system=session.system,
                left_out=session.left_out,
                leaf_id=turn.id,
                turns=stored.turns + 1,
                used_at=time_from_seconds(now),
            )
            database.execute(
                f"UPDATE sessions SET {_assignments(UPDATED_COLUMNS)}, use_number = {NEXT_USE}"
                " WHERE id = :id",
                values_of_session(stored),
            )
        return stored, turn

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Commit what has arrived of an answer, for a turn of this process.

        If the session was deleted, another turn may have its id: the owner is checked too. This
        does not wait for a locked file: the answer continues and is saved a little later.
        """
        self.database.execute_without_waiting(
            "UPDATE turns SET answer = ?, reasoning = ? WHERE id = ? AND owner = ?",
            (storable(turn.answer), storable(turn.reasoning), turn.id, self._owner),
        )

    def end_turn(self, turn: TurnRecord) -> None:
        """Commit the final state of a turn of this process.

        If the disk is full or fails, what was saved before is marked as incomplete if possible, so
        that it does not look like the whole answer. The `LocalError` is raised all the same.
        """
        values = {**values_of_turn(turn), "id": turn.id, "owner": self._owner}
        unchanged = ("id", "owner", "parent_id", "created_at")
        names = [name for name in values if name not in unchanged]
        where = "WHERE id = :id AND owner = :owner"
        try:
            self.database.execute(f"UPDATE turns SET {_assignments(names)} {where}", values)
        except LocalError as error:
            if error.reason in (Reason.DISK_FULL, Reason.IO_ERROR):
                message = tr("the rest was not saved: {why}", why=error.why)
                part = {**values, "status": str(Status.INCOMPLETE), "error": str(message)}
                with suppress(LocalError):
                    self.database.execute(
                        f"UPDATE turns SET status = :status, error = :error {where}",
                        {name: part[name] for name in ("status", "error", "id", "owner")},
                    )
            raise

    def close_orphaned_turns(self) -> list[Hit]:
        """Mark the open turns of dead processes as interrupted, and return them.

        If several processes do this at the same time, each turn is returned to one of them.
        """
        if not self._orphaned_turns():  # usually none: no lock is needed
            return []
        with self.database.transaction():
            orphaned = self._orphaned_turns()
            for turn_id, _ in orphaned:
                self.database.execute(
                    "UPDATE turns SET status = ?, error = ? WHERE id = ?",
                    (str(Status.INTERRUPTED), str(UNFINISHED), turn_id),
                )
            return [
                Hit(self._session(session_id), self._turn(turn_id))
                for turn_id, session_id in orphaned
            ]

    # -- finding ------------------------------------------------------------------------------

    def sessions(self, limit: int = -1, profile: str = "") -> list[Session]:
        """Return the sessions of one profile or of all, the last used first.

        A negative limit means no limit.
        """
        where, values = where_profile(profile)
        sql = f"SELECT {SESSION_COLUMNS} FROM sessions {where} {LAST_USED_FIRST} LIMIT ?"
        return [session_from_row(row) for row in self.database.rows(sql, (*values, limit))]

    def text_rows(self, limit: int = -1, profile: str = "") -> list[list[str]]:
        """Return the same sessions as rows of text: id, title, turns, last use, model and profile.

        For `sessions list` in a pipe: 10,000 rows take 79 ms less than as `Session`s.
        """
        where, values = where_profile(profile)
        sql = (
            "SELECT CAST(id AS TEXT), CAST(title AS TEXT), CAST(turns AS TEXT),"
            " coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', used_at, 'unixepoch'), ''),"
            " CAST(model AS TEXT), CAST(profile AS TEXT)"
            f" FROM sessions {where} {LAST_USED_FIRST} LIMIT ?"
        )
        return [list(row) for row in self.database.rows(sql, (*values, limit))]

    def count(self, profile: str = "") -> int:
        """Return the number of sessions of one profile or of all."""
        where, values = where_profile(profile)
        row = self.database.row(f"SELECT count(*) FROM sessions {where}", values)
        return int(row[0]) if row else 0

    def latest(self, profile: str) -> Session | None:
        """Return the last used session of a profile, or of all if it is empty."""
        return next(iter(self.sessions(1, profile)), None)

    def last_used_before(self, time: datetime) -> list[Session]:
        """Return the sessions that were last used before a time."""
        return self._matching("used_at < ?", time.timestamp())

    def search(self, words: Iterable[str], limit: int = -1) -> Iterator[Hit]:
        """Yield the turns that contain every word in prompt or answer, in any case, newest first.

        A negative limit means no limit.
        """
        condition, values = search_condition(words)
        sql = (
            f"SELECT {TURN_COLUMNS}, session_id FROM turns WHERE {condition}"
            " ORDER BY id DESC LIMIT ?"
        )
        sessions: dict[str, Session] = {}
        for row in self.database.rows(sql, (*values, limit)):
            session_id = row["session_id"]
            if session_id not in sessions:
                sessions[session_id] = self._session(session_id)
            yield Hit(sessions[session_id], turn_from_row(row))

    def find_by_name(self, name: str) -> Session | None:
        """Return the session with this name, id or prefix of an id; None for a new name.

        A prefix has at least four digits, one of them 0 to 9: `face` is a name. Raise `UsageError`
        for a prefix of several ids.
        """
        sessions = self._matching("id = ? OR (is_named AND title = ?)", name, name)
        if not sessions and len(name) >= MIN_ID_PREFIX and not name.isalpha():
            sessions = self._with_id_prefix(name)
            if len(sessions) > 1:
                raise _ambiguous_error(name, sessions)
        return min(sessions, key=lambda session: session.id != name, default=None)

    def find(self, reference: str) -> Session:
        """Return the session with this id, name, prefix of an id, or title.

        Raise `UsageError` if no session or more than one matches.
        """
        sessions = reference and (
            self._matching("id = ?", reference)  # an id wins over a name that is equal to it
            or self._matching("is_named AND title = ?", reference)
            or self._with_id_prefix(reference)
            or self._matching("title = ?", reference)
        )
        if sessions and len(sessions) == 1:
            return sessions[0]
        if not sessions:
            message = tr('session "{reference}" not found', reference=reference)
            raise UsageError(message, hint=NextStep.LIST_SESSIONS)
        raise _ambiguous_error(reference, sessions)

    def load(self, session_id: str) -> StoredSession | None:
        """Return a session with its turns, or None if it was deleted."""
        sessions = self._matching("id = ?", session_id)
        if not sessions:
            return None
        sql = f"SELECT {TURN_COLUMNS} FROM turns WHERE session_id = ? ORDER BY id"
        turns = tuple(turn_from_row(each) for each in self.database.rows(sql, (session_id,)))
        return StoredSession(sessions[0], turns)

    def path_lengths(self, sessions: Iterable[Session]) -> dict[str, int]:
        """Return the number of turns on the current path of each session, by its id.

        Sessions without such turns are left out.
        """
        ids = [session.id for session in sessions]
        sql = (
            "WITH RECURSIVE path(session_id, id, parent_id) AS ("
            " SELECT turns.session_id, turns.id, turns.parent_id"
            " FROM sessions JOIN turns ON turns.id = sessions.leaf_id"
            f" WHERE sessions.id IN ({', '.join('?' * len(ids))})"
            " UNION"  # not UNION ALL: damaged data may contain a cycle
            " SELECT path.session_id, turns.id, turns.parent_id"
            " FROM path JOIN turns ON turns.id = path.parent_id"
            ") SELECT session_id, count(*) FROM path GROUP BY session_id"
        )
        return dict(self.database.rows(sql, ids))  # type: ignore[arg-type]  # rows are pairs

    # -- changing -----------------------------------------------------------------------------

    def update_session(self, session: Session) -> None:
        """Commit title, model, system prompt, leaf and the number of turns left out.

        A session that is not stored is not created. Raise `UsageError` if another session has the
        name.
        """
        with self.database.transaction():
            if session.is_named:
                others = self._matching("is_named AND title = ?", session.title)
                if any(other.id != session.id for other in others):
                    other_id = others[0].short_id
                    raise UsageError(
                        tr("session {id} already has this name", id=other_id),
                        hint=tr("rename it first: newapi sessions rename {id} NAME", id=other_id),
                    )
            names = ("title", "is_named", "model", "system", "left_out", "leaf_id")
            self.database.execute(
                f"UPDATE sessions SET {_assignments(names)} WHERE id = :id",
                values_of_session(session),
            )

    def import_session(self, stored: StoredSession) -> Session:
        """Commit a whole session with new ids, for import and fork, and return it.

        It is sorted by its last use. If another session has its name, it is stored as a title.
        """
        session = stored.session._replace(
            id=os.urandom(ID_LENGTH // 2).hex(), turns=len(stored.turns)
        )
        with self.database.transaction():
            if session.is_named and self._matching("is_named AND title = ?", session.title):
                session = session._replace(is_named=False)
            self._insert_session(session, USE_NUMBER_BY_TIME)
            new_ids: dict[int | None, int | None] = {None: None}
            for turn in stored.turns:
                copy = turn._replace(parent_id=new_ids.get(turn.parent_id))
                new_ids[turn.id] = self._insert_turn(session.id, copy, "")
            session = session._replace(leaf_id=new_ids.get(session.leaf_id))
            self.database.execute(
                "UPDATE sessions SET leaf_id = ? WHERE id = ?", (session.leaf_id, session.id)
            )
        return session

    def delete(self, ids: Iterable[str]) -> None:
        """Delete sessions so that no byte of them is left.

        `secure_delete` zeroes deleted content, `VACUUM` rewrites the file, and the backups of
        migrations, which contain the same text, are removed.

        Raises `LocalError` if traces may remain.
        """
        with self.database.transaction():
            for session_id in ids:
                self.database.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        try:
            self.database.execute("VACUUM")
            for backup in migration_backups(self.database.path):
                backup.unlink()
        except (LocalError, OSError, KeyboardInterrupt) as error:
            why = error.why if isinstance(error, LocalError) else getattr(error, "strerror", "")
            raise LocalError(
                tr("the sessions were deleted, but traces of them may still be on the disk"),
                why=why or tr("stopped"),
                hint=tr(
                    "when no other newapi process is running: newapi sessions rm --older-than 1000y"
                ),
            ) from error

    # -- usage and costs ----------------------------------------------------------------------

    def iter_spending(
        self,
        make: Callable[[Iterable[object]], Made],
        since: datetime | None = None,
        *,
        profile: str = "",
        host: str = "",
    ) -> Iterator[Made]:
        """Yield what `make` returns for the `SPENDING_COLUMNS` of each finished turn, by id.

        Without `since` all turns are included; an empty `profile` or `host` matches any. They are
        those of the turn: its session may have continued elsewhere.
        """
        sql, values = f"SELECT {SPENDING_COLUMNS} FROM turns WHERE status != 'open'", list[object]()
        if since is not None:
            sql += " AND created_at >= ?"
            values.append(since.timestamp())
        sql += " AND ? IN ('', profile) AND ? IN ('', host)"
        values += [profile, host]
        yield from map(make, self.database.rows(f"{sql} ORDER BY id", values))

    def write_costs(self, turns: Iterable[HasCost]) -> None:
        """Commit cost and kind of stored turns, of all or of none.

        A deleted turn is skipped, also if its id was given to another one.
        """
        values = [(turn.cost, turn.cost_kind, turn.id, turn.request_id) for turn in turns]
        if not values:
            return
        with self.database.transaction():
            for each in values:
                self.database.execute(
                    "UPDATE turns SET cost = ?, cost_kind = ? WHERE id = ? AND request_id = ?", each
                )

    # -- parts --------------------------------------------------------------------------------

    def _stored(self, session: Session) -> Session | None:
        sessions = self._matching("id = ?", session.id)
        if not sessions and session.is_named:
            sessions = self._matching("is_named AND title = ?", session.title)
        return sessions[0] if sessions else None

    def _with_id_prefix(self, prefix: str) -> list[Session]:
        prefix = prefix.lower()
        if not prefix or not HEX_DIGITS.issuperset(prefix):
            return []
        return self._matching("id >= ? AND id < ?", prefix, f"{prefix}g")

    def _matching(self, condition: str, *values: object) -> list[Session]:
        sql = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE {condition} {LAST_USED_FIRST}"
        return [session_from_row(row) for row in self.database.rows(sql, values)]

    def _session(self, session_id: str) -> Session:
        return self._matching("id = ?", session_id)[0]

    def _orphaned_turns(self) -> list[tuple[int, str]]:
        """Return the open turns of dead processes, as ids of turn and session."""
        sql = "SELECT id, session_id, owner FROM turns WHERE status = 'open' ORDER BY id"
        rows = list(self.database.rows(sql))
        return [(row["id"], row["session_id"]) for row in rows if not is_owner_alive(row["owner"])]

    def _turn(self, turn_id: int) -> TurnRecord:
        rows = self.database.rows(f"SELECT {TURN_COLUMNS} FROM turns WHERE id = ?", (turn_id,))
        return turn_from_row(next(rows))

    def _insert_session(self, session: Session, use_number: str = NEXT_USE) -> None:
        values = values_of_session(session)
        names = f"{', '.join(values)}, use_number"
        sql = f"INSERT INTO sessions ({names}) VALUES ({_placeholders(values)}, {use_number})"
        self.database.execute(sql, values)

    def _insert_turn(self, session_id: str, turn: TurnRecord, owner: str) -> int:
        values = {"session_id": session_id, "owner": owner, **values_of_turn(turn)}
        sql = f"INSERT INTO turns ({', '.join(values)}) VALUES ({_placeholders(values)})"
        return self.database.execute(sql, values)


def _assignments(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = :{name}" for name in names)


def _placeholders(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


def _ambiguous_error(reference: str, sessions: list[Session]) -> UsageError:
    ids = [session.short_id for session in sessions[:MAX_LISTED_IDS]]
    message = tr(
        '"{reference}" matches {n:,} sessions: {ids}',
        reference=reference,
        n=len(sessions),
        ids=", ".join([*ids, "…"] if len(sessions) > MAX_LISTED_IDS else ids),
    )
    return UsageError(message, hint=NextStep.LIST_SESSIONS)


def current_owner() -> str:
    """Return the name of this process as the owner of turns."""
    return f"{os.getpid()}:{_start_time(os.getpid())}"


def is_owner_alive(owner: str) -> bool:
    """Return whether the process of an owner is running on this machine."""
    number, _, start = owner.partition(":")
    if not number.isascii() or not number.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    return start == _start_time(int(number))


def _start_time(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = line.rpartition(")")[2].split()  # a name may contain blanks and parentheses
    return fields[19] if len(fields) > 19 else ""


def search_condition(words: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return the SQL condition, and its values, for turns that contain every word in any case.

    >>> search_condition(["50%"])[0].partition(" OR ")[2]
    "answer LIKE ? ESCAPE '\\\\')"
    >>> search_condition(["50%"])[1]
    ('%50\\\\%%', '%50\\\\%%')
    """
    conditions: list[str] = []
    values: list[str] = []
    for word in words:
        patterns = [f"%{_escaped(form)}%" for form in _case_forms(word)]
        tests = [f"{column} LIKE ? ESCAPE '\\'" for column in SEARCHED for _ in patterns]
        conditions.append(f"({' OR '.join(tests)})")
        values += patterns * len(SEARCHED)
    return " AND ".join(conditions) or "TRUE", tuple(values)


def where_profile(profile: str) -> tuple[str, tuple[str, ...]]:
    """Return the WHERE clause, and its values, for the sessions of one profile or of all."""
    return ("WHERE profile = ?", (profile,)) if profile else ("", ())


def _case_forms(word: str) -> Iterable[str]:
    """Return the spellings of a word to search for: LIKE ignores the case of ASCII only."""
    if word.isascii():
        return (word,)
    return dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
