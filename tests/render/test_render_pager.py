"""Long texts go through a pager, which never makes a command fail."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.process import Environment, run_command
from tests.support.terminal import Terminal

LONG = "row\n" * 100
# Shows a text, then prints that the program continues and that Ctrl-C would stop it.
SHOW = """
import signal, sys
from newapi_cli.render.pager import page
from newapi_cli.streams import streams_of_process

streams = streams_of_process()
page(streams, [{text}])
is_as_before = signal.getsignal(signal.SIGINT) is signal.default_int_handler
streams.stderr.write("after" + (" all" if is_as_before else "") + "\\n")
"""
NOTING = """\
#!/bin/sh
/bin/cat > "$HOME/paged"
printf '%s\\n' "$LESS" "$@" > "$HOME/noted"
"""
WAITING = f"""\
#!{sys.executable}
import signal, sys
sys.stdin.read()
try:
    print("pager waits", signal.getsignal(signal.SIGINT) is signal.SIG_IGN, flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("pager stopped", flush=True)
"""


def show(text: str) -> list[str]:
    """Return the command line of a program that shows a text, a Python expression."""
    return [sys.executable, "-c", SHOW.format(text=text)]


def tool(home: Home, name: str, script: str, mode: int = 0o755) -> Path:
    """Put a script into the folder `bin` of a home."""
    folder = home.path / "bin"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(script, "utf-8")
    path.chmod(mode)
    return path


def screen_after(
    home: Home, text: str, env: Environment, *, columns: int = 20, rows: int = 10
) -> str:
    """Run it on a terminal, check that it succeeded, and return the output before its last line."""
    with Terminal(show(text), home=home, env=env, columns=columns, rows=rows) as terminal:
        assert terminal.wait_exit() == 0
        before, found, _ = terminal.all_text().rpartition("after all")
        assert found, terminal.all_text()
        return before.rstrip("\n")


def paged(home: Home) -> str | None:
    """Return the input of the noting pager, None if it never ran."""
    path = home.path / "paged"
    return path.read_text("utf-8") if path.exists() else None


def test_a_pipe_gets_the_text_without_a_pager(home: Home) -> None:
    pager = tool(home, "noting", NOTING)
    found = run_command(show(repr(LONG + "é\x1b[1m")), home=home, env={"PAGER": str(pager)})
    assert (found.code, found.text, found.err) == (0, LONG + "é\x1b[1m", "after all\n")
    assert paged(home) is None


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("'row\\n' * 9", True),
        ("'row\\n' * 10", False),
        ("'row\\n' * 8 + 'x' * 20", True),
        ("'row\\n' * 8 + 'x' * 21", False),
        ("'row\\n' * 8 + '\\u4f60' * 11", False),
        ("'row\\n' * 8 + '\\x1b[1m' + 'x' * 20 + '\\x1b[0m\\n'", True),
        ("'\\n' * 10", False),
        ("''", True),
    ],
)
def test_only_text_longer_than_the_window_is_paged(home: Home, text: str, fits: bool) -> None:
    pager = tool(home, "noting", NOTING)
    screen_after(home, text, {"PAGER": str(pager)}, columns=20, rows=10)
    assert (paged(home) is None) == fits


def test_the_pager_gets_the_text_and_its_arguments(home: Home) -> None:
    pager = tool(home, "noting", NOTING)
    env = {"PAGER": f"{pager} -a 'two words'", "LESS": "mine"}
    assert screen_after(home, repr(LONG + "é你\n"), env) == ""
    assert paged(home) == LONG + "é你\n"
    assert (home.path / "noted").read_text() == "mine\n-a\ntwo words\n"


def test_less_is_the_default_pager(home: Home) -> None:
    folder = tool(home, "less", NOTING).parent
    screen_after(home, repr(LONG), {"PATH": str(folder)})
    assert paged(home) == LONG
    assert (home.path / "noted").read_text().split() == ["FRX"]


def test_without_less_the_text_is_written_directly(home: Home) -> None:
    (home.path / "empty").mkdir()
    assert screen_after(home, repr(LONG), {"PATH": str(home.path / "empty")}).count("row") == 100


@pytest.mark.parametrize(
    "pager", ["", " ", "cat", "no-such-pager", "/no/such pager", "'", "unreadable", "garbage",
              "sh -c 'exit 127'", "sh -c 'exit 126'"],
)  # fmt: skip
def test_text_is_written_directly_if_the_pager_cannot_run(home: Home, pager: str) -> None:
    tool(home, "unreadable", NOTING, mode=0o600)
    folder = tool(home, "garbage", "\x7fELF\n").parent
    env = {"PAGER": pager, "PATH": f"{folder}:/usr/bin:/bin"}
    assert screen_after(home, repr(LONG), env).count("row") == 100


def test_a_dumb_terminal_gets_no_pager(home: Home) -> None:
    pager = tool(home, "noting", NOTING)
    env = {"PAGER": str(pager), "TERM": "dumb"}
    assert screen_after(home, repr(LONG), env).count("row") == 100
    assert paged(home) is None


@pytest.mark.parametrize("code", [0, 1])
def test_quitting_the_pager_early_is_no_error(home: Home, code: int) -> None:
    pager = tool(home, "early", f"#!/bin/sh\necho shown\nexit {code}\n")
    assert screen_after(home, "'row\\n' * 10**6", {"PAGER": str(pager)}) == "shown"


def test_ctrl_c_goes_to_the_pager_while_it_runs(home: Home) -> None:
    pager = tool(home, "waiting", WAITING)
    with Terminal(show(repr(LONG)), home=home, env={"PAGER": str(pager)}) as terminal:
        terminal.wait_for("pager waits False")
        terminal.press_ctrl_c()
        terminal.wait_for("pager stopped")
        terminal.wait_for("after all")
        assert terminal.wait_exit() == 0


def test_the_pager_works_outside_the_main_thread(home: Home) -> None:
    pager = tool(home, "noting", NOTING)
    call = f"page(streams, [{LONG!r}])"
    threaded = f"import threading; thread = threading.Thread(target=lambda: {call})"
    code = SHOW.format(text=repr(LONG)).replace(call, f"{threaded}; thread.start(); thread.join()")
    with Terminal([sys.executable, "-c", code], home=home, env={"PAGER": str(pager)}) as terminal:
        assert terminal.wait_exit() == 0
    assert paged(home) == LONG


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_less_shows_colors_and_q_quits_it(home: Home) -> None:
    text = "''.join(f'\\x1b[1mrow {n}\\x1b[0m 你好\\n' for n in range(100))"
    with Terminal(show(text), home=home, columns=40, rows=10) as terminal:
        terminal.wait_for("row 8 你好")
        assert "row 9" not in terminal.all_text()
        terminal.send(b" ")
        terminal.wait_for("row 17 你好")
        terminal.send(b"q")
        terminal.wait_for("after all")
        assert terminal.wait_exit() == 0
        assert b"\x1b[1mrow 8" in terminal.raw
        assert "row 99" not in terminal.all_text()


STARTED = """
import pathlib, sys, time
from newapi_cli.render.pager import page
from newapi_cli.streams import streams_of_process

def rows():
    yield from ("row\\n" for _ in range(500))
    while not pathlib.Path(sys.argv[1]).exists():  # the pager creates it when it reads
        time.sleep(0.01)
    yield "last\\n"

page(streams_of_process(), rows())
"""
READING = """\
#!/bin/sh
read line
: > "$HOME/started"
/bin/cat > "$HOME/paged"
"""


def test_the_pager_shows_the_first_rows_before_the_last_are_known(home: Home) -> None:
    pager = tool(home, "reading", READING)
    command = [sys.executable, "-c", STARTED, str(home.path / "started")]
    with Terminal(command, home=home, env={"PAGER": str(pager)}) as terminal:
        assert terminal.wait_exit() == 0
    assert paged(home) == "row\n" * 499 + "last\n"


def test_nothing_more_is_rendered_when_the_pager_was_quit(home: Home) -> None:
    pager = tool(home, "quitting", "#!/bin/sh\nread line\n")
    endless = "__import__('itertools').repeat('row\\n')"
    command = [sys.executable, "-c", SHOW.replace("[{text}]", endless)]
    with Terminal(command, home=home, env={"PAGER": str(pager)}) as terminal:
        assert terminal.wait_exit() == 0
        assert "after all" in terminal.all_text()
