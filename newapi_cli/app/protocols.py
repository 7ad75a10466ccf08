"""The interfaces that tests replace by fakes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from newapi_cli.domain.completion import (
    ChatRequest,
    Completion,
    ResponseStarted,
    TurnEvent,
    Usage,
)
from newapi_cli.domain.session import Session, StoredSession, TurnRecord

if TYPE_CHECKING:
    from newapi_cli.domain.money import Cost


class AnswerStream(Protocol):
    """The events of an answer. Closing it cancels the request, even if iteration has not begun."""

    def __iter__(self) -> Iterator[TurnEvent]: ...

    def close(self) -> None: ...


class ChatClient(Protocol):
    """A client for chat requests, such as `fallback.FallbackClient`."""

    def start_chat(self, request: ChatRequest) -> AnswerStream:
        """Send the request now and return the events of its answer."""


class RetryingClient(Protocol):
    """A chat client that retries unless `with_retries` is false: `api.chat.client.Client`."""

    def start_chat(self, request: ChatRequest, *, with_retries: bool = True) -> AnswerStream:
        """Send the request now and return the events of its answer."""


class Recorder(Protocol):
    """Stores an answer while it arrives. It never makes the answer fail."""

    def save_partial(self, completion: Completion) -> None:
        """Store what has arrived so far."""

    def end(self, completion: Completion, error: str) -> None:
        """Store the answer as it ended; `error` is empty unless it failed."""


class Pricer(Protocol):
    """Knows the gateway's prices. It never makes the answer fail, nor delays it."""

    def begin(self, response: ResponseStarted) -> None:
        """Fetch in the background what is due; called when the answer has begun."""

    def end(self) -> None:
        """Fetch in the background what needs the whole answer; called when it has ended."""

    def is_busy(self, wait_s: float) -> bool:
        """Wait for what is being fetched, and return whether anything still is."""

    def cost(self, model: str, usage: Usage | None, *, searches: bool) -> Cost | None:
        """Return the cost of an answer, None if the server publishes no prices.

        `searches`: the request allowed the model to search the web.
        """

    def may_charge_rest(self, response: ResponseStarted | None, *, is_stream: bool) -> bool:
        """Return whether the server may charge all of an answer that was stopped.

        `response` is None if none began.
        """


class SessionStorage(Protocol):
    """Where sessions are stored: `store.sessions.SessionStore`. All methods raise `LocalError`."""

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session if it is new; return both as they are stored."""

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Commit the part of an answer that has arrived."""

    def end_turn(self, turn: TurnRecord) -> None:
        """Commit a turn that has ended."""

    def load(self, session_id: str) -> StoredSession | None:
        """Return a session with its turns, None if it no longer exists."""

    def update_session(self, session: Session) -> None:
        """Commit the fields of a session that may change."""

    def import_session(self, stored: StoredSession) -> Session:
        """Commit a session with its turns under a new id."""
