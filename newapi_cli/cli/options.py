"""Options that several commands share, declared once."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from newapi_cli import __version__
from newapi_cli.app.context import Context
from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.model_names import SAFE_MODEL_NAME, cached_model_names
from newapi_cli.config.paths import find_paths
from newapi_cli.errors import NewapiError
from newapi_cli.streams import Input, Output, Streams

CONNECTION = "Connection"


def setting(
    name: str,
    *declarations: str,
    panel: str = CONNECTION,
    metavar: str = "",
    values: Callable[[str], list[str]] | None = None,
) -> Any:
    """Give the option for a setting of `config.fields`: its help and its range stand there.

    `values` gives what TAB offers for a beginning.
    """
    field = BY_NAME[name]
    if field.maximum is not None and not metavar:
        metavar = f"{field.minimum:g}..{field.maximum:g}"
    elif field.minimum is not None and not metavar:
        metavar = f"{field.minimum:g}.."
    return typer.Option(
        *(declarations or (field.flag,)),
        help=field.help,
        min=field.minimum,
        max=field.maximum,
        metavar=metavar or None,
        rich_help_panel=panel,
        show_default=False,
        autocompletion=values,
    )


def show_version(value: bool) -> None:
    """Print the version and leave, where it was asked for."""
    if value:
        sys.stdout.write(f"newapi {__version__}\n")
        sys.stdout.flush()  # here, where a failure is told
        raise typer.Exit


SHARED: dict[str, tuple[Any, object]] = {
    "profile": (
        Annotated[
            str | None,
            typer.Option(
                "--profile", "-P", metavar="NAME", rich_help_panel=CONNECTION, show_default=False,
                help="the profile of the config file to use",
            ),
        ],
        None,
    ),
    "base_url": (Annotated[str | None, setting("base_url", metavar="URL")], None),
    "timeout": (Annotated[float | None, setting("timeout", metavar="SECONDS")], None),
    "retries": (Annotated[int | None, setting("retries")], None),
    "proxy": (Annotated[str | None, setting("proxy", metavar="URL")], None),
    "verbose": (
        Annotated[
            bool,
            typer.Option(
                "--verbose", "-v", rich_help_panel=CONNECTION,
                help="tell on stderr what is sent where, retries and request ids",
            ),
        ],
        False,
    ),
    "debug": (
        Annotated[
            bool,
            typer.Option(
                "--debug", rich_help_panel=CONNECTION, help="show the trace of a bug, keys masked"
            ),
        ],
        False,
    ),
    "version": (
        Annotated[
            bool,
            typer.Option("--version", "-V", callback=show_version, is_eager=True, hidden=True),
        ],
        False,
    ),
}  # fmt: skip


def model_names(incomplete: str) -> list[str]:
    """Give the known models that begin so, for TAB, without asking anybody."""
    names = cached_model_names(find_paths(os.environ).cache_dir)
    return [name for name in names if name.startswith(incomplete)]


def session_names(incomplete: str) -> list[str]:
    """Give the names and short ids of stored sessions that begin so, for TAB.

    Only such as shells take for plain words: completion scripts evaluate what they are given.
    """
    names = _stored_session_names(os.environ)
    return [
        name for name in names if SAFE_MODEL_NAME.fullmatch(name) and name.startswith(incomplete)
    ]


def _stored_session_names(environ: Mapping[str, str]) -> list[str]:
    """Give names and short ids of the last used sessions, for TAB; nothing where that fails."""
    nowhere = Output(None)
    try:
        with Context(Streams(Input(None), nowhere, nowhere, environ), {}) as context:
            store = context.sessions_if_any
            found = store.sessions(200) if store else []
    except NewapiError:
        return []
    return [each.title if each.is_named else each.short_id for each in found]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Make a function with a `Context` first a Typer command that has the shared options too.

    Typer reads the signature: it gets the function's own parameters, then the shared ones. Modules
    of commands go without `from __future__ import annotations`: thirty options as text, compiled at
    each start, cost 6 ms.
    """
    own = list(inspect.signature(function).parameters.values())[1:]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for name, (hint, default) in SHARED.items()
    ]

    def run(ctx: typer.Context, **values: Any) -> None:
        shared = {name: values.pop(name) for name in SHARED}
        settings = {name: shared.pop(name) for name in SHARED if name in BY_NAME}
        streams: Streams = ctx.obj
        with Context(streams, shared) as context:
            context.override(**settings)
            function(context, **values)

    first = inspect.Parameter(
        "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    parameters = [first, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *common]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # PEP 362
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    return run
