"""Runs a command line, words usage errors (`_report_usage_error`), maps errors to exit codes.

A run that names a command imports and builds only that one, as does completion after its name:
Typer needs 1 to 2 ms for each command, besides its imports. The help page needs all of them.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from typing import Annotated, Any

import typer

from newapi_cli.cli.options import print_version
from newapi_cli.config.fields import BY_NAME, Field, Kind
from newapi_cli.domain.redaction import redact
from newapi_cli.errors import (
    ExitCode,
    InputEnded,
    Interrupted,
    LocalError,
    NewapiError,
    PipeClosed,
    UsageError,
    describe_bug,
)
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_error
from newapi_cli.streams import Streams
from newapi_cli.text import quote_name

OUTPUT_ERRORS = {  # of help pages, which Typer prints
    errno.EPIPE: PipeClosed(tr("the reader closed the pipe")),
    errno.ENOSPC: LocalError(tr("cannot write the output"), why=tr("no space left")),
    errno.EBADF: LocalError(tr("cannot write the output"), why=tr("standard output is closed")),
    errno.EIO: LocalError(tr("cannot write the output"), why=tr("input/output error")),
}
MODULES = {  # in the order of the help page
    "chat": "chat",
    "models": "models",
    "sessions": "sessions",
    "balance": "balance",
    "usage": "usage",
    "login": "login",
    "logout": "login",
    "config": "config",
    "doctor": "doctor",
    "demo": "demo",
    "completion": "completion",
}
NUMBER_KINDS = {  # by the names of Typer's types
    "int": Kind.INTEGER,
    "int range": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "integer range": Kind.INTEGER,
    "float": Kind.NUMBER,
    "float range": Kind.NUMBER,
}
CONNECTION_FLAGS = ("--profile", "-P", "--base-url", "--timeout", "--retries", "--proxy")
COMMANDS_FOR_WORDS = {  # of users of other programs
    "version": "newapi --version",
    "help": "newapi --help",
    "logs": "newapi sessions list",
    "history": "newapi sessions list",
    "keys": "newapi login",
}
NEAR_COMMAND = re.compile(r'did you mean "([^"]+)"')
QUOTED = re.compile(r"'([^']*)'")  # in Typer's messages
EXIT_CODES = " · ".join(f"{code.value} {code.meaning}" for code in ExitCode)


def run(argv: Sequence[str], streams: Streams) -> int:
    """Run one command, print its error if it fails, and return the exit code."""
    streams.redactors.append(lambda text: redact(text, ()))
    try:
        code = app_for(argv)(list(argv), prog_name="newapi", obj=streams, standalone_mode=False)
    except SystemExit as exit_:
        return _code_of_exit(exit_, streams)
    except (typer.Abort, KeyboardInterrupt, InputEnded):
        return ExitCode.SIGINT
    except NewapiError as error:
        return _code_of(error, streams)
    except Exception as error:  # noqa: BLE001  # the one place for our own bugs
        if hasattr(error, "format_message"):  # Typer's usage errors, of a class it does not export
            return _report_usage_error(error, streams, argv)
        if isinstance(error, OSError) and error.errno in OUTPUT_ERRORS:
            return _code_of(OUTPUT_ERRORS[error.errno], streams)
        return _report_bug(error, streams, with_trace="--debug" in argv)
    return code if isinstance(code, int) else ExitCode.COMPLETE


def _code_of_exit(exit_: SystemExit, streams: Streams) -> int:
    """Return the code of Typer's own exits: after completions for a shell, or on a closed pipe."""
    cause = exit_.__context__
    if isinstance(cause, OSError) and cause.errno in OUTPUT_ERRORS:
        return _code_of(OUTPUT_ERRORS[cause.errno], streams)
    return exit_.code if isinstance(exit_.code, int) else ExitCode.USAGE


def _code_of(error: NewapiError, streams: Streams) -> ExitCode:
    """Print an error and return its code; a closed pipe is silent."""
    if isinstance(error, Interrupted):
        streams.print_err_without_waiting(error.message)
        return error.code
    if not isinstance(error, PipeClosed):
        print_error(streams, error)
    return error.exit_code


