"""Redaction of sessions: nothing that is stored or exported contains an API key.

In prompts and answers the known keys are redacted, in errors and metadata from the server
everything that looks like a key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from newapi_cli.app.context import Context
from newapi_cli.domain.completion import Source, ToolCall
from newapi_cli.domain.redaction import redact_json
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import ConfigError


class RedactedStore:
    """A `protocols.SessionStorage` in front of the store. All methods raise `LocalError`."""

    def __init__(self, context: Context) -> None:
        """Open the store.

        Raises `LocalError`, or `ConfigError` if it has no folder.
        """
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
        return current, begun._replace(
            prompt=turn.prompt,
            model=turn.model,
            request=turn.request,
            attachments=turn.attachments,
        )

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


def load_known_keys(context: Context) -> None:
    """Load the settings, so that their key is known and is redacted."""
    with contextlib.suppress(ConfigError):
        context.load_settings()


def redact_session(context: Context, stored: StoredSession) -> StoredSession:
    """Return a session as it may be stored or exported."""
    turns = tuple(redact_turn(context, turn) for turn in stored.turns)
    return StoredSession(redact_session_fields(context, stored.session), turns)


def redact_session_fields(context: Context, session: Session) -> Session:
    """Return the fields of a session with the known keys redacted."""
    redact_known = context.redact_known_keys
    return session._replace(
        title=redact_known(session.title),
        system=redact_known(session.system),
        model=redact_known(session.model),
    )


def redact_turn(context: Context, turn: TurnRecord) -> TurnRecord:
    """Return a turn with known keys redacted, and in the server's words all that look like keys."""
    redact_known, redact = context.redact_known_keys, context.streams.redact
    request = redact_json(turn.request, redact_known) if turn.request else turn.request
    return turn._replace(
        prompt=redact_known(turn.prompt),
        answer=redact_known(turn.answer),
        reasoning=redact_known(turn.reasoning),
        model=redact_known(turn.model),
        request=request if isinstance(request, Mapping) else turn.request,
        attachments=tuple(
            each._replace(name=redact_known(each.name), reference=redact_known(each.reference))
            for each in turn.attachments
        ),
        tool_calls=tuple(ToolCall(*map(redact_known, call)) for call in turn.tool_calls),
        answered_by=redact(turn.answered_by),
        finish_reason=redact(turn.finish_reason) if turn.finish_reason else turn.finish_reason,
        request_id=redact(turn.request_id),
        error=redact(turn.error),
        sources=tuple(Source(redact(url), redact(title)) for url, title in turn.sources),
        tried=tuple((redact_known(model), redact(why)) for model, why in turn.tried),
    )
