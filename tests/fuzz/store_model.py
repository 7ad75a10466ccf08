"""The expected content of a store as plain values: the model of the state machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from newapi_cli.app.sessions.live_session import LiveSession, TurnRecorder
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.store.stores import Clock

DIES_IN_A_TRANSACTION = """
import os, signal, sys
from pathlib import Path
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
store = SessionStore(Path(sys.argv[1]))
store.database.execute("PRAGMA cache_size = 2")  # pages reach the file before the commit
store.database.execute("BEGIN IMMEDIATE")
store.database.execute("UPDATE turns SET answer = answer || ?", ["lost" * 20000])
store.database.execute("UPDATE sessions SET system = 'lost', leaf_id = NULL")
store.database.execute("DELETE FROM turns WHERE id % 2 = 0")
assert Path(sys.argv[1] + "-journal").stat().st_size > 0
os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass
class Turn:
    """The expected fields of a turn."""

    prompt: str
    parent: int | None
    answer: str = ""
    status: str = "open"
    tokens: tuple[int, int] | None = None


@dataclass
class Sessions:
    """The expected turns and sessions by id."""

    turns: dict[str, dict[int, Turn]] = field(default_factory=dict)
    leaves: dict[str, int | None] = field(default_factory=dict)
    titles: dict[str, tuple[str, bool]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)  # texts

    def begin(
        self,
        session: str,
        title: tuple[str, bool],
        turn_id: int,
        prompt: str,
        after: int | str | None,
    ) -> None:
        """Add a prompt after a turn, or after the leaf."""
        if session not in self.turns:
            self.turns[session], self.leaves[session] = {}, None
            self.titles[session] = title
            after = None
        parent = self.leaves[session] if isinstance(after, str) else after
        assert all(turn_id not in turns for turns in self.turns.values())
        self.turns[session][turn_id] = Turn(prompt, parent)
        self.leaves[session] = turn_id

    def add(self, stored: StoredSession) -> None:
        """Add an imported session."""
        session = stored.session
        self.turns[session.id] = {turn.id: as_turn(turn) for turn in stored.turns}
        self.leaves[session.id] = session.leaf_id
        self.titles[session.id] = (session.title, session.is_named)

    def erase(self, session: str) -> None:
        """Remove a session, and record its texts, which must be deleted."""
        for turn in self.turns.pop(session).values():
            self.deleted += [text for text in (turn.prompt, turn.answer) if text]
        del self.leaves[session], self.titles[session]

    def path(self, session: str) -> list[tuple[str, str]]:
        """Return the prompts and answers of the current path."""
        turns, path = self.turns[session], []
        place = self.leaves[session]
        while place in turns:
            path.append((turns[place].prompt, turns[place].answer))
            place = turns[place].parent
        return path[::-1]

    def turn(self, session: str, turn_id: int) -> Turn | None:
        """Return a turn that is still there."""
        return self.turns.get(session, {}).get(turn_id)

    def still(self, noted: tuple[str, int, Turn] | None) -> Turn | None:
        """Return a turn that was noted, where no other one has its number by now."""
        assert noted is not None
        session, turn_id, turn = noted
        return turn if self.turn(session, turn_id) is turn else None

    def tokens(self) -> tuple[int, int]:
        """Return the sums over all turns that have ended."""
        ended = [t for turns in self.turns.values() for t in turns.values() if t.status != "open"]
        counts = [turn.tokens or (0, 0) for turn in ended]
        return sum(each[0] for each in counts), sum(each[1] for each in counts)


def as_turn(turn: TurnRecord) -> Turn:
    """Return a stored turn as the model has it."""
    usage = turn.usage
    tokens = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else None
    return Turn(turn.prompt, turn.parent_id, turn.answer, str(turn.status), tokens)


def content_of(store: SessionStore) -> Sessions:
    """Return the content of a store."""
    content = Sessions()
    for session in store.sessions():
        stored = store.load(session.id)
        assert stored is not None
        assert stored.session.turns == len(stored.turns)
        content.add(stored)
    return content


class Process:
    """One process: its store, its session and its open turn."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.store = SessionStore(path, clock)
        self.live = LiveSession(Session("0" * 12, profile="test"), (), self.store)
        self.kept: TurnRecorder | None = None
        self.open_turn: tuple[str, int, Turn] | None = None  # as the model has it
