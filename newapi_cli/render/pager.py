"""The user's pager, for a text longer than the screen. A pager never makes a command fail."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

from rich.cells import cell_len

from newapi_cli.signals import signals_left_to_child
from newapi_cli.streams import Streams

DEFAULT_PAGER = "less"
LESS_OPTIONS = "FRX"  # colors, the normal screen, exit at once if everything fits
NO_PAGER = ("", "cat")
COULD_NOT_RUN = (126, 127)  # exit codes of a shell: not executable, not found
BLOCK_CHARACTERS = 16_000  # written at once
COLORS = re.compile(r"\x1b\[[\d;]*m")


def page(streams: Streams, blocks: Iterable[str]) -> None:
    """Write a text in blocks to stdout, through `$PAGER` or less if it is longer than the window.

    The first blocks are shown before the last ones are known. Raises what writing to stdout raises.
    Quitting the pager early is no error.
    """
    blocks = iter(blocks)
    first, is_too_long = _first_window(streams, blocks)
    text: Iterator[str] = chain(["".join(first)], _joined(blocks))
    command = _pager(streams) if is_too_long else []
    if command:
        text = _run(streams, command, text)
    for block in text:
        streams.stdout.write(block)


def _first_window(streams: Streams, blocks: Iterator[str]) -> tuple[list[str], bool]:
    """Take blocks until the window is full, and return them and whether it is too small."""
    first: list[str] = []
    if not streams.stdout.is_terminal or streams.terminal_is_dumb:
        return first, False
    width, room = streams.stdout.width, streams.stdout.height - 1  # one row for the shell's prompt
    rows, line = 0, ""
    for block in blocks:
        first.append(block)
        *lines, line = (line + block).split("\n")
        rows += sum(_height(each, width) for each in lines)
        if rows + (_height(line, width) if line else 0) > room:
            return first, True
    return first, False


def _height(line: str, width: int) -> int:
    return max(-(-cell_len(COLORS.sub("", line)) // width), 1)


def _joined(blocks: Iterable[str]) -> Iterator[str]:
    """Join small blocks, which would be written one by one."""
    joined: list[str] = []
    size = 0
    for block in blocks:
        joined.append(block)
        size += len(block)
        if size > BLOCK_CHARACTERS:
            yield "".join(joined)
            joined, size = [], 0
    yield "".join(joined)


def _pager(streams: Streams) -> list[str]:
    """Return the command line of the pager, empty for none."""
    try:
        command = shlex.split(streams.environ.get("PAGER", DEFAULT_PAGER))
    except ValueError:  # an unclosed quotation mark
        return []
    return [] if " ".join(command) in NO_PAGER else command


def _run(streams: Streams, command: list[str], text: Iterator[str]) -> Iterator[str]:
    """Run a pager to its end and return what is to be written without it: all if it cannot run."""
    program = shutil.which(command[0], path=streams.environ.get("PATH"))
    if program is None:
        return text
    environ = {"LESS": LESS_OPTIONS, **streams.environ}
    stdout, written = streams.stdout, list[str]()
    with signals_left_to_child():
        try:
            process = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.PIPE,
                stdout=stdout.fileno(),
                env=environ,
            )
        except OSError:
            return text
        # The pager may be quit before it has read everything.
        with suppress(BrokenPipeError), process:
            assert process.stdin is not None  # it is a pipe
            for block in text:
                written.append(block)
                process.stdin.write(block.encode(stdout.encoding, stdout.errors))
                process.stdin.flush()
    return chain(written, text) if process.returncode in COULD_NOT_RUN else iter(())
