"""The sessions: turns are begun, kept while they stream, and ended; sessions are found and loaded.

The commits of a turn:

    begin    the prompt, status open, owned by this process      before the request leaves
    keep     what has come of the answer                         while it streams
    end      all of it, with its status                          on every way out

A turn that stays open when its owner is dead was cut off by a kill or a crash; the next process
that writes closes it as interrupted and tells of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import (
    ID_LENGTH,
    Hit,
    Session,
    StoredSession,
    TurnRecord,
)
from newapi_cli.errors import LocalError, Reason, UsageError
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
from newapi_cli.store.spending import SpendingTable

NO_ROOM = "there was no room to store the rest: "
KILLED = "newapi was killed while the answer came"
NEXT_USE = "(SELECT coalesce(max(use_number), 0) + 1 FROM sessions)"
LAST_USED_FIRST = "ORDER BY use_number DESC, used_at DESC"
# Between two whole numbers: the next use of any session is beyond them all.
PLACE_BY_USE = "(SELECT coalesce(max(use_number), 0) + 0.5 FROM sessions WHERE used_at <= :used_at)"
SESSION_NAMES = [name for name in Session._fields if name != "id"]
SHORTEST_ID = 4
HEX_DIGITS = frozenset("0123456789abcdef")


class SessionStore:
    """All sessions of one file. Every method raises `LocalError` where the file fails it."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        check_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = Database(path, check_wait=check_wait)
        self.spending = SpendingTable(self.database)
        self._clock = clock
        self._owner = current_owner()

    def __enter__(self) -> SessionStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    # -- a turn -------------------------------------------------------------------------------

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session where it is new; give both as they stand now.

        With `at_leaf` the turn goes below the newest leaf, whoever has put it there meanwhile; else
        below `turn.parent_id`. A new session of a given name joins the one that has it.
        """
        now = self._clock()
        database = self.database
        with database.transaction():
            known = self._known(session)
            if known is None:
                known = session._replace(
                    created_at=time_from_seconds(now), leaf_id=None, turns=0, left_out=0
                )
                self._insert_session(known)
                turn = turn._replace(parent_id=None)
            if at_leaf:
                turn = turn._replace(parent_id=known.leaf_id)
            turn = turn._replace(created_at=time_from_seconds(now), status=Status.OPEN)
            turn = turn._replace(id=self._insert_turn(known.id, turn, self._owner))
            known = known._replace(
                profile=session.profile,
                host=session.host,
                model=session.model,
                system=session.system,
                left_out=session.left_out,
                leaf_id=turn.id,
                turns=known.turns + 1,
                used_at=time_from_seconds(now),
            )
            database.execute(
                f"UPDATE sessions SET {_settings(SESSION_NAMES)}, use_number = {NEXT_USE}"
                " WHERE id = :id",
                values_of_session(known),
            )
        return known, turn

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Commit what has come of an answer so far, of a turn that this process has begun.

        Its number may be another one's by now, where its session was deleted meanwhile. A file that
        is held is not waited for: the answer goes on, and is kept a little later.
        """
        self.database.execute_without_waiting(
            "UPDATE turns SET answer = ?, reasoning = ? WHERE id = ? AND owner = ?",
            (storable(turn.answer), storable(turn.reasoning), turn.id, self._owner),
        )

    def end_turn(self, turn: TurnRecord) -> None:
        """Commit a turn that this process has begun, as it ended.

        Where the disk has no room for it, what was kept of it before is marked as a part, if that
        can be: else the next process would take the turn for killed.
        """
        values = {**values_of_turn(turn), "id": turn.id, "owner": self._owner}
        unchanged = ("id", "owner", "parent_id", "created_at")
        names = [name for name in values if name not in unchanged]
        where = "WHERE id = :id AND owner = :owner"
        try:
            self.database.execute(f"UPDATE turns SET {_settings(names)} {where}", values)
        except LocalError as error:
            if error.reason is Reason.DISK_FULL:
                part = {
                    **values,
                    "status": str(Status.INCOMPLETE),
                    "error": f"{NO_ROOM}{error.why}",
                }
                with suppress(LocalError):
                    self.database.execute(
                        f"UPDATE turns SET status = :status, error = :error {where}",
                        {name: part[name] for name in ("status", "error", "id", "owner")},
                    )
            raise

    def close_orphaned_turns(self) -> list[Hit]:
        """Close the open turns whose process is dead as interrupted, and give them.

        Of several processes that do this at once, one gets each turn.
        """
        if not self._killed():  # the usual case takes no lock
            return []
        with self.database.transaction():
            killed = self._killed()
            for turn_id, _ in killed:
                self.database.execute(
                    "UPDATE turns SET status = ?, error = ? WHERE id = ?",
                    (str(Status.INTERRUPTED), KILLED, turn_id),
                )
            return [Hit(self._session(where), self._turn(turn_id)) for turn_id, where in killed]

    # -- finding ------------------------------------------------------------------------------

    def sessions(self, limit: int = -1, profile: str = "") -> list[Session]:
        """Give the sessions, of one profile or of all, the last used first.

        A negative limit gives all.
        """
        where, values = condition_of_profile(profile)
        sql = f"SELECT {SESSION_COLUMNS} FROM sessions {where} {LAST_USED_FIRST} LIMIT ?"
        return [session_from_row(row) for row in self.database.rows(sql, (*values, limit))]

    def text_rows(self, limit: int = -1, profile: str = "") -> list[list[str]]:
        """Give the same sessions as rows of text: id, title, turns, last use, model and profile.

        Half the time of values, which counts where ten thousand are listed.
        """
        where, values = condition_of_profile(profile)
        sql = (
            "SELECT CAST(id AS TEXT), CAST(title AS TEXT), CAST(turns AS TEXT),"
            " coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', used_at, 'unixepoch'), ''),"
            " CAST(model AS TEXT), CAST(profile AS TEXT)"
            f" FROM sessions {where} {LAST_USED_FIRST} LIMIT ?"
        )
        return [list(row) for row in self.database.rows(sql, (*values, limit))]

    def count(self, profile: str = "") -> int:
        """Count the sessions of one profile or of all."""
        where, values = condition_of_profile(profile)
        row = self.database.row(f"SELECT count(*) FROM sessions {where}", values)
        return int(row[0]) if row else 0

    def latest(self, profile: str) -> Session | None:
        """Give the last used session of a profile."""
        return next(iter(self.sessions(1, profile)), None)

    def last_used_before(self, time: datetime) -> list[Session]:
        """Give the sessions that were last used before a time."""
        return self._matching("used_at < ?", time.timestamp())

    def search(self, words: Iterable[str], limit: int = -1) -> Iterator[Hit]:
        """Give the turns whose prompt and answer hold every word, in any case, the newest first.

        The words may stand in either of the two; a negative limit gives all.
        """
        condition, values = condition_for(words)
        sql = (
            f"SELECT {TURN_COLUMNS}, session_id FROM turns WHERE {condition}"
            " ORDER BY id DESC LIMIT ?"
        )
        known: dict[str, Session] = {}
        for row in self.database.rows(sql, (*values, limit)):
            session_id = row["session_id"]
            if session_id not in known:
                known[session_id] = self._session(session_id)
            yield Hit(known[session_id], turn_from_row(row))

    def find_by_name(self, name: str) -> Session | None:
        """Give the session that a person has named so, or whose id begins so; None for a new name.

        The beginning of an id has four digits or more, one of 0 to 9 among them: `face` is a name.
        Raises `UsageError` for a beginning of several ids.
        """
        found = self._matching("id = ? OR (is_named AND title = ?)", name, name)
        if not found and len(name) >= SHORTEST_ID and not name.isalpha():
            found = self._of_id(name)
            if len(found) > 1:
                raise _ambiguous(name, found)
        return min(found, key=lambda session: session.id != name, default=None)

    def find(self, reference: str) -> Session:
        """Give the session that a name, a title or the beginning of an id means.

        Raises `UsageError` where it means none, or several.
        """
        found = reference and (
            self._matching("id = ?", reference)  # a whole id, whatever is named like it
            or self._matching("is_named AND title = ?", reference)
            or self._of_id(reference)
            or self._matching("title = ?", reference)
        )
        if found and len(found) == 1:
            return found[0]
        hint = "newapi sessions list"
        if not found:
            raise UsageError(f"there is no session {reference!r}", hint=hint)
        raise _ambiguous(reference, found)

    def load(self, session_id: str) -> StoredSession | None:
        """Give a session with its turns, or None where it is gone."""
        row = self.database.row(
            f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?", (session_id,)
        )
        if row is None:
            return None
        sql = f"SELECT {TURN_COLUMNS} FROM turns WHERE session_id = ? ORDER BY id"
        turns = tuple(turn_from_row(each) for each in self.database.rows(sql, (session_id,)))
        return StoredSession(session_from_row(row), turns)

    # -- changing -----------------------------------------------------------------------------

    def update_session(self, session: Session) -> None:
        """Commit title, model, system prompt, leaf and what is left out.

        A session that is not stored yet stays so. Raises `UsageError` for a name that another
        session has.
        """
        with self.database.transaction():
            if session.is_named:
                others = self._matching("is_named AND title = ?", session.title)
                if any(other.id != session.id for other in others):
                    raise UsageError(
                        f"session {others[0].short_id} has this name already",
                        hint=f"newapi sessions rename {others[0].short_id} NAME frees it",
                    )
            names = ("title", "is_named", "model", "system", "left_out", "leaf_id")
            self.database.execute(
                f"UPDATE sessions SET {_settings(names)} WHERE id = :id",
                values_of_session(session),
            )

    def import_session(self, stored: StoredSession) -> Session:
        """Commit a whole session, as import and fork do, under a new id; turns get new ids too.

        It stands among the others by its last use. A name that is taken is kept as a mere title.
        """
        session = stored.session._replace(
            id=os.urandom(ID_LENGTH // 2).hex(), turns=len(stored.turns)
        )
        with self.database.transaction():
            if session.is_named and self._matching("is_named AND title = ?", session.title):
                session = session._replace(is_named=False)
            self._insert_session(session, PLACE_BY_USE)
            ids: dict[int | None, int | None] = {None: None}
            for turn in stored.turns:
                moved = turn._replace(parent_id=ids.get(turn.parent_id))
                ids[turn.id] = self._insert_turn(session.id, moved, "")
            session = session._replace(leaf_id=ids.get(session.leaf_id))
            self.database.execute(
                "UPDATE sessions SET leaf_id = ? WHERE id = ?", (session.leaf_id, session.id)
            )
        return session

    def delete(self, ids: Iterable[str]) -> None:
        """Delete sessions so that no byte of them is left. Raises `LocalError` with what remains.

        `secure_delete` zeroes what a deletion frees, `VACUUM` writes the file anew, and the copies
        that migrations made hold the same text.
        """
        with self.database.transaction():
            for session_id in ids:
                self.database.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        try:
            self.database.execute("VACUUM")
            for copy in migration_backups(self.database.path):
                copy.unlink()
        except (LocalError, OSError, KeyboardInterrupt) as error:
            words = error.why if isinstance(error, LocalError) else getattr(error, "strerror", "")
            raise LocalError(
                "the sessions are deleted, but traces of them may still be on the disk",
                why=words or "stopped",
                hint="when no other newapi runs: newapi sessions rm --older-than 1000y",
            ) from error

    # -- parts --------------------------------------------------------------------------------

    def _known(self, session: Session) -> Session | None:
        found = self._matching("id = ?", session.id)
        if not found and session.is_named:
            found = self._matching("is_named AND title = ?", session.title)
        return found[0] if found else None

    def _of_id(self, beginning: str) -> list[Session]:
        beginning = beginning.lower()
        if not beginning or not HEX_DIGITS.issuperset(beginning):
            return []
        return self._matching("id >= ? AND id < ?", beginning, f"{beginning}g")

    def _matching(self, condition: str, *values: object) -> list[Session]:
        sql = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE {condition} {LAST_USED_FIRST}"
        return [session_from_row(row) for row in self.database.rows(sql, values)]

    def _session(self, session_id: str) -> Session:
        return self._matching("id = ?", session_id)[0]

    def _killed(self) -> list[tuple[int, str]]:
        """Give the ids of open turns whose process is dead, each with that of its session."""
        sql = "SELECT id, session_id, owner FROM turns WHERE status = 'open' ORDER BY id"
        rows = list(self.database.rows(sql))
        return [(row["id"], row["session_id"]) for row in rows if not is_owner_alive(row["owner"])]

    def _turn(self, turn_id: int) -> TurnRecord:
        rows = self.database.rows(f"SELECT {TURN_COLUMNS} FROM turns WHERE id = ?", (turn_id,))
        return turn_from_row(next(rows))

    def _insert_session(self, session: Session, use_number: str = NEXT_USE) -> None:
        values = values_of_session(session)
        names = f"{', '.join(values)}, use_number"
        sql = f"INSERT INTO sessions ({names}) VALUES ({_places(values)}, {use_number})"
        self.database.execute(sql, values)

    def _insert_turn(self, session_id: str, turn: TurnRecord, owner: str) -> int:
        values = {"session_id": session_id, "owner": owner, **values_of_turn(turn)}
        sql = f"INSERT INTO turns ({', '.join(values)}) VALUES ({_places(values)})"
        return self.database.execute(sql, values)


def _settings(names: Iterable[str]) -> str:
    return ", ".join(f"{name} = :{name}" for name in names)


def _places(names: Iterable[str]) -> str:
    return ", ".join(f":{name}" for name in names)


def _ambiguous(reference: str, found: list[Session]) -> UsageError:
    ids = ", ".join(session.short_id for session in found[:5])
    more = ", …" if len(found) > 5 else ""
    return UsageError(
        f"{reference!r} means {len(found)} sessions: {ids}{more}", hint="newapi sessions list"
    )


def current_owner() -> str:
    """Give the owner that this process is."""
    return f"{os.getpid()}:{_start_of(os.getpid())}"


def is_owner_alive(owner: str) -> bool:
    """Say whether the process of an owner still runs, as far as this machine can tell."""
    number, _, start = owner.partition(":")
    if not number.isascii() or not number.isdigit() or os.name != "posix":
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    return start == _start_of(int(number))


def _start_of(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = line.rpartition(")")[2].split()  # a name may hold blanks and parentheses
    return fields[19] if len(fields) > 19 else ""


COLUMNS = ("prompt", "answer")


def condition_for(words: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Give the SQL condition that a turn holds every word, in any case, and its values.

    >>> condition_for(["50%"])
    ("(prompt LIKE ? ESCAPE '\\\\' OR answer LIKE ? ESCAPE '\\\\')", ('%50\\\\%%', '%50\\\\%%'))
    """
    conditions: list[str] = []
    values: list[str] = []
    for word in words:
        patterns = [f"%{_escaped(form)}%" for form in _forms(word)]
        tests = [f"{column} LIKE ? ESCAPE '\\'" for column in COLUMNS for _ in patterns]
        conditions.append(f"({' OR '.join(tests)})")
        values += patterns * len(COLUMNS)
    return " AND ".join(conditions) or "TRUE", tuple(values)


def condition_of_profile(profile: str) -> tuple[str, tuple[str, ...]]:
    """Give the WHERE of the sessions of one profile, or of all, and its values."""
    return ("WHERE profile = ?", (profile,)) if profile else ("", ())


def _forms(word: str) -> Iterable[str]:
    """Give the spellings of a word to look for: LIKE folds the case of ASCII only."""
    if word.isascii():
        return (word,)
    return dict.fromkeys((word, word.lower(), word.upper(), word.capitalize()))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
