"""What the flows need of other rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from newapi_cli.domain.completion import ChatRequest, Completion, TurnEvent
from newapi_cli.domain.session import Session, StoredSession, TurnRecord


class AnswerStream(Protocol):
    """The events of an answer. Closing it breaks the request off, begun to be read or not."""

    def __iter__(self) -> Iterator[TurnEvent]:
        """Give the events."""

    def close(self) -> None:
        """Break off."""


class ChatClient(Protocol):
    """Something that answers chat requests: `api.client.Client`, or a double in a test."""

    def start_chat(self, request: ChatRequest) -> AnswerStream:
        """Let the request leave now and give the events of its answer."""


class Recorder(Protocol):
    """What keeps an answer while it comes. It never fails the answer."""

    def keep(self, completion: Completion) -> None:
        """Keep what has come so far."""

    def end(self, completion: Completion, error: str) -> None:
        """Keep the answer as it ended; `error` is what was told where it failed."""


class Keeper(Protocol):
    """Where sessions are stored: `store.sessions.SessionStore`. All methods raise `LocalError`."""

    def begin(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session where it is new; give both as they stand now."""

    def keep(self, turn: TurnRecord) -> None:
        """Commit what has come of an answer so far."""

    def end(self, turn: TurnRecord) -> None:
        """Commit a turn as it ended."""

    def load(self, session_id: str) -> StoredSession | None:
        """Give a session with its turns, or None where it is gone."""

    def change(self, session: Session) -> None:
        """Commit what may change of a session beside its turns."""

    def add(self, stored: StoredSession) -> Session:
        """Commit a whole session under a new id."""
