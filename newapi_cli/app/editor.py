"""The user's editor, $VISUAL or $EDITOR, and the text that is written in it."""

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
from newapi_cli.app.prompt import MAX_INPUT_BYTES, text_from_bytes, too_large
from newapi_cli.errors import FileError, Interrupted, LocalError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.signals import Interrupts, signals_left_to_child
from newapi_cli.streams import Streams, read_file
from newapi_cli.terminal import open_controlling_terminal, restored_modes

POLL_S = 0.05  # how often a signal is looked for
SAVE_S = 1.0  # for a terminated editor to save what it can


def edit_text(context: Context, draft: str) -> str:
    """Return the text that the user writes, starting with a draft.

    Raises `UsageError`; what was written then stays in a file, whose path is printed.
    """
    original = draft.encode()
    path = _private_file(original)
    try:
        run_editor(context, path)
        text = _read_text(path)
    except BaseException:
        if _was_written(path, original):
            _print_path(context.streams, path)
        else:
            _remove(path)
        raise
    _remove(path)
    return re.sub(r"\r?\n\Z", "", text)


def save_unsent_text(context: Context, text: str) -> None:
    """Save text that is stored nowhere else in a file, and print its path."""
    _print_path(context.streams, _private_file(text.encode()))


def run_editor(context: Context, path: Path) -> None:
    """Open a file in the editor and wait for it to end.

    Raises `UsageError` if that fails.
    """
    editor = chosen_editor(context.streams)
    try:
        code = _call_at_terminal([*shlex.split(editor), str(path)], context.streams)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            tr("cannot start the editor {command}", command=editor),
            why=why or "",
            hint=tr("set $VISUAL or $EDITOR"),
        ) from error
    if code == -signal.SIGINT:
        raise Interrupted
    if code != 0:
        raise UsageError(
            tr("the editor {command} failed (exit code {code})", command=editor, code=code)
        )


def chosen_editor(streams: Streams) -> str:
    """Return the command of the editor: $VISUAL, $EDITOR or the system's default.

    Raises `UsageError` if none is set and there is no terminal: vi would wait forever. One that is
    set may not need a terminal.
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
            tr("the editor needs a terminal"),
            hint=tr("set EDITOR to a program that does not need one"),
        )
    return "vi"


def _call_at_terminal(command: list[str], streams: Streams) -> int:
    """Run a program at the terminal, even if standard input or output is redirected.

    Without a terminal its output is discarded: stdout is for the answer. Ctrl-C and Ctrl-\\ go to
    the program; raises `Interrupted` for SIGTERM and SIGHUP, which end it too.
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
                return process.wait(POLL_S)
            if interrupts.code is not None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SAVE_S)
                interrupts.check()


def _private_file(content: bytes) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix="newapi-", suffix=".md")  # 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise LocalError(
            tr("cannot create a temporary file"),
            why=error.strerror or "",
            hint=tr("set TMPDIR to a folder with free space"),
        ) from error
    return Path(name)


def _read_text(path: Path) -> str:
    content = read_file(path, MAX_INPUT_BYTES)
    if not content.is_complete:
        raise too_large(tr("the edited text"))
    return text_from_bytes(content.data, tr("the edited text"))


def _was_written(path: Path, original: bytes) -> bool:
    try:
        return read_file(path, MAX_INPUT_BYTES).data not in (b"", original)
    except FileError:
        return False


def _remove(path: Path) -> None:
    with suppress(OSError):  # deleted already, or replaced by a folder
        path.unlink()


def _print_path(streams: Streams, path: Path) -> None:
    streams.print_err(tr("your text is saved in {path}", path=path))
