"""Copies text to the clipboard, with a desktop tool or through the terminal (OSC 52).

Over SSH a tool would fill the clipboard of the wrong machine, so the terminal is tried first there.
Whether a terminal accepts OSC 52 cannot be detected, so the confirmation mentions it.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from newapi_cli.errors import LocalError, NewapiError, UsageError
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.extract import code_blocks
from newapi_cli.render.sanitizer import safe_code, safe_text
from newapi_cli.streams import Output, Streams

TIMEOUT_S = 3.0
MAX_OSC_BYTES = 100_000  # terminals cut what is longer, or drop it
SCREEN_CHUNK = 240  # bytes; screen cuts long strings (MAXSTR: 768, in old versions 256)
INSTALL_HINT = tr("install wl-clipboard, xclip or xsel, or use /save FILE")
SAVE_HINT = tr("/save FILE writes it to a file")
POWERSHELL = (
    "[Console]::InputEncoding = [Text.UTF8Encoding]::new($false);"
    "Set-Clipboard -Value ([Console]::In.ReadToEnd())"
)


class Tool(NamedTuple):
    """A command that reads the text from its standard input."""

    command: tuple[str, ...]
    encoding: str = "utf-8"


TMUX = Tool(("tmux", "load-buffer", "-w", "-"))  # 3.2 or later; passes it to its terminal
WAYLAND = (Tool(("wl-copy",)),)
X11 = (Tool(("xclip", "-selection", "clipboard")), Tool(("xsel", "-ib")))
MACOS = (Tool(("pbcopy",)),)
TERMUX = (Tool(("termux-clipboard-set",)),)
WINDOWS = (
    Tool(("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", POWERSHELL)),
    Tool(("clip.exe",), "utf-16-le"),
)


def copy(streams: Streams, text: str) -> str:
    """Copy a text to the clipboard and return a confirmation.

    A tool that does not end within three seconds is killed, and the next method is tried.
    """
    if not text:
        raise UsageError(tr("nothing to copy yet"))
    methods = [_by_tool, _by_terminal]
    errors: list[NewapiError] = []
    for method in reversed(methods) if _is_remote(streams) else methods:
        try:
            how = method(streams, text)
        except LocalError as error:
            errors.append(error)
            continue
        return ntr(
            "copied {n} character {how}", "copied {n:,} characters {how}", len(text), how=how
        )
    why = "; ".join(error.message for error in errors)
    is_too_long = len(text.encode("utf-8", "replace")) > MAX_OSC_BYTES
    raise LocalError(
        tr("cannot copy to the clipboard"), why=why, hint=SAVE_HINT if is_too_long else INSTALL_HINT
    )


def clipboard_tool(streams: Streams) -> str:
    """Return the name of the tool that `copy` tries first, empty if that is the terminal."""
    if _is_remote(streams):
        return ""
    path = streams.environ.get("PATH")
    names = (tool.command[0] for tool in clipboard_tools(streams.environ))
    return next((name for name in names if shutil.which(name, path=path)), "")


def code_block(markdown: str, which: str) -> str:
    """Return the part of an answer to copy: all of it, its last code block, or the Nth one.

    A code block comes without its last line break, which would run it in a shell. Raises
    `UsageError` if there is no such block.
    """
    if not which:
        return markdown
    is_number = which.isascii() and which.isdigit() and len(which) < 6
    if which != "code" and not is_number:
        raise UsageError(
            tr('unknown argument "{which}"', which=which),
            hint=tr("/copy, /copy code for the last code block, /copy 2 for the second one"),
        )
    blocks = code_blocks(markdown)
    if not blocks:
        raise UsageError(
            tr("the last answer has no code block"), hint=tr("/copy copies the whole answer")
        )
    number = len(blocks) if which == "code" else int(which)
    if not 0 < number <= len(blocks):
        raise UsageError(
            ntr(
                "no code block {number}: the last answer has {n} code block",
                "no code block {number}: the last answer has {n:,} code blocks",
                len(blocks),
                number=number,
            ),
            hint=tr("/copy code copies the last one"),
        )
    return blocks[number - 1].removesuffix("\n")


def copy_warnings(text: str, *, is_code: bool = False) -> list[str]:
    """Return what to check before a copied text is pasted.

    Control characters and bidirectional overrides hide text. Code of several lines, or with a line
    break at its end, runs in a shell before Enter is pressed.
    """
    lines = text.replace("\r\n", "\n")
    warnings: list[str] = []
    if (safe_code(lines) if is_code else safe_text(lines)) != lines:
        warnings.append(tr("it contains invisible control characters; check before you paste"))
    if is_code and "\n" in lines:
        count = len(lines.removesuffix("\n").split("\n"))
        warnings.append(
            ntr(
                "it ends in a line break; some shells run a line as soon as it is pasted",
                "it has {n:,} lines; some shells run a line as soon as it is pasted",
                count,
            )
        )
    return warnings


# -- tools ----------------------------------------------------------------------------------------


def _by_tool(streams: Streams, text: str) -> str:
    """Copy with the first tool that works and return how.

    Raises `LocalError` if none does.
    """
    failures: list[str] = []
    for tool in clipboard_tools(streams.environ):
        program = shutil.which(tool.command[0], path=streams.environ.get("PATH"))
        if program is None:
            continue
        problem = _run(program, tool, streams, text)
        if not problem:
            return tr("with {program}", program=tool.command[0])
        failures.append(problem)
    raise LocalError("; ".join(failures) or tr("no clipboard tool found"))


def _is_remote(streams: Streams) -> bool:
    return bool(streams.environ.get("SSH_CONNECTION") or streams.environ.get("SSH_TTY"))


def clipboard_tools(environ: Mapping[str, str]) -> Iterator[Tool]:
    """Yield the tools of this desktop, best first, installed or not."""
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
    """Pass a text to a tool; return what went wrong, empty if nothing did.

    Tools for X11 and Wayland stay in the background to serve the text: their output is not waited
    for, and in a session of their own Ctrl-C does not reach them.
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
        return tr("cannot start {program}: {why}", program=program, why=error.strerror)
    try:
        process.communicate(text.encode(tool.encoding, "replace"), timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return tr("{program} timed out", program=tool.command[0])
    finally:
        _end(process)
    if not process.returncode:
        return ""
    return tr(
        "{program} failed (exit code {code})", program=tool.command[0], code=process.returncode
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a tool that still runs, with its child processes."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


# -- the terminal ---------------------------------------------------------------------------------


def _by_terminal(streams: Streams, text: str) -> str:
    """Copy through the terminal and return how.

    Raises `LocalError` if that is impossible.
    """
    terminal = _terminal(streams)
    if terminal is None:
        raise LocalError(tr("the terminal does not support it"))
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_OSC_BYTES:
        raise LocalError(tr("terminals accept at most {n} kB", n=MAX_OSC_BYTES // 1000))
    if streams.environ.get("TMUX") and _copied_by_tmux(streams, text):
        return tr("through tmux; some terminals do not pass it on")
    terminal.write(_osc_52(data, in_screen=bool(streams.environ.get("STY"))))
    return tr("through the terminal (OSC 52); some terminals refuse it")


def _terminal(streams: Streams) -> Output | None:
    if streams.terminal_is_dumb:
        return None
    return next((each for each in (streams.stdout, streams.stderr) if each.is_terminal), None)


def _copied_by_tmux(streams: Streams, text: str) -> bool:
    """Copy with tmux itself: it drops OSC 52 unless `set-clipboard` is on (3.3a)."""
    program = shutil.which(TMUX.command[0], path=streams.environ.get("PATH"))
    return program is not None and not _run(program, TMUX, streams, text)


def _osc_52(data: bytes, *, in_screen: bool) -> str:
    """Return the control sequence that sets the clipboard (xterm ctlseqs, OSC 52).

    screen passes on only device control strings, each of limited length.

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
