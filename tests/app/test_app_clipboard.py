"""Copying to the clipboard, with a desktop tool or through the terminal."""

from __future__ import annotations

import base64
import os
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from newapi_cli.app import clipboard
from newapi_cli.app.clipboard import code_block, copy, copy_warnings
from newapi_cli.errors import LocalError, UsageError
from newapi_cli.streams import Input, Output, Streams
from tests.support.cases import each
from tests.support.home import Home
from tests.support.process import Environment
from tests.support.terminal import Terminal

TEXT = "Paris 你好 👩‍👧 \x1b[31m\r\n\ttab"
COPY = """
from newapi_cli.errors import NewapiError
from newapi_cli.app.clipboard import copy
from newapi_cli.streams import streams_of_process
try:
    print(copy(streams_of_process(), {text}))
except NewapiError as error:
    print(error.message, "|", error.why, "|", error.hint)
"""
RECORDING = '#!/bin/sh\n/bin/cat > "$NOTES/{name}"\nprintf "%s " "$@" > "$NOTES/{name}.args"\n'
FAILING = "#!/bin/sh\n/bin/cat > /dev/null\nexit 3\n"
# Reads nothing and never ends, and what it starts holds its descriptors.
HANGING = "#!/bin/sh\n/bin/sleep 600 &\necho $! > $NOTES/pid\nwait\n"
# Ends at once, as xclip does; what it leaves behind holds its descriptors.
FORKING = "#!/bin/sh\n/bin/cat > $NOTES/xclip\n/bin/sleep 600 &\necho $! > $NOTES/pid\n"


class ToolFolder:
    """A folder of tools, the only one on the PATH, with what the tools recorded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tool(self, name: str, script: str = RECORDING) -> None:
        """Install a tool."""
        path = self._folder / name
        path.write_text(script.replace("{name}", name), "utf-8")
        path.chmod(0o755)

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that finds the tools."""
        return {"PATH": str(self._folder), "NOTES": str(self._folder), **more}

    def copy(self, text: str, **environ: str) -> str:
        """Copy without a terminal."""
        return copy(Streams(Input(None), Output(None), Output(None), self.environ(**environ)), text)

    def input_of(self, name: str) -> bytes | None:
        """Return the input of a tool, None if it never ran."""
        path = self._folder / name
        return path.read_bytes() if (self._folder / f"{name}.args").exists() else None

    def arguments(self, name: str) -> str:
        """Return the arguments of a tool."""
        return (self._folder / f"{name}.args").read_text().strip()

    def kill_background_process(self) -> None:
        """Kill the process that a tool started; fails if it does not run."""
        os.kill(int((self._folder / "pid").read_text()), signal.SIGKILL)

    def background_process_ends(self) -> bool:
        """Return whether the process that a tool started ends."""
        try:
            process = os.pidfd_open(int((self._folder / "pid").read_text()))
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([process], [], [], 5)[0])
        finally:
            os.close(process)


@pytest.fixture
def desk(tmp_path: Path) -> ToolFolder:
    folder = tmp_path / "desk"
    folder.mkdir()
    return ToolFolder(folder)


# -- tools ----------------------------------------------------------------------------------------

TOOLS = [
    ("wl-copy", {"WAYLAND_DISPLAY": "wayland-0"}, ""),
    ("xclip", {"DISPLAY": ":0"}, "-selection clipboard"),
    ("xsel", {"DISPLAY": ":0"}, "-ib"),
    ("termux-clipboard-set", {"TERMUX_VERSION": "0.118"}, ""),
]


@pytest.mark.parametrize(("name", "environ", "arguments"), TOOLS, ids=lambda x: str(x)[:20])
def test_a_clipboard_tool_gets_the_text(
    desk: ToolFolder, name: str, environ: dict[str, str], arguments: str
) -> None:
    desk.tool(name)
    assert desk.copy(TEXT, **environ) == f"copied {len(TEXT)} characters with {name}"
    assert desk.input_of(name) == TEXT.encode()
    assert desk.arguments(name) == arguments


def test_windows_tools_get_the_text_under_wsl(desk: ToolFolder) -> None:
    desk.tool("clip.exe")
    assert desk.copy(TEXT, WSL_DISTRO_NAME="Debian").endswith("with clip.exe")
    assert desk.input_of("clip.exe") == TEXT.encode("utf-16-le")
    desk.tool("powershell.exe")
    assert desk.copy(TEXT, WSL_INTEROP="/run/x").endswith("with powershell.exe")
    assert desk.input_of("powershell.exe") == TEXT.encode()


