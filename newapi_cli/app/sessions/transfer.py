"""Exports sessions to stdout, and imports exported ones from a file or stdin."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.prompt_input import text_from_bytes
from newapi_cli.app.sessions.archive import session_to_json, session_to_lines, sessions_from_text
from newapi_cli.app.sessions.live_session import learn_keys, redact_session
from newapi_cli.app.sessions.stored import load_session
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.rows import write_foreign, write_json
from newapi_cli.streams import read_file

MAX_BYTES = 1_000_000_000
FILE_HINT = tr("use a file that `newapi sessions export --json` wrote, or - for standard input")


class ExportOptions(NamedTuple):
    """The options of `newapi sessions export`; without sessions the last used one."""

    sessions: tuple[str, ...] = ()
    all_sessions: bool = False
    json: bool = False
    jsonl: bool = False


def export_sessions(context: Context, options: ExportOptions) -> None:
    """Write sessions to stdout as Markdown, JSON or JSON Lines."""
    if options.json and options.jsonl:
        raise UsageError(
            tr("--json and --jsonl exclude each other"), hint=tr("use only one of them")
        )
    references: list[str | None] = [*options.sessions] if options.sessions else [None]
    if options.all_sessions:
        store = context.sessions_if_any
        references = [session.id for session in store.sessions(-1)] if store else []
    stdout = context.streams.stdout
    if options.jsonl:
        for reference in references:
            for line in session_to_lines(load_session(context, reference)):
                write_foreign(stdout, f"{line}\n")
    elif options.json:
        values = [session_to_json(load_session(context, reference)) for reference in references]
        is_one = len(values) == 1 and not options.all_sessions
        write_json(stdout, values[0] if is_one else values)
    else:
        from newapi_cli.render.transcript import transcript_markdown  # markdown_it takes 15 ms

        texts = (transcript_markdown(load_session(context, ref)) for ref in references)
        write_foreign(stdout, "\n".join(texts))


def import_sessions(context: Context, path: str) -> None:
    """Import exported sessions as new ones, and print their ids. `-` is stdin."""
    sessions = sessions_from_text(_read_archive(context, path))
    if not sessions:
        context.streams.print_err(tr("no sessions in {path}", path=path))
    learn_keys(context)
    for stored in sessions:
        session = context.sessions.import_session(redact_session(context, stored))
        context.streams.stdout.write(f"{session.id}\n")


def _read_archive(context: Context, path: str) -> str:
    if not path.strip():
        raise UsageError(tr("no file name given"), hint=FILE_HINT)
    if path == "-":
        content = context.streams.stdin.read(MAX_BYTES)
    else:
        content = read_file(path, MAX_BYTES, hint=FILE_HINT)
    if not content.is_complete:
        raise UsageError(tr("{path} is larger than 1 GB", path=path))
    return text_from_bytes(content.data, path)
