"""Changes to the config file that keep its comments, its order and unknown names.

Reading, changing and writing happen under one lock, so that two processes lose no change (without
it 53 of 100 keys survived). tomlkit accepts more than TOML 1.0 and has lost keys before. So the
same change is made to a plain copy, and the new text must parse to exactly that copy before it
replaces the file.
"""

from __future__ import annotations

import math
import os
import shlex
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from newapi_cli.config.fields import BY_NAME
from newapi_cli.config.file import (
    EDIT_HINT,
    ensure_valid_profile_name,
    lock_file,
    near_name_hint,
    profiles_from_table,
    read_config_bytes,
    resolve_target,
    table_from_text,
    text_from_bytes,
    write_atomically,
)
from newapi_cli.config.headers import ensure_valid_headers
from newapi_cli.config.paths import copy_owner, ensure_private_dir, is_owned_by_another_user
from newapi_cli.config.settings import URL_FORM_HINT
from newapi_cli.domain.base_url import InvalidBaseUrl, base_url_from_text
from newapi_cli.errors import ConfigError, UsageError, disk_hint, profile_command
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

if sys.platform == "win32":
    import msvcrt

    LOCK_IS_HELD = PermissionError
else:
    import fcntl

    LOCK_IS_HELD = BlockingIOError

HEADER = (
    "# Settings of newapi. `newapi config list` shows the values in effect and their origins.\n\n"
)
LOCK_S = 5.0  # as long as for the session store
LOCK_POLL_S = 0.02

Tables = MutableMapping[str, object]
Change = Callable[[Tables], None]


def set_values(
    path: Path, profile: str, values: Mapping[str, object], *, make_default: bool = False
) -> None:
    """Store values in a profile, and create it if it is missing.

    With `make_default` it becomes the default profile. A base URL is stored normalized. Raise
    `UsageError` for an unknown name or an invalid value, and `ConfigError` if the file cannot be
    read or written; it is then unchanged.
    """
    checked = {name: _checked(name, value) for name, value in values.items()}

    def change(tables: Tables) -> None:
        _profile_table(tables, profile).update(checked)
        if make_default:
            tables["default_profile"] = profile

    with _lock(path):
        _rewrite(path, change)


def create_config_file(path: Path) -> None:
    """Create a config file with a header, unless there is one."""
    with _lock(path):
        if read_config_bytes(path)[1] is None:
            write_atomically(path, HEADER)


def unset_values(path: Path, profile: str, names: Iterable[str]) -> tuple[str, ...]:
    """Remove values from a profile, and return the names that were set.

    Unknown names can be removed too. Raise `ConfigError`.
    """
    unique_names = tuple(dict.fromkeys(names))
    if read_config_bytes(path)[1] is None:
        return ()
    with _lock(path):
        table = table_from_text(text_from_bytes(read_config_bytes(path)[0], path), path)
        current = profiles_from_table(table, path).get(profile, {})
        removed = tuple(name for name in unique_names if name in current)

        def change(tables: Tables) -> None:
            values = _profile_table(tables, profile)
            for name in removed:
                del values[name]

        if removed:
            _rewrite(path, change)
    return removed


def _checked(name: str, value: object) -> object:
    field = BY_NAME.get(name)
    if field is None:
        raise UsageError(
            tr("unknown setting {name}", name=quote_name(name)),
            hint=near_name_hint(name, BY_NAME) or profile_command("newapi config list"),
        )
    try:
        value = field.check(value)
        if name == "headers" and isinstance(value, dict):
            ensure_valid_headers(value)
        if name == "base_url":
            return str(base_url_from_text(str(value)))
        return _inline(value) if isinstance(value, dict) else value
    except InvalidBaseUrl as problem:
        message = tr("invalid base_url: {problem}", problem=problem.args[0])
        raise UsageError(message, hint=URL_FORM_HINT) from None
    except ValueError as problem:
        raise UsageError(
            tr("{name} {problem}", name=name, problem=problem.args[0]),
            hint=profile_command("newapi config set", f"{name} VALUE"),
        ) from None


