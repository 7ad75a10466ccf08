"""Finds, shows and renames stored sessions."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.output import show_session
from newapi_cli.app.sessions.archive import session_to_json
from newapi_cli.app.sessions.live_session import learn_keys
from newapi_cli.app.sessions.resume import checked_session_name
from newapi_cli.domain.session import Session, StoredSession
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.rows import write_json
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.text import quote_name


class ShowOptions(NamedTuple):
    """The options of `newapi sessions show`; without a session the last used one."""

    session: str | None = None
    reasoning: bool = False
    all_branches: bool = False
    json: bool = False


def show(context: Context, options: ShowOptions) -> None:
    """Print a session as its answers were displayed, or as JSON."""
    stored = load_session(context, options.session)
    if options.json:
        write_json(context.streams.stdout, session_to_json(stored))
        return
    show_session(context, stored, reasoning=options.reasoning, all_branches=options.all_branches)


def rename(context: Context, reference: str, name: str) -> None:
    """Name a session, so that -S finds it by this name."""
    title = checked_session_name(name)
    learn_keys(context)
    title = context.remove_keys(title)
    session = find_session(context, reference)
    context.sessions.update_session(session._replace(title=title, is_named=True))
    text = tr("Renamed session {id} to “{title}”", id=session.short_id, title=safe_line(title))
    context.streams.print_err(text)


def find_session(context: Context, reference: str | None) -> Session:
    """Return the session with a name or id, or the last used one. Raises `UsageError`."""
    store = context.sessions_if_any
    if store is None:
        hint = tr('newapi chat "Hello" starts one')
        raise UsageError(tr("no session is stored yet"), hint=hint)
    if reference is not None:
        return store.find(reference)
    profile = str(context.overrides.get("profile") or "")
    latest = store.sessions(1, profile)
    if not latest:
        raise UsageError(nothing_stored(profile), hint="newapi sessions list")
    return latest[0]


def load_session(context: Context, reference: str | None) -> StoredSession:
    """Return a session with its turns. Raises `UsageError`, `LocalError`."""
    session = find_session(context, reference)
    stored = context.sessions.load(session.id)
    if stored is None:
        raise LocalError(
            tr("session {id} no longer exists", id=session.short_id),
            why=tr("another newapi process deleted it"),
        )
    return stored


def nothing_stored(profile: str) -> str:
    """Return the message for an empty store, of one profile if it is named."""
    if profile:
        return tr("no session of profile {name} is stored yet", name=quote_name(profile))
    return tr("no session is stored yet")
