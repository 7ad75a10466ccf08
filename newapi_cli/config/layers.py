"""One setting looked for in flag, environment, profile and default, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from newapi_cli.config.fields import Field
from newapi_cli.config.file import ConfigFile
from newapi_cli.domain.profile import Origin, Source
from newapi_cli.errors import ConfigError
from newapi_cli.text import quote_name, suggestion

Found = tuple[object, Origin]

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, repr=False)  # the environment holds keys
class Layers:
    """The places where a setting can stand, for one chosen profile."""

    config: ConfigFile
    profile: str
    overrides: Mapping[str, object]
    environ: Mapping[str, str]

    @property
    def table(self) -> Mapping[str, object]:
        """Give the profile's own values; an unknown profile has none."""
        return self.config.profiles.get(self.profile, NOTHING)

    def find(self, field: Field) -> Found | None:
        """Give the strongest value and its origin, or nothing where it is not set anywhere."""
        flag = self.overrides.get(field.name)
        if flag is not None:
            return flag, Origin(Source.FLAG, field.flag)
        found = self.find_in_environment(field) or self.find_in_profile(field)
        if found is None and field.default is not None:
            return field.default, Origin(Source.DEFAULT)
        return found

    def find_in_environment(self, field: Field) -> Found | None:
        """Give the variable's value; an empty variable is an unset one. Raises `ConfigError`."""
        text = self.environ.get(field.variable, "")
        if not text.strip():
            return None
        try:
            return field.parse(text), Origin(Source.ENVIRONMENT, field.variable)
        except ValueError as problem:
            raise ConfigError(
                f"{field.variable} {problem}", hint=f"unset {field.variable}, or change it"
            ) from None

    def find_in_profile(self, field: Field) -> Found | None:
        """Give the profile's value; an empty text is an unset one. Raises `ConfigError`."""
        value = self.table.get(field.name)
        if value is None or value == "":
            return None
        try:
            return field.check(value), Origin(Source.PROFILE, self.profile)
        except ValueError as problem:
            raise ConfigError(
                f"{field.name} of profile {quote_name(self.profile)} {problem}",
                why=str(self.config.path),
                hint="newapi login" if field.is_secret else f"newapi config set {field.name} VALUE",
            ) from None


def choose_profile(
    config: ConfigFile, overrides: Mapping[str, object], environ: Mapping[str, str]
) -> tuple[str, Origin]:
    """Give the profile in force: flag, variable, default_profile, the only one, or `default`.

    Raises `ConfigError` for one that was named for this run and does not exist.
    """
    flag, variable = overrides.get("profile"), environ.get("NEWAPI_PROFILE", "")
    if isinstance(flag, str):
        return _existing(config, flag, Origin(Source.FLAG, "--profile"))
    if variable:
        return _existing(config, variable, Origin(Source.ENVIRONMENT, "NEWAPI_PROFILE"))
    if config.default_profile is not None:
        return config.default_profile, Origin(Source.PROFILE, "default_profile")
    if len(config.profiles) == 1:
        return next(iter(config.profiles)), Origin(Source.DEFAULT)
    return "default", Origin(Source.DEFAULT)


def _existing(config: ConfigFile, name: str, origin: Origin) -> tuple[str, Origin]:
    if name in config.profiles:
        return name, origin
    known = ", ".join(quote_name(profile) for profile in config.profiles)
    raise ConfigError(
        f"there is no profile {quote_name(name)} ({origin.name})"
        f"{suggestion(name, config.profiles)}",
        why=f"the profiles are: {known}" if known else f"{config.path} holds no profile",
        hint="newapi login --profile NAME",
    )
