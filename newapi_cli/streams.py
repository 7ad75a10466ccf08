"""Standard input, output and error as one injected value, with what is known of them.

And files that a person names, which may be pipes: they are read as standard input is.

Everything is written straight to file descriptors: no buffer of Python's stands between an answer
and its reader, so a short write, a full disk, a closed pipe and a non-blocking descriptor are seen
where they happen and the interpreter has nothing left to flush (and to complain of) at its end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import stat
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from newapi_cli.errors import ExitCode, Interrupted, LocalError, PipeClosed

READ_SIZE_BYTES = 1 << 16
NO_LINE_BREAK_S = 0.005
LOOK_S = 0.05  # how often a full output is left to see whether a signal has come
WRITER_S = 1.0  # for whoever was started together with us to open the other end of a named pipe
# What a shell makes of `<(command)`: a pipe that is open already, in bash and in zsh.
HANDED_OVER = ("/dev/fd/", "/proc/self/fd/")
STDIN_NAMES = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


class Output:
    """A descriptor that text is written to; enough of a text file for libraries that want one."""

    def __init__(self, fd: int | None, encoding: str = "utf-8") -> None:
        self._fd = fd if fd is not None and _is_open(fd) else None
        self._own_fd: int | None = None
        self.is_terminal = self._fd is not None and os.isatty(self._fd)
        # A reader that is no terminal always gets UTF-8, whatever the locale of a cron job says.
        self.encoding = encoding if self.is_terminal else "utf-8"
        self.errors = "backslashreplace"
        # Raises where a reader that takes nothing must no longer be waited for.
        self.ensure_may_wait: Callable[[], None] = lambda: None

    def write(self, text: str) -> int:
        """Write all of `text`.

        Raises `PipeClosed` for a closed pipe, `Interrupted` for a closed window or where a signal
        ends the waiting for a reader, and `LocalError` for all else that refuses bytes.
        """
        data = text.encode(self.encoding, self.errors)  # fails on bytes, as Typer finds out by b""
        if data:
            self.write_bytes(data)
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Write all of `data`, waiting for whoever reads it."""
        if self._fd is None:
            raise LocalError("cannot write the output", why="it is closed")
        view = memoryview(data)
        fd = self._unblocked()
        while view:
            # Where there is room, a signal that comes in the midst of a write ends it early.
            self._wait_for_room(fd)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:  # a terminal may have room, but none for a line break
                self.ensure_may_wait()
                time.sleep(NO_LINE_BREAK_S)
            except BrokenPipeError as error:
                raise PipeClosed("the reader closed the pipe") from error
            except OSError as error:
                if error.errno == errno.EIO and self.is_terminal:
                    raise Interrupted(ExitCode.SIGHUP) from error  # the window was closed
                raise LocalError("cannot write the output", why=error.strerror or "") from error

    def _unblocked(self) -> int:
        """Give a descriptor that a full terminal never blocks: our own, since others share ours.

        In a terminal without room for a line break a write waits and cannot be ended by a signal,
        which Python would answer by going on with it.
        """
        assert self._fd is not None
        if self._own_fd is None and self.is_terminal and os.name != "nt":
            self._own_fd = self._fd
            with contextlib.suppress(OSError):  # of another user, after `su`
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._own_fd = os.open(os.ttyname(self._fd), flags)
        return self._fd if self._own_fd is None else self._own_fd

    def __del__(self) -> None:
        if self._own_fd not in (None, self._fd):
            os.close(self._own_fd)

    def _wait_for_room(self, fd: int) -> None:
        if os.name == "nt":
            return  # there only sockets can be waited for
        while not select.select([], [fd], [], LOOK_S)[1]:
            self.ensure_may_wait()

    def flush(self) -> None:
        """Do nothing: nothing is ever held back. Libraries call it."""

    def isatty(self) -> bool:
        """Say whether it is a terminal, under the name that libraries ask for."""
        return self.is_terminal

    def fileno(self) -> int:
        """Give the descriptor; raises `OSError` where it is closed, as files do."""
        if self._fd is None:
            raise OSError(errno.EBADF, "closed")
        return self._fd

    @property
    def width(self) -> int:
        """Give the width of the terminal in columns, 80 where none is known."""
        return self._size()[0]

    @property
    def height(self) -> int:
        """Give the height of the terminal in rows, 24 where none is known."""
        return self._size()[1]

    @property
    def is_tiny(self) -> bool:
        """Say whether a layout finds no room: below 10 columns or 4 rows."""
        return self.width < 10 or self.height < 4

    def _size(self) -> tuple[int, int]:
        if self._fd is not None and self.is_terminal:
            try:
                size = os.get_terminal_size(self._fd)
            except OSError:
                size = os.terminal_size((0, 0))
            if size.columns > 0 and size.lines > 0:
                return (size.columns, size.lines)
        fallback = shutil.get_terminal_size()
        return (fallback.columns, fallback.lines)


