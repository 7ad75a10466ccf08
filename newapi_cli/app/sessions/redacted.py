"""The session store as conversations use it: what goes into it, or into a file, holds no key.

Of what a person and a model say only the keys that are known are taken out; of what a server says
beside the answer everything that is shaped like one. In memory all stays as it was said.
"""

from __future__ import annotations

from contextlib import suppress

from newapi_cli.app.context import Context
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import ConfigError


class RedactedStore:
    """A `flows.ports.Keeper` before the store. All methods raise `LocalError`."""

    def __init__(self, context: Context) -> None:
        """Open the store. Raises `LocalError`, or `ConfigError` where there is no folder for it."""
        self._context = context
        self._store = context.sessions

    def begin_turn(
        self, session: Session, turn: TurnRecord, *, at_leaf: bool
    ) -> tuple[Session, TurnRecord]:
        """Commit a prompt, and the session where it is new; give both as they stand now."""
        known, begun = self._store.begin_turn(
            redact_session_fields(self._context, session),
            redact_turn(self._context, turn),
            at_leaf=at_leaf,
        )
        said = known._replace(system=session.system, model=session.model)
        return said, begun._replace(prompt=turn.prompt, model=turn.model)

    def save_partial_turn(self, turn: TurnRecord) -> None:
        """Commit what has come of an answer so far."""
        self._store.save_partial_turn(redact_turn(self._context, turn))

    def end_turn(self, turn: TurnRecord) -> None:
        """Commit a turn as it ended."""
        self._store.end_turn(redact_turn(self._context, turn))

    def load(self, session_id: str) -> StoredSession | None:
        """Give a session with its turns, or None where it is gone."""
        return self._store.load(session_id)

    def update_session(self, session: Session) -> None:
        """Commit what may change of a session beside its turns."""
        self._store.update_session(redact_session_fields(self._context, session))

    def import_session(self, stored: StoredSession) -> Session:
        """Commit a whole session under a new id."""
        return self._store.import_session(redact_session(self._context, stored))


def learn_keys(context: Context) -> None:
    """Let the settings tell the key, for a command that needs nothing else of them."""
    with suppress(ConfigError):
        _ = context.settings


def redact_session(context: Context, stored: StoredSession) -> StoredSession:
    """Give a session as it may be written to a file."""
    turns = tuple(redact_turn(context, turn) for turn in stored.turns)
    return StoredSession(redact_session_fields(context, stored.session), turns)


def redact_session_fields(context: Context, session: Session) -> Session:
    """Give the fields of a session without the keys that are known."""
    without = context.remove_keys
    return session._replace(
        title=without(session.title),
        system=without(session.system),
        model=without(session.model),
    )


def redact_turn(context: Context, turn: TurnRecord) -> TurnRecord:
    """Give a turn without the keys that are known, and in a server's words without any."""
    said, told = context.remove_keys, context.streams.redact
    return turn._replace(
        prompt=said(turn.prompt),
        answer=said(turn.answer),
        reasoning=said(turn.reasoning),
        model=said(turn.model),
        answered_by=told(turn.answered_by),
        finish_reason=told(turn.finish_reason) if turn.finish_reason else turn.finish_reason,
        request_id=told(turn.request_id),
        error=told(turn.error),
        tried=tuple((said(model), told(why)) for model, why in turn.tried),
    )