def test_pbcopy_gets_the_text_on_macos(desk: ToolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    desk.tool("pbcopy")
    assert desk.copy("a") == "copied 1 character with pbcopy"
    assert desk.input_of("pbcopy") == b"a"


def test_a_tool_without_its_display_is_not_run(desk: ToolFolder) -> None:
    for name, _, _ in TOOLS:
        desk.tool(name)
    with pytest.raises(LocalError) as caught:
        desk.copy(TEXT)
    assert caught.value.why == "no clipboard tool found; the terminal does not support it"
    assert "install wl-clipboard" in caught.value.hint
    assert not any(desk.input_of(name) for name, _, _ in TOOLS)


def test_if_one_tool_fails_the_next_is_tried(desk: ToolFolder) -> None:
    desk.tool("wl-copy", FAILING)
    desk.tool("xclip", "no program\x00")
    desk.tool("xsel")
    found = desk.copy(TEXT, DISPLAY=":0", WAYLAND_DISPLAY="w")
    assert found.endswith("with xsel")


def test_the_failures_of_all_tools_are_reported(desk: ToolFolder) -> None:
    desk.tool("wl-copy", FAILING)
    desk.tool("xclip", "\x7fELF")
    with pytest.raises(LocalError) as caught:
        desk.copy(TEXT, DISPLAY=":0", WAYLAND_DISPLAY="w")
    assert "wl-copy failed (exit code 3); cannot start " in caught.value.why


@pytest.mark.parametrize("text", ["short", "long" * 100_000])
def test_a_tool_that_hangs_is_killed_with_its_child_processes(
    desk: ToolFolder, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(clipboard, "TIMEOUT_S", 0.5)
    desk.tool("wl-copy", HANGING)
    with pytest.raises(LocalError) as caught:
        desk.copy(text, WAYLAND_DISPLAY="w")
    assert "wl-copy timed out" in caught.value.why
    assert desk.background_process_ends()


def test_a_tool_that_stays_in_the_background_is_not_waited_for(desk: ToolFolder) -> None:
    desk.tool("xclip", FORKING)
    started = time.monotonic()
    assert desk.copy(TEXT, DISPLAY=":0").endswith("with xclip")
    assert time.monotonic() - started < clipboard.TIMEOUT_S
    desk.kill_background_process()


def test_lone_surrogates_are_replaced(desk: ToolFolder) -> None:
    desk.tool("xsel")
    desk.copy("a\ud800b", DISPLAY=":0")
    assert desk.input_of("xsel") == b"a?b"


def test_empty_text_is_not_copied(desk: ToolFolder) -> None:
    with pytest.raises(UsageError, match="nothing to copy"):
        desk.copy("")


# -- the terminal ---------------------------------------------------------------------------------


def copy_on_terminal(home: Home, text: str, env: Environment) -> tuple[bytes, str]:
    """Copy on a terminal; return its raw output and its screen."""
    command = [sys.executable, "-c", COPY.format(text=text)]
    with Terminal(command, home=home, env=env, columns=300) as terminal:
        assert terminal.wait_exit() == 0
        return terminal.raw, terminal.screen_text()


def osc(text: str) -> bytes:
    return b"\x1b]52;c;" + base64.b64encode(text.encode()) + b"\x07"


def test_without_a_tool_the_terminal_gets_the_text(home: Home, desk: ToolFolder) -> None:
    raw, seen = copy_on_terminal(home, repr(TEXT), desk.environ())
    assert raw.startswith(osc(TEXT))
    assert seen.endswith("through the terminal (OSC 52); some terminals refuse it")


def test_over_ssh_the_terminal_is_tried_before_a_tool(home: Home, desk: ToolFolder) -> None:
    desk.tool("xclip")
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        raw, _ = copy_on_terminal(home, repr(TEXT), desk.environ(DISPLAY=":0", **{name: "x"}))
        assert raw.startswith(osc(TEXT))
    assert desk.input_of("xclip") is None


def test_on_a_desktop_a_tool_is_tried_before_the_terminal(home: Home, desk: ToolFolder) -> None:
    desk.tool("xclip")
    raw, seen = copy_on_terminal(home, repr(TEXT), desk.environ(DISPLAY=":0"))
    assert b"\x1b]52" not in raw
    assert seen.endswith("with xclip")


def test_if_the_tool_fails_the_terminal_gets_the_text(home: Home, desk: ToolFolder) -> None:
    desk.tool("xclip", FAILING)
    raw, _ = copy_on_terminal(home, repr(TEXT), desk.environ(DISPLAY=":0"))
    assert raw.startswith(osc(TEXT))


def test_a_dumb_terminal_gets_no_control_sequence(home: Home, desk: ToolFolder) -> None:
    raw, seen = copy_on_terminal(home, repr(TEXT), desk.environ(TERM="dumb"))
    assert b"\x1b]52" not in raw
    assert seen.startswith("cannot copy to the clipboard | no clipboard tool found; the terminal")


def test_over_ssh_a_tool_is_tried_second(home: Home, desk: ToolFolder) -> None:
    desk.tool("xclip")
    _, seen = copy_on_terminal(
        home, repr(TEXT), desk.environ(SSH_TTY="x", TERM="dumb", DISPLAY=":0")
    )
    assert seen.endswith("with xclip")


def test_a_text_that_terminals_would_truncate_is_refused(home: Home, desk: ToolFolder) -> None:
    raw, _ = copy_on_terminal(home, "'x' * 100_000", desk.environ())
    assert osc("x" * 100_000) in raw
    raw, seen = copy_on_terminal(home, "'x' * 100_001", desk.environ())
    assert b"\x1b]52" not in raw
    assert "terminals accept at most 100 kB | /save FILE writes it to a file" in seen


def test_tmux_copies_the_text_or_gets_the_plain_sequence(home: Home, desk: ToolFolder) -> None:
    raw, _ = copy_on_terminal(home, repr(TEXT), desk.environ(TMUX="/tmp/x,1,0"))
    assert raw.startswith(osc(TEXT))
    desk.tool("tmux", FAILING)
    raw, _ = copy_on_terminal(home, repr(TEXT), desk.environ(TMUX="/tmp/x,1,0"))
    assert raw.startswith(osc(TEXT))
    desk.tool("tmux")
    raw, seen = copy_on_terminal(home, repr(TEXT), desk.environ(TMUX="/tmp/x,1,0"))
    assert b"\x1b]52" not in raw
    assert "through tmux" in seen
    assert desk.input_of("tmux") == TEXT.encode()
    assert desk.arguments("tmux") == "load-buffer -w -"


@pytest.mark.parametrize("length", [1, 1000])
def test_screen_gets_the_sequence_in_bounded_pieces(
    home: Home, desk: ToolFolder, length: int
) -> None:
    raw, _ = copy_on_terminal(home, f"'x' * {length}", desk.environ(STY="1.pts"))
    pieces = re.findall(rb"\x1bP(.*?)\x1b\\", raw, re.DOTALL)
    assert b"".join(pieces) == osc("x" * length)
    assert max(map(len, pieces)) < 256
    assert raw.startswith(b"\x1bP")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_real_tmux_passes_the_text_on(home: Home) -> None:
    script = home.path / "copying.py"
    script.write_text(COPY.format(text=repr("Paris 你好")))
    inside = f"{sys.executable} {script}; tmux show-buffer > {home.path}/buffer; read x"
    command = ["tmux", "-u", "-f", "/dev/null", "-S", str(home.path / "tmux"), "new", inside]
    command += [";", "set", "destroy-unattached", "on"]  # it ends with this test, come what may
    with Terminal(command, home=home, env={"SHELL": "/bin/sh"}) as terminal:
        terminal.wait_for("through tmux")
        wanted = base64.b64encode("Paris 你好".encode())
        terminal.wait_until(lambda: re.search(rb"\x1b]52;c?;" + wanted, terminal.raw) is not None)
        terminal.send(b"\r")
        assert terminal.wait_exit() == 0
    assert (home.path / "buffer").read_text() == "Paris 你好"


# -- what is copied -------------------------------------------------------------------------------

ANSWER = "a\n```sh\nls\n```\n> ~~~\n> two\n> lines\n> ~~~\n"


@pytest.mark.parametrize(
    ("which", "picked"),
    [("", ANSWER), ("code", "two\nlines"), ("1", "ls"), ("2", "two\nlines"), ("02", "two\nlines")],
)
def test_the_answer_or_one_of_its_code_blocks_is_selected(which: str, picked: str) -> None:
    assert code_block(ANSWER, which) == picked


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("3", "no code block 3: the last answer has 2 code blocks"),
        ("0", "no code block 0"),
        ("99999", "no code block 99999"),
        ("9" * 5000, "unknown argument"),
        ("-1", 'unknown argument "-1"'),
        ("²", "unknown argument"),
        ("all", 'unknown argument "all"'),
    ],
)
def test_a_missing_code_block_is_refused(which: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        code_block(ANSWER, which)
    assert message in caught.value.message
    assert "/copy" in caught.value.hint


def test_an_answer_without_code_has_no_block() -> None:
    for which in ("code", "1"):
        with pytest.raises(UsageError, match="no code block"):
            code_block("plain `inline`", which)
    with pytest.raises(UsageError, match=r"has 1 code block$"):
        code_block("```\na\n```", "2")


@each(
    ("text", "is_code", "warning"),
    [
        ("plain\ttext\nof lines\r\n", False, ""),
        ("ls", True, ""),
        (
            "你好 👩‍👧 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            False,
            "",
        ),
        ("a\x1b[31m", False, "control characters"),
        ("ls\rrm", False, "control characters"),
        ("a\u202eb", True, "control characters"),
        ("a\u2066b", False, "control characters"),
        ("a\u200bb", False, ""),
        ("a\u200bb", True, "control characters"),
        ("a\nb", True, "it has 2 lines; some shells run a line as soon as it is pasted"),
        ("a\r\nb\r\n", True, "it has 2 lines"),
        ("a\n", True, "it ends in a line break"),
        ("a\x00\nb", True, "characters; check before you paste; it has 2 lines"),
        ("", True, ""),
    ],
)
def test_text_that_is_dangerous_to_paste_is_warned_about(
    text: str, is_code: bool, warning: str
) -> None:
    warnings = "; ".join(copy_warnings(text, is_code=is_code))
    assert warning in warnings
    assert bool(warnings) == bool(warning)
