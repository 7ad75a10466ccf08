"""Lists and searches stored sessions."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.sessions.stored import nothing_stored
from newapi_cli.domain.session import Hit, Session
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.rows import Column, Form, output_form, write_rows, write_tsv
from newapi_cli.render.units import ago

ROWS_ON_TERMINAL = 50


class ListOptions(NamedTuple):
    """The options of `newapi sessions list`; a limit of 0 means all."""

    limit: int | None = None
    json: bool = False


class SearchOptions(NamedTuple):
    """The options of `newapi sessions search`; a limit of 0 means all."""

    words: tuple[str, ...]
    limit: int | None = None
    json: bool = False


def list_sessions(context: Context, options: ListOptions) -> None:
    """Print the sessions, the last used first."""
    store = context.sessions_if_any
    profile = str(context.overrides.get("profile") or "")
    form = output_form(context.streams, json=options.json)
    count = _store_limit(options.limit, form)
    if form is Form.TSV:  # as text from the store: ten thousand values take 0.1 s more
        rows = store.text_rows(count, profile) if store else []
        write_tsv(context.streams.stdout, _redacted(context, rows))
    else:
        write_rows(
            context.streams,
            form,
            _session_columns(context),
            store.sessions(count, profile) if store else [],
            as_json=lambda rows: [_session_json(context, row) for row in rows],
        )
    total = store.count(profile) if store else 0
    if not total:
        context.streams.print_err(nothing_stored(profile))
    elif options.limit is None and 0 <= count < total:
        text = tr("{n} of {total:,}; --limit 0 lists all", n=count, total=total)
        context.streams.print_err(text)


def search_sessions(context: Context, options: SearchOptions) -> None:
    """Print the turns that contain all words, the newest first."""
    words = [word for word in options.words if word.strip()]
    if not words:
        raise UsageError(tr("no words to search for"), hint="newapi sessions search WORD")
    store = context.sessions_if_any
    form = output_form(context.streams, json=options.json)
    hits = list(store.search(words, _store_limit(options.limit, form))) if store else []
    write_rows(
        context.streams,
        form,
        _hit_columns(context, words),
        hits,
        as_json=lambda rows: [_hit_json(context, row, words) for row in rows],
    )
    if not hits:
        context.streams.print_err(tr("no turn contains these words"))


def _store_limit(limit: int | None, form: Form) -> int:
    """Return the limit for the store, where a negative one means no limit."""
    if limit is not None:
        return min(limit, sys.maxsize) or -1
    return ROWS_ON_TERMINAL if form is Form.TABLE else -1


def _redacted(context: Context, rows: list[list[str]]) -> list[list[str]]:
    """Return rows with keys redacted in their titles, the second cells.

    All titles are checked at once: one by one takes 0.1 s for ten thousand.
    """
    redact, titles = context.streams.redact, "\n".join(row[1] for row in rows)
    if redact(titles) == titles:
        return rows
    return [[id_, redact(title), *others] for id_, title, *others in rows]


def _session_columns(context: Context) -> list[Column[Session]]:
    redact = context.streams.redact
    return [
        Column(tr("id"), lambda session: session.short_id),
        Column(tr("title"), lambda session: redact(session.title)),
        Column(tr("turns"), lambda session: str(session.turns)),
        Column(tr("used"), lambda session: ago(session.used_at)),
        Column(tr("model"), lambda session: session.model),
        Column(tr("profile"), lambda session: session.profile),
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
