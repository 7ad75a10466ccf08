"""`newapi sessions`: list, show, search, export, import, rename and delete sessions."""

from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.sessions import commands, delete
from newapi_cli.cli.options import ALWAYS, WITH_PROFILE, command, session_names

sessions_app = typer.Typer(
    help="List, show, search, export, import, rename and delete sessions.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Session = Annotated[
    str | None,
    typer.Argument(
        metavar="[SESSION]",
        help="Name or ID prefix; the most recent session if omitted",
        show_default=False,
        autocompletion=session_names,
    ),
]
Sessions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SESSION]...",
        help="Names or ID prefixes",
        show_default=False,
        autocompletion=session_names,
    ),
]
ExportedSessions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SESSION]...",
        help="Names or ID prefixes; the most recent session if omitted",
        show_default=False,
        autocompletion=session_names,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-l",
        metavar="N",
        min=0,
        show_default=False,
        help="Maximum number of rows; 0 for all (default: 50 on a terminal, all in a pipe)",
    ),
]


@command(WITH_PROFILE)
def list_sessions(context: Context, limit: Limit = None, json: Json = False) -> None:
    """List sessions, most recently used first.

    [dim]newapi sessions list[/dim]
    [dim]newapi sessions list -P work --json | jq -r '.[].id'[/dim]
    """
    commands.list_sessions(context, limit=limit, json=json)


@command(WITH_PROFILE)
def show(
    context: Context,
    session: Session = None,
    reasoning: Annotated[bool, typer.Option("--reasoning", help="Include the reasoning")] = False,
    all_branches: Annotated[
        bool, typer.Option("--all", "-a", help="Include turns that were undone, retried or edited")
    ] = False,
    json: Json = False,
) -> None:
    """Show a session, in the pager if it is long.

    [dim]newapi sessions show[/dim]
    """
    commands.show(context, session, reasoning=reasoning, all_branches=all_branches, json=json)


@command(ALWAYS)
def search(
    context: Context,
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORD...", help="Words to find; a turn must contain all of them"),
    ],
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Search prompts and answers, ignoring case; newest first.

    [dim]newapi sessions search rust lifetime[/dim]
    """
    commands.search_sessions(context, words, limit=limit, json=json)


@command(WITH_PROFILE)
def export(
    context: Context,
    session: ExportedSessions = None,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Export all sessions")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON for `newapi sessions import`")
    ] = False,
    lines: Annotated[
        bool, typer.Option("--jsonl", help="Print JSON Lines for `newapi sessions import`")
    ] = False,
) -> None:
    """Export sessions as Markdown, JSON or JSON Lines.

    [dim]newapi sessions export 1a2b > talk.md[/dim]
    [dim]newapi sessions export --all --jsonl > backup.jsonl[/dim]
    """
    commands.export_sessions(
        context, session or [], all_sessions=everything, json=json, jsonl=lines
    )


@command(WITH_PROFILE)
def import_sessions(
    context: Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-", help="File written by export --json or --jsonl; - is standard input"
        ),
    ],
) -> None:
    """Import exported sessions as new sessions, and print their IDs.

    [dim]newapi sessions import backup.jsonl[/dim]
    """
    commands.import_sessions(context, path)


@command(WITH_PROFILE)
def rename(
    context: Context,
    session: Annotated[
        str, typer.Argument(metavar="SESSION", autocompletion=session_names, show_default=False)
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
) -> None:
    """Name a session, so that -S NAME continues it.

    [dim]newapi sessions rename 1a2b taxes[/dim]
    """
    commands.rename(context, session, name)


@command(ALWAYS)
def remove(
    context: Context,
    session: Sessions = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="DURATION",
            show_default=False,
            help="Delete sessions not used for this long, such as 12h, 30d, 8w or 1y",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without confirmation")] = False,
) -> None:
    """Delete sessions, with all their data in newapi's files.

    [dim]newapi sessions rm 1a2b[/dim]
    [dim]newapi sessions rm --older-than 90d --yes[/dim]
    """
    delete.delete_sessions(context, session or [], older_than, needs_confirmation=not yes)


@command(ALWAYS)
def path(context: Context) -> None:
    """Print the path of the session store."""
    context.streams.stdout.write(f"{context.paths.sessions_file}\n")


sessions_app.command("list")(list_sessions)
sessions_app.command("show")(show)
sessions_app.command("search")(search)
sessions_app.command("export")(export)
sessions_app.command("import")(import_sessions)
sessions_app.command("rename")(rename)
sessions_app.command("rm")(remove)
sessions_app.command("path")(path)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sessions_app, name="sessions")
