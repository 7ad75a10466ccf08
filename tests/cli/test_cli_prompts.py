"""The prompts of `newapi login`: a key is never on the screen, whatever happens."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.cli.test_cli_login import clipboard, stored
from tests.repl.conversation import CTRL_C, CTRL_D, default_modes, modes_of
from tests.support.home import CANARY, Home
from tests.support.process import newapi_command
from tests.support.terminal import Terminal

PROMPT, MODEL = "(hidden): ", "Model to use"
CTRL_U, CTRL_Z, BACKSPACE = "\x15", "\x1a", "\x7f"
ENDS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGQUIT": 131}


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Return a running demo gateway."""
    with DemoGateway(pace_s=0) as running:
        yield running


def wait_for_prompt(terminal: Terminal, count: int = 1) -> None:
    """Wait until the hidden prompt is shown for the n-th time."""
    terminal.wait_until(lambda: terminal.raw.count(PROMPT.encode()) >= count, what=PROMPT)
    assert not terminal.echoes


def finish(terminal: Terminal, key: str = CANARY) -> None:
    """Type the key, and leave the model open."""
    terminal.send(f"{key}\r".encode())
    terminal.wait_for(MODEL)
    terminal.send(b"\r")


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()[0])


def as_typed(*args: str) -> str:
    """Return the command as typed in a shell."""
    return shlex.join(newapi_command(*args))


# -- the terminal -----------------------------------------------------------------------------


def test_the_key_is_hidden_again_after_ctrl_z_and_fg(home: Home, gateway: DemoGateway) -> None:
    with Terminal(["bash", "--norc", "--noediting", "-i"], home=home) as terminal:
        terminal.send(as_typed("login", gateway.base_url).encode() + b"\n")
        wait_for_prompt(terminal)
        terminal.send(b"sk-half" + CTRL_Z.encode())
        terminal.wait_for("Stopped")
        terminal.send(b"echo $((6*7)); stty -a | grep -o '.echo '\n")
        terminal.wait_for("42\n echo")
        terminal.send(b"fg\n")
        wait_for_prompt(terminal, 2)
        finish(terminal)
        terminal.wait_for("next: newapi models")
        terminal.send(b"exit\n")
        assert terminal.wait_exit() == 0
        assert "sk-half" not in terminal.all_text()
        assert modes_of(terminal) == default_modes()
    assert stored(home)["api_key"] == CANARY


def test_the_key_is_hidden_after_sigstop_and_fg(home: Home, gateway: DemoGateway) -> None:
    with Terminal(["bash", "--norc", "--noediting", "-i"], home=home) as terminal:
        terminal.send(as_typed("login", gateway.base_url).encode() + b"\n")
        wait_for_prompt(terminal)
        os.kill(child_of(terminal.pid), signal.SIGSTOP)
        terminal.wait_for("Stopped")
        terminal.send(b"stty echo; echo $((6*7))\n")
        terminal.wait_for("42\n")
        terminal.send(b"fg\n")
        wait_for_prompt(terminal, 2)
        finish(terminal)
        terminal.wait_for("next: newapi models")
        terminal.send(b"exit\n")
        assert terminal.wait_exit() == 0
    assert stored(home)["api_key"] == CANARY


def test_in_the_background_it_waits_for_fg(home: Home, gateway: DemoGateway) -> None:
    with Terminal(["bash", "--norc", "--noediting", "-i"], home=home) as terminal:
        terminal.send(as_typed("login", gateway.base_url).encode() + b" &\n")
        while "Stopped" not in terminal.all_text():
            terminal.send(b"jobs\n")
            terminal.wait_for("jobs")
        assert terminal.echoes
        assert PROMPT not in terminal.all_text()
        terminal.send(b"fg\n")
        wait_for_prompt(terminal)
        finish(terminal)
        terminal.wait_for("next: newapi models")
        terminal.send(b"exit\n")
        assert terminal.wait_exit() == 0
    assert stored(home)["api_key"] == CANARY


