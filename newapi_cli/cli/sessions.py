"""`newapi sessions`: what was said, listed, found, shown, taken out, read back and deleted."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.durations import duration_from_text
from newapi_cli.app.output import show_session
from newapi_cli.app.sessions.archive import session_to_json, session_to_lines, sessions_from_text
from newapi_cli.app.sessions.archive_file import read_archive
from newapi_cli.app.sessions.delete import delete_sessions
from newapi_cli.app.sessions.redacted import learn_keys, redact_session
from newapi_cli.cli.options import command, session_names
from newapi_cli.domain.session import MAX_TITLE, Hit, Session, StoredSession
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.render.rows import (
    Column,
    Form,
    output_form,
    write_foreign,
    write_json,
    write_rows,
    write_tsv,
)
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.units import ago
from newapi_cli.text import quote_name

sessions_app = typer.Typer(
    help="List, show, search, export and delete what was said.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
LISTED_ON_TERMINAL = 50
Reference = Annotated[
    str | None,
    typer.Argument(
        metavar="[SESSION]",
        help="a name, or the beginning of an id; without one: the last used",
        show_default=False,
        autocompletion=session_names,
    ),
]
References = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SESSION]...",
        help="names, or beginnings of ids",
        show_default=False,
        autocompletion=session_names,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="as JSON")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-l", metavar="N", min=0, show_default=False,
                 help="at most so many; 0: all (default: 50 on a terminal, all in a pipe)"),
]  # fmt: skip


@command
def list_sessions(context: Context, limit: Limit = None, json: Json = False) -> None:
    """List the sessions, the last used first.

    [dim]newapi sessions list[/dim]
    [dim]newapi sessions list -P work --json | jq -r '.[].id'[/dim]
    """
    store = context.sessions_if_any
    profile = str(context.overrides.get("profile") or "")
    form = output_form(context.streams, json=json)
    count = _limit(limit, form)
    if form is Form.TSV:  # as text from the store: ten thousand values take 0.1 s more
        rows = store.text_rows(count, profile) if store else []
        write_tsv(context.streams.stdout, _redacted(context, rows))
    else:
        sessions = store.sessions(count, profile) if store else []
        columns = _columns(context)
        write_rows(
            context.streams,
            form,
            columns,
            sessions,
            as_json=lambda rows: [_as_json(context, row) for row in rows],
        )
    total = store.count(profile) if store else 0
    if not total:
        context.streams.print_err(_nothing_stored(profile))
    elif limit is None and 0 <= count < total:
        context.streams.print_err(f"{count} of {total:,}; --limit 0 lists all")


@command
def show(
    context: Context,
    session: Reference = None,
    reasoning: Annotated[bool, typer.Option("--thinking", help="with the reasoning")] = False,
    all_branches: Annotated[
        bool, typer.Option("--all", "-a", help="with what was undone, retried and edited")
    ] = False,
    json: Json = False,
) -> None:
    """Show a session as its answers were shown; a long one through the pager.

    [dim]newapi sessions show[/dim]
    """
    stored = _load(context, session)
    if json:
        write_json(context.streams.stdout, session_to_json(stored))
    else:
        show_session(context, stored, reasoning=reasoning, all_branches=all_branches)


@command
def search(
    context: Context,
    words: Annotated[list[str], typer.Argument(help="words that a turn must all hold")],
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Find turns by words of the prompt or the answer, in any case, the newest first.

    [dim]newapi sessions search rust lifetime[/dim]
    """
    wanted = [word for word in words if word.strip()]
    if not wanted:
        raise UsageError("there is nothing to search for", hint="newapi sessions search WORD")
    store = context.sessions_if_any
    form = output_form(context.streams, json=json)
    hits = list(store.search(wanted, _limit(limit, form))) if store else []
    write_rows(
        context.streams,
        form,
        _hit_columns(context, wanted),
        hits,
        as_json=lambda rows: [_hit_as_json(context, row, wanted) for row in rows],
    )
    if not hits:
        context.streams.print_err("no turn holds these words")


@command
def export(
    context: Context,
    session: References = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="all sessions")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON that import reads back")] = False,
    lines: Annotated[bool, typer.Option("--jsonl", help="the same as JSON lines")] = False,
) -> None:
    """Write sessions to standard output, as Markdown or in a form that can be read back.

    [dim]newapi sessions export 1a2b > talk.md[/dim]
    [dim]newapi sessions export --all --jsonl > backup.jsonl[/dim]
    """
    if json and lines:
        raise UsageError("--json and --jsonl are two forms", hint="give one of them")
    references: list[str | None] = [*session] if session else [None]
    if everything:
        store = context.sessions_if_any
        references = [each.id for each in store.sessions(-1)] if store else []
    stdout = context.streams.stdout
    if lines:
        for reference in references:
            for line in session_to_lines(_load(context, reference)):
                write_foreign(stdout, f"{line}\n")
    elif json:
        values = [session_to_json(_load(context, reference)) for reference in references]
        write_json(stdout, values[0] if len(values) == 1 and not everything else values)
    else:
        from newapi_cli.render.transcript import transcript_markdown  # markdown_it takes 15 ms

        texts = (transcript_markdown(_load(context, reference)) for reference in references)
        write_foreign(stdout, "\n".join(texts))


@command
def import_sessions(
    context: Context,
    path: Annotated[str, typer.Argument(metavar="FILE|-", help="what export --json has written")],
) -> None:
    """Read exported sessions back, each as a new session.

    [dim]newapi sessions import backup.jsonl[/dim]
    """
    found = sessions_from_text(read_archive(context, path))
    if not found:
        context.streams.print_err("there was no session in it")
    learn_keys(context)
    for stored in found:
        session = context.sessions.import_session(redact_session(context, stored))
        context.streams.stdout.write(f"{session.id}\n")


