"""Checks of this machine: configuration, files, base URL, terminal, session store. No network."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path

from newapi_cli.app.clipboard import clipboard_tool
from newapi_cli.app.doctor.context import (
    DoctorContext,
    failed,
    ok,
    result_from_error,
    skipped,
    warning,
)
from newapi_cli.app.input_history import FILE as HISTORY_FILE
from newapi_cli.config.file import ConfigFile, has_secret, lock_file, read_config
from newapi_cli.config.keys import ensure_key_may_be_sent
from newapi_cli.config.paths import NO_HOME
from newapi_cli.config.settings import NO_BASE_URL_HINT
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.messages import size_text
from newapi_cli.domain.report import CheckResult
from newapi_cli.domain.settings import KeyKind, Origin, Settings, Source
from newapi_cli.errors import ExitCode, NewapiError
from newapi_cli.i18n import ntr, tr
from newapi_cli.store.inspection import inspect_store
from newapi_cli.streams import Streams
from newapi_cli.text import quote_name

MIN_WIDTH = 40
UNWRITABLE_HINT = tr("set NEWAPI_HOME to a writable folder, or use -n to save nothing")
OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_configuration(doctor: DoctorContext) -> CheckResult:
    """Check the config file, and report the origins of base URL, key and model.

    If the file is invalid, the environment and the flags may still be enough for other checks.
    """
    context = doctor.context
    path = context.paths.config_file
    problem: NewapiError | None = None
    try:
        context.config_file = read_config(path)
    except NewapiError as error:
        problem = error
        doctor.is_file_invalid = True
        context.config_file = ConfigFile(path)
    try:
        settings = context.settings
    except NewapiError as error:
        return result_from_error(problem or error)
    if problem is not None:
        return result_from_error(problem)
    parts = [_where(doctor, path), *_origins(settings)]
    if unknown := context.config_file.unknown_names:
        return warning(*parts, *unknown, hint="newapi config edit")
    return ok(*parts)


def _where(doctor: DoctorContext, path: Path) -> str:
    if path.is_relative_to(NO_HOME):
        return tr("no config file")
    short_path = doctor.short_path(path)
    if not path.exists():
        return tr("no config file {path}", path=short_path)
    name = quote_name(doctor.settings.profile)
    return tr("profile {name} of {path}", name=name, path=short_path)


def _origins(settings: Settings) -> list[str]:
    """Return where base URL, key and model come from, one part for each origin."""
    key = settings.key.kind.value if settings.key else KeyKind.VALUE.value
    names_by_origin: dict[Origin | None, list[str]] = {}
    for name in ("base_url", key, "model"):
        names_by_origin.setdefault(settings.origins.get(name), []).append(name)
    parts: list[str] = []
    for origin, listed in names_by_origin.items():
        names = ", ".join(listed)
        if origin is None:
            parts.append(tr("{names} not set", names=names))
        elif origin.source is Source.PROFILE:
            parts.append(tr("{names} from the profile", names=names))
        else:
            parts.append(tr("{names} from {origin}", names=names, origin=origin.readable))
    return parts


def check_files(doctor: DoctorContext) -> CheckResult:
    """Check that no other user can read keys and sessions, or change their folders."""
    if sys.platform == "win32":
        return skipped(tr("not supported on this system"))
    paths = doctor.context.paths
    private = [paths.data_dir / "sessions.db", paths.data_dir / HISTORY_FILE]
    folders = [paths.config_file.parent, paths.data_dir, paths.cache_dir]
    lock = lock_file(Path(os.path.realpath(paths.config_file)))  # needed for every change
    key_files = _files_with_keys(doctor)
    if exposed := [path for path in key_files if _mode(path) & OTHERS]:
        return failed(
            tr("others can read the key in {paths}", paths=_short_paths(doctor, exposed)),
            hint=f"chmod 600 {_quoted(exposed)}",
            code=ExitCode.CONFIG,
        )
    if open_folders := [path for path in folders if _mode(path) & OTHERS_WRITE]:
        text = tr("others can change {paths}", paths=_short_paths(doctor, open_folders))
        return warning(text, hint=f"chmod 700 {_quoted(open_folders)}")
    if exposed := [path for path in private if _mode(path) & OTHERS]:
        text = tr("others can read {paths}", paths=_short_paths(doctor, exposed))
        return warning(text, hint=f"chmod 600 {_quoted(exposed)}")
    everything = [*key_files, *private, *folders]
    if of_others := [path for path in (*everything, lock) if _is_owned_by_another_user(path)]:
        return _wrong_owner_result(doctor, of_others)
    if unreadable := [path for path in everything if not _has_known_mode(path)]:
        blocking = dict.fromkeys(_nearest_known(path) for path in unreadable)
        text = tr("cannot check {paths}", paths=_short_paths(doctor, unreadable))
        return warning(text, hint=f"ls -ld {_quoted([*blocking])}")
    return ok(tr("only you can read keys and sessions, and change their folders"))


def _wrong_owner_result(doctor: DoctorContext, of_others: list[Path]) -> CheckResult:
    text = tr("owned by another user: {paths}", paths=_short_paths(doctor, of_others))
    if sys.platform != "win32" and os.geteuid() == 0:  # chown would lock that user out
        return warning(text, hint=tr("run newapi as that user, without sudo"))
    return warning(text, hint=f"sudo chown -R $USER {_quoted(of_others)}")


def _files_with_keys(doctor: DoctorContext) -> list[Path]:
    """Return the config file if it may contain a key, and the key file."""
    config = doctor.context.config_file
    paths = []
    # A file that cannot be parsed may well contain a key.
    if doctor.is_file_invalid or has_secret(config.profiles):
        paths.append(config.path)
    try:
        source = doctor.context.settings.key
    except NewapiError:
        return paths
    if source is not None and source.kind is KeyKind.FILE:
        is_relative_to_config = source.origin.source is Source.PROFILE
        base = config.path.parent if is_relative_to_config else Path()
        paths.append(base / Path(os.path.expanduser(source.text.reveal().strip())))  # noqa: PTH111  # it never raises
    return paths


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return 0


def _is_owned_by_another_user(path: Path) -> bool:
    try:
        return sys.platform != "win32" and path.stat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def _has_known_mode(path: Path) -> bool:
    """Return whether the mode of a path can be read, or the path does not exist."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return True


