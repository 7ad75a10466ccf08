"""Checks of this machine: the terminal, and the session store. No network."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from newapi_cli.app.clipboard import clipboard_tool
from newapi_cli.app.doctor.checkup import Checkup
from newapi_cli.app.doctor.runner import failed, ok, skipped, warning
from newapi_cli.config.paths import NO_HOME
from newapi_cli.domain.messages import size_text
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, NewapiError
from newapi_cli.i18n import ntr, tr
from newapi_cli.store.inspection import inspect_store
from newapi_cli.streams import Streams

MIN_WIDTH = 40
HOME_HINT = tr("set NEWAPI_HOME to a writable folder; until then, -n saves nothing")


def check_terminal(checkup: Checkup) -> CheckResult:
    """Report how newapi uses the terminal. What it supports cannot be queried."""
    streams = checkup.context.streams
    stdout, environ = streams.stdout, streams.environ
    if not stdout.is_terminal:
        return skipped(tr("standard output is not a terminal; UTF-8 without colors"))
    term = environ.get("TERM", "")
    if streams.terminal_is_dumb:
        return warning(
            tr("TERM is “{term}”", term=term),
            tr("no colors, no formatting, no line editing"),
            hint=tr("export TERM=xterm-256color, if the terminal supports it"),
        )
    size = tr("{width} by {height}", width=stdout.width, height=stdout.height)
    parts = [term, size, _color_text(streams), stdout.encoding.upper()]
    if environ.get("TMUX"):
        parts.append(tr("in tmux"))
    elif environ.get("STY"):
        parts.append(tr("in screen"))
    tool = clipboard_tool(streams)
    if tool:
        parts.append(tr("/copy uses {tool}", tool=tool))
    else:
        parts.append(tr("/copy uses OSC 52, if the terminal supports it"))
    if stdout.encoding.lower().replace("-", "") != "utf8":
        problem = tr("other characters are escaped")
        return warning(*parts, problem, hint="export LANG=C.UTF-8")
    if stdout.width < MIN_WIDTH:
        return warning(*parts, tr("tables and code need {n} columns", n=MIN_WIDTH))
    return ok(*parts)


def _color_text(streams: Streams) -> str:
    has_color = streams.wants_color(streams.stdout)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        if streams.environ.get(name):
            if has_color:
                return tr("colors by {name}", name=name)
            return tr("no colors by {name}", name=name)
    return tr("colors") if has_color else tr("no colors")


def check_store(checkup: Checkup) -> CheckResult:
    """Check the session store, and that a new one could be created."""
    context = checkup.context
    folder, path = context.paths.data_dir, context.sessions_file
    if not _is_writable(folder):
        problem = tr("{path} is not writable", path=checkup.short_path(_nearest(folder)))
        if folder.is_relative_to(NO_HOME):
            problem = tr("there is no home folder")
        return failed(tr("nothing can be saved"), problem, hint=HOME_HINT, code=ExitCode.LOCAL)
    switched_off = [] if _saves(checkup) else [tr("save = false saves no new sessions")]
    if not path.exists():
        return ok(tr("no sessions yet in {path}", path=checkup.short_path(folder)), *switched_off)
    store = inspect_store(path)
    if not os.access(path, os.W_OK):
        text = tr("{path} is not writable", path=checkup.short_path(path))
        return failed(text, hint=f"ls -l {shlex.quote(str(path))}", code=ExitCode.LOCAL)
    return ok(
        ntr("{n} session", "{n:,} sessions", store.sessions),
        ntr("{n} turn", "{n:,} turns", store.turns),
        tr("in {path}", path=checkup.short_path(path)),
        size_text(store.size_bytes),
        tr("version {n}", n=store.version),
        *([tr("migrated at its next use")] if store.is_old else []),
        tr("no errors") if store.is_checked else tr("too large to check"),
        *switched_off,
    )


def _saves(checkup: Checkup) -> bool:
    try:
        return checkup.context.settings.flag("save")
    except NewapiError:
        return True


def _nearest(folder: Path) -> Path:
    """Return the folder, or its first parent that exists."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _is_writable(folder: Path) -> bool:
    nearest = _nearest(folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
