"""Run the program, in this process or in a new one, and check what no run may print.

`run_newapi` runs the command line in process: a quarter of the CPU of a process, which is for tests
whose subject is one: signals, closed descriptors, terminals, start-up, memory, other users.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from newapi_cli.cli.main import run
from newapi_cli.streams import Input, Output, Streams
from tests.support.home import CANARY_TRACE, Home
from tests.support.limits import time_limit
from tests.support.preloaded import START_VARIABLES

Environment = Mapping[str, str | None]
MAX_OUTPUT_BYTES = 1 << 26
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. Making one fails if a key or a traceback is in the output.

    `code` is negative for a process that a signal killed; `seconds` is the whole run.
    """

    code: int
    out: bytes
    err: str
    seconds: float
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the rules for every run."""
        check_output(self.out, f"stdout of {self}")
        check_output(self.err.encode("utf-8", "surrogateescape"), f"stderr of {self}")

    @property
    def text(self) -> str:
        """Return stdout, which must be UTF-8."""
        return self.out.decode("utf-8")


def check_output(output: bytes, source: str) -> None:
    """Fail if output contains a key or a traceback."""
    if CANARY_TRACE in output:
        raise AssertionError(f"the key is in {source}")
    if b"Traceback" in output or b"Exception ignored" in output:
        raise AssertionError(f"a traceback is in {source}")


def newapi_command(*args: str) -> list[str]:
    """Return the command line that runs the program."""
    return [sys.executable, "-m", "newapi_cli", *args]


def run_newapi(
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    umask: int = 0o022,
    timeout_s: float = 30,
) -> Result:
    """Run `newapi` in this process, with files as descriptors 0 to 2.

    All process state is restored afterwards. Raise `ValueError` for variables that matter only when
    a process starts.
    """
    environ = home.environment(env)
    changed = {name for name, value in (env or {}).items() if value is not None and name != "LANG"}
    if ignored := {name for name in changed if name.startswith(START_VARIABLES)}:
        raise ValueError(f"{ignored} need run_newapi_process")
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("runs side by side need run_newapi_process")
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        if stdin is None:
            input_file: IO[bytes] = stack.enter_context(open(os.devnull, "rb"))  # noqa: PTH123
        else:
            input_file = stack.enter_context(tempfile.TemporaryFile())
            input_file.write(stdin)
            input_file.seek(0)
        stack.enter_context(_process_state(environ, home, umask))
        stack.enter_context(_descriptors(input_file, *files))
        stack.enter_context(time_limit(timeout_s, f"newapi {args}"))
        started = time.monotonic()
        streams = Streams(Input(0), Output(1), Output(2), os.environ)
        with contextlib.redirect_stdout(streams.stdout):
            code = run(args, streams)
        seconds = time.monotonic() - started
        out, err = (os.pread(file.fileno(), MAX_OUTPUT_BYTES, 0) for file in files)
    return Result(int(code), out, err.decode("utf-8", "surrogateescape"), seconds, args)


def run_newapi_process(
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Result:
    """Run `newapi` as a process of its own; see `run_command`."""
    return run_command(
        newapi_command(*args), home=home, stdin=stdin, env=env, timeout_s=timeout_s, stdout=stdout
    )


def run_in_shell(
    script: str,
    *args: str,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
) -> Result:
    """Run a bash script, in which `"$@"` is the `newapi` command with these arguments."""
    command = ["bash", "-c", script, "bash", *newapi_command(*args)]
    return run_command(command, home=home, stdin=stdin, env=env, timeout_s=timeout_s)


def run_command(
    command: Sequence[str],
    *,
    home: Home,
    stdin: bytes | None = b"",
    env: Environment | None = None,
    timeout_s: float = 30,
    stdout: int | IO[bytes] = subprocess.PIPE,
) -> Result:
    """Run a process to its end in a session, home and environment of its own.

    `stdin` is written to a pipe; None is /dev/null. `stdout` is a pipe that is read into the
    result, or a file. A process that outlives `timeout_s` is killed, with its group, and fails the
    test.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=home.environment(env),
        cwd=home.path,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)
            out, err = process.communicate()
            stderr = err.decode("utf-8", "replace")
            raise AssertionError(
                f"{command} still ran after {timeout_s} s\nstdout: {out!r}\nstderr: {stderr}"
            ) from None
    seconds = time.monotonic() - started
    stderr = err.decode("utf-8", "surrogateescape")
    return Result(process.returncode, out or b"", stderr, seconds, tuple(command))


def kill_group(pid: int) -> None:
    """Kill a session leader and its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


@contextlib.contextmanager
def _process_state(environ: Mapping[str, str], home: Home, umask: int) -> Iterator[None]:
    """Replace environment, working folder and umask, and restore all that a run changes."""
    before = dict(os.environ)
    folder = os.getcwd()  # noqa: PTH109
    thresholds = gc.get_threshold()
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    temporary_folder, tempfile.tempdir = tempfile.tempdir, None  # of TMPDIR, at the first use
    _set_environment(environ)
    os.chdir(home.path)
    umask = os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)
        os.chdir(folder)
        _set_environment(before)
        tempfile.tempdir = temporary_folder
        gc.set_threshold(*thresholds)
        changed = [n for n, handler in handlers.items() if signal.getsignal(n) is not handler]
        for number in changed:
            signal.signal(number, handlers[number])
    if changed:
        raise AssertionError(f"the run left handlers for {changed}")


def _set_environment(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()


@contextlib.contextmanager
def _descriptors(*files: IO[bytes]) -> Iterator[None]:
    """Use files as descriptors 0 to 2, for the program and for what it starts."""
    saved = [os.dup(number) for number in range(3)]
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
    unbuffered = io.FileIO(2, "w", closefd=False)
    stderr = io.TextIOWrapper(unbuffered, "utf-8", "backslashreplace", write_through=True)
    try:
        with contextlib.redirect_stderr(stderr):
            yield
    finally:
        for number, descriptor in enumerate(saved):
            os.dup2(descriptor, number)
            os.close(descriptor)
