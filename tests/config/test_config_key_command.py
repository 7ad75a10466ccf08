"""A key command ends together with newapi, and can prompt at the terminal."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import kill_group, newapi_command
from tests.support.steps import sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events

NO_URL = "http://127.0.0.1:9"  # never requested: the key is read first
WITHIN_S = 20
# It takes longer to end than newapi takes to notice Ctrl-C.
ENDS_SLOWLY = """
import signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
terminal = open("/dev/tty", "w")
print("begun", file=terminal, flush=True)
signal.sigwait([signal.SIGINT])
time.sleep(0.3)
print("ended", file=terminal)
sys.exit(1)
"""


@pytest.fixture
def server(fault_server: FaultServer) -> FaultServer:
    """Return a server that answers every request."""
    fault_server.answer_with(lambda _: sse(*answer_events("Paris.")))
    return fault_server


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["INT", "TERM", "HUP"],
)
def test_a_signal_ends_all_processes_of_the_command(
    home: Home, number: signal.Signals, code: int
) -> None:
    home.configure(NO_URL, api_key="", api_key_command="echo begun >&2; sleep 60 | cat; echo x")
    process = subprocess.Popen(
        newapi_command("models"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=home.environment(),
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        assert process.stderr.readline() == b"begun\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=WITHIN_S)
    finally:
        kill_group(process.pid)
    assert (process.returncode, err) == (code, b"stopped\n")


def test_a_timeout_ends_all_processes_of_the_command() -> None:
    command = "sleep 60 | cat; echo x"
    import_line = "from newapi_cli.config.keys import run_key_command"
    code = f"{import_line}; run_key_command({command!r}, 0.2)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        # stderr ends when no process has it open any more.
        _, err = process.communicate(timeout=WITHIN_S)
    finally:
        kill_group(process.pid)
    assert b"TimeoutExpired" in err


@pytest.mark.parametrize("streams", ["", "< words 2> err"], ids=["plain", "redirected"])
def test_the_command_can_prompt_at_the_terminal(
    home: Home, server: FaultServer, streams: str
) -> None:
    key_command = (
        "printf 'passphrase? ' >/dev/tty; read line </dev/tty; echo \"sk-$line-0123456789\""
    )
    home.configure(server.url, api_key="", api_key_command=key_command)
    (home.path / "words").write_text("hi", "utf-8")
    command = ["bash", "-c", f'"$@" {streams}', "bash", *newapi_command("chat", "hi")]
    with Terminal(command, home=home) as terminal:
        terminal.wait_for("passphrase?")
        terminal.send(b"typed\n")
        assert terminal.wait_exit() == 0
    assert server.requests[0].header("authorization") == "Bearer sk-typed-0123456789"


def test_ctrl_c_at_the_terminal_reaches_the_command(home: Home) -> None:
    command = shlex.join([sys.executable, "-S", "-c", ENDS_SLOWLY])
    home.configure(NO_URL, api_key="", api_key_command=f"exec {command}")
    with Terminal(newapi_command("models"), home=home) as terminal:
        terminal.wait_for("begun")
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130
        terminal.wait_for("ended")


def test_the_command_can_restore_the_terminal_before_it_ends(home: Home) -> None:
    command = (
        "trap 'stty echo </dev/tty; exit 1' TERM INT; stty -echo </dev/tty; echo begun >/dev/tty"
    )
    home.configure(NO_URL, api_key="", api_key_command=f"{command}; while :; do sleep 0.01; done")
    with Terminal(newapi_command("models"), home=home) as terminal:
        terminal.wait_for("begun")
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert terminal.echoes
