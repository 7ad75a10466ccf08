"""The session store without API keys: what is stored or exported contains none.

In prompts and answers only the known keys are redacted; in errors and metadata from the server,
everything that looks like a key. In memory, the texts stay as they are.
"""

from __future__ import annotations

from contextlib import suppress

from newapi_cli.app.context import Context
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import ConfigError


class RedactedStore:
    """A `protocols.SessionStorage` in front of the store. All methods raise `LocalError`."""

    def __init__(self, context: Context) -> None:
        """Open the store. Raises `LocalError`, or `ConfigError` if it has no folder."""
        self._context = context
        self._store = context.sessions

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        stored, begun = self._store.begin_turn(
            redact_session_fields(self._context, session),
            redact_turn(self._context, turn),
            at_leaf=at_leaf,
        )
        current = stored._replace(system=session.system, model=session.model)
        return current, begun._replace(prompt=turn.prompt, model=turn.model)

    def save_partial_turn(self, turn: TurnRecord) -> None:
        self._store.save_partial_turn(redact_turn(self._context, turn))

    def end_turn(self, turn: TurnRecord) -> None:
        self._store.end_turn(redact_turn(self._context, turn))

    def load(self, session_id: str) -> StoredSession | None:
        return self._store.load(session_id)

    def update_session(self, session: Session) -> None:
        self._store.update_session(redact_session_fields(self._context, session))

    def import_session(self, stored: StoredSession) -> Session:
        return self._store.import_session(redact_session(self._context, stored))


def learn_keys(context: Context) -> None:
    """Load the settings, so that their key is known and can be redacted."""
    with suppress(ConfigError):
        _ = context.settings


def redact_session(context: Context, stored: StoredSession) -> StoredSession:
    """Return a session as it may be written to a file."""
    turns = tuple(redact_turn(context, turn) for turn in stored.turns)
    return StoredSession(redact_session_fields(context, stored.session), turns)


def redact_session_fields(context: Context, session: Session) -> Session:
    """Return the fields of a session without the known keys."""
    remove_keys = context.remove_keys
    return session._replace(
        title=remove_keys(session.title),
        system=remove_keys(session.system),
        model=remove_keys(session.model),
    )


def redact_turn(context: Context, turn: TurnRecord) -> TurnRecord:
    """Return a turn without the known keys, and the server's words without anything like a key."""
    remove_keys, redact = context.remove_keys, context.streams.redact
    return turn._replace(
        prompt=remove_keys(turn.prompt),
        answer=remove_keys(turn.answer),
        reasoning=remove_keys(turn.reasoning),
        model=remove_keys(turn.model),
        answered_by=redact(turn.answered_by),
        finish_reason=redact(turn.finish_reason) if turn.finish_reason else turn.finish_reason,
        request_id=redact(turn.request_id),
        error=redact(turn.error),
        tried=tuple((remove_keys(model), redact(why)) for model, why in turn.tried),
    )