def _nearest_known(path: Path) -> Path:
    """Return the parent folder that denies access."""
    return next(each for each in path.parents if _has_known_mode(each))


def _short_paths(doctor: DoctorContext, paths: list[Path]) -> str:
    return ", ".join(doctor.short_path(path) for path in paths)


def _quoted(paths: list[Path]) -> str:
    return " ".join(shlex.quote(str(path)) for path in paths)


def check_base_url(doctor: DoctorContext) -> CheckResult:
    """Check the form of the base URL, and whether a key may be sent there."""
    settings = doctor.settings
    if settings.base_url is None:
        doctor.ensure_file_is_valid()
        return failed(tr("no base URL is set"), hint=NO_BASE_URL_HINT, code=ExitCode.CONFIG)
    base_url, written = settings.base_url, _as_written(doctor)
    parts = [str(base_url)]
    if written.rstrip("/") not in ("", parts[0]):
        parts.append(tr("from {text}", text=written))
    parts += _bound_parts(doctor, base_url)
    if base_url.scheme == "https":
        return ok(*parts)
    if base_url.is_loopback:
        return ok(*parts, tr("a local server without TLS"))
    if settings.key is None:
        return warning(*parts, tr("not encrypted; others on the network can read everything"))
    ensure_key_may_be_sent(base_url, allow_insecure=settings.flag("allow_insecure"))
    return warning(
        *parts,
        tr("the key is sent unencrypted, as allow_insecure is set"),
        hint=tr("use https://{host} if the server supports TLS", host=base_url.authority),
    )


def _bound_parts(doctor: DoctorContext, base_url: BaseUrl) -> list[str]:
    """Return the headers, masked, and the client certificate that are used for the server.

    Raises `ConfigError` for a header that cannot be sent.
    """
    endpoint = doctor.context.endpoint(base_url)
    parts: list[str] = []
    if endpoint.extra_headers:
        names = ", ".join(f"{name}: {value}" for name, value in endpoint.extra_headers.items())
        parts.append(tr("with the headers {names}", names=names))
    if endpoint.client_cert:
        path = doctor.short_path(Path(endpoint.client_cert))
        parts.append(tr("with the client certificate {path}", path=path))
    return parts


def _as_written(doctor: DoctorContext) -> str:
    """Return the base URL as the user wrote it, which may be a page of the console."""
    context = doctor.context
    origin = doctor.settings.origins["base_url"]
    if origin.source is Source.FLAG:
        value = context.overrides.get("base_url")
    elif origin.source is Source.ENVIRONMENT:
        value = context.streams.environ.get(origin.name)
    else:
        value = context.config_file.profiles.get(origin.name, {}).get("base_url")
    return value.strip() if isinstance(value, str) else ""


def check_terminal(doctor: DoctorContext) -> CheckResult:
    """Report how newapi uses the terminal. What it supports cannot be queried."""
    streams = doctor.context.streams
    stdout, environ = streams.stdout, streams.environ
    if not stdout.is_terminal:
        return skipped(tr("standard output is not a terminal; UTF-8 without colors"))
    term = environ.get("TERM", "")
    if streams.terminal_is_dumb:
        return warning(
            tr('TERM is "{term}"', term=term),
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
                return tr("colors set by {name}", name=name)
            return tr("no colors, set by {name}", name=name)
    return tr("colors") if has_color else tr("no colors")


def check_store(doctor: DoctorContext) -> CheckResult:
    """Check the session store, and that a new one could be created."""
    context = doctor.context
    folder, path = context.paths.data_dir, context.paths.sessions_file
    if not _is_writable(folder):
        problem = tr("{path} is not writable", path=doctor.short_path(_nearest(folder)))
        if folder.is_relative_to(NO_HOME):
            problem = tr("no home folder")
        return failed(
            tr("nothing can be saved"), problem, hint=UNWRITABLE_HINT, code=ExitCode.LOCAL
        )
    switched_off = [] if _saves(doctor) else [tr("save = false saves no new sessions")]
    if not path.exists():
        return ok(tr("no sessions yet in {path}", path=doctor.short_path(folder)), *switched_off)
    store = inspect_store(path)
    if not os.access(path, os.W_OK):
        text = tr("{path} is not writable", path=doctor.short_path(path))
        return failed(text, hint=f"ls -l {shlex.quote(str(path))}", code=ExitCode.LOCAL)
    return ok(
        ntr("{n} session", "{n:,} sessions", store.sessions),
        ntr("{n} turn", "{n:,} turns", store.turns),
        tr("in {path}", path=doctor.short_path(path)),
        size_text(store.size_bytes),
        tr("version {n}", n=store.version),
        *([tr("migrated at its next use")] if store.is_old else []),
        tr("no errors") if store.is_checked else tr("too large to check"),
        *switched_off,
    )


def _saves(doctor: DoctorContext) -> bool:
    try:
        return doctor.context.settings.flag("save")
    except NewapiError:
        return True


def _nearest(folder: Path) -> Path:
    """Return the folder, or its first parent that exists."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _is_writable(folder: Path) -> bool:
    nearest = _nearest(folder)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
