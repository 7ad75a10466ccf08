"""Runs of the program: the environment, the results, and what fails a test."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import (
    Result,
    newapi_command,
    run_command,
    run_in_shell,
    run_newapi,
    run_newapi_process,
)
from tests.support.steps import Send, Stall
from tests.support.wire import error, response

ALIKE = {
    "the version": ["--version"],
    "a help page": ["sessions", "--help"],
    "no command": [],
    "no such option": ["chat", "--nonsense"],
    "no such session": ["sessions", "show", "none"],
    "the configuration": ["config", "show"],
    "a key that is rejected": ["chat", "hi"],
    "a prompt on stdin": ["chat", "--no-stream"],
}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_process_has_a_clean_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWAPI_MODEL", "leaked")
    code = "import os; print(*sorted(os.environ), os.environ['HOME'], os.getcwd())"
    result = run_command(python(code), home=home, env={"MORE": "1", "TERM": None})
    names = ["HOME", "LANG", "MORE", "NEWAPI_HOME", "PATH", "PYTHONPATH"]
    shown = [name for name in result.text.split() if name != "LC_CTYPE"]
    assert shown == [*names, str(home.path), str(home.path)]


def test_output_code_and_time_are_reported(home: Home) -> None:
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.exit('no')"
    result = run_command(python(code), home=home, stdin=b"\xff\x00")
    assert (result.code, result.out, result.err) == (1, b"\xff\x00", "no\n")
    assert result.seconds > 0


def test_stdin_is_an_empty_pipe_or_the_null_device(home: Home) -> None:
    code = "import os; print(os.read(0, 1), os.path.realpath('/proc/self/fd/0')[:5])"
    assert run_command(python(code), home=home).text == "b'' /proc\n"
    assert run_command(python(code), home=home, stdin=None).text == "b'' /dev/\n"


def test_stdout_can_be_a_file(home: Home, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        result = run_command(python("print('x')"), home=home, stdout=file)
    assert result.out == b""
    assert (tmp_path / "out").read_bytes() == b"x\n"


def test_a_shell_script_gets_the_command_as_its_arguments(home: Home) -> None:
    result = run_in_shell('printf "%s\\n" "$@"', "chat", "a b", home=home)
    assert result.text.splitlines() == newapi_command("chat", "a b")


def test_a_process_that_hangs_is_killed_with_its_children(home: Home) -> None:
    # The end of the output, which the child holds too, is waited for after the kill.
    with pytest.raises(AssertionError, match=r"still ran after 0.5 s\nstdout: b'on"):
        run_command(["bash", "-c", "echo on; sleep 1000 & wait"], home=home, timeout_s=0.5)


def test_a_death_by_signal_has_a_negative_code(home: Home) -> None:
    assert run_command(["bash", "-c", "kill -TERM $$"], home=home).code == -15


@pytest.mark.parametrize("args", ALIKE.values(), ids=ALIKE)
def test_a_run_in_process_is_like_a_process(
    home: Home, fault_server: FaultServer, args: list[str]
) -> None:
    home.configure(fault_server.url, retries=0)
    rejected = Send(response(401, error("Invalid token")))
    fault_server.add(rejected)
    fault_server.add(rejected)
    here, apart = (run(*args, home=home, stdin=b"hi") for run in (run_newapi, run_newapi_process))
    assert (here.code, here.out, here.err) == (apart.code, apart.out, apart.err)
    assert here.out or here.err


def test_a_run_in_process_puts_everything_back(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    def state() -> list[object]:
        return [
            dict(os.environ),
            Path.cwd(),
            gc.get_threshold(),
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            [Path(f"/proc/self/fd/{number}").readlink() for number in range(3)],
            sys.stdout,
            sys.stderr,
        ]

    before = state()
    run_newapi("sessions", "list", home=home)
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_a_run_in_process_that_hangs_fails(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    fault_server.add(Stall())
    with pytest.raises(pytest.fail.Exception, match=r"still ran after 0.5 s"):
        run_newapi("chat", "hi", home=home, timeout_s=0.5)
    assert run_newapi("--version", home=home).code == 0


def test_what_needs_a_process_is_refused_in_process(home: Home) -> None:
    with pytest.raises(ValueError, match="run_newapi_process"):
        run_newapi("--help", home=home, env={"COLUMNS": "40"})
    errors: list[BaseException] = []

    def run() -> None:
        try:
            run_newapi("--version", home=home)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "run_newapi_process" in str(errors)


@pytest.mark.parametrize("out", [CANARY, CANARY[3:], CANARY[:24], f"x{CANARY}y"])
def test_a_key_in_the_output_fails(out: str) -> None:
    with pytest.raises(AssertionError, match="the key is in stdout"):
        Result(0, out.encode(), "", 0.1)
    with pytest.raises(AssertionError, match="the key is in stderr"):
        Result(0, b"", out, 0.1)


def test_a_traceback_in_the_output_fails() -> None:
    with pytest.raises(AssertionError, match="traceback"):
        Result(1, b"", "Traceback (most recent call last):", 0.1)


def test_the_last_characters_of_a_key_may_be_shown() -> None:
    assert Result(0, b"sk-****" + CANARY[-4:].encode(), "", 0.1).code == 0


def test_the_canary_has_the_shape_of_a_key() -> None:
    assert len(CANARY) == len("sk-") + 48
    assert CANARY.removeprefix("sk-").isalnum()


def test_a_configured_home_holds_one_profile(home: Home) -> None:
    home.configure("http://127.0.0.1:1", model="é", retries=0, prices=False)
    assert home.config_file.read_text("utf-8") == (
        'default_profile = "test"\n\n[profiles.test]\nbase_url = "http://127.0.0.1:1"\n'
        f'api_key = "{CANARY}"\nmodel = "\\u00e9"\nretries = 0\nprices = false\n'
    )
    assert home.config_file.stat().st_mode & 0o777 == 0o600


def test_files_that_hold_the_key_are_found(home: Home) -> None:
    home.configure("http://127.0.0.1:1")
    assert home.files_holding() == []
    (home.newapi_home / "log").write_text(f"x {CANARY}", "utf-8")
    assert home.files_holding() == [home.newapi_home / "log"]


def test_the_tests_themselves_cannot_leave_the_machine() -> None:
    with pytest.raises(pytest.fail.Exception, match="connects to"), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(pytest.fail.Exception, match="looks up"):
        socket.getaddrinfo("example.com", 80)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("gateway.invalid", 80)


def test_no_test_uses_the_settings_of_its_starter() -> None:
    names = [name for name in os.environ if name.startswith(("NEWAPI_", "OPENAI_"))]
    assert [name for name in names if not name.startswith("NEWAPI_TEST_")] == []
    assert Path.home().name.startswith("newapi-tests-")
    assert list(Path.home().iterdir()) == []


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT"])
def test_a_child_has_default_signals(home: Home, name: str) -> None:
    result = run_command(["sh", "-c", f"kill -{name} $$; sleep 60"], home=home)
    assert result.code == -signal.Signals[f"SIG{name}"]
