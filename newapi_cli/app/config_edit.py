"""Changes to the config file, for `newapi config` and `newapi login`. Loads tomlkit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from newapi_cli.config.edit import create_config_file, set_values, unset_values

if TYPE_CHECKING:
    from newapi_cli.app.context import Context


class ConfigEditor:
    """Writes the config file of a run. All methods raise `ConfigError`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._path = context.paths.config_file

    def create_config_file(self) -> None:
        """Make sure that there is a file to edit."""
        create_config_file(self._path)

    def set(self, profile: str, values: Mapping[str, object]) -> None:
        """Write values of a profile. The first profile is the default one."""
        known = self._context.config_file
        others = [name for name, table in known.profiles.items() if name != profile and table]
        if known.default_profile is None and len(others) == 1:
            set_values(self._path, others[0], {}, make_default=True)
        is_first = known.default_profile is None and not others
        set_values(self._path, profile, values, make_default=is_first)

    def unset(self, profile: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Remove values of a profile; give the names that stood there."""
        return unset_values(self._path, profile, names)
