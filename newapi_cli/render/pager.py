"""Long text in the user's pager. A pager never makes a command fail."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

from rich.cells import cell_len

from newapi_cli.signals import signals_left_to_child
from newapi_cli.streams import Streams

DEFAULT_PAGER = "less"
LESS_OPTIONS = "FRX"  # colors, the normal screen, exit at once if everything fits
NO_PAGER = ("", "cat")
COULD_NOT_RUN = (126, 127)  # exit codes of a shell: not executable, not found
COLORS = re.compile(r"\x1b\[[\d;]*m")


def page(streams: Streams, text: str) -> None:
    """Write text to stdout, through `$PAGER` or less if it is longer than the window.

    Raises what writing to stdout raises. Quitting the pager early is no error.
    """
    command = _pager(streams) if _is_too_long(streams, text) else []
    if not command or not _run(streams, command, text):
        streams.stdout.write(text)


def _is_too_long(streams: Streams, text: str) -> bool:
    if not streams.stdout.is_terminal or streams.terminal_is_dumb:
        return False
    width, room = streams.stdout.width, streams.stdout.height - 1  # one row for the shell's prompt
    rows = 0
    for line in text.removesuffix("\n").split("\n"):
        rows += max(-(-cell_len(COLORS.sub("", line)) // width), 1)
        if rows > room:
            return True
    return False


def _pager(streams: Streams) -> list[str]:
    """Return the command line of the pager, empty for none."""
    try:
        command = shlex.split(streams.environ.get("PAGER", DEFAULT_PAGER))
    except ValueError:  # an unclosed quotation mark
        return []
    return [] if " ".join(command) in NO_PAGER else command


def _run(streams: Streams, command: list[str], text: str) -> bool:
    """Run a pager to its end and return whether it could be run."""
    program = shutil.which(command[0], path=streams.environ.get("PATH"))
    if program is None:
        return False
    environ = {"LESS": LESS_OPTIONS, **streams.environ}
    data = text.encode(streams.stdout.encoding, streams.stdout.errors)
    with signals_left_to_child():
        try:
            process = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.PIPE,
                stdout=streams.stdout.fileno(),
                env=environ,
            )
        except OSError:
            return False
        process.communicate(data)  # the pager may be quit before it has read everything
    return process.returncode not in COULD_NOT_RUN
