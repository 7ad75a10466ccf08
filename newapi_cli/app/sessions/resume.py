"""Which session a run of `chat` goes on with: a new one, the last one, a named one, or none.

A session goes on with its own profile. To another host it goes only where `-P` says so, and then
that is told: what was said to one gateway is nothing that another one should see unasked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from newapi_cli.app.chat_options import Call
from newapi_cli.app.context import Context
from newapi_cli.app.inputs import system_text
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.sessions.redacted import RedactedStore
from newapi_cli.domain.session import ID_LENGTH, Hit, Session, StoredSession
from newapi_cli.errors import ConfigError, LocalError, NewapiError, UsageError
from newapi_cli.render.error_lines import print_warning
from newapi_cli.render.status_lines import print_dim


def open_session(context: Context, call: Call) -> LiveSession:
    """Give the session that this run asks on. Raises where a session that was named cannot be."""
    if not context.settings.flag("save"):
        if call.continue_last or call.session:
            raise UsageError(
                "a run that saves nothing goes on with no session",
                hint="leave -n out; where the profile says `save = false`: NEWAPI_SAVE=true",
            )
        return fresh(context)
    if call.session:
        named = context.sessions.find_by_name(call.session)
        if named is None:
            if not call.quiet:
                print_dim(context.streams, f"a new session: {call.session}")
            session = new_session(context)._replace(title=call.session, is_named=True)
            return LiveSession(session, (), RedactedStore(context), _warner(context))
        return resumed(context, named, is_explicit="profile" in context.overrides)
    if call.continue_last:
        latest = context.sessions.latest(context.settings.profile)
        if latest is None:
            raise UsageError(
                f"there is no session to go on with in profile {context.settings.profile}",
                hint="newapi sessions list; -S NAME takes one of any profile",
            )
        return resumed(context, latest, is_explicit="profile" in context.overrides)
    return LiveSession(new_session(context)) if call.curl else fresh(context)


def fresh(context: Context) -> LiveSession:
    """Give a session that has not begun; where it cannot be saved, that is told, once."""
    session = new_session(context)
    if not context.settings.flag("save"):
        return LiveSession(session)
    try:
        return LiveSession(session, (), RedactedStore(context), _warner(context))
    except NewapiError as error:
        _tell_unsaved(context, error)
        return LiveSession(session)


def new_session(context: Context) -> Session:
    """Give a session that has not begun, with what the settings say."""
    return Session(
        id=os.urandom(ID_LENGTH // 2).hex(),
        model=context.model_and_fallbacks[0],
        system=system_text(context.settings.text("system")) or "",
    )


def resumed(context: Context, session: Session, *, is_explicit: bool) -> LiveSession:
    """Give a stored session, to be asked on in its own profile.

    With `is_explicit` the profile of this run was named for it, and rules.
    """
    if not is_explicit:
        _use_profile_of(session, context)
    _ensure_same_host(context, session, is_asked_for=is_explicit)
    stored = context.sessions.load(session.id)
    if stored is None:
        raise LocalError(f"session {session.short_id} is gone", why="another newapi deleted it")
    asked = _as_asked_now(context, stored)
    return LiveSession(asked, stored.path, RedactedStore(context), _warner(context))


def warn_about_killed_answers(context: Context) -> None:
    """Tell of answers that were cut off because their newapi was killed, once each."""
    if not context.settings.flag("save"):
        return
    with contextlib.suppress(NewapiError):  # the store's own trouble is told where it matters
        for hit in context.sessions.close_orphaned_turns():
            print_warning(context.streams, killed_text(hit))


def killed_text(hit: Hit) -> str:
    """Say which answer was cut off, how much of it is kept, and how to go on."""
    kept = f"{len(hit.turn.answer):,} characters of it are kept" if hit.turn.answer else "no text"
    return (
        f"a newapi was killed while an answer came ({kept});"
        f" newapi chat -S {hit.session.short_id} goes on with “{hit.session.title}”"
    )


def _use_profile_of(session: Session, context: Context) -> None:
    if not session.profile or session.profile == context.settings.profile:
        return
    try:
        context.use_profile(session.profile)
    except ConfigError as error:
        raise ConfigError(
            f"session {session.short_id} belongs to profile {session.profile},"
            " which cannot be used",
            why=error.message,
            hint="-P NAME sends it to another one",
        ) from error


def _ensure_same_host(context: Context, session: Session, *, is_asked_for: bool) -> None:
    host = str(context.settings.base_url or "")
    if not session.host or not host or host == session.host:
        return
    if not is_asked_for:
        raise ConfigError(
            f"session {session.short_id} was with {session.host}; this run would send it to {host}",
            hint=f"-P {context.settings.profile} sends it there",
        )
    context.streams.print_err(
        f"session {session.short_id} was with {session.host}; now with {host}"
    )


def _as_asked_now(context: Context, stored: StoredSession) -> Session:
    """Give the session with what the command line says of model and system prompt."""
    session, settings = stored.session, context.settings
    system, own = context.overrides.get("system"), context.model_and_fallbacks[0]
    # Another profile has its own models: the one that the session had need not be among them.
    fitting = session.model or own if session.profile == settings.profile else own or session.model
    return session._replace(
        model=own if context.overrides.get("model") else fitting,
        system=session.system if system is None else system_text(str(system)) or "",
    )


def _warner(context: Context) -> Callable[[LocalError], None]:
    def warn(error: LocalError) -> None:
        _tell_unsaved(context, error)

    return warn


def _tell_unsaved(context: Context, error: NewapiError) -> None:
    reason = error.summary
    print_warning(context.streams, f"this conversation is not saved: {reason}")
    if error.hint:
        context.streams.print_err(f"  try: {error.hint}")
