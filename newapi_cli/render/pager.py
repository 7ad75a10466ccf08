"""A long text through the person's pager, a page at a time. A pager never fails a command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

from rich.cells import cell_len

from newapi_cli.signals import signals_left_to_child
from newapi_cli.streams import Streams

DEFAULT_PAGER = "less"
LESS_OPTIONS = "FRX"  # colors as they are, the normal screen, no waiting where all is to be seen
NO_PAGER = ("", "cat")
COULD_NOT_RUN = (126, 127)  # how a shell says that it found no program, or none that it may run
COLORS = re.compile(r"\x1b\[[\d;]*m")


def page(streams: Streams, text: str) -> None:
    """Show a text, through `$PAGER` or less where it is longer than the window of stdout.

    Raises what writing to stdout raises. A pager that is quit early has done its work.
    """
    command = _pager(streams) if _wants_pager(streams, text) else []
    if not command or not _paged(streams, command, text):
        streams.stdout.write(text)


def _wants_pager(streams: Streams, text: str) -> bool:
    if not streams.stdout.is_terminal or streams.terminal_is_dumb:
        return False
    width, room = streams.stdout.width, streams.stdout.height - 1  # the prompt comes below
    rows = 0
    for line in text.removesuffix("\n").split("\n"):
        rows += max(-(-cell_len(COLORS.sub("", line)) // width), 1)
        if rows > room:
            return True
    return False


def _pager(streams: Streams) -> list[str]:
    """Give the command line of the pager, empty for none."""
    try:
        command = shlex.split(streams.environ.get("PAGER", DEFAULT_PAGER))
    except ValueError:  # a quotation mark without its partner
        return []
    return [] if " ".join(command) in NO_PAGER else command


def _paged(streams: Streams, command: list[str], text: str) -> bool:
    """Run a pager to its end; say whether it ran at all."""
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
        process.communicate(data)  # a pager that is quit before it has read all is no failure
    return process.returncode not in COULD_NOT_RUN
