"""Deletes sessions from the store, the input history and the saved images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from newapi_cli.app import input_history as history
from newapi_cli.app.context import Context
from newapi_cli.app.durations import duration_from_text
from newapi_cli.app.output import saved_images_dir
from newapi_cli.app.sessions.commands import find_session
from newapi_cli.app.terminal_prompt import confirm
from newapi_cli.config.file import write_atomically
from newapi_cli.domain.session import Session
from newapi_cli.errors import LocalError, Reason, UsageError, conflicting_options
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.images import IMAGE_PREFIX, image_file_names
from newapi_cli.render.sanitizer import safe_line

if TYPE_CHECKING:
    from newapi_cli.store.sessions import SessionStore

MAX_LISTED = 10


def delete_sessions(
    context: Context, references: list[str], older_than: str | None, *, needs_confirmation: bool
) -> None:
    """Delete sessions with every trace of them."""
    sessions = _selected(context, references, older_than)
    store = context.sessions_if_any
    if store is None or not sessions:
        context.streams.print_err(tr("nothing to delete"))
        if store is not None:
            store.delete(())  # what an earlier deletion may have left behind
        return
    if needs_confirmation and not _is_confirmed(context, sessions):
        context.streams.print_err(tr("nothing was deleted"))
        return
    ids = {session.id for session in sessions}
    texts: list[str] = []
    images: set[str] = set()
    for session in sessions:
        stored = store.load(session.id)
        for turn in stored.turns if stored else ():
            texts.append(turn.prompt)
            images |= image_file_names(turn.answer)
    for hit in store.search([IMAGE_PREFIX]) if images else ():
        if hit.session.id not in ids:
            images -= image_file_names(hit.turn.answer)
    _delete(context, store, ids, texts, images)
    text = ntr("Deleted {n} session", "Deleted {n:,} sessions", len(sessions))
    context.streams.print_err(text)


def _selected(context: Context, references: list[str], older_than: str | None) -> list[Session]:
    """Return the sessions to delete."""
    if not references and older_than is None:
        hint = tr("newapi sessions rm ID, or --older-than 30d")
        raise UsageError(tr("no session given"), hint=hint)
    if references and older_than is not None:
        raise conflicting_options("--older-than", tr("named sessions"))
    sessions = [find_session(context, reference) for reference in references]
    if older_than is not None and context.sessions_if_any is not None:
        before = datetime.now(UTC) - timedelta(seconds=duration_from_text(older_than))
        sessions += context.sessions.last_used_before(before)
    return list({session.id: session for session in sessions}.values())


def _delete(
    context: Context, store: SessionStore, ids: set[str], texts: list[str], images: set[str]
) -> None:
    """Delete sessions, lines of the input history and images."""
    from newapi_cli.store.database import write_failure_hint  # sqlite3: 5 ms

    # The store comes last: a failure before it can be repeated.
    try:
        history.forget(context.paths.data_dir / history.FILE, ids, texts, write_atomically)
        for name in images:
            (saved_images_dir(context) / name).unlink(missing_ok=True)
    except OSError as error:
        raise LocalError(
            tr("cannot delete from {path}; no session was deleted", path=context.paths.data_dir),
            why=error.strerror or "",
            hint=write_failure_hint(context.paths.data_dir / history.FILE, error.errno),
        ) from error
    try:
        store.delete(ids)
    except LocalError as error:
        if error.reason is not Reason.DISK_FULL:
            raise
        hint = tr("{hint}; deleting temporarily needs as much space as it frees", hint=error.hint)
        problem = LocalError(error.message, reason=error.reason, why=error.why, hint=hint)
        raise problem from error


def _is_confirmed(context: Context, sessions: list[Session]) -> bool:
    if not context.streams.are_interactive:
        raise UsageError(
            tr("cannot prompt for confirmation: not a terminal"),
            hint=tr("use --yes to delete without confirmation"),
        )
    for session in sessions[:MAX_LISTED]:
        title = safe_line(context.streams.redact(session.title))
        context.streams.print_err(f"  {session.short_id}  {title}")
    if len(sessions) > MAX_LISTED:
        context.streams.print_err(tr("  and {n:,} more", n=len(sessions) - MAX_LISTED))
    prompt = ntr(
        "Delete this session permanently?",
        "Delete these {n:,} sessions permanently?",
        len(sessions),
    )
    return confirm(context.streams, prompt)
