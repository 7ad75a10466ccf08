"""Changes to the config file, for `newapi config` and `newapi login`.

tomlkit (30 ms) is imported when the file is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from newapi_cli.app.context import Context


def set_in_profile(context: Context, profile: str, values: Mapping[str, object]) -> None:
    """Write values of a profile. The first profile becomes the default. Raises `ConfigError`."""
    from newapi_cli.config.edit import set_values

    path, config = context.paths.config_file, context.config_file
    others = [name for name, table in config.profiles.items() if name != profile and table]
    if config.default_profile is None and len(others) == 1:
        set_values(path, others[0], {}, make_default=True)
    is_first = config.default_profile is None and not others
    set_values(path, profile, values, make_default=is_first)


def unset_in_profile(context: Context, profile: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Remove values of a profile; return the names that were set. Raises `ConfigError`."""
    from newapi_cli.config.edit import unset_values

    return unset_values(context.paths.config_file, profile, names)


def create_config_file(context: Context) -> Path:
    """Return the path of the config file, created if it does not exist. Raises `ConfigError`."""
    from newapi_cli.config.edit import create_config_file as create

    create(context.paths.config_file)
    return context.paths.config_file


def allow_new_profile(context: Context, name: str) -> None:
    """Accept a profile that is not in the config file yet."""
    profiles = {**context.config_file.profiles, name: {}}
    context.config_file = replace(context.config_file, profiles=profiles)