@command
def rename(
    context: Context,
    session: Annotated[str, typer.Argument(autocompletion=session_names, show_default=False)],
    name: Annotated[str, typer.Argument(show_default=False)],
) -> None:
    """Give a session a name, by which -S finds it.

    [dim]newapi sessions rename 1a2b taxes[/dim]
    """
    title = " ".join(name.split())
    if not title or len(title) > MAX_TITLE:
        raise UsageError(f"a session name has 1 to {MAX_TITLE} characters")
    learn_keys(context)
    title = context.remove_keys(title)
    found = _find(context, session)
    context.sessions.update_session(found._replace(title=title, is_named=True))
    context.streams.print_err(f"session {found.short_id} is called “{safe_line(title)}”")


@command
def remove(
    context: Context,
    session: References = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="30d", show_default=False,
                     help="those last used before so many days (d), hours (h) or weeks (w)"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:  # fmt: skip
    """Delete sessions, and every trace of them in newapi's files.

    [dim]newapi sessions rm 1a2b[/dim]
    [dim]newapi sessions rm --older-than 90d --yes[/dim]
    """
    if not session and older_than is None:
        raise UsageError("say which sessions", hint="newapi sessions rm ID, or --older-than 30d")
    if session and older_than is not None:
        raise UsageError("--older-than takes all that are older", hint="name sessions without it")
    found = {each.id: each for each in (_find(context, name) for name in session or ())}
    if older_than is not None and context.sessions_if_any is not None:
        before = datetime.now(UTC) - timedelta(seconds=duration_from_text(older_than))
        found |= {each.id: each for each in context.sessions.last_used_before(before)}
    delete_sessions(context, list(found.values()), asks=not yes)


@command
def path(context: Context) -> None:
    """Print where the sessions are stored."""
    context.streams.stdout.write(f"{context.sessions_file}\n")


sessions_app.command("list")(list_sessions)
sessions_app.command("show")(show)
sessions_app.command("search")(search)
sessions_app.command("export")(export)
sessions_app.command("import")(import_sessions)
sessions_app.command("rename")(rename)
sessions_app.command("rm")(remove)
sessions_app.command("path")(path)


def _find(context: Context, reference: str | None) -> Session:
    """Give the session that is meant. Raises `UsageError`."""
    store = context.sessions_if_any
    if store is None:
        raise UsageError("no session is stored yet", hint='newapi chat "Hello" begins one')
    if reference is not None:
        return store.find(reference)
    profile = str(context.overrides.get("profile") or "")
    latest = store.sessions(1, profile)
    if not latest:
        raise UsageError(_nothing_stored(profile), hint="newapi sessions list")
    return latest[0]


def _nothing_stored(profile: str) -> str:
    return f"no session is stored{f' of profile {quote_name(profile)}' if profile else ''} yet"


def _load(context: Context, reference: str | None) -> StoredSession:
    session = _find(context, reference)
    stored = context.sessions.load(session.id)
    if stored is None:
        raise LocalError(f"session {session.short_id} is gone", why="another newapi deleted it")
    return stored


def _limit(limit: int | None, form: Form) -> int:
    """Return the limit for the store, where a negative one means no limit."""
    if limit is not None:
        return min(limit, sys.maxsize) or -1
    return LISTED_ON_TERMINAL if form is Form.TABLE else -1


def _redacted(context: Context, rows: list[list[str]]) -> list[list[str]]:
    """Give rows without keys in their titles, which stand second.

    One look at all titles: one at each takes 0.1 s for ten thousand.
    """
    redact, titles = context.streams.redact, "\n".join(row[1] for row in rows)
    if redact(titles) == titles:
        return rows
    return [[id_, redact(title), *others] for id_, title, *others in rows]


def _columns(context: Context) -> list[Column[Session]]:
    redact = context.streams.redact
    return [
        Column("id", lambda session: session.short_id),
        Column("title", lambda session: redact(session.title)),
        Column("turns", lambda session: str(session.turns)),
        Column("used", lambda session: ago(session.used_at)),
        Column("model", lambda session: session.model),
        Column("profile", lambda session: session.profile),
    ]


def _as_json(context: Context, session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "title": context.streams.redact(session.title),
        "is_named": session.is_named,
        "turns": session.turns,
        "model": session.model,
        "profile": session.profile,
        "host": session.host,
        "created_at": _time(session.created_at),
        "used_at": _time(session.used_at),
    }


def _hit_columns(context: Context, words: list[str]) -> list[Column[Hit]]:
    redact = context.streams.redact

    def title(hit: Hit) -> str:
        return redact(hit.session.title)

    def text(hit: Hit) -> str:
        return redact(hit.excerpt(words))

    return [
        Column("id", lambda hit: hit.session.short_id, lambda hit: hit.session.id),
        Column("title", title, title),
        Column(
            "when", lambda hit: ago(hit.turn.created_at), lambda hit: _time(hit.turn.created_at)
        ),
        Column("text", text, text),
    ]


def _hit_as_json(context: Context, hit: Hit, words: list[str]) -> dict[str, object]:
    redact = context.streams.redact
    return {
        "session": hit.session.id,
        "title": redact(hit.session.title),
        "turn": hit.turn.id,
        "created_at": _time(hit.turn.created_at),
        "text": redact(hit.excerpt(words)),
    }


def _time(time: datetime) -> str:
    """Write a time of the store, which is UTC, to the second."""
    return f"{time.isoformat()[:19]}Z"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.add_typer(sessions_app, name="sessions")
