"""Standard input, output and error as one injected value, and the reader of files and pipes.

Everything is written straight to file descriptors. Without Python's buffers a short write, a full
disk, a closed pipe and a non-blocking descriptor are noticed where they happen, and the interpreter
has nothing left to flush, or to complain about, when it exits.
"""

from __future__ import annotations

import codecs
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
from typing import TYPE_CHECKING, NamedTuple

from newapi_cli.errors import ExitCode, FileError, Interrupted, LocalError, PipeClosed
from newapi_cli.i18n import tr

if TYPE_CHECKING:
    from newapi_cli.signals import Interrupts

READ_SIZE_BYTES = 1 << 16
FULL_TERMINAL_RETRY_S = 0.005
SIGNAL_POLL_S = 0.05
SILENCE_S = 1.0  # of standard input, before the user learns what is being waited for
PIPE_WRITER_TIMEOUT_S = 1.0  # for a process started at the same time to open a named pipe
# A shell passes `<(command)` as one of these: a pipe that is open already, in bash and in zsh.
INHERITED_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")
# How our bullets, bars, rules and spinners are written on a terminal that cannot show them. Each is
# one character, as wide as before.
ASCII_MARKS = str.maketrans("•◦▪▌│█▉▊▋▍▎▏─━┄·…⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*-+||#######---.~|/-\\|/-\\|/")
STDIN_NAMES = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


class Content(NamedTuple):
    """Bytes that were read. `is_complete` is False if there are more than the limit."""

    data: bytes
    is_complete: bool


class Output:
    """A descriptor to write text to, with the methods of a text file that libraries call."""

    def __init__(self, fd: int | None, encoding: str = "utf-8") -> None:
        self._fd = fd if fd is not None and _is_open(fd) else None
        self._own_fd: int | None = None
        self.is_terminal = self._fd is not None and os.isatty(self._fd)
        # Pipes and files always get UTF-8, whatever the locale of a cron job is.
        self.encoding = encoding if self.is_terminal else "utf-8"
        self.errors = "newapi-marks"
        # Called while a reader is too slow; raises if the wait must end.
        self.check_wait: Callable[[], None] = lambda: None

    def write(self, text: str) -> int:
        """Write all of `text`.

        Raise `PipeClosed` for a closed pipe, `Interrupted` for a closed window or if a signal ends
        the wait for a reader, and `LocalError` for every other failure.
        """
        data = text.encode(self.encoding, self.errors)  # Typer probes with b"", which must fail
        if data:
            self.write_bytes(data)
        return len(text)

    def with_known_marks(self, text: str) -> str:
        """Return a text with our marks as this output shows them, for what others write to it."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return text.translate(ASCII_MARKS)
        return text

    def write_bytes(self, data: bytes) -> None:
        """Write all of `data`, and wait for the reader where needed.

        Raises like `write`.
        """
        if self._fd is None:
            raise LocalError(tr("cannot write the output"), why=tr("it is closed"))
        view = memoryview(data)
        fd = self._nonblocking_fd()
        while view:
            # A write that would block first waits here, where signals are noticed.
            self._wait_until_writable(fd)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:  # a terminal may accept characters, but no line break
                self.check_wait()
                time.sleep(FULL_TERMINAL_RETRY_S)
            except BrokenPipeError as error:
                raise PipeClosed(tr("the reader closed the pipe")) from error
            except OSError as error:
                if error.errno == errno.EIO and self.is_terminal:
                    raise Interrupted(ExitCode.SIGHUP) from error  # the window was closed
                why = error.strerror or ""
                raise LocalError(tr("cannot write the output"), why=why) from error

    def _nonblocking_fd(self) -> int:
        """Return a descriptor on which a write to a full terminal does not block.

        A blocked write to a terminal cannot be ended by a signal: Python retries it. The terminal
        is opened again, because other processes share the inherited descriptor.
        """
        assert self._fd is not None
        if self._own_fd is None and self.is_terminal and sys.platform != "win32":
            self._own_fd = self._fd
            with contextlib.suppress(OSError):  # after `su` it belongs to another user
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._own_fd = os.open(os.ttyname(self._fd), flags)
        return self._fd if self._own_fd is None else self._own_fd

    def __del__(self) -> None:
        if self._own_fd not in (None, self._fd):
            os.close(self._own_fd)

    def _wait_until_writable(self, fd: int) -> None:
        if os.name == "nt":
            return  # select works on sockets only
        while not select.select([], [fd], [], SIGNAL_POLL_S)[1]:
            self.check_wait()

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def isatty(self) -> bool:
        """Return whether this is a terminal, under the name that libraries call."""
        return self.is_terminal

    def fileno(self) -> int:
        """Return the descriptor.

        Raises `OSError` if it is closed, as files do.
        """
        if self._fd is None:
            raise OSError(errno.EBADF, "closed")
        return self._fd

    @property
    def width(self) -> int:
        """The width of the terminal in columns, 80 if unknown."""
        return self.size[0]

    @property
    def height(self) -> int:
        """The height of the terminal in rows, 24 if unknown."""
        return self.size[1]

    @property
    def is_tiny(self) -> bool:
        """Whether the terminal is too small for a layout: below 10 columns or 4 rows."""
        return self.width < 10 or self.height < 4

    @property
    def size(self) -> tuple[int, int]:
        """The columns and rows of the terminal, 80 by 24 if unknown."""
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
    """The descriptor of standard input."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd if fd is not None and _is_open(fd) else None
        self.is_open = self._fd is not None
        self.is_terminal = self._fd is not None and os.isatty(self._fd)

    def read(self, limit_bytes: int, on_silence: Callable[[], None] = lambda: None) -> Content:
        """Return what is left to read, up to the limit or a little more.

        `on_silence` is called, once, if nothing arrives for a second. Raises `LocalError`.
        """
        if self._fd is None:
            return Content(b"", is_complete=True)
        try:
            return _read_up_to(self._fd, limit_bytes, on_silence)
        except OSError as error:
            why = error.strerror or ""
            raise LocalError(tr("cannot read standard input"), why=why) from error


