"""Text to the clipboard: by a tool of the desktop, or by the terminal itself (OSC 52).

Over SSH a tool would fill the clipboard of the wrong machine, so there the terminal comes first.
What a terminal does with OSC 52 cannot be asked: some refuse it, and that is told.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

from newapi_cli.errors import LocalError, NewapiError, UsageError
from newapi_cli.render.extract import code_blocks
from newapi_cli.render.sanitizer import safe_code, safe_text
from newapi_cli.streams import Output, Streams

TIMEOUT_S = 3.0
MAX_OSC_BYTES = 100_000  # terminals cut what is longer, or drop it
SCREEN_CHUNK = 240  # bytes; screen cuts long strings (MAXSTR: 768, in old versions 256)
INSTALL_HINT = "install wl-clipboard, xclip or xsel, or write it to a file with /save FILE"
SAVE_HINT = "write it to a file with /save FILE"
POWERSHELL = (
    "[Console]::InputEncoding = [Text.UTF8Encoding]::new($false);"
    "Set-Clipboard -Value ([Console]::In.ReadToEnd())"
)


class Tool(NamedTuple):
    """A command that takes the text on its standard input."""

    command: tuple[str, ...]
    encoding: str = "utf-8"


TMUX = Tool(("tmux", "load-buffer", "-w", "-"))  # 3.2 or later; hands it on to its own terminal
WAYLAND = (Tool(("wl-copy",)),)
X11 = (Tool(("xclip", "-selection", "clipboard")), Tool(("xsel", "-ib")))
MACOS = (Tool(("pbcopy",)),)
TERMUX = (Tool(("termux-clipboard-set",)),)
WINDOWS = (
    Tool(("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", POWERSHELL)),
    Tool(("clip.exe",), "utf-16-le"),
)


def copy(streams: Streams, text: str) -> str:
    """Put a text into the clipboard and say how, for the person. Raises `LocalError` with a hint.

    A tool that does not end within three seconds is given up, and the next way is tried.
    """
    if not text:
        raise UsageError("there is nothing to copy yet")
    is_remote = bool(streams.environ.get("SSH_CONNECTION") or streams.environ.get("SSH_TTY"))
    ways = [_by_tool, _by_terminal]
    problems: list[NewapiError] = []
    for way in reversed(ways) if is_remote else ways:
        try:
            return f"copied {_amount(text)} {way(streams, text)}"
        except LocalError as problem:
            problems.append(problem)
    why = "; ".join(problem.message for problem in problems)
    hint = SAVE_HINT if any(p.hint == SAVE_HINT for p in problems) else INSTALL_HINT
    raise LocalError("cannot reach the clipboard", why=why, hint=hint)


def code_block(markdown: str, which: str) -> str:
    """Pick what is copied of an answer: all of it, its last code block, or the one of a number.

    A code block comes without its last line break, which would run it in a shell. Raises
    `UsageError` where there is no such block.
    """
    if not which:
        return markdown
    is_number = which.isascii() and which.isdigit() and len(which) < 6
    if which != "code" and not is_number:
        raise UsageError(
            f"/copy does not know “{which}”",
            hint="/copy takes the answer, /copy code its last code block, /copy 2 the second one",
        )
    blocks = code_blocks(markdown)
    if not blocks:
        raise UsageError("the last answer holds no code block", hint="/copy takes all of it")
    number = len(blocks) if which == "code" else int(which)
    if not 0 < number <= len(blocks):
        count = f"{len(blocks)} code block{'s' * (len(blocks) != 1)}"
        raise UsageError(
            f"there is no code block {number}: the last answer holds {count}",
            hint="/copy code takes the last one",
        )
    return blocks[number - 1].removesuffix("\n")


def copy_warning(text: str, *, is_code: bool = False) -> str:
    """Say what to look at before a copied text is pasted, or nothing.

    Control characters and those that turn the direction of writing hide what is there. Code of
    several lines, or with a line break at its end, runs in a shell before Enter is pressed.
    """
    lines = text.replace("\r\n", "\n")
    warnings = []
    if (safe_code(lines) if is_code else safe_text(lines)) != lines:
        warnings.append("it holds invisible control characters; look before you paste")
    if is_code and "\n" in lines:
        count = len(lines.removesuffix("\n").split("\n"))
        what = f"has {count} lines" if count > 1 else "ends in a line break"
        warnings.append(f"it {what}, and some shells run a line as it is pasted")
    return "; ".join(warnings)


# -- tools ----------------------------------------------------------------------------------------


def _by_tool(streams: Streams, text: str) -> str:
    """Copy by the first tool that works; raises `LocalError` where none does."""
    failed: list[str] = []
    for tool in _tools(streams):
        program = shutil.which(tool.command[0], path=streams.environ.get("PATH"))
        if program is None:
            continue
        problem = _run(program, tool, streams, text)
        if not problem:
            return f"with {tool.command[0]}"
        failed.append(f"{tool.command[0]} {problem}")
    raise LocalError("; ".join(failed) or "no tool for it was found")


def _tools(streams: Streams) -> Iterator[Tool]:
    environ = streams.environ
    if environ.get("TERMUX_VERSION"):
        yield from TERMUX
    if sys.platform == "darwin":
        yield from MACOS
    if environ.get("WAYLAND_DISPLAY"):
        yield from WAYLAND
    if environ.get("DISPLAY"):
        yield from X11
    if sys.platform == "win32" or environ.get("WSL_DISTRO_NAME") or environ.get("WSL_INTEROP"):
        yield from WINDOWS


def _run(program: str, tool: Tool, streams: Streams, text: str) -> str:
    """Give a text to a tool; say what went wrong, or nothing.

    Tools for X11 and Wayland go on in the background to hand the text out: they are never waited
    for by way of their output, and in a session of their own no Ctrl-C reaches them.
    """
    try:
        process = subprocess.Popen(
            [program, *tool.command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(streams.environ),
            start_new_session=True,
        )
    except OSError as error:
        return f"cannot be started ({error.strerror})"
    try:
        process.communicate(text.encode(tool.encoding, "replace"), timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return "did not end in time"
    finally:
        _end(process)
    return f"failed (exit code {process.returncode})" if process.returncode else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a tool that still runs, with what it has started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


# -- the terminal ---------------------------------------------------------------------------------


def _by_terminal(streams: Streams, text: str) -> str:
    """Copy by the terminal; raises `LocalError` where there is none, or the text is too long."""
    terminal = _terminal(streams)
    if terminal is None:
        raise LocalError("the terminal cannot take it")
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_OSC_BYTES:
        raise LocalError(f"the terminal takes {MAX_OSC_BYTES // 1000} kB at most", hint=SAVE_HINT)
    if streams.environ.get("TMUX") and _tmux_took_it(streams, text):
        return "through tmux; some terminals do not let it through"
    terminal.write(_osc_52(data, in_screen=bool(streams.environ.get("STY"))))
    return "through the terminal (OSC 52); some terminals refuse it"


def _terminal(streams: Streams) -> Output | None:
    if streams.terminal_is_dumb:
        return None
    return next((each for each in (streams.stdout, streams.stderr) if each.is_terminal), None)


def _tmux_took_it(streams: Streams, text: str) -> bool:
    """Ask tmux itself: unless `set-clipboard` is on, it drops the OSC 52 of programs (3.3a)."""
    program = shutil.which(TMUX.command[0], path=streams.environ.get("PATH"))
    return program is not None and not _run(program, TMUX, streams, text)


def _osc_52(data: bytes, *, in_screen: bool) -> str:
    """Give the control sequence that sets the clipboard (xterm ctlseqs, OSC 52).

    screen passes on only what stands in device control strings, each of bounded length.

    >>> _osc_52(b"hi", in_screen=False)
    '\\x1b]52;c;aGk=\\x07'
    >>> _osc_52(b"hi", in_screen=True)
    '\\x1bP\\x1b]52;c;aGk=\\x07\\x1b\\\\'
    """
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if not in_screen:
        return sequence
    pieces = range(0, len(sequence), SCREEN_CHUNK)
    return "".join(f"\x1bP{sequence[at : at + SCREEN_CHUNK]}\x1b\\" for at in pieces)


def _amount(text: str) -> str:
    return f"{len(text):,} character{'s' * (len(text) != 1)}"