def _report_usage_error(error: Any, streams: Streams, argv: Sequence[str]) -> ExitCode:
    """Print a usage error of Typer, whose classes are distinguished by their attributes."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "newapi")
    is_group = hasattr(getattr(context, "command", None), "commands")
    if not error.format_message():
        return ExitCode.USAGE  # a group without a command: its help has been printed
    message = _usage_message(error)
    hint = f"{command} --help"
    option = getattr(error, "option_name", "")
    if command == "newapi" and hasattr(error, "possibilities"):  # no such option
        hint = tr("options follow a command: newapi chat --help, {help}", help=hint)
    elif option in CONNECTION_FLAGS and hasattr(error, "possibilities"):
        message = tr("no such option: {option}", option=option)
        hint = tr("omit {option}: it has no effect on {command}", option=option, command=command)
    elif is_group and not hasattr(error, "option_name"):  # no such command
        near = NEAR_COMMAND.search(message)
        if command == "newapi" and argv[0] in COMMANDS_FOR_WORDS:
            message = tr("no such command {word}", word=quote_name(argv[0]))
            hint = COMMANDS_FOR_WORDS[argv[0]]
        elif command == "newapi":
            hint = tr('newapi chat "…" sends a prompt, {help} lists the commands', help=hint)
        elif near:
            hint = f"{command} {near.group(1)}"
        else:
            hint = tr("{help} lists the commands", help=hint)
    problem = UsageError(message, hint=hint)
    return _code_of(problem, streams)


def _usage_message(error: Any) -> str:
    """Return the message of a usage error of Typer in the program's words."""
    type_ = getattr(getattr(error, "param", None), "type", None)
    is_missing = hasattr(error, "param_type")
    if type_ is not None and not is_missing and (expected := _expected(error.param, type_)):
        names = [name for name in error.param.opts if name.startswith("--")]
        name = names[0] if names else error.param.human_readable_name
        return tr("{name} must be {expected}", name=name, expected=expected)
    if near := getattr(error, "possibilities", None):
        name = error.option_name
        return tr("no such option: {name}; did you mean {near}?", name=name, near=near[0])
    message: str = error.format_message()
    message = QUOTED.sub(r'"\1"', message).rstrip(".").replace("\n", " ").replace(". Did", "; did")
    return message[:1].lower() + message[1:]


def _expected(param: Any, type_: Any) -> str:
    """Return what a parameter accepts, as `config set` describes it; empty if unknown."""
    if param.name in BY_NAME:
        return BY_NAME[param.name].expected
    if choices := getattr(type_, "choices", None):
        return tr("one of {choices}", choices=", ".join(map(str, choices)))
    kind = NUMBER_KINDS.get(type_.name)
    if kind is None:
        return ""
    minimum, maximum = getattr(type_, "min", None), getattr(type_, "max", None)
    return Field("", kind, None, "", minimum, maximum).expected


def _report_bug(error: Exception, streams: Streams, *, with_trace: bool) -> ExitCode:
    """Print where the bug is, and the traceback if requested."""
    streams.print_err(tr("error: {problem}", problem=describe_bug(error)))
    if with_trace:
        streams.print_err("".join(traceback.format_exception(error)).rstrip())
    else:
        text = tr("  try: run it again with --debug, and report the output (keys are redacted)")
        streams.print_err(text)
    return ExitCode.BUG


def app_for(argv: Sequence[str]) -> typer.Typer:
    """Return the app with the command that `argv` names, or with all if it names none."""
    app = typer.Typer(
        name="newapi",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"Exit codes: {EXIT_CODES}",
    )
    app.callback(invoke_without_command=True)(newapi)
    word = argv[0] if argv else _completed_command(os.environ)
    named = MODULES.get(word)
    modules = [named] if named else list(MODULES.values())
    if named and not argv:
        modules.append("completion")  # it prepares Typer for requests of a shell
    for module in dict.fromkeys(modules):
        import_module(f"newapi_cli.cli.{module}").register(app)
    return app


def _completed_command(environ: Mapping[str, str]) -> str:
    """Return the command on the line that a shell completes, if the cursor is after it.

    The line is in COMP_WORDS for bash, in _TYPER_COMPLETE_ARGS for zsh and fish.

    >>> [_completed_command({"COMP_WORDS": line}) for line in ("newapi ch", "newapi chat -")]
    ['', 'chat']
    """
    line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS", "")
    words = line.split()
    return words[1] if len(words) > 2 or (len(words) == 2 and line[-1].isspace()) else ""


def newapi(
    ctx: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=print_version,
            is_eager=True,
            help="Print the version and exit",
        ),
    ] = False,
) -> None:
    """The terminal client for New API gateways.

    [dim]newapi demo[/dim]                            try it: no key, no network
    [dim]newapi login https://gateway.example[/dim]   store a gateway and its key
    [dim]newapi chat "Hello"[/dim]                    one answer
    [dim]git diff | newapi chat "review this"[/dim]   in a pipeline
    [dim]newapi[/dim]                                 a conversation
    [dim]newapi chat -c[/dim]                         continue the most recent session
    """
    if ctx.invoked_subcommand is not None:
        return
    streams: Streams = ctx.obj
    if not streams.are_interactive:
        with redirect_stdout(sys.stderr):  # rich prints the page itself
            ctx.get_help()
        hint = tr("newapi chat reads from a pipe")
        raise UsageError(tr("a conversation needs a terminal"), hint=hint)
    import_module("newapi_cli.cli.chat").run_alone(streams)
