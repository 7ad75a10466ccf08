"""Options of commands: those that all share, and those of `newapi chat` by help panel."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from newapi_cli import __version__
from newapi_cli.app.context import Context
from newapi_cli.config.cache import SAFE_WORD, cached_model_names
from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.paths import find_paths
from newapi_cli.errors import NewapiError, UsageError
from newapi_cli.i18n import reword, tr
from newapi_cli.streams import Input, Output, Streams

CONNECTION, PROMPT, MODEL, OUTPUT, SESSION = "Connection", "Prompt", "Model", "Output", "Session"
FIELDS_WITH_OPTIONS = ("model", "stream")  # --option does not accept these
COMPLETED_SESSIONS = 200
PROFILE_HELP = "Profile of the config file to use"
DEBUG_HELP = "Print the traceback of a bug, with keys redacted"


@contextmanager
def reporting_run(context: Context) -> Iterator[Context]:
    """Close the context after the block; hints of errors name the run's profile and base URL."""
    with context:
        try:
            yield context
        except NewapiError as error:
            from newapi_cli.app.hints import words_of_run

            error.with_hint(reword(error.hint, words_of_run(context)))
            raise


def command(
    names: Sequence[str],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that turns a function with a first parameter `Context` into a command.

    Typer reads the signature: the function's own parameters, then the shared options, which are
    `CONNECTING`, `WITH_PROFILE` or `ALWAYS`. Modules of commands do not use
    `from __future__ import annotations`: thirty options as text, compiled at each start, take 6 ms.
    """
    options = SHARED if names is CONNECTING else SHARED | WITHOUT_CONNECTION

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[1:]
        shared_parameters = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=options[name][0],
                default=options[name][1],
            )
            for name in names
        ]

        def run(ctx: typer.Context, **values: Any) -> None:
            shared = {name: values.pop(name) for name in names}
            settings = {name: shared.pop(name) for name in names if name in BY_NAME}
            streams: Streams = ctx.obj
            with reporting_run(Context(streams, shared)) as context:
                context.override(**settings)
                function(context, **values)

        first = inspect.Parameter(
            "ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
        )
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        parameters = [first, *own, *shared_parameters]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # PEP 362
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        return run

    return decorate


def setting(
    name: str,
    *declarations: str,
    panel: str = CONNECTION,
    metavar: str = "",
    complete: Callable[[str], list[str]] | None = None,
) -> Any:
    """Return the option for a setting, with help and range from `config.fields`.

    `complete` returns the completions of a prefix.
    """
    field = BY_NAME[name]
    if field.maximum is not None and not metavar:
        metavar = f"{field.minimum:g}..{field.maximum:g}"
    elif field.minimum is not None and not metavar:
        metavar = f"{field.minimum:g}.."
    return typer.Option(
        *(declarations or (field.flag,)),
        help=field.help[0].upper() + field.help[1:],
        min=field.minimum,
        max=field.maximum,
        metavar=metavar or None,
        rich_help_panel=panel,
        show_default=False,
        autocompletion=complete,
    )


def option(
    *declarations: str,
    panel: str,
    help: str,
    metavar: str | None = None,
    complete: Callable[[str], list[str]] | None = None,
) -> Any:
    """Return an option that is not a setting."""
    return typer.Option(
        *declarations,
        rich_help_panel=panel,
        help=help,
        metavar=metavar,
        show_default=False,
        autocompletion=complete,
    )


# -- completion of values -------------------------------------------------------------------------


def model_names(prefix: str) -> list[str]:
    """Return the cached model names with a prefix, without a request."""
    names = cached_model_names(find_paths(os.environ).cache_dir)
    return [name for name in names if name.startswith(prefix)]


def session_names(prefix: str) -> list[str]:
    """Return names and short ids of stored sessions with a prefix.

    Only plain words: completion scripts evaluate them.
    """
    names = _stored_session_names(os.environ)
    return [name for name in names if SAFE_WORD.fullmatch(name) and name.startswith(prefix)]


def _stored_session_names(environ: Mapping[str, str]) -> list[str]:
    closed = Output(None)
    try:
        with Context(Streams(Input(None), closed, closed, environ), {}) as context:
            store = context.sessions_if_any
            sessions = store.sessions(COMPLETED_SESSIONS) if store else []
    except NewapiError:
        return []
    return [each.title if each.is_named else each.short_id for each in sessions]


# -- options of all commands ----------------------------------------------------------------------


def print_version(value: bool) -> None:
    """Print the version and exit, if the flag is given."""
    if value:
        sys.stdout.write(f"newapi {__version__}\n")
        sys.stdout.flush()  # a failure is reported here, not at exit
        raise typer.Exit


SHARED: dict[str, tuple[Any, object]] = {
    "profile": (
        Annotated[
            str | None,
            option(
                "--profile", "-P", metavar="NAME", panel=CONNECTION,
                help=PROFILE_HELP,
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
            option(
                "--verbose", "-v", panel=CONNECTION,
                help="Print requests, retries and request IDs on standard error",
            ),
        ],
        False,
    ),
    "debug": (
        Annotated[
            bool,
            option("--debug", panel=CONNECTION, help=DEBUG_HELP),
        ],
        False,
    ),
    "version": (
        Annotated[
            bool,
            typer.Option("--version", "-V", callback=print_version, is_eager=True, hidden=True),
        ],
        False,
    ),
}  # fmt: skip


# Commands that do not connect list these with their own options; -v is accepted, but hidden.
WITHOUT_CONNECTION: dict[str, tuple[Any, object]] = {
    "profile": (
        Annotated[
            str | None,
            typer.Option("--profile", "-P", metavar="NAME", help=PROFILE_HELP, show_default=False),
        ],
        None,
    ),
    "verbose": (Annotated[bool, typer.Option("--verbose", "-v", hidden=True)], False),
    "debug": (Annotated[bool, typer.Option("--debug", help=DEBUG_HELP)], False),
}
CONNECTING = tuple(SHARED)
ALWAYS = ("verbose", "debug", "version")
WITH_PROFILE = ("profile", *ALWAYS)


# -- options of chat ------------------------------------------------------------------------------

Prompt = Annotated[
    list[str] | None,
    typer.Argument(
        help="Prompt to send; if omitted on a terminal, start a conversation",
        show_default=False,
        metavar="[PROMPT]...",
    ),
]
System = Annotated[
    str | None, setting("system", "--system", "-s", panel=PROMPT, metavar="TEXT|@FILE")
]
File = Annotated[
    list[str] | None,
    option(
        "--file",
        "-f",
        panel=PROMPT,
        metavar="PATH|URL|-",
        help="Attach a text file, an image or a PDF; - is standard input; may be repeated",
    ),
]
Edit = Annotated[
    bool, option("--edit", "-e", panel=PROMPT, help="Write the prompt in $VISUAL or $EDITOR")
]
Interactive = Annotated[
    bool,
    option("--interactive", "-i", panel=PROMPT, help="Answer, then continue as a conversation"),
]
Model = Annotated[
    str | None,
    setting("model", "--model", "-m", panel=MODEL, metavar="NAME", complete=model_names),
]
Temperature = Annotated[float | None, setting("temperature", "--temperature", "-t", panel=MODEL)]
TopP = Annotated[float | None, setting("top_p", panel=MODEL)]
MaxTokens = Annotated[int | None, setting("max_tokens", panel=MODEL)]
FrequencyPenalty = Annotated[float | None, setting("frequency_penalty", panel=MODEL)]
PresencePenalty = Annotated[float | None, setting("presence_penalty", panel=MODEL)]
Stop = Annotated[list[str] | None, setting("stop", panel=MODEL, metavar="TEXT")]
Seed = Annotated[int | None, setting("seed", panel=MODEL, metavar="N")]
Effort = Annotated[str | None, setting("effort", panel=MODEL, metavar="LEVEL")]
Fields = Annotated[
    list[str] | None,
    option(
        "--option",
        "-o",
        panel=MODEL,
        metavar="NAME=JSON",
        help="Set any other field of the request body; may be repeated",
    ),
]
Raw = Annotated[bool, option("--raw", "-r", panel=OUTPUT, help="Print the text without formatting")]
Extract = Annotated[
    bool, option("--extract", "-x", "--code", panel=OUTPUT, help="Print only the code blocks")
]
Json = Annotated[
    bool,
    option("--json", panel=OUTPUT, help="Print one JSON object; with --stream one per delta"),
]
Stream = Annotated[
    bool | None,
    option(
        "--stream/--no-stream",
        panel=OUTPUT,
        help="Stream the answer, or receive it whole (default: stream)",
    ),
]
Reasoning = Annotated[str | None, setting("reasoning", panel=OUTPUT, metavar="show|hide")]
Usage = Annotated[
    bool | None,
    option(
        "--usage/--no-usage",
        "-u",
        panel=OUTPUT,
        help="Print tokens and time after the answer (default on a terminal)",
    ),
]
Quiet = Annotated[
    bool, option("--quiet", "-q", panel=OUTPUT, help="Print only the answer, and errors")
]
Curl = Annotated[
    bool,
    option("--curl", panel=OUTPUT, help="Print the request as a curl command and exit"),
]
ContinueLast = Annotated[
    bool,
    option(
        "--continue", "-c", panel=SESSION, help="Continue the most recent session of the profile"
    ),
]
Session = Annotated[
    str | None,
    option(
        "--session",
        "-S",
        panel=SESSION,
        metavar="NAME",
        help="Continue the session with this name or ID; a new name starts a session",
        complete=session_names,
    ),
]
NoSave = Annotated[
    bool, option("--no-save", "-n", panel=SESSION, help="Do not save this session; write no file")
]


def fields_from_options(options: list[str]) -> dict[str, object]:
    """Return request fields from `NAME=JSON`; a value that is not JSON is used as text."""
    fields: dict[str, object] = {}
    for text in options:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise UsageError(
                tr('invalid --option "{text}": not NAME=JSON', text=text),
                hint=tr("use NAME=JSON, such as -o top_k=40"),
            )
        if name in FIELDS_WITH_OPTIONS:
            raise UsageError(tr("--option {name} is not allowed; it has its own option", name=name))
        if name == "messages":
            raise UsageError(tr("--option messages is not allowed; the prompt is sent as messages"))
        try:
            fields[name] = json.loads(value, parse_constant=_reject_constant)
        except (ValueError, RecursionError) as error:
            if value.startswith(("{", "[", '"')):
                message = tr("the value of --option {name} is not valid JSON", name=name)
                raise UsageError(message) from error
            fields[name] = value
    return fields


def _reject_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
