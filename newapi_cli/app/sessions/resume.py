"""Which stored session a run of `chat` continues: the most recent one, or a named one.

A session continues in its own profile. It is sent to another host only if `-P` names the
profile, and that is reported: no other gateway sees a conversation unless the user asks for it.
"""

from __future__ import annotations

import contextlib
import shlex

from newapi_cli.app.chat import ChatOptions
from newapi_cli.app.context import Context
from newapi_cli.app.prompt import read_system_prompt
from newapi_cli.app.sessions.live_session import (
    LiveSession,
    new_live_session,
    new_session,
    saved_if_possible,
    saved_session,
)
from newapi_cli.config.settings import load_settings
from newapi_cli.domain.session import MAX_TITLE, Session, StoredSession
from newapi_cli.errors import ConfigError, LocalError, NewapiError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_dim
from newapi_cli.text import quote_name


def resume_session(context: Context, options: ChatOptions) -> LiveSession:
    """Return the session that -c or -S requests; with -S, a new one if none has the name.

    Raises `NewapiError` if it cannot be used.
    """
    if not context.settings.flag("save"):
        raise UsageError(
            tr("a run that is not saved cannot continue a session"),
            hint=tr("omit -n; if the profile has save = false, set NEWAPI_SAVE=true"),
        )
    if options.session:
        return _named_session(context, options)
    latest = context.sessions.latest(context.settings.profile)
    if latest is None:
        raise UsageError(
            tr(
                "no session to continue in profile {name}",
                name=quote_name(context.settings.profile),
            ),
            hint=tr("choose one with `newapi sessions list`, then use -S NAME"),
        )
    return _resume(context, latest, is_explicit="profile" in context.overrides)


def new_session_like(context: Context, other: Session) -> LiveSession:
    """Return a session that has not begun, with the model and system prompt of another."""
    live = new_live_session(context)
    live.session = live.session._replace(model=other.model, system=other.system)
    return live


def resume_reference(context: Context, reference: str) -> LiveSession:
    """Return the stored session with a name or id, in its own profile.

    If it cannot be used, the run stays in its profile.
    """
    session = context.sessions.find(reference)
    overrides = dict(context.overrides)
    try:
        return _resume(context, session, is_explicit=False)
    except NewapiError as error:
        context.overrides = overrides
        context.forget_settings()
        if isinstance(error, ConfigError):  # its hint is an option of the command line
            command = f"newapi chat -S {session.short_id} -P NAME"
            hint = tr("exit, then `{command}` continues it with another profile", command=command)
            raise error.with_hint(hint) from error.__cause__
        raise


def resume_command(context: Context, session: Session) -> str:
    """Return the command that continues a stored session in a later run."""
    flag = f"-S {session.short_id}"
    with contextlib.suppress(NewapiError):  # without flags there may be no profile at all
        settings = load_settings(context.config_file, {}, context.streams.environ)
        latest = context.sessions.latest(settings.profile)
        if latest is not None and latest.id == session.id:
            flag = "-c"
    if "base_url" in context.overrides:  # a session is sent to another host only on request
        flag += f" --base-url {shlex.quote(session.host)}"
    return f"newapi chat {flag}"


def load_stored_session(context: Context, session: Session) -> StoredSession:
    """Return a session with its turns.

    Raises `LocalError` if it was deleted.
    """
    stored = context.sessions.load(session.id)
    if stored is None:
        raise LocalError(
            tr("session {id} no longer exists", id=session.short_id),
            why=tr("another newapi process deleted it"),
        )
    return stored


def checked_session_name(text: str, *, hint: str = "") -> str:
    """Return a session name with single spaces.

    Raises `UsageError` if it is invalid.
    """
    name = " ".join(text.split())
    if not name.isascii() and any("\ud800" <= character <= "\udfff" for character in name):
        raise UsageError(tr("the session name is not UTF-8 text"), hint=hint)
    if not name or len(name) > MAX_TITLE:
        message = tr("a session name must have 1 to {n} characters", n=MAX_TITLE)
        raise UsageError(message, hint=hint)
    return name


def _named_session(context: Context, options: ChatOptions) -> LiveSession:
    named: Session | None = None
    try:
        named = context.sessions.find_by_name(options.session)
    except (LocalError, ConfigError):
        if _has_stored_sessions(context):  # one of them may have the name
            raise
    if named is not None:
        return _resume(context, named, is_explicit="profile" in context.overrides)
    if not options.quiet:
        print_dim(context.streams, tr("new session: {name}", name=options.session))
    session = new_session(context)._replace(title=options.session, is_named=True)
    return saved_if_possible(context, session)


def _has_stored_sessions(context: Context) -> bool:
    """Return whether the store has content. A full disk leaves an empty file."""
    try:
        return context.paths.sessions_file.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _resume(context: Context, session: Session, *, is_explicit: bool) -> LiveSession:
    """Return a stored session. With `is_explicit`, -P overrides the session's own profile."""
    if not is_explicit:
        _use_profile_of(session, context)
    _ensure_same_host(context, session, is_allowed=is_explicit)
    stored = load_stored_session(context, session)
    return saved_session(context, _with_overrides(context, stored), stored.path)


def _use_profile_of(session: Session, context: Context) -> None:
    if not session.profile or session.profile == context.settings.profile:
        return
    try:
        context.use_profile(session.profile)
    except ConfigError as error:
        why = error.message
        if session.profile not in context.config_file.profiles:  # no option named it
            why = tr("{path} has no such profile", path=context.config_file.path)
        raise ConfigError(
            tr(
                "session {id} belongs to profile {name}, which cannot be used",
                id=session.short_id,
                name=quote_name(session.profile),
            ),
            why=why,
            hint=tr("use -P NAME to continue it with another profile"),
        ) from error


def _ensure_same_host(context: Context, session: Session, *, is_allowed: bool) -> None:
    host = str(context.settings.base_url or "")
    if not session.host or not host or host == session.host:
        return
    if not is_allowed:
        raise ConfigError(
            tr(
                "session {id} was sent to {old}; this run would send it to {new}",
                id=session.short_id,
                old=session.host,
                new=host,
            ),
            hint=tr("use -P {name} to send it there", name=context.settings.profile),
        )
    context.streams.print_err(
        tr(
            "session {id} was sent to {old} before; now it is sent to {new}",
            id=session.short_id,
            old=session.host,
            new=host,
        )
    )


def _with_overrides(context: Context, stored: StoredSession) -> Session:
    """Return the session with the model and system prompt that the command line overrides."""
    session, settings = stored.session, context.settings
    system, model = session.system, context.model_and_fallbacks[0]
    if "system" in context.overrides:
        text = str(context.overrides["system"])
        system = read_system_prompt(text, context.streams.report_silence) or ""
    # Another profile has its own models: the session's need not be one of them.
    is_own_profile = session.profile == settings.profile
    default = session.model or model if is_own_profile else model or session.model
    return session._replace(
        model=model if context.overrides.get("model") else default, system=system
    )