def test_ctrl_z_does_nothing_without_job_control(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(CTRL_Z.encode())
        wait_for_prompt(terminal, 2)
        finish(terminal)
        assert terminal.wait_exit() == 0


@pytest.mark.parametrize(("name", "code"), ENDS.items())
def test_a_signal_at_the_hidden_prompt_restores_the_terminal(
    home: Home, gateway: DemoGateway, name: str, code: int
) -> None:
    script = '"$@"; echo "code $?"'
    command = ["sh", "-c", script, "sh", *newapi_command("login", gateway.base_url)]
    with Terminal(command, home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(b"sk-half")
        os.kill(child_of(terminal.pid), signal.Signals[name])
        terminal.wait_exit()
        assert f"code {code}" in terminal.all_text()
        assert modes_of(terminal) == default_modes()
    assert not home.config_file.exists()
    assert gateway.requests == []


@pytest.mark.parametrize("question", ["Gateway URL", MODEL])
def test_a_signal_at_a_prompt_has_its_exit_code(
    home: Home, gateway: DemoGateway, question: str
) -> None:
    args = [clipboard(gateway.base_url)] if question == MODEL else []
    with Terminal(newapi_command("login", *args), home=home) as terminal:
        terminal.wait_for(question)
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143


def test_a_closed_window_ends_the_prompt(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.hang_up()
        assert terminal.wait_exit() == 129


def test_the_prompt_is_shown_if_stderr_is_a_file(home: Home, gateway: DemoGateway) -> None:
    command = ["sh", "-c", '"$@" 2>stderr', "sh", *newapi_command("login", gateway.base_url)]
    with Terminal(command, home=home) as terminal:
        wait_for_prompt(terminal)
        finish(terminal)
        assert terminal.wait_exit() == 0


# -- what is typed ----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [4095, 4096])
def test_a_long_key_is_read_completely(home: Home, gateway: DemoGateway, length: int) -> None:
    key = "sk-" + "a" * (length - 3)
    with Terminal(newapi_command("login", gateway.base_url, "--no-check"), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(f"{key}\r".encode())
        assert terminal.wait_exit() == 0
    assert stored(home)["api_key"] == key


@pytest.mark.parametrize(("length", "code"), [(4097, 3), (9_000, 3), (100_000, 2)])
def test_a_text_that_is_too_long_is_rejected_and_not_truncated(
    home: Home, gateway: DemoGateway, length: int, code: int
) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(b"a" * length + b"\r")
        assert terminal.wait_exit() == code
        assert "too long" in terminal.all_text() or "longer than" in terminal.all_text()
        assert "aaa" not in terminal.all_text()
    assert not home.config_file.exists()
    assert gateway.requests == []


def test_typing_errors_can_be_corrected(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(f"wrong{CTRL_U}{CANARY}x{BACKSPACE}\r".encode())
        terminal.wait_for(MODEL)
        terminal.send(CTRL_D.encode())
        assert terminal.wait_exit() == 130
    assert stored(home)["api_key"] == CANARY


def test_backspace_takes_a_whole_character(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        finish(terminal, f"{CANARY}é你{BACKSPACE}{BACKSPACE}")
        assert terminal.wait_exit() == 0
    assert stored(home)["api_key"] == CANARY


def test_bracketed_paste_marks_are_not_part_of_the_key(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        finish(terminal, f"\x1b[200~{CANARY}\x1b[201~")
        assert terminal.wait_exit() == 0
    assert stored(home)["api_key"] == CANARY


def test_bracketed_paste_marks_may_arrive_in_parts(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login", clipboard(gateway.base_url)), home=home) as terminal:
        for piece, seen in [("\x1b[20", "␛[20"), ("0~demo-", ": demo-"), ("echo\x1b", "echo␛")]:
            terminal.wait_for(MODEL)
            terminal.send(piece.encode())
            terminal.wait_for(seen)
        terminal.send(b"[201~\r")
        assert terminal.wait_exit() == 0
        assert terminal.screen_text().endswith("): demo-echo")
    assert stored(home)["model"] == "demo-echo"


NESTED = """{"_type": "newapi_channel_conn", "limits": {
    "rpm": 60
  }
  , "url": "URL", "more": {}
  , "key": "KEY"
}"""


@pytest.mark.parametrize("is_known", [True, False], ids=["hidden", "shown"])
def test_json_ends_when_it_is_complete(home: Home, gateway: DemoGateway, is_known: bool) -> None:
    args = [gateway.base_url] if is_known else []
    text = NESTED.replace("URL", gateway.base_url).replace("KEY", CANARY)
    with Terminal(newapi_command("login", *args), home=home) as terminal:
        terminal.wait_for("connection info" if is_known else "Gateway URL")
        finish(terminal, text)
        assert terminal.wait_exit() == 0
        assert "rpm" not in terminal.all_text()
    assert stored(home)["api_key"] == CANARY


def test_the_url_is_echoed_while_it_is_typed(home: Home, gateway: DemoGateway) -> None:
    with Terminal(newapi_command("login"), home=home) as terminal:
        terminal.wait_for("Gateway URL")
        assert not terminal.echoes
        for typed, seen in [
            ("no", "no"),
            (f"{CTRL_U}http://é你x", "http://é你x"),
            (BACKSPACE * 3, "http://"),
            ("\x1b[31m", "http://␛[31m"),
            (f"{CTRL_U}{gateway.base_url}", gateway.base_url),
        ]:
            terminal.send(typed.encode())
            row = f"Gateway URL: {seen}"
            terminal.wait_until(lambda row=row: terminal.screen_text() == row, what=row)  # type: ignore[misc]  # bound now
        terminal.send(b"\r")
        wait_for_prompt(terminal)
        finish(terminal)
        assert terminal.wait_exit() == 0
        assert modes_of(terminal) == default_modes()
    assert stored(home) == {"base_url": gateway.base_url, "api_key": CANARY}


@pytest.mark.parametrize("before", ["", " \ufeff", "\ufeff ", "\x1b[200~"])
def test_connection_info_is_not_echoed_at_the_url_prompt(
    home: Home, gateway: DemoGateway, before: str
) -> None:
    with Terminal(newapi_command("login"), home=home) as terminal:
        terminal.wait_for("Gateway URL")
        finish(terminal, before + clipboard(gateway.base_url))
        assert terminal.wait_exit() == 0
        for seen in ("loginkey", "newapi_channel"):
            assert seen.encode() not in terminal.raw
    assert "loginkey" in str(stored(home)["api_key"])


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "several lines"])
def test_the_hidden_prompt_accepts_connection_info(
    home: Home, gateway: DemoGateway, indent: int | None
) -> None:
    text = json.dumps({**json.loads(clipboard(gateway.base_url)), "key": CANARY}, indent=indent)
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        terminal.wait_for("connection info")
        wait_for_prompt(terminal)
        finish(terminal, text.replace("\n", "\r\n"))
        assert terminal.wait_exit() == 0
        assert "newapi_channel_conn" not in terminal.all_text()
    assert stored(home) == {"base_url": gateway.base_url, "api_key": CANARY}


def test_truncated_connection_info_is_an_error_after_two_more_lines(
    home: Home, gateway: DemoGateway
) -> None:
    with Terminal(newapi_command("login", gateway.base_url), home=home) as terminal:
        wait_for_prompt(terminal)
        terminal.send(b'{"key":"' + CANARY.encode() + b"\r\r\r")
        assert terminal.wait_exit() == 2
        assert "is incomplete" in terminal.all_text()


@pytest.mark.parametrize("is_flag", [True, False])
def test_connection_info_for_another_url_is_rejected_at_the_hidden_prompt(
    home: Home, gateway: DemoGateway, is_flag: bool
) -> None:
    args = ["--base-url", gateway.base_url] if is_flag else [gateway.base_url]
    with Terminal(newapi_command("login", *args), home=home, columns=120) as terminal:
        wait_for_prompt(terminal)
        terminal.send(clipboard("https://other.invalid").encode() + b"\r")
        assert terminal.wait_exit() == 2
        assert f"{gateway.base_url} and https://other.invalid" in terminal.all_text()
        assert "loginkey" not in terminal.all_text()
    assert not home.config_file.exists()
    assert gateway.requests == []


@pytest.mark.parametrize("is_known", [True, False])
def test_stdin_that_is_a_terminal_is_read_hidden(
    home: Home, gateway: DemoGateway, is_known: bool
) -> None:
    args = [gateway.base_url] if is_known else []
    info = json.dumps({**json.loads(clipboard(gateway.base_url)), "key": CANARY})
    with Terminal(newapi_command("login", *args, "--stdin"), home=home) as terminal:
        wait_for_prompt(terminal)
        finish(terminal, CANARY if is_known else info)
        assert terminal.wait_exit() == 0
    assert stored(home) == {"base_url": gateway.base_url, "api_key": CANARY}


def test_no_prompt_that_echoes_mentions_the_key(home: Home) -> None:
    with Terminal(newapi_command("login"), home=home) as terminal:
        terminal.wait_for("Gateway URL: ".strip())
        assert "connection info" not in terminal.all_text()
        terminal.send(b"\xff\xfe\r")  # no text at all
        assert terminal.wait_exit() == 2


# -- the model --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_canceling_the_model_prompt_keeps_the_stored_profile(
    home: Home, gateway: DemoGateway, key: str
) -> None:
    command = newapi_command("login", clipboard(gateway.base_url), "-P", "new")
    with Terminal(command, home=home) as terminal:
        terminal.wait_for(MODEL)
        terminal.send(key.encode())
        assert terminal.wait_exit() == 130
        words = " ".join(terminal.all_text().split())
        assert 'Saved profile "new"' in words
        assert "newapi config set -P new model NAME" in words
    assert "api_key" in stored(home, "new")
    assert "model" not in stored(home, "new")


@pytest.mark.parametrize(
    "pasted",
    [
        "sk-loginkeyA1b2C3d4E5f6G7h8",
        "loginkeyA1b2C3d4E5f6G7h8",
        "sk-anotherkey0123456789",
        "Bearer sk-anotherkey0123456789",
        "Z9y8X7w6V5u4T3s2R1q0P9o8N7m6L5k4J3i2H1g0F9e8D7c6",
        clipboard("https://host.example"),
    ],
)
def test_a_key_is_not_stored_as_the_model(home: Home, gateway: DemoGateway, pasted: str) -> None:
    with Terminal(newapi_command("login", clipboard(gateway.base_url)), home=home) as terminal:
        terminal.wait_for(MODEL)
        terminal.send(f"{pasted}\r".encode())
        terminal.wait_for("that is a key")
        terminal.send(b"demo-echo\r")
        assert terminal.wait_exit() == 0
    assert stored(home)["model"] == "demo-echo"


def test_an_unlisted_model_is_stored_only_if_it_is_entered_again(
    home: Home, gateway: DemoGateway
) -> None:
    with Terminal(newapi_command("login", clipboard(gateway.base_url)), home=home) as terminal:
        terminal.wait_for(MODEL)
        terminal.send(b"demo-eko\r")
        terminal.wait_for("did you mean demo-echo?")
        terminal.send(b"demo-echo,my-own-2024\r")
        terminal.wait_for("my-own-2024 is not listed for this key; to use it, enter it again")
        terminal.send(b"demo-echo,my-own-2024\r")
        assert terminal.wait_exit() == 0
    assert stored(home)["model"] == "demo-echo,my-own-2024"
