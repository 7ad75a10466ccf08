"""`newapi sessions`: lists, searches, shows, renames, exports and imports stored sessions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime

from newapi_cli.app.context import Context
from newapi_cli.app.output import show_session
from newapi_cli.app.prompt import text_from_bytes
from newapi_cli.app.sessions.archive import session_to_json, session_to_lines, sessions_from_text
from newapi_cli.app.sessions.redacted_store import load_known_keys, redact_session
from newapi_cli.app.sessions.resume import checked_session_name, load_stored_session
from newapi_cli.config.settings import choose_profile
from newapi_cli.domain.session import Hit, Session, StoredSession
from newapi_cli.errors import UsageError, conflicting_options, profile_command
from newapi_cli.i18n import tr
from newapi_cli.render.rows import (
    Column,
    Form,
    output_form,
    write_json,
    write_rows,
    write_tsv,
    write_untrusted,
)
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.units import ago
from newapi_cli.streams import read_file
from newapi_cli.text import quote_name

ROWS_ON_TERMINAL = 50
MAX_ARCHIVE_BYTES = 1_000_000_000
FIRST_SESSION_HINT = profile_command("newapi chat", '"Hello"')
FILE_HINT = tr("use a file that `newapi sessions export --json` wrote, or - for standard input")


def show(
    context: Context, reference: str | None, *, reasoning: bool, all_branches: bool, json: bool
) -> None:
    """Print a session as its answers were displayed, or as JSON."""
    stored = load_session(context, reference)
    if json:
        write_json(context.streams.stdout, session_to_json(stored))
        return
    show_session(context, stored, reasoning=reasoning, all_branches=all_branches)


def rename(context: Context, reference: str, name: str) -> None:
    """Name a session, so that -S finds it by this name."""
    title = checked_session_name(name)
    load_known_keys(context)
    title = context.redact_known_keys(title)
    session = find_session(context, reference)
    context.sessions.update_session(session._replace(title=title, is_named=True))
    text = tr('Renamed session {id} to "{title}"', id=session.short_id, title=safe_line(title))
    context.streams.print_err(text)


def find_session(context: Context, reference: str | None) -> Session:
    """Return the session with a name or id, or the last used one."""
    store = context.sessions_if_any
    if store is None:
        raise UsageError(tr("no sessions yet"), hint=FIRST_SESSION_HINT)
    if reference is not None:
        return store.find(reference)
    profile = str(context.overrides.get("profile") or "")
    latest = store.latest(profile)
    if latest is None:
        ensure_profile_exists(context)
        hint = tr("`newapi sessions list` lists those of all profiles")
        raise UsageError(nothing_stored(profile), hint=hint if profile else FIRST_SESSION_HINT)
    return latest


def load_session(context: Context, reference: str | None) -> StoredSession:
    """Return a session with its turns."""
    return load_stored_session(context, find_session(context, reference))


def ensure_profile_exists(context: Context) -> None:
    """Raise `ConfigError` if -P names a profile that is not in the config file.

    One that was removed may still have sessions; so this is for those without any.
    """
    if "profile" in context.overrides:
        choose_profile(context.config_file, context.overrides, context.streams.environ)


def nothing_stored(profile: str) -> str:
    """Return the message for an empty store, of one profile if it is named."""
    if profile:
        return tr("no sessions in profile {name} yet", name=quote_name(profile))
    return tr("no sessions yet")


def list_sessions(context: Context, *, limit: int | None, json: bool) -> None:
    """Print the sessions, the last used first; a limit of 0 means all."""
    store = context.sessions_if_any
    profile = str(context.overrides.get("profile") or "")
    total = store.count(profile) if store else 0
    if not total:
        ensure_profile_exists(context)
    form = output_form(context.streams, json=json)
    count = _store_limit(limit, form)
    # Text from the store, not `_session_columns`: a pipe gets all sessions, and 10,000 `Session`s
    # take 225 ms in place of 146 (limit of benchmarks/store.py: 120 beyond --version).
    if form is Form.TSV:
        rows = store.text_rows(count, profile) if store else []
        write_tsv(context.streams.stdout, _redact_rows(context, rows))
    else:
        sessions = store.sessions(count, profile) if store else []
        lengths = store.path_lengths(sessions) if store and form is Form.TABLE else {}
        write_rows(
            context.streams,
            form,
            _session_columns(context, lengths),
            sessions,
            as_json=lambda rows: [_session_json(context, row) for row in rows],
        )
    if not total:
        context.streams.print_err(nothing_stored(profile))
    elif limit is None and 0 <= count < total:
        text = tr("{n} of {total:,}; --limit 0 lists all", n=count, total=total)
        context.streams.print_err(text)


def search_sessions(context: Context, words: list[str], *, limit: int | None, json: bool) -> None:
    """Print the turns that contain all words, the newest first; a limit of 0 means all."""
    words = [word for word in words if word.strip()]
    if not words:
        raise UsageError(tr("no words to search for"), hint="newapi sessions search WORD")
    store = context.sessions_if_any
    form = output_form(context.streams, json=json)
    hits = list(store.search(words, _store_limit(limit, form))) if store else []
    write_rows(
        context.streams,
        form,
        _hit_columns(context, words),
        hits,
        as_json=lambda rows: [_hit_json(context, row, words) for row in rows],
    )
    if not hits:
        context.streams.print_err(tr("no turn contains all of these words"))


def _store_limit(limit: int | None, form: Form) -> int:
    """Return the limit for the store, where a negative one means no limit."""
    if limit is not None:
        return min(limit, sys.maxsize) or -1
    return ROWS_ON_TERMINAL if form is Form.TABLE else -1


def _redact_rows(context: Context, rows: list[list[str]]) -> list[list[str]]:
    """Return rows with keys redacted in their titles, the second cells.

    All titles are checked at once: one by one takes 0.1 s for ten thousand.
    """
    redact, titles = context.streams.redact, "\n".join(row[1] for row in rows)
    if redact(titles) == titles:
        return rows
    return [[id_, redact(title), *others] for id_, title, *others in rows]


def _session_columns(context: Context, path_lengths: Mapping[str, int]) -> list[Column[Session]]:
    redact = context.streams.redact

    def turns(session: Session) -> str:
        count = path_lengths.get(session.id, 0)
        return (
            tr("{n} of {all}", n=count, all=session.turns) if count < session.turns else str(count)
        )

    return [
        Column(tr("id"), lambda session: session.short_id),
        Column(tr("title"), lambda session: redact(session.title)),
        Column(tr("turns"), turns),
        Column(tr("used"), lambda session: ago(session.used_at)),
        Column(tr("model"), lambda session: session.model),
        Column(tr("profile"), lambda session: session.profile, min_width=60),
    ]


def _session_json(context: Context, session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "title": context.streams.redact(session.title),
        "is_named": session.is_named,
        "turns": session.turns,
        "model": session.model,
        "profile": session.profile,
        "host": session.host,
        "created_at": _utc_text(session.created_at),
        "used_at": _utc_text(session.used_at),
    }


def _hit_columns(context: Context, words: list[str]) -> list[Column[Hit]]:
    redact = context.streams.redact

    def title(hit: Hit) -> str:
        return redact(hit.session.title)

    def text(hit: Hit) -> str:
        return redact(hit.excerpt(words))

    return [
        Column(tr("id"), lambda hit: hit.session.short_id, lambda hit: hit.session.id),
        Column(tr("title"), title, title),
        Column(
            tr("when"),
            lambda hit: ago(hit.turn.created_at),
            lambda hit: _utc_text(hit.turn.created_at),
        ),
        Column(tr("text"), text, text),
    ]


def _hit_json(context: Context, hit: Hit, words: list[str]) -> dict[str, object]:
    redact = context.streams.redact
    return {
        "session": hit.session.id,
        "title": redact(hit.session.title),
        "turn": hit.turn.id,
        "created_at": _utc_text(hit.turn.created_at),
        "text": redact(hit.excerpt(words)),
    }


def _utc_text(time: datetime) -> str:
    """Return a time of the store, which is UTC, to the second."""
    return f"{time.isoformat()[:19]}Z"


def export_sessions(
    context: Context, names: list[str], *, all_sessions: bool, json: bool, jsonl: bool
) -> None:
    """Write sessions, by default the last used one, to stdout as Markdown, JSON or JSON Lines."""
    if json and jsonl:
        raise conflicting_options("--json", "--jsonl")
    references: list[str | None] = [*names] if names else [None]
    if all_sessions:
        store = context.sessions_if_any
        references = [session.id for session in store.sessions(-1)] if store else []
    stdout = context.streams.stdout
    if jsonl:
        for reference in references:
            for line in session_to_lines(load_session(context, reference)):
                write_untrusted(stdout, f"{line}\n")
    elif json:
        values = [session_to_json(load_session(context, reference)) for reference in references]
        is_one = len(values) == 1 and not all_sessions
        write_json(stdout, values[0] if is_one else values)
    else:
        from newapi_cli.render.transcript import transcript_markdown  # markdown_it takes 15 ms

        texts = (transcript_markdown(load_session(context, ref)) for ref in references)
        write_untrusted(stdout, "\n".join(texts))


def import_sessions(context: Context, path: str) -> None:
    """Import exported sessions as new ones, and print their ids. `-` is stdin."""
    sessions = sessions_from_text(_read_archive(context, path))
    if not sessions:
        context.streams.print_err(tr("no sessions in {path}", path=path))
    load_known_keys(context)
    for stored in sessions:
        session = context.sessions.import_session(redact_session(context, stored))
        context.streams.stdout.write(f"{session.id}\n")


def _read_archive(context: Context, path: str) -> str:
    if not path.strip():
        raise UsageError(tr("no file name given"), hint=FILE_HINT)
    if path == "-":
        content = context.streams.read_stdin(MAX_ARCHIVE_BYTES)
    else:
        content = read_file(path, MAX_ARCHIVE_BYTES, hint=FILE_HINT)
    if not content.is_complete:
        raise UsageError(tr("{path} is larger than 1 GB", path=path))
    return text_from_bytes(content.data, path)
