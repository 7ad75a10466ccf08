"""The person's editor, $VISUAL or $EDITOR, and what is written in it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from newapi_cli.app.context import Context
from newapi_cli.app.prompt_input import MAX_INPUT_BYTES, text_from_bytes, too_large
from newapi_cli.errors import FileError, Interrupted, LocalError, UsageError
from newapi_cli.signals import Interrupts, signals_left_to_child
from newapi_cli.streams import Streams, read_file
from newapi_cli.terminal import open_controlling_terminal, restored_modes

LOOK_S = 0.05  # between two looks for a signal
LAST_WORDS_S = 1.0  # for an editor to save what it can


def edited(context: Context, draft: str) -> str:
    """Let the person write, beginning with a draft.

    Raises `UsageError` where that fails; what was written then stays in a file that is told.
    """
    begun = draft.encode()
    path = _private_file(begun)
    try:
        run_editor(context, path)
        text = _text_of(path)
    except BaseException:
        if _is_written(path, begun):
            _tell_place(context.streams, path)
        else:
            _remove(path)
        raise
    _remove(path)
    return re.sub(r"\r?\n\Z", "", text)


def leave_text(context: Context, text: str) -> None:
    """Leave what was written and is kept nowhere else in a file, and tell which."""
    _tell_place(context.streams, _private_file(text.encode()))


def run_editor(context: Context, path: Path) -> None:
    """Open a file in $VISUAL or $EDITOR and wait. Raises `UsageError` if that fails."""
    editor = chosen_editor(context.streams)
    try:
        code = _call_at_terminal([*shlex.split(editor), str(path)], context.streams)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot start the editor {editor}", why=str(error), hint="set $VISUAL"
        ) from error
    if code == -signal.SIGINT:
        raise Interrupted
    if code != 0:
        raise UsageError(f"the editor {editor} ended with code {code}")


def chosen_editor(streams: Streams) -> str:
    """Give the command of the editor: $VISUAL, $EDITOR or the system's own.

    Raises `UsageError` where nobody has chosen one and there is no terminal: vi would wait in a
    pipe for ever. One that was chosen may need none.
    """
    for name in ("VISUAL", "EDITOR"):
        if command := streams.environ.get(name, "").strip():
            return command
    if os.name == "nt":
        return "notepad"
    terminal = open_controlling_terminal()
    if terminal is not None:
        os.close(terminal)
    elif not streams.are_interactive:
        raise UsageError(
            "there is no terminal to edit at", hint="set EDITOR to a program that needs none"
        )
    return "vi"


def _call_at_terminal(command: list[str], streams: Streams) -> int:
    """Call a program at the person's terminal, though our input is piped or our output is.

    Where there is no terminal, the output goes nowhere: ours is for the answer. Ctrl-C and Ctrl-\\
    are the program's; raises `Interrupted` for SIGTERM and SIGHUP, which end it too.
    """
    terminal = open_controlling_terminal()
    other = subprocess.DEVNULL if terminal is None else terminal
    with (
        signals_left_to_child(),
        Interrupts(("SIGTERM", "SIGHUP")) as interrupts,
        ExitStack() as stack,
    ):
        if terminal is not None:
            stack.callback(os.close, terminal)
            stack.enter_context(restored_modes(terminal))
        process = subprocess.Popen(
            command,
            stdin=None if streams.stdin.is_terminal else terminal,
            stdout=None if streams.stdout.is_terminal else other,
        )
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK_S)
            if interrupts.code is not None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LAST_WORDS_S)
                interrupts.check()


def _private_file(content: bytes) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix="newapi-", suffix=".md")  # 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise LocalError(
            f"cannot write in {os.environ.get('TMPDIR', 'the folder for temporary files')}",
            why=error.strerror or "",
            hint="set TMPDIR to a folder with room",
        ) from error
    return Path(name)


def _text_of(path: Path) -> str:
    content = read_file(path, MAX_INPUT_BYTES)
    if not content.is_complete:
        raise too_large("what was written")
    return text_from_bytes(content.data, "what was written")


def _is_written(path: Path, begun: bytes) -> bool:
    try:
        return read_file(path, MAX_INPUT_BYTES).data not in (b"", begun)
    except FileError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):  # gone already, or no file any more
        path.unlink()


def _tell_place(streams: Streams, path: Path) -> None:
    streams.print_err(f"what you wrote is in {path}")
