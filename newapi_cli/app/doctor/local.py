"""This machine: the terminal, and where sessions are kept."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from newapi_cli.app.clipboard import clipboard_tools
from newapi_cli.app.doctor.checkup import Case, failed, ok, skipped, warning
from newapi_cli.config.paths import NO_HOME
from newapi_cli.domain.messages import size_text
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, NewapiError
from newapi_cli.store.inspection import inspect_store
from newapi_cli.streams import Streams

NARROW = 40
HOME_HINT = "set NEWAPI_HOME to a folder that you can write to; until then -n saves nothing"


def terminal(case: Case) -> CheckResult:
    """Say what newapi takes the terminal for. What it really understands cannot be asked."""
    streams = case.context.streams
    stdout, environ = streams.stdout, streams.environ
    if not stdout.is_terminal:
        return skipped("standard output is no terminal; what is written there is UTF-8, unadorned")
    term = environ.get("TERM", "")
    if streams.terminal_is_dumb:
        return warning(
            f"TERM is “{term}”: no color, no layout, no editing of lines",
            "export TERM=xterm-256color, if the terminal is one",
        )
    parts = [term, f"{stdout.width} by {stdout.height}", _color(streams), stdout.encoding.upper()]
    if environ.get("TMUX"):
        parts.append("in tmux")
    elif environ.get("STY"):
        parts.append("in screen")
    parts += [f"/copy {_copying(streams)}", "pastes as bracketed ones"]
    text = ", ".join(parts)
    if stdout.encoding.lower().replace("-", "") != "utf8":
        return warning(f"{text}; what it cannot show is escaped", "export LANG=C.UTF-8")
    if stdout.width < NARROW:
        return warning(f"{text}; tables and code need {NARROW} columns or more")
    return ok(text)


def _color(streams: Streams) -> str:
    has_color = streams.wants_color(streams.stdout)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        if streams.environ.get(name):
            return f"{'color' if has_color else 'no color'} by {name}"
    return "color" if has_color else "no color"


def _copying(streams: Streams) -> str:
    """Say which way a text takes to the clipboard: see `app.clipboard`."""
    path = streams.environ.get("PATH")
    programs = (tool.command[0] for tool in clipboard_tools(streams.environ))
    found = next((program for program in programs if shutil.which(program, path=path)), "")
    is_remote = streams.environ.get("SSH_CONNECTION") or streams.environ.get("SSH_TTY")
    return f"by {found}" if found and not is_remote else "by OSC 52, if the terminal takes it"


def store(case: Case) -> CheckResult:
    """Look into the file of the sessions, and whether a new one could be kept."""
    context = case.context
    folder, path = context.paths.data_dir, context.sessions_file
    if not _is_writable(folder):
        why = f"{case.shown(_nearest(folder))} is not writable"
        if folder.is_relative_to(NO_HOME):
            why = "there is no home folder"
        return failed(f"nothing can be kept: {why}", HOME_HINT, ExitCode.LOCAL)
    switched_off = "; save = false keeps nothing more" if not _saves(case) else ""
    if not path.exists():
        return ok(f"nothing is kept in {case.shown(folder)} yet{switched_off}")
    found = inspect_store(path)
    if not os.access(path, os.W_OK):
        return failed(
            f"{case.shown(path)} is not writable", f"ls -l {shlex.quote(str(path))}", ExitCode.LOCAL
        )
    count = f"{found.sessions:,} session{'s' * (found.sessions != 1)}, {found.turns:,} turns"
    old = ", migrated when it is used next" if found.is_old else ""
    about = f"({size_text(found.size_bytes)}, version {found.version}{old})"
    state = "sound" if found.is_checked else "too large to be checked here"
    return ok(f"{count} in {case.shown(path)} {about}, {state}{switched_off}")


def _saves(case: Case) -> bool:
    try:
        return case.context.settings.flag("save")
    except NewapiError:
        return True


def _nearest(folder: Path) -> Path:
    """Give the folder itself, or the first one above it that exists."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _is_writable(folder: Path) -> bool:
    nearest = _nearest(folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
