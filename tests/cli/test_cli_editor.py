"""`newapi chat --edit`: the prompt is written in an editor, and never lost."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.sessions.helpers import last_turn, sessions_file
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, Running
from tests.support.process import Environment, newapi_command, run_in_shell, run_newapi
from tests.support.steps import Send, Stall, sse
from tests.support.terminal import Terminal
from tests.support.wire import answer_events, error, response

PLACE = re.compile(r"^your text is saved in (\S+)$", re.MULTILINE)
WRITES = 'printf "written by hand" > "$1"'


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every request."""
    fault_server.answer_with(lambda _: sse(*answer_events("Par", "is.")))
    home.configure(fault_server.url)
    return fault_server


def prompt(server: FaultServer) -> object:
    """Return the prompt of the only request."""
    assert len(server.requests) == 1
    return server.requests[0].json["messages"][-1]["content"]


def ask(home: Home, *args: str, stdin: bytes | None = b"", env: Environment | None = None) -> str:
    """Run a command that succeeds, and return stdout."""
    result = run_newapi("chat", *args, home=home, stdin=stdin, env=env)
    assert (result.code, result.err) == (0, ""), result
    return result.text


def refused(home: Home, *args: str, env: Environment | None = None, code: int = 2) -> str:
    """Run a command that fails before a request, and return stderr."""
    result = run_newapi("chat", *args, home=home, env=env)
    assert (result.code, result.out) == (code, b""), result
    return result.err


def drafts(home: Home) -> list[Path]:
    """Return the drafts in the folder for temporary files."""
    return list((home.path / "tmp").glob("newapi-*"))


def editor(home: Home, script: str) -> dict[str, str | None]:
    """Return an environment whose editor is a shell script; `$1` is the file."""
    path = home.path / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o700)
    (home.path / "tmp").mkdir(exist_ok=True)
    return {"EDITOR": f"'{path}'", "TMPDIR": str(home.path / "tmp")}


def test_the_editor_writes_the_prompt(home: Home, server: FaultServer) -> None:
    env = editor(home, r'printf "written\nby hand\n" > "$1"')
    ask(home, "-e", env=env)
    assert prompt(server) == "written\nby hand"


def test_the_draft_starts_with_the_words_and_stdin(home: Home, server: FaultServer) -> None:
    env = editor(home, 'cp "$1" seen; printf " more" >> "$1"')
    ask(home, "-e", "sum up", stdin=b"piped\n", env=env)
    assert (home.path / "seen").read_text("utf-8") == "sum up\n\npiped\n"
    assert prompt(server) == "sum up\n\npiped\n more"


def test_visual_is_preferred_to_editor(home: Home, server: FaultServer) -> None:
    env = editor(home, 'echo visual > "$1"')
    ask(home, "-e", env=env | {"VISUAL": env["EDITOR"], "EDITOR": "false"})
    assert prompt(server) == "visual"


def test_the_draft_is_private_and_removed(home: Home, server: FaultServer) -> None:
    env = editor(home, 'stat -c %a "$1" > mode; echo "$1" > name; echo x > "$1"')
    ask(home, "-e", env=env)
    assert (home.path / "mode").read_text().strip() == "600"
    assert Path((home.path / "name").read_text().strip()).parent == home.path / "tmp"
    assert drafts(home) == []


BROKEN_TEXTS = [
    r'printf "caf\351" > "$1"',
    r'printf "a\000b" > "$1"',
    f"{WRITES}; exit 1",
    f"{WRITES}; kill -9 $$",
]


@pytest.mark.parametrize(
    "script",
    ["exit 1", ': > "$1"', 'rm "$1"', *BROKEN_TEXTS],
    ids=["fails", "empty", "removed", "latin-1", "NUL", "fails with a text", "dies with a text"],
)
def test_an_editor_that_leaves_no_text_sends_nothing(
    home: Home, server: FaultServer, script: str
) -> None:
    err = refused(home, "-e", env=editor(home, script))
    assert "error:" in err
    assert server.connections == []
    written = PLACE.search(err)
    assert [str(path) for path in drafts(home)] == ([written[1]] if written else [])
    assert bool(written) == (script in BROKEN_TEXTS)


def test_without_an_editor_and_a_terminal_nothing_is_sent(home: Home, server: FaultServer) -> None:
    (home.path / "tmp").mkdir()
    err = refused(home, "-e", "hi", env={"TMPDIR": str(home.path / "tmp"), "EDITOR": " "})
    assert "needs a terminal" in err
    assert (server.connections, drafts(home)) == ([], [])


def test_the_editor_of_the_system_opens_at_a_terminal(home: Home, server: FaultServer) -> None:
    env = editor(home, WRITES)
    (home.path / "vi").symlink_to(home.path / "my editor")
    env |= {"EDITOR": " ", "PATH": f"{home.path}:{os.environ['PATH']}"}
    (home.path / "words").write_text("piped", "utf-8")
    command = ["bash", "-c", '"$@" < words > out', "bash", *newapi_command("chat", "-e")]
    with Terminal(command, home=home, env=env) as terminal:
        assert terminal.wait_exit() == 0
    assert prompt(server) == "written by hand"


def test_a_missing_editor_is_an_error(home: Home, server: FaultServer) -> None:
    err = refused(home, "-e", env={"VISUAL": "no-such-editor -w"})
    assert "no-such-editor" in err
    assert server.connections == []


def test_the_draft_keeps_crlf_and_drops_a_byte_order_mark(home: Home, server: FaultServer) -> None:
    env = editor(home, r'printf "\357\273\277a\r\nb\r\n" > "$1"')
    ask(home, "-e", env=env)
    assert prompt(server) in ("a\r\nb\r\n", "a\r\nb")


