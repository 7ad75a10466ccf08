"""Runs a command line and maps every error to an exit code."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from newapi_cli.cli.app import app_for
from newapi_cli.config.redact import redact
from newapi_cli.errors import (
    ExitCode,
    InputEnded,
    Interrupted,
    LocalError,
    NewapiError,
    PipeClosed,
    UsageError,
)
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_error
from newapi_cli.streams import Streams

OUTPUT_ERRORS = {  # of help pages, which Typer prints
    errno.EPIPE: PipeClosed(tr("the reader closed the pipe")),
    errno.ENOSPC: LocalError(tr("cannot write the output"), why=tr("no space left")),
    errno.EBADF: LocalError(tr("cannot write the output"), why=tr("standard output is closed")),
    errno.EIO: LocalError(tr("cannot write the output"), why=tr("input/output error")),
}


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
            return _report_usage_error(error, streams)
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
    """Print one of our errors and return its code; a closed pipe is silent."""
    if isinstance(error, Interrupted):
        streams.print_err_without_waiting(error.message)
        return error.code
    if not isinstance(error, PipeClosed):
        print_error(streams, error)
    return error.exit_code


def _report_usage_error(error: Any, streams: Streams) -> ExitCode:
    """Print a usage error of Typer, whose classes are told apart by their attributes."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", "newapi")
    is_group = hasattr(getattr(context, "command", None), "commands")
    if not error.format_message():
        return ExitCode.USAGE  # a group without a command: its help has been printed
    message = error.format_message().rstrip(".").replace("\n", " ")
    hint = f"{command} --help"
    if command == "newapi" and hasattr(error, "possibilities"):  # no such option
        hint = tr("options follow a command: newapi chat --help, {help}", help=hint)
    elif is_group and not hasattr(error, "option_name"):  # no such command
        hint = tr('newapi chat "…" sends a prompt, {help} lists the commands', help=hint)
    problem = UsageError(message, hint=hint)
    return _code_of(problem, streams)


def _report_bug(error: Exception, streams: Streams, *, with_trace: bool) -> ExitCode:
    """Print where our bug is, and the traceback if requested."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = tr(
        "error: a bug in newapi ({error} at {file}:{line})",
        error=type(error).__name__,
        file=Path(frame.filename).name,
        line=frame.lineno,
    )
    streams.print_err(text)
    if with_trace:
        streams.print_err("".join(traceback.format_exception(error)).rstrip())
    else:
        text = tr("  try: run it again with --debug, and report the output (keys are masked)")
        streams.print_err(text)
    return ExitCode.BUG
