"""From the words of a command line to an exit code. The only ladder of errors for one-shot use."""

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
    Interrupted,
    LocalError,
    NewapiError,
    PipeClosed,
    UsageError,
)
from newapi_cli.render.status_lines import print_error
from newapi_cli.streams import Streams

OUTPUT_ERRORS = {  # of help pages, which Typer writes
    errno.EPIPE: PipeClosed("the reader closed the pipe"),
    errno.ENOSPC: LocalError("cannot write the output", why="no space left"),
    errno.EBADF: LocalError("cannot write the output", why="it is closed"),
    errno.EIO: LocalError("cannot write the output", why="input/output error"),
}


def run(argv: Sequence[str], streams: Streams) -> int:
    """Run one command and give its exit code; every failure has been told when it returns."""
    streams.redactors.append(lambda text: redact(text, ()))
    try:
        code = app_for(argv)(list(argv), prog_name="newapi", obj=streams, standalone_mode=False)
    except SystemExit as leaving:
        return _code_of_leaving(leaving, streams)
    except (typer.Abort, KeyboardInterrupt, EOFError):  # EOFError: Ctrl-D at a prompt
        return ExitCode.SIGINT
    except NewapiError as error:
        return _code_of(error, streams)
    except Exception as error:  # noqa: BLE001  # the one place for our own bugs
        if hasattr(error, "format_message"):  # Typer's usage errors, of a class it does not export
            return _tell_usage(error, streams)
        if isinstance(error, OSError) and error.errno in OUTPUT_ERRORS:
            return _code_of(OUTPUT_ERRORS[error.errno], streams)
        return _confess(error, streams, with_trace="--debug" in argv)
    return code if isinstance(code, int) else ExitCode.COMPLETE


def _code_of_leaving(leaving: SystemExit, streams: Streams) -> int:
    """Give the code of Typer's own ways out: a shell asked for completions, the pipe is closed."""
    cause = leaving.__context__
    if isinstance(cause, OSError) and cause.errno in OUTPUT_ERRORS:
        return _code_of(OUTPUT_ERRORS[cause.errno], streams)
    return leaving.code if isinstance(leaving.code, int) else ExitCode.USAGE


def _code_of(error: NewapiError, streams: Streams) -> ExitCode:
    """Tell one of our errors and give its code; a closed pipe is silent."""
    if isinstance(error, Interrupted):
        streams.print_err_without_waiting(error.message)
        return error.code
    if not isinstance(error, PipeClosed):
        print_error(streams, error)
    return error.exit_code


def _tell_usage(error: Any, streams: Streams) -> ExitCode:
    command = getattr(error.ctx, "command_path", "newapi") if hasattr(error, "ctx") else "newapi"
    if not error.format_message():
        return ExitCode.USAGE  # a group without a command: its help has been shown
    message = error.format_message().rstrip(".").replace("\n", " ")
    hint = f"{command} --help"
    if message.startswith("No such option") and command == "newapi":
        hint = f"options stand after a command: newapi chat --help, {hint}"
    if message.startswith("No such command"):
        hint = f'newapi chat "…" asks a model, {hint} lists the commands'
    problem = UsageError(message, hint=hint)
    return _code_of(problem, streams)


def _confess(error: Exception, streams: Streams, *, with_trace: bool) -> ExitCode:
    """Tell a bug of ours: where it is, and the whole trace if it was asked for."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    streams.print_err(f"error: a bug of newapi ({type(error).__name__} at {place})")
    if with_trace:
        streams.print_err("".join(traceback.format_exception(error)).rstrip())
    else:
        streams.print_err(
            "  try: the same with --debug, and report what it shows (keys are masked)"
        )
    return ExitCode.BUG
