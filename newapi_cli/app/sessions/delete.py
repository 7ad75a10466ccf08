"""Deleting sessions: in the store, the input history and among the saved pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from newapi_cli.app import input_history as history
from newapi_cli.app.context import Context
from newapi_cli.app.output import images_dir
from newapi_cli.config.file import write_atomically
from newapi_cli.domain.session import Session
from newapi_cli.errors import LocalError, Reason, UsageError
from newapi_cli.render.images import BEGINNING as PICTURE_BEGINNING
from newapi_cli.render.images import names_of_pictures
from newapi_cli.render.sanitizer import safe_line

if TYPE_CHECKING:
    from newapi_cli.store.sessions import SessionStore

MOST_TOLD = 10
NEEDS_ROOM = "for a while a deletion needs about as much as it deletes"


def delete_sessions(context: Context, sessions: list[Session], *, asks: bool) -> None:
    """Delete sessions with every trace of them, after asking where a person can be asked."""
    store = context.sessions_if_any
    if store is None or not sessions:
        context.streams.print_err("there is nothing to delete")
        if store is not None:
            store.delete(())  # what an earlier deletion may have had to leave
        return
    if asks and not _agrees(context, sessions):
        context.streams.print_err("nothing was deleted")
        return
    ids = {session.id for session in sessions}
    texts: list[str] = []
    pictures: set[str] = set()
    for session in sessions:
        stored = store.load(session.id)
        for turn in stored.turns if stored else ():
            texts.append(turn.prompt)
            pictures |= names_of_pictures(turn.answer)
    for hit in store.search([PICTURE_BEGINNING]) if pictures else ():
        if hit.session.id not in ids:
            pictures -= names_of_pictures(hit.turn.answer)
    _delete(context, store, ids, texts, pictures)
    count = len(sessions)
    context.streams.print_err(f"{count:,} session{'s are' if count != 1 else ' is'} deleted")


def _delete(
    context: Context, store: SessionStore, ids: set[str], texts: list[str], pictures: set[str]
) -> None:
    """Delete sessions, lines of the input history and pictures. Raises `LocalError`."""
    from newapi_cli.store.database import DISK_FULL_ERRNOS, write_failure_hint  # sqlite3: 5 ms

    # The store last: what fails before it can be repeated.
    try:
        history.forget(context.paths.data_dir / history.FILE, ids, texts, write_atomically)
        for name in pictures:
            (images_dir(context) / name).unlink(missing_ok=True)
    except OSError as error:
        raise LocalError(
            f"cannot delete from {context.paths.data_dir}; the sessions are still there",
            why=error.strerror or "",
            hint=write_failure_hint(
                context.paths.data_dir / history.FILE, is_full=error.errno in DISK_FULL_ERRNOS
            ),
        ) from error
    try:
        store.delete(ids)
    except LocalError as error:
        if error.reason is not Reason.DISK_FULL:
            raise
        problem = LocalError(
            error.message, reason=error.reason, why=error.why, hint=f"{error.hint} ({NEEDS_ROOM})"
        )
        raise problem from error


def _agrees(context: Context, sessions: list[Session]) -> bool:
    if not context.streams.are_interactive:
        raise UsageError(
            "cannot ask before deleting: this is no terminal",
            hint="--yes deletes without asking",
        )
    for session in sessions[:MOST_TOLD]:
        title = safe_line(context.streams.redact(session.title))
        context.streams.print_err(f"  {session.short_id}  {title}")
    if len(sessions) > MOST_TOLD:
        context.streams.print_err(f"  and {len(sessions) - MOST_TOLD:,} more")
    what = "it" if len(sessions) == 1 else f"these {len(sessions):,} sessions"
    return typer.confirm(f"Delete {what} for good?", err=True)
