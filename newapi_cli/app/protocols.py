"""What the flows need of other rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from newapi_cli.domain.completion import ChatRequest, Completion, TurnEvent, Usage
from newapi_cli.domain.session import Session, StoredSession, TurnRecord

if TYPE_CHECKING:  # what calculates loads decimal, which takes 4 ms
    from newapi_cli.domain.money import Cost


class AnswerStream(Protocol):
    """The events of an answer. Closing it breaks the request off, begun to be read or not."""

    def __iter__(self) -> Iterator[TurnEvent]:
        """Give the events."""

    def close(self) -> None:
        """Break off."""


class ChatClient(Protocol):
    """Something that answers chat requests, such as `flows.fallback.FallbackClient`."""

    def start_chat(self, request: ChatRequest) -> AnswerStream:
        """Let the request leave now and give the events of its answer."""


class RetryingClient(Protocol):
    """A chat client that asks again by itself, unless it may not: `api.client.Client`."""

    def start_chat(self, request: ChatRequest, *, may_retry: bool = True) -> AnswerStream:
        """Let the request leave now and give the events of its answer."""


class Recorder(Protocol):
    """What keeps an answer while it comes. It never fails the answer."""

    def keep(self, completion: Completion) -> None:
        """Keep what has come so far."""

    def end(self, completion: Completion, error: str) -> None:
        """Keep the answer as it ended; `error` is what was told where it failed."""


class Pricer(Protocol):
    """What knows the gateway's prices. It never fails the answer, and never comes before it."""

    def begin(self) -> None:
        """Have the prices fetched meanwhile, if that is due: the answer has begun."""

    def is_busy(self, wait_s: float) -> bool:
        """Wait for the prices; say whether they are still being fetched."""

    def cost(self, model: str, usage: Usage | None) -> Cost | None:
        """Give what an answer cost, None where the server publishes no prices."""


class Keeper(Protocol):
    """Where sessions are stored: `store.sessions.SessionStore`. All methods raise `LocalError`."""

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session where it is new; give both as they stand now."""

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Commit what has come of an answer so far."""

    def end_turn(self, turn: TurnRecord) -> None:
        """Commit a turn as it ended."""

    def load(self, session_id: str) -> StoredSession | None:
        """Give a session with its turns, or None where it is gone."""

    def update_session(self, session: Session) -> None:
        """Commit what may change of a session beside its turns."""

    def import_session(self, stored: StoredSession) -> Session:
        """Commit a whole session under a new id."""