def test_missing_configuration_is_reported_before_the_editor_opens(home: Home) -> None:
    err = refused(home, "-e", env=editor(home, "touch began"), code=3)
    assert "no base URL" in err
    assert not (home.path / "began").exists()


def left_text(home: Home, err: str) -> str:
    """Return the text of the only draft, which stderr names."""
    place = PLACE.search(err)
    assert place is not None, err
    (draft,) = drafts(home)
    assert str(draft) == place[1]
    assert draft.stat().st_mode & 0o777 == 0o600
    return draft.read_text("utf-8")


def test_the_prompt_of_a_failed_request_is_in_the_session(
    home: Home, fault_server: FaultServer
) -> None:
    home.configure(fault_server.url)
    fault_server.add(Send(response(400, error("no such thing"))))
    err = refused(home, "-e", env=editor(home, WRITES), code=6)
    assert (last_turn(home).prompt, drafts(home)) == ("written by hand", [])
    assert not PLACE.search(err)


def test_an_unsaved_prompt_is_left_in_a_file(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    fault_server.add(Send(response(400, error("no such thing"))))
    err = refused(home, "-n", "-e", env=editor(home, WRITES), code=6)
    assert left_text(home, err) == "written by hand"
    assert err.count("error:") == 1


def test_the_prompt_is_left_in_a_file_if_the_store_cannot_be_read(
    home: Home, server: FaultServer
) -> None:
    ask(home, "hi")
    sessions_file(home).write_bytes(b"no database at all " * 999)
    err = refused(home, "-c", "-e", env=editor(home, WRITES), code=10)
    assert left_text(home, err) == "written by hand"
    assert len(server.requests) == 1


def test_the_prompt_is_left_in_a_file_after_ctrl_c(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    fault_server.add(Stall())
    around = Conditions(env=editor(home, WRITES))
    with Running("chat", "-n", "-e", home=home, conditions=around) as running:
        fault_server.wait_for_requests(1)
        running.send_signal(signal.SIGINT)
        seen = running.end()
    assert seen.code == 130
    assert left_text(home, seen.err) == "written by hand"


def test_a_full_disk_is_reported_before_the_editor_opens(home: Home, server: FaultServer) -> None:
    env = editor(home, "touch began")
    result = run_in_shell('ulimit -f 0; "$@"', "chat", "-n", "-e", "hi", home=home, env=env)
    assert (result.code, result.out, server.connections) == (10, b"", [])
    assert "TMPDIR" in result.err
    assert not (home.path / "began").exists()


@pytest.mark.parametrize("streams", ["< words > out", "> out", "< words"])
def test_the_editor_uses_the_terminal_even_if_stdin_and_stdout_are_redirected(
    home: Home, server: FaultServer, streams: str
) -> None:
    (home.path / "words").write_text("piped", "utf-8")
    env = editor(home, '[ -t 0 ] && [ -t 1 ] && echo "at the terminal"; echo " more" >> "$1"')
    command = ["bash", "-c", f'"$@" {streams}', "bash", *newapi_command("chat", "-e", "words")]
    with Terminal(command, home=home, env=env) as terminal:
        assert terminal.wait_exit() == 0
        assert "at the terminal" in terminal.all_text()
    if ">" in streams:
        assert (home.path / "out").read_text("utf-8") == "Paris.\n"
    begun = "words\n\npiped" if "<" in streams else "words"
    assert prompt(server) == f"{begun} more"


def test_without_a_terminal_the_editors_output_is_not_printed_as_the_answer(
    home: Home, server: FaultServer
) -> None:
    assert ask(home, "-e", env=editor(home, f"echo editing; {WRITES}")) == "Paris.\n"


def test_ctrl_c_reaches_the_editor(home: Home, server: FaultServer) -> None:
    script = (
        """trap 'echo interrupted; printf "written by hand" > "$1"' INT; echo ready; read _; true"""
    )
    with Terminal(newapi_command("chat", "-e"), home=home, env=editor(home, script)) as terminal:
        terminal.wait_for("ready")
        terminal.press_ctrl_c()
        terminal.wait_for("interrupted")
        terminal.send(b"\n")
        assert terminal.wait_exit() == 0
        assert "Paris." in terminal.all_text()
    assert prompt(server) == "written by hand"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["TERM", "HUP"]
)
@pytest.mark.parametrize("writes", [WRITES, ":"], ids=["written", "nothing yet"])
def test_a_signal_ends_the_editor_and_keeps_the_text(
    home: Home, server: FaultServer, writes: str, number: signal.Signals, code: int
) -> None:
    script = f"{writes}; stty -echo; echo ready; exec sleep 60"
    with Terminal(newapi_command("chat", "-e"), home=home, env=editor(home, script)) as terminal:
        terminal.wait_for("ready")
        terminal.send_signal(number)
        assert terminal.wait_exit() == code
        assert terminal.echoes
        text = " ".join(terminal.all_text().split())
    assert ("your text is saved in" in text) == (writes == WRITES)
    assert [draft.read_text("utf-8") for draft in drafts(home)] == (
        ["written by hand"] if writes == WRITES else []
    )
    assert server.connections == []


@pytest.mark.parametrize("script", ['rm "$1"; mkdir "$1"', 'rm "$1"; mkfifo "$1"'])
def test_an_editor_that_deletes_the_file_is_an_error(
    home: Home, server: FaultServer, script: str
) -> None:
    assert "cannot read " in refused(home, "-e", env=editor(home, script))
    assert server.connections == []