def _inline(value: Mapping[str, object]) -> object:
    """Return a table as one line: a [table] is invalid below dotted names like `profiles.a.b`."""
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _profile_table(tables: Tables, profile: str) -> Tables:
    """Return the table of a profile, which is created if it is missing."""
    profiles = tables.get("profiles")
    if isinstance(profiles, MutableMapping):
        values = profiles.get(profile)
        if isinstance(values, MutableMapping):
            return values
    ensure_valid_profile_name(profile)
    if isinstance(profiles, MutableMapping):
        profiles[profile] = {}
    else:
        tables["profiles"] = {profile: {}}
    return _profile_table(tables, profile)


def _rewrite(path: Path, change: Change) -> None:
    """Change the file; the caller holds the lock."""
    data, status = read_config_bytes(path)
    text = text_from_bytes(data, path) if status else HEADER
    table = table_from_text(text, path)
    profiles_from_table(table, path)
    try:
        expected = _comparable(text)
        change(expected)
        document = tomlkit.parse(text)
        change(document)
        result = tomlkit.dumps(document)
        is_as_expected = _comparable(result) == expected
    except (TOMLKitError, ValueError, TypeError, KeyError, RecursionError):
        is_as_expected = False
    if not is_as_expected:
        message = tr("cannot change {path} without a risk to its other lines", path=path)
        raise ConfigError(message, hint=EDIT_HINT)
    write_atomically(path, result)


def _comparable(text: str) -> Tables:
    """Return parsed TOML in which every `nan` is the same object, so that it can be compared."""

    def number(digits: str) -> float:
        value = float(digits)
        return math.nan if math.isnan(value) else value

    return tomllib.loads(text, parse_float=number)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock file beside the config file. It is never removed, which would be a race.

    Raise `ConfigError` if it cannot be locked, or if another process holds it for too long.
    """
    target = resolve_target(path)
    ensure_private_dir(target.parent)
    lock = lock_file(target)
    with ExitStack() as stack:
        try:
            descriptor = _open_lock(lock)
            stack.callback(os.close, descriptor)
            _wait_for(descriptor)
        except BlockingIOError as error:
            raise ConfigError(
                tr("another newapi process is changing the configuration"),
                why=tr("it has locked {path} for {seconds:.0f} seconds", path=lock, seconds=LOCK_S),
                hint=tr("retry when it has finished"),
            ) from error
        except OSError as error:
            path_text = shlex.quote(str(lock if os.path.lexists(lock) else lock.parent))
            hint = disk_hint(error.errno, lock.parent) or tr("ls -ld {path}", path=path_text)
            if is_owned_by_another_user(lock):
                hint = tr("sudo chown $USER {path}", path=path_text)
            raise ConfigError(
                tr("cannot lock {path}", path=lock), why=error.strerror or str(error), hint=hint
            ) from error
        _remove_temporary_files(target)
        yield


def _open_lock(lock: Path) -> int:
    """Return the open lock file. One that root creates is given to the folder's owner."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(lock, flags, 0o600)
    if os.fstat(descriptor).st_size == 0:  # a file with content is not ours
        copy_owner(lock.parent, descriptor)
    return descriptor


def _remove_temporary_files(target: Path) -> None:
    """Remove temporary files of killed processes: they contain keys."""
    for each in target.parent.glob(".*.tmp"):
        if each.name.startswith(f".{target.name}."):
            with suppress(OSError):  # it may belong to another user
                each.unlink()


def _wait_for(descriptor: int) -> None:
    """Lock the file.

    Raises `BlockingIOError` if another process holds it until the timeout.
    """
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except LOCK_IS_HELD as error:
            if time.monotonic() >= deadline:
                raise BlockingIOError from error
        else:
            return
        time.sleep(LOCK_POLL_S)
