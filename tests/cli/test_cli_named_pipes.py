"""Named pipes as files: read if they have a writer, never waited for otherwise.

A system prompt, a key, sessions to import, certificates: all of them by the program itself, with
pipes of the system.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import Running
from tests.support.process import Result, run_in_shell, run_newapi
from tests.support.steps import sse
from tests.support.wire import answer_events

NOBODY = "nothing was written to the pipe"


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every prompt, and a pipe without a writer."""
    fault_server.answer_with(lambda _: sse(*answer_events("A dot.")))
    home.configure(fault_server.url)
    os.mkfifo(home.path / "fifo")
    return fault_server


def system_of(server: FaultServer) -> list[str]:
    """Return the system prompts of the only request."""
    (request,) = [each for each in server.requests if each.method == "POST"]
    return [each["content"] for each in request.json["messages"] if each["role"] == "system"]


def prompt_of(server: FaultServer) -> str:
    """Return the prompt of the only request."""
    (request,) = [each for each in server.requests if each.method == "POST"]
    text = request.json["messages"][-1]["content"]
    assert isinstance(text, str)
    return text


def assert_refused(seen: Result, server: FaultServer, code: int, why: str) -> None:
    assert (seen.code, seen.out) == (code, b""), seen
    assert f"  why: {why}\n  try: " in seen.err
    assert seen.seconds < 10
    assert server.requests == []


# -- without a writer -------------------------------------------------------------------------


def test_a_system_prompt_from_a_pipe_without_writer_is_an_error(
    home: Home, server: FaultServer
) -> None:
    seen = run_newapi("chat", "-s", "@fifo", "hi", home=home, timeout_s=20)
    assert_refused(seen, server, 2, NOBODY)
    assert seen.err.startswith("error: cannot read fifo\n")


@pytest.mark.parametrize("command", ["models", "chat", "balance"])
def test_a_key_from_a_pipe_without_writer_is_an_error(
    home: Home, server: FaultServer, command: str
) -> None:
    home.configure(server.url, api_key="", api_key_file=str(home.path / "fifo"))
    args = ("chat", "hi") if command == "chat" else (command,)
    seen = run_newapi(*args, home=home, timeout_s=20)
    assert_refused(seen, server, 3, NOBODY)


def test_an_import_from_a_pipe_without_writer_is_an_error(home: Home, server: FaultServer) -> None:
    seen = run_newapi("sessions", "import", "fifo", home=home, timeout_s=20)
    assert_refused(seen, server, 2, NOBODY)


@pytest.mark.parametrize("variable", ["NEWAPI_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_from_a_pipe_without_writer_are_an_error(
    home: Home, server: FaultServer, variable: str
) -> None:
    env = {variable: "fifo", "NEWAPI_BASE_URL": "https://127.0.0.1:9", "NEWAPI_API_KEY": CANARY}
    seen = run_newapi("chat", "hi", home=home, env=env, timeout_s=20)
    assert_refused(seen, server, 3, "it is a pipe, not a file")


def test_a_home_folder_that_does_not_exist_is_an_error(home: Home, server: FaultServer) -> None:
    seen = run_newapi("chat", "-s", "@~nobody-of-this-name/x", "hi", home=home)
    assert_refused(seen, server, 2, "Could not determine home directory.")


# -- with a writer ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        '"$@" -s @<(echo be brief)',
        '"$@" -s @<(sleep 0.2; echo be brief)',
        '(echo be brief >fifo &) ; "$@" -s @fifo',
        '"$@" -s @/proc/self/fd/9 9< <(echo be brief)',
        'echo be brief | "$@" -s @/dev/stdin',
        'echo be brief >brief; "$@" -s @/dev/stdin <brief',
    ],
)
def test_a_system_prompt_can_come_from_a_pipe(home: Home, server: FaultServer, script: str) -> None:
    seen = run_in_shell(script, "chat", "hi", home=home)
    assert seen.code == 0, seen
    assert system_of(server) == ["be brief\n"]
    assert prompt_of(server) == "hi"


@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0"])
def test_stdin_can_be_named_by_its_device(home: Home, server: FaultServer, name: str) -> None:
    seen = run_in_shell(f'echo alpha | "$@" -f {name}', "chat", "hi", home=home)
    assert seen.code == 0, seen
    assert prompt_of(server) == "hi\n\nalpha\n"


def test_zsh_process_substitution_is_read(home: Home, server: FaultServer) -> None:
    script = '"$@" -f /proc/self/fd/9 9< <(echo alpha)'
    seen = run_in_shell(script, "chat", "hi", home=home)
    assert seen.code == 0, seen
    assert prompt_of(server).endswith("\nalpha\n```")


def test_stdin_is_read_once(home: Home, server: FaultServer) -> None:
    seen = run_newapi("chat", "-s", "@/dev/stdin", "-f", "-", "hi", home=home, stdin=b"alpha")
    assert seen.code == 2
    assert "-s and -f both read standard input" in seen.err
    assert server.requests == []


def test_a_system_prompt_without_an_at_sign_is_text(home: Home, server: FaultServer) -> None:
    seen = run_newapi("chat", "-s", "/dev/stdin", "hi", home=home, stdin=b"alpha")
    assert seen.code == 0, seen
    assert (system_of(server), prompt_of(server)) == (["/dev/stdin"], "hi\n\nalpha")


@pytest.mark.parametrize("script", ['"$@" -s @<(yes)', 'yes | "$@" -s @/dev/stdin'])
def test_an_endless_system_prompt_stops_at_the_limit(
    home: Home, server: FaultServer, script: str
) -> None:
    seen = run_in_shell(script, "chat", "hi", home=home)
    assert seen.code == 2
    assert "is larger than 10 MB" in seen.err
    assert server.requests == []


def test_a_key_can_come_from_a_pipe(home: Home, server: FaultServer) -> None:
    home.configure(server.url, api_key="")
    script = f'NEWAPI_API_KEY_FILE=<(sleep 0.1; echo {CANARY}) "$@"'
    assert run_in_shell(script, "chat", "hi", home=home).code == 0
    (request,) = [each for each in server.requests if each.method == "POST"]
    assert request.header("authorization") == f"Bearer {CANARY}"


def test_an_endless_key_stops_at_the_limit(home: Home, server: FaultServer) -> None:
    home.configure(server.url, api_key="")
    seen = run_in_shell('NEWAPI_API_KEY_FILE=<(yes | tr -d "\\n") "$@"', "chat", "hi", home=home)
    assert seen.code == 3
    assert "is longer than" in seen.err


@pytest.mark.parametrize(
    "args",
    [("chat", "-s", "@fifo", "hi"), ("sessions", "import", "fifo"), ("models",), ("doctor",)],
)
def test_ctrl_c_ends_the_wait_for_a_silent_pipe(
    home: Home, server: FaultServer, args: tuple[str, ...]
) -> None:
    if args[0] in ("models", "doctor"):
        home.configure(server.url, api_key="", api_key_file=str(home.path / "fifo"))
    with (
        Running(*args, home=home) as running,
        (home.path / "fifo").open("wb"),  # returns when the program has opened the other end
    ):
        running.send_signal(signal.SIGINT)
        assert running.end(timeout_s=10).code == 130
    assert [each for each in server.requests if each.method == "POST"] == []
