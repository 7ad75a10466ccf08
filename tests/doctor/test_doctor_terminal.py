"""`newapi doctor` on a terminal, wide and narrow."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.doctor.doctor_runs import NAMES
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Environment, newapi_command
from tests.support.steps import BeforeReading, Stall, Step
from tests.support.terminal import Terminal


def wait_for_question(terminal: Terminal) -> None:
    """Wait until the answer is read: what is typed before would be echoed in the midst of it."""
    terminal.wait_until(lambda: terminal.raw.endswith(b"[y/N]: "), what="the question")


def seen(home: Home, columns: int, *, env: Environment | None = None, said: bytes = b"n\r") -> str:
    """Answer the question of the doctor and return everything on the screen at its end."""
    command = newapi_command("doctor")
    with Terminal(command, home=home, env=env, columns=columns, rows=70) as terminal:
        wait_for_question(terminal)
        terminal.send(said)
        assert terminal.wait_exit() == 0
        return terminal.all_text()


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_terminal_gets_a_list_that_fits(home: Home, gateway: DemoGateway, columns: int) -> None:
    home.configure(gateway.base_url, model="demo-echo")
    home.newapi_home.chmod(0o777)
    text = seen(home, columns)
    if columns < 60:
        heads = re.findall(r"^(ok|warn|FAIL|skip) +([a-zA-Z ]+): ", text, re.MULTILINE)
    else:
        heads = re.findall(r"^(ok|warn|FAIL|skip) +(\w+(?: URL)?)  ", text, re.MULTILINE)
    assert [name for _, name in heads] == NAMES
    assert ("warn", "files") in heads
    assert re.search(r"^  try: chmod 700\s", text, re.MULTILINE)  # the path may need a new row
    assert text.rstrip().endswith("\n\nno problems, 1 warning")
    assert "..." not in text  # what stood there while a check ran
    assert f"{columns} by 70" in text.replace("\n     ", " ")
    assert broken_by_the_terminal(text.split("\n\n")[0]) <= {"  try", "Send "}


def broken_by_the_terminal(text: str) -> set[str]:
    """Return the beginnings of lines that are wrapped by the terminal, not between words."""
    found, line = set(), ""
    for row in text.split("\n"):
        if re.match(r"(ok|warn|FAIL|skip) |  try: |Send |     ", row):
            line = row
        else:
            found.add(line[:5])
    return found


def test_the_answer_check_runs_only_after_yes(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo-echo")
    assert re.search(r"skip +answer +declined", seen(home, 80, said=b"\r"))
    assert not any("chat" in request.path for request in gateway.requests)
    assert re.search(r"ok +answer +demo-echo answered in", seen(home, 80, said=b"y\r"))


def test_the_end_of_input_means_no(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo-echo")
    text = seen(home, 80, said=b"\x04")
    assert re.search(r"^skip +answer +declined$", text, re.MULTILINE)
    assert re.search(r"^ok +store ", text, re.MULTILINE)  # the last one
    assert not any("chat" in request.path for request in gateway.requests)


def test_lines_are_printed_while_the_checks_run(home: Home) -> None:
    hangs: Sequence[Step] = [BeforeReading(), Stall()]
    with FaultServer(hangs, hangs, hangs) as server:
        home.configure(server.url)
        with Terminal(newapi_command("doctor"), home=home) as terminal:
            terminal.wait_for(re.compile(r"^ok +TCP .*\n\.\.\. +TLS$", re.MULTILINE))
            assert terminal.exit_code is None
            terminal.press_ctrl_c()
            assert terminal.wait_exit() == 130


def test_it_ends_with_the_problem_to_fix_first(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key="sk-wrong")
    home.config_file.chmod(0o644)
    with Terminal(newapi_command("doctor"), home=home, rows=50) as terminal:
        assert terminal.wait_exit() == 3
        assert terminal.screen_text().endswith('\n\n2 problems, start with "files"')


@pytest.mark.parametrize(
    ("env", "has_color", "expected"),
    [
        ({}, True, "colors"),
        ({"NO_COLOR": "1"}, False, "no colors, set by NO_COLOR"),
        ({"FORCE_COLOR": "1"}, True, "colors set by FORCE_COLOR"),
    ],
)
def test_the_doctor_reports_and_uses_colors(
    home: Home, gateway: DemoGateway, env: dict[str, str], has_color: bool, expected: str
) -> None:
    home.configure(gateway.base_url, model="demo")
    command = newapi_command("doctor")
    with Terminal(command, home=home, env=env, columns=120, rows=50) as terminal:
        wait_for_question(terminal)
        terminal.send(b"n\r")
        assert terminal.wait_exit() == 0
        assert f"; {expected}; UTF-8" in terminal.all_text()
        assert (b"\x1b[32mok\x1b[0m" in terminal.raw) is has_color


def test_a_dumb_terminal_gets_plain_lines(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    with Terminal(newapi_command("doctor"), home=home, env={"TERM": "dumb"}) as terminal:
        wait_for_question(terminal)
        terminal.send(b"n\r")
        assert terminal.wait_exit() == 0
        assert b"\x1b" not in terminal.raw
        assert 'warn  terminal       TERM is "dumb"' in terminal.all_text()
        assert "try: export TERM=xterm-256color" in terminal.all_text()


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"TMUX": "/tmp/x,1,0"}, "in tmux"),
        ({"SSH_TTY": "/dev/pts/1"}, "OSC 52"),
    ],
)
def test_the_terminal_line_names_tmux_and_ssh(
    home: Home, gateway: DemoGateway, env: dict[str, str], expected: str
) -> None:
    home.configure(gateway.base_url, model="demo")
    assert expected in seen(home, 120, env=env)


def test_a_terminal_that_is_not_utf_8_is_a_warning(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    env = {"LANG": None, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    text = seen(home, 80, env={**env, "PYTHONIOENCODING": "ascii"})
    assert "warn  terminal" in text
    assert "try: export LANG=C.UTF-8" in text


def test_the_doctor_names_the_clipboard_tool_that_copy_uses(
    home: Home, gateway: DemoGateway, tmp_path: Path
) -> None:
    home.configure(gateway.base_url, model="demo")
    tool = tmp_path / "powershell.exe"
    tool.write_text("#!/bin/sh\ncat >/dev/null\n", "utf-8")
    tool.chmod(0o755)
    env = {"WSL_INTEROP": "/run/WSL/1_interop", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert "/copy uses powershell.exe" in seen(home, 120, env=env)
