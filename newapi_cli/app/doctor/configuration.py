"""What is set, where it comes from, and who else can read it: nothing here asks a server."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path

from newapi_cli.app.context import LOGIN_HINT
from newapi_cli.app.doctor.checkup import Case, failed, ok, skipped, warning
from newapi_cli.app.doctor.runner import failure
from newapi_cli.app.input_history import FILE as HISTORY_FILE
from newapi_cli.config.file import ConfigFile, read_config
from newapi_cli.config.keys import ensure_key_may_be_sent
from newapi_cli.config.paths import NO_HOME
from newapi_cli.domain.profile import KeyKind, Settings, Source
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode, NewapiError
from newapi_cli.text import quote_name

OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def configuration(case: Case) -> CheckResult:
    """Look at the config file, and at where address, key and model come from.

    Of a file that cannot be read, the environment and the flags may still say enough.
    """
    context = case.context
    path = context.paths.config_file
    problem: NewapiError | None = None
    try:
        context.config_file = read_config(path)
    except NewapiError as error:
        problem = error
        case.is_file_broken = True
        context.config_file = ConfigFile(path)
    try:
        settings = context.settings
    except NewapiError as error:
        return failure(problem or error)
    if problem is not None:
        return failure(problem)
    known = f"profile {quote_name(settings.profile)} of" if path.exists() else "no file"
    place = "" if path.is_relative_to(NO_HOME) else f" {case.shown(path)}"
    text = f"{known}{place}; {_origins(settings)}"
    about_names = [each for each in context.config_file.warnings if each.startswith(f"{path}: ")]
    if about_names:
        told = "; ".join(each.removeprefix(f"{path}: ") for each in about_names)
        return warning(f"{text}; {told}", "newapi config edit")
    return ok(text)


def _origins(settings: Settings) -> str:
    """Say where address, key and model come from, each place once."""
    key = settings.key.kind.value if settings.key else "api_key"
    places: dict[str, list[str]] = {}
    for setting, name in (("base_url", "base URL"), (key, "key"), ("model", "model")):
        origin = settings.origins.get(setting)
        place = f"from {origin}" if origin else "not set"
        if origin and origin.source is Source.PROFILE:
            place = "from it"
        places.setdefault(place, []).append(name)
    return ", ".join(f"{_in_words(names)} {place}" for place, names in places.items())


def _in_words(names: list[str]) -> str:
    """Join names as a sentence does.

    >>> _in_words(["a", "b", "c"]), _in_words(["a"])
    ('a, b and c', 'a')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def files(case: Case) -> CheckResult:
    """Look for what others can read or change: a key, sessions, the folders around them."""
    if sys.platform == "win32":
        return skipped("this system has no modes of files")
    paths = case.context.paths
    kept = [paths.data_dir / "sessions.db", paths.data_dir / HISTORY_FILE]
    folders = [paths.config_file.parent, paths.data_dir, paths.cache_dir]
    if exposed := [path for path in _files_with_keys(case) if _mode(path) & OTHERS]:
        return failed(
            f"others can read the key in {_listed(case, exposed)}, and may have done so",
            f"chmod 600 {_quoted(exposed)}",
            ExitCode.CONFIG,
        )
    if open_folders := [path for path in folders if _mode(path) & OTHERS_WRITE]:
        return warning(
            f"others can change {_listed(case, open_folders)}", f"chmod 700 {_quoted(open_folders)}"
        )
    if exposed := [path for path in kept if _mode(path) & OTHERS]:
        return warning(f"others can read {_listed(case, exposed)}", f"chmod 600 {_quoted(exposed)}")
    everything = [*_files_with_keys(case), *kept, *folders]
    if foreign := [
        path for path in (*everything, _lock_of(paths.config_file)) if _is_foreign(path)
    ]:
        return _told_foreign(case, foreign)
    if unseen := [path for path in everything if not _can_be_looked_at(path)]:
        blocking = dict.fromkeys(_nearest_seen(path) for path in unseen)
        return warning(f"cannot look at {_listed(case, unseen)}", f"ls -ld {_quoted([*blocking])}")
    return ok("nobody else can read keys and sessions, nor change their folders")


def _told_foreign(case: Case, foreign: list[Path]) -> CheckResult:
    text = f"{_listed(case, foreign)} belongs to another user"
    if os.geteuid() == 0:  # to take it from that user would lock that user out
        return warning(text, "run newapi as that user, without sudo")
    return warning(text, f"sudo chown -R $USER {_quoted(foreign)}")


def _lock_of(config_file: Path) -> Path:
    """Give the lock beside the config file, without which nothing can be set."""
    target = Path(os.path.realpath(config_file))
    return target.with_name(f".{target.name}.lock")


def _files_with_keys(case: Case) -> list[Path]:
    """Give the config file, if a key may stand in it, and the key file."""
    config = case.context.config_file
    found = []
    # One that cannot be parsed may well hold a key.
    if case.is_file_broken or any(table.get("api_key") for table in config.profiles.values()):
        found.append(config.path)
    try:
        source = case.context.settings.key
    except NewapiError:
        return found
    if source is not None and source.kind is KeyKind.FILE:
        is_profiles = source.origin.source is Source.PROFILE
        base = config.path.parent if is_profiles else Path()
        found.append(base / Path(os.path.expanduser(source.text.reveal().strip())))  # noqa: PTH111  # it never raises
    return found


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return 0


def _is_foreign(path: Path) -> bool:
    try:
        return path.stat().st_uid != os.geteuid()
    except (OSError, ValueError):
        return False


def _can_be_looked_at(path: Path) -> bool:
    """Say whether modes can be known; what is not there has none."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return True


def _nearest_seen(path: Path) -> Path:
    """Give the folder on the way that lets nobody look further."""
    return next(each for each in path.parents if _can_be_looked_at(each))


def _listed(case: Case, paths: list[Path]) -> str:
    return _in_words([case.shown(path) for path in paths])


def _quoted(paths: list[Path]) -> str:
    return " ".join(shlex.quote(str(path)) for path in paths)


def address(case: Case) -> CheckResult:
    """Look at the form of the base URL, and whether a key may travel there."""
    settings = case.settings
    if settings.base_url is None:
        return failed("no base URL is set", LOGIN_HINT, ExitCode.CONFIG)
    base_url, written = settings.base_url, _as_written(case)
    text = str(base_url)
    if written.rstrip("/") not in ("", text):
        text += f", from {written}"
    if base_url.scheme == "https":
        return ok(text)
    if base_url.is_loopback:
        return ok(f"{text}; this machine, without TLS")
    if settings.key is None:
        return warning(f"{text}; without TLS, everybody on the way can read along")
    ensure_key_may_be_sent(base_url, allow_insecure=settings.flag("allow_insecure"))
    return warning(
        f"{text}; the key travels in clear text, as allow_insecure says",
        f"use https://{base_url.authority} if the server speaks TLS",
    )


def _as_written(case: Case) -> str:
    """Give the base URL as the person wrote it, which may be a page of the console."""
    context = case.context
    origin = case.settings.origins["base_url"]
    if origin.source is Source.FLAG:
        found = context.overrides.get("base_url")
    elif origin.source is Source.ENVIRONMENT:
        found = context.streams.environ.get(origin.name)
    else:
        found = context.config_file.profiles.get(origin.name, {}).get("base_url")
    return found.strip() if isinstance(found, str) else ""