class Input:
    """The descriptor that a prompt is piped in by."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd if fd is not None and _is_open(fd) else None
        self.is_open = self._fd is not None
        self.is_terminal = self._fd is not None and os.isatty(self._fd)

    def read_up_to(self, limit_bytes: int) -> tuple[bytes, bool]:
        """Read to the end, but stop beyond the limit: give the bytes, and whether all were read."""
        if self._fd is None:
            return b"", True
        try:
            return _read_up_to(self._fd, limit_bytes)
        except OSError as error:
            raise LocalError("cannot read standard input", why=error.strerror or "") from error


class Streams:
    """The outside world of one run. `environ` may differ from the process's, in a demo."""

    def __init__(
        self, stdin: Input, stdout: Output, stderr: Output, environ: Mapping[str, str]
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environ = environ
        # What is done to every text that is told on stderr: keys are taken out of it.
        self.redactors: list[Callable[[str], str]] = []
        # In a conversation, what was typed while an answer streamed and the program had to give
        # the terminal back: it is a draft for the next line, and nothing for the shell to run.
        self.keeps_typed_ahead = False
        self.typed_ahead = ""

    def with_environ(self, environ: Mapping[str, str]) -> Streams:
        """Give the same streams with other variables."""
        return Streams(self.stdin, self.stdout, self.stderr, environ)

    @property
    def are_interactive(self) -> bool:
        """Say whether a person sits at both ends, so that questions may be asked."""
        return self.stdin.is_terminal and self.stdout.is_terminal

    @property
    def terminal_is_dumb(self) -> bool:
        """Say whether the terminal understands no control sequences."""
        return self.environ.get("TERM", "") in ("", "dumb", "unknown")

    def wants_color(self, output: Output) -> bool:
        """Apply NO_COLOR, FORCE_COLOR and TERM, in this order of power."""
        if self.environ.get("NO_COLOR"):
            return False
        if self.environ.get("FORCE_COLOR", "0") not in ("", "0"):
            return True
        return output.is_terminal and not self.terminal_is_dumb

    def redact(self, text: str) -> str:
        """Take the keys out of a text that is told."""
        for mask in self.redactors:
            text = mask(text)
        return text

    def wait_while(self, ensure_may_wait: Callable[[], None]) -> None:
        """Wait for a reader that takes nothing only while this does not raise."""
        self.stdout.ensure_may_wait = self.stderr.ensure_may_wait = ensure_may_wait

    def print_err_once(self, text: str) -> None:
        """Tell that a signal has ended the program, unless nobody takes it at once."""

        def ensure_may_wait() -> None:
            raise Interrupted

        self.wait_while(ensure_may_wait)
        self.print_err(text)

    def print_err(self, text: str, end: str = "\n") -> None:
        """Write for the person to stderr; what cannot be told there is let go."""
        try:
            self.stderr.write(self.redact(text) + end)
        except (LocalError, PipeClosed, Interrupted):
            return


def read_file_up_to(path: Path, limit_bytes: int) -> tuple[bytes, bool]:
    """Read a file to its end, but stop beyond the limit: give the bytes, and whether all were read.

    A pipe is read as long as somebody writes to it, which Ctrl-C ends. To open one by its name
    would wait for ever where nobody does, so it is opened without waiting, and one that nobody has
    written to in a second is refused. Raises `OSError`, and `ValueError` for a path that is none.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    fd = os.open(path, flags)
    try:
        found = _read_up_to(fd, limit_bytes)
        is_lonely = not found[0] and stat.S_ISFIFO(os.fstat(fd).st_mode)
        if is_lonely and not is_handed_over(path):
            select.select([fd], [], [], WRITER_S)
            found = _read_up_to(fd, limit_bytes)
            if not found[0]:
                raise OSError(errno.ENXIO, "it is a pipe that nobody writes to")
        return found
    finally:
        os.close(fd)


def is_handed_over(path: Path) -> bool:
    """Say whether a path names what the shell has opened for us: its pipes have had a writer."""
    return str(path) in STDIN_NAMES or str(path).startswith(HANDED_OVER)


def streams_of_process() -> Streams:
    """Give the real streams of this process. A closed one reads as empty or refuses writing."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return Streams(Input(0), Output(1, encoding), Output(2, encoding), os.environ)


def _read_up_to(fd: int, limit_bytes: int) -> tuple[bytes, bool]:
    blocks: list[bytes] = []
    size = 0
    while size <= limit_bytes:
        try:
            block = os.read(fd, READ_SIZE_BYTES)
        except BlockingIOError:
            select.select([fd], [], [])
            continue
        if not block:
            return b"".join(blocks), True
        blocks.append(block)
        size += len(block)
    return b"".join(blocks), False


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