class Streams:
    """The standard streams and the environment of one run.

    `environ` differs from that of the process in a demo. `redactors` are applied to every text on
    stderr; they redact keys. In a conversation, `typeahead` is what the user typed while an answer
    was displayed: with `keeps_typeahead` it becomes the draft of the next line, and is not left in
    the terminal for the shell to run.
    """

    def __init__(
        self, stdin: Input, stdout: Output, stderr: Output, environ: Mapping[str, str]
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.environ = environ
        self.redactors: list[Callable[[str], str]] = []
        self.keeps_typeahead = False
        self.typeahead = ""
        self.interrupts: Interrupts | None = None  # by which long layout ends

    def with_environ(self, environ: Mapping[str, str]) -> Streams:
        """Return the same streams with another environment."""
        return Streams(self.stdin, self.stdout, self.stderr, environ)

    @property
    def are_interactive(self) -> bool:
        """Whether the program may prompt: stdin and stdout are terminals."""
        return self.stdin.is_terminal and self.stdout.is_terminal

    @property
    def terminal_is_dumb(self) -> bool:
        """Whether the terminal supports no control sequences."""
        return self.environ.get("TERM", "") in ("", "dumb", "unknown")

    def wants_color(self, output: Output) -> bool:
        """Return whether to use color, by NO_COLOR, FORCE_COLOR and TERM, in this order."""
        if self.environ.get("NO_COLOR"):
            return False
        if self.environ.get("FORCE_COLOR", "0") not in ("", "0"):
            return True
        return output.is_terminal and not self.terminal_is_dumb

    def redact(self, text: str) -> str:
        """Return a text with the keys in it redacted."""
        for redact in self.redactors:
            text = redact(text)
        return text

    def set_wait_check(self, check_wait: Callable[[], None]) -> None:
        """Set what is called while a reader is too slow; it raises if the wait must end."""
        self.stdout.check_wait = self.stderr.check_wait = check_wait

    def read_stdin(self, limit_bytes: int) -> Content:
        """Return what is left to read from standard input. Raise `LocalError`.

        If it stays open and silent, a line on stderr reports that: the program seems to hang.
        """
        return self.stdin.read(limit_bytes, self.report_silence)

    def report_silence(self) -> None:
        """Report that standard input is being read, and how to end that."""
        text = tr("waiting for standard input, which is still open; to send none: < /dev/null")
        if self.stdin.is_terminal:
            text = tr("reading standard input from the terminal; Ctrl-D on an empty line ends it")
        self.print_err(text)

    def print_err_without_waiting(self, text: str) -> None:
        """Print a line to stderr, unless that would block. The program ends after it."""

        def end_wait() -> None:
            raise Interrupted

        self.set_wait_check(end_wait)
        self.print_err(text)

    def print_err(self, text: str, end: str = "\n") -> None:
        """Print a redacted line to stderr; a failure to do so is ignored."""
        try:
            self.stderr.write(self.redact(text) + end)
        except (LocalError, PipeClosed, Interrupted):
            return


def read_file(
    path: str | Path,
    limit_bytes: int,
    *,
    hint: str = "",
    on_silence: Callable[[], None] = lambda: None,
) -> Content:
    """Return the content of a file or a pipe, up to a limit or a little more.

    Raise `FileError`, with the hint. `~` is expanded. A pipe is read to its end. Opening a named
    pipe would block until a process writes to it, so it is opened without waiting, and is an error
    if nothing arrives in a second. For standard input, `on_silence` is called then, once.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        path_text = os.fspath(path)
        fd = os.open(Path(path).expanduser(), flags)
        try:
            is_stdin = str(path) in STDIN_NAMES
            content = _read_up_to(fd, limit_bytes, on_silence if is_stdin else lambda: None)
            is_empty_pipe = not content.data and stat.S_ISFIFO(os.fstat(fd).st_mode)
            if is_empty_pipe and not is_inherited_descriptor(path):
                select.select([fd], [], [], PIPE_WRITER_TIMEOUT_S)
                content = _read_up_to(fd, limit_bytes)
                if not content.data:
                    raise FileError(path_text, tr("nothing was written to the pipe"), hint=hint)
        finally:
            os.close(fd)
    except OSError as error:
        raise FileError(path_text, error.strerror or "", error.errno or 0, hint) from error
    except (RuntimeError, ValueError) as error:  # an unknown home folder, a NUL in the path
        raise FileError(path_text, str(error), hint=hint) from error
    return content


def is_inherited_descriptor(path: str | Path) -> bool:
    """Return whether a path names a descriptor that the shell opened, such as `<(command)`."""
    return str(path) in STDIN_NAMES or str(path).startswith(INHERITED_DESCRIPTORS)


def streams_of_process() -> Streams:
    """Return the streams of this process. A closed one is empty, or fails when written to."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return Streams(Input(0), Output(1, encoding), Output(2, encoding), os.environ)


def _read_up_to(
    fd: int, limit_bytes: int, on_silence: Callable[[], None] = lambda: None
) -> Content:
    blocks: list[bytes] = []
    size = 0
    has_called = os.name == "nt"  # select works on sockets only
    while size <= limit_bytes:
        if not has_called and not select.select([fd], [], [], SILENCE_S)[0]:
            has_called = True
            on_silence()
        try:
            block = os.read(fd, READ_SIZE_BYTES)
        except BlockingIOError:
            select.select([fd], [], [])
            continue
        if not block:
            return Content(b"".join(blocks), is_complete=True)
        blocks.append(block)
        size += len(block)
    return Content(b"".join(blocks), is_complete=False)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return our mark in ASCII, or an escape, for a character that an encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    error.end = error.start + 1
    character = error.object[error.start]
    mark = character.translate(ASCII_MARKS)
    return codecs.backslashreplace_errors(error) if mark == character else (mark, error.end)


codecs.register_error("newapi-marks", _replaced)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
