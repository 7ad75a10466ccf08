"""If the output cannot be written, the exit code is 10 with a reason, never a silent 0.

A non-blocking pipe receives every byte.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import Session, TurnRecord
from newapi_cli.store.sessions import SessionStore
from tests.promises.conftest import ANSWER
from tests.sessions.helpers import data_dir, fill, only_session, sessions_file, small_disk
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe, observe_process
from tests.support.process import Environment
from tests.support.steps import Send, SetEvent, sse
from tests.support.wire import MODEL, answer_events, response

MODELS: dict[str, object] = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
COMMANDS = (
    "chat hi", "chat --json hi", "chat --no-stream hi", "models", "models --json", "sessions list",
    "sessions show", "config list", "completion bash", "doctor", "--version", "chat --version",
    "--help", "chat --help",
)  # fmt: skip


@pytest.fixture
def stored_session(home: Home, server: FaultServer) -> FaultServer:
    """Return a server, and store a session, so that each command has output."""
    data_dir(home).mkdir(0o700)
    with SessionStore(sessions_file(home)) as store:
        _, turn = store.begin_turn(Session("a" * 12, "hello"), TurnRecord("hello"), at_leaf=True)
        store.end_turn(turn._replace(status=Status.COMPLETE, answer="Hello."))
    server.answer_with(
        lambda request: (
            [Send(response(200, MODELS))]
            if request.method == "GET"
            else sse(*answer_events("a little"))
        )
    )
    return server


def assert_reported(code: int, err: str, why: str) -> None:
    """Assert the exit code and one error with the reason."""
    assert code == 10, err
    assert err.count("error:") == 1, err
    assert "cannot write the output" in err
    assert why in err.lower()


@pytest.mark.usefixtures("stored_session")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_device_is_reported(home: Home, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        result = observe_process(*command.split(), home=home, stdout=full)
    assert_reported(result.code, result.err, "no space left on device")


@pytest.mark.usefixtures("stored_session")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_stdout_is_reported(home: Home, command: str) -> None:
    result = observe_process(*command.split(), home=home, conditions=Conditions(closed=(1,)))
    assert_reported(result.code, result.err, "closed")
    assert result.out == b""


@pytest.mark.needs_root("mount a small disk")
def test_a_full_disk_behind_a_file_is_reported_and_the_answer_is_saved(
    home: Home, server: FaultServer, tmp_path: Path
) -> None:
    long = ["word " * 1000] * 100
    server.add(*sse(*answer_events(*long)))
    with small_disk(tmp_path / "disk"):
        fill(tmp_path / "disk", leave_bytes=100_000)
        with (tmp_path / "disk" / "answer").open("wb") as file:
            result = observe_process("chat", "hi", home=home, stdout=file)
        written = (tmp_path / "disk" / "answer").read_bytes()
    assert_reported(result.code, result.err, "no space left on device")
    whole = "".join(long)
    assert 0 < len(written) < len(whole)
    assert whole.encode().startswith(written)
    turn = only_session(home).path[-1]
    assert turn.prompt == "hi"
    assert turn.answer.startswith(written.decode())


@contextmanager
def nonblocking_pipe(begin: threading.Event) -> Iterator[tuple[int, list[bytes]]]:
    """Return the write end of a full pipe and a list that receives its content at the end.

    Reading starts when `begin` is set. The content does not include what filled the pipe.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += os.write(writing, bytes(4096))
    got: list[bytes] = []

    def read() -> None:
        begin.wait(30)
        with os.fdopen(reading, "rb") as file:
            got.append(file.read()[filled:])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield writing, got
    finally:
        begin.set()
        os.close(writing)
        reader.join()


UNBUFFERED = pytest.mark.parametrize(
    "env", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["plain", "unbuffered"]
)


@UNBUFFERED
def test_a_nonblocking_pipe_receives_all_of_a_long_answer(
    home: Home, server: FaultServer, env: Environment
) -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    sent = threading.Event()
    server.add(*sse(*answer_events(text, "end")), SetEvent(sent))
    with nonblocking_pipe(sent) as (writing, got):
        result = observe_process(
            "chat", "hi", home=home, stdout=writing, conditions=Conditions(env)
        )
    assert (result.code, result.err) == (0, "")
    assert got == [f"{text}end\n".encode()]


@pytest.mark.usefixtures("stored_session")
@UNBUFFERED
@pytest.mark.parametrize("command", ["--version", "chat --help"])
def test_a_full_nonblocking_pipe_is_waited_for(home: Home, command: str, env: Environment) -> None:
    expected = observe(*command.split(), home=home).out
    begin = threading.Event()
    timer = threading.Timer(0.5, begin.set)  # by then it has tried to write
    timer.start()
    with nonblocking_pipe(begin) as (writing, got):
        result = observe_process(
            *command.split(), home=home, stdout=writing, conditions=Conditions(env)
        )
        timer.cancel()
    assert (result.code, result.err) == (0, "")
    assert got == [expected]


@pytest.mark.usefixtures("server")
def test_a_closed_stderr_does_not_affect_the_answer(home: Home) -> None:
    result = observe_process("chat", "hi", home=home, conditions=Conditions(closed=(2,)))
    assert (result.code, result.text) == (0, f"{ANSWER}\n")


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)], ids=str)
def test_a_closed_stderr_keeps_the_exit_code_of_a_failure(
    home: Home, server: FaultServer, closed: Sequence[int]
) -> None:
    server.add(Send(response(404, b"")))
    result = observe_process("chat", "hi", home=home, conditions=Conditions(closed=tuple(closed)))
    assert (result.code, result.out, len(server.requests)) == (6, b"", 1)
