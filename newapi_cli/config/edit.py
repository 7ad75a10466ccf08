"""Changes to the config file that keep its comments, its order and what newapi does not know.

Read, change and write stand under one lock, so that two newapis lose nothing (without it 53 of 100
keys survived). tomlkit is looser than TOML 1.0 and has lost keys before; so the same change is made
to a plain copy, and the text must read back as exactly that copy before it replaces the file.
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
    profiles_from_table,
    read_config_bytes,
    resolve_target,
    write_atomically,
)
from newapi_cli.config.paths import copy_owner, ensure_private_dir, is_owned_by_another_user
from newapi_cli.config.toml_errors import table_from_text, text_from_bytes
from newapi_cli.domain.base_url import InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.profile import KeyKind
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.text import MAX_NAME, is_plain_name, quote_name, suggestion

if sys.platform == "win32":
    import msvcrt

    IS_HELD = PermissionError
else:
    import fcntl

    IS_HELD = BlockingIOError

HEADER = "# Settings of newapi; `newapi config list` tells what is in force and from where.\n\n"
LOCK_S = 5.0  # as long as for the session store
LOOK_AGAIN_S = 0.02
KEY_NAMES = tuple(kind.value for kind in KeyKind)

Tables = MutableMapping[str, object]
Change = Callable[[Tables], None]


def set_values(
    path: Path, profile: str, values: Mapping[str, object], *, make_default: bool = False
) -> None:
    """Store typed values in a profile, made if need be, and make it the default one if asked.

    A base URL is stored normalized. Raises `UsageError` for an unknown name or a value of the
    wrong type or range, `ConfigError` where the file cannot be read or written; it is then as it
    was.
    """
    checked = {name: _checked(name, value) for name, value in values.items()}

    def change(tables: Tables) -> None:
        _profile_table(tables, profile).update(checked)
        if make_default:
            tables["default_profile"] = profile

    with _lock(path):
        _rewrite(path, change)


def create_config_file(path: Path) -> None:
    """Make a config file that says what it is for, unless there is one."""
    with _lock(path):
        if read_config_bytes(path)[1] is None:
            write_atomically(path, HEADER)


def unset_values(path: Path, profile: str, names: Iterable[str]) -> tuple[str, ...]:
    """Remove values from a profile, known names or not, and give the names that stood there."""
    wanted = tuple(dict.fromkeys(names))
    if read_config_bytes(path)[1] is None:
        return ()
    with _lock(path):
        table = table_from_text(text_from_bytes(read_config_bytes(path)[0], path), path)
        there = profiles_from_table(table, path).get(profile, {})
        removed = tuple(name for name in wanted if name in there)

        def change(tables: Tables) -> None:
            values = _profile_table(tables, profile)
            for name in removed:
                del values[name]

        if removed:
            _rewrite(path, change)
    return removed


def remove_profile_key(path: Path, profile: str) -> tuple[str, ...]:
    """Remove every key source of a profile, for `newapi logout`, and keep the rest of it."""
    return unset_values(path, profile, KEY_NAMES)


def _checked(name: str, value: object) -> object:
    field = BY_NAME.get(name)
    if field is None:
        near = suggestion(name, BY_NAME)
        raise UsageError(f"there is no setting {quote_name(name)}{near}", hint="newapi config list")
    try:
        value = field.check(value)
        if name == "base_url":
            return str(base_url_from_text(str(value)))
        return _inline(value) if isinstance(value, dict) else value
    except InvalidBaseUrl as problem:
        words = f"base_url is no base URL: {problem}"
        raise UsageError(words, hint="give it as https://HOST") from None
    except ValueError as problem:
        raise UsageError(f"{name} {problem}", hint=f"newapi config set {name} VALUE") from None


def _inline(value: Mapping[str, object]) -> object:
    """Write a table on one line: no [table] may stand below dotted names like `profiles.a.b`."""
    table = tomlkit.inline_table()
    table.update(value)
    return table


def _profile_table(tables: Tables, profile: str) -> Tables:
    """Give the table of a profile, made where there is none."""
    profiles = tables.get("profiles")
    if isinstance(profiles, MutableMapping):
        values = profiles.get(profile)
        if isinstance(values, MutableMapping):
            return values
    _ensure_good_name(profile)
    if isinstance(profiles, MutableMapping):
        profiles[profile] = {}
    else:
        tables["profiles"] = {profile: {}}
    return _profile_table(tables, profile)


def _ensure_good_name(profile: str) -> None:
    if not is_plain_name(profile):
        raise UsageError(
            f"a profile name is short words of letters and digits, {MAX_NAME} characters in all",
            hint="newapi login --profile work",
        )


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
        is_as_wanted = _comparable(result) == expected
    except (TOMLKitError, ValueError, TypeError, KeyError, RecursionError):
        is_as_wanted = False
    if not is_as_wanted:
        raise ConfigError(
            f"{path} cannot be changed without a risk to its other lines; it is as it was",
            hint="newapi config edit",
        )
    write_atomically(path, result)


def _comparable(text: str) -> Tables:
    """Parse TOML so that equal texts are equal: every `nan` is the same object."""

    def number(digits: str) -> float:
        value = float(digits)
        return math.nan if math.isnan(value) else value

    return tomllib.loads(text, parse_float=number)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the lock file beside the config file; it stays, since removing it would be a race.

    Raises `ConfigError` where it cannot be had, or another newapi holds it for too long.
    """
    target = resolve_target(path)
    ensure_private_dir(target.parent)
    lock = target.with_name(f".{target.name}.lock")
    with ExitStack() as stack:
        try:
            descriptor = _open_lock(lock)
            stack.callback(os.close, descriptor)
            _wait_for(descriptor)
        except BlockingIOError as error:
            raise ConfigError(
                "another newapi is changing the configuration",
                why=f"it has held {lock} for {LOCK_S:.0f} seconds",
                hint="wait for it, or end it, and try again",
            ) from error
        except OSError as error:
            place = shlex.quote(str(lock if os.path.lexists(lock) else lock.parent))
            raise ConfigError(
                f"cannot lock {lock}",
                why=error.strerror or str(error),
                hint=f"sudo chown $USER {place}"
                if is_owned_by_another_user(lock)
                else f"ls -ld {place}",
            ) from error
        _remove_left_over(target)
        yield


def _open_lock(lock: Path) -> int:
    """Open the lock file, made where there is none; one of root's goes to the folder's owner."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(lock, flags, 0o600)
    if os.fstat(descriptor).st_size == 0:  # or it is something of value, put in its place
        copy_owner(lock.parent, descriptor)
    return descriptor


def _remove_left_over(target: Path) -> None:
    """Remove the new files that a killed newapi has left beside the target: keys are in them."""
    for each in target.parent.glob(".*.tmp"):
        if each.name.startswith(f".{target.name}."):
            with suppress(OSError):  # of another user, perhaps
                each.unlink()


def _wait_for(descriptor: int) -> None:
    """Lock the file. Raises `BlockingIOError` where another process has held it all the time."""
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
    give_up_at = time.monotonic() + LOCK_S
    while True:
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except IS_HELD as error:
            if time.monotonic() >= give_up_at:
                raise BlockingIOError from error
        else:
            return
        time.sleep(LOOK_AGAIN_S)
