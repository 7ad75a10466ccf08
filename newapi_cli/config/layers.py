"""The places where a setting can be set: option, environment, profile and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from newapi_cli.config.fields import Field
from newapi_cli.config.file import ConfigFile
from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.domain.settings import Origin, Source
from newapi_cli.errors import ConfigError, UsageError, profile_command
from newapi_cli.i18n import tr
from newapi_cli.text import quote_name

URL_FORM_HINT = tr("use the form https://HOST, as the gateway's console shows it")
NOTHING: Mapping[str, object] = MappingProxyType({})

SettingValue = tuple[object, Origin]


@dataclass(frozen=True, slots=True, repr=False)  # the environment holds keys
class Layers:
    """The places where a setting can be set, for one profile."""

    config: ConfigFile
    profile: str
    overrides: Mapping[str, object]
    environ: Mapping[str, str]

    @property
    def table(self) -> Mapping[str, object]:
        """The values of the profile; a missing profile has none."""
        return self.config.profiles.get(self.profile, NOTHING)

    def find(self, field: Field) -> SettingValue | None:
        """Return the value of option, environment, profile or default, in this order."""
        option = self.overrides.get(field.name)
        if option is not None:
            return option, Origin(Source.FLAG, field.flag)
        setting = self.find_in_environment(field) or self.find_in_profile(field)
        if setting is None and field.default is not None:
            return field.default, Origin(Source.DEFAULT)
        return setting

    def find_in_environment(self, field: Field) -> SettingValue | None:
        """Return the value of the variable; an empty one is unset."""
        text = self.environ.get(field.variable, "")
        if not text.strip():
            return None
        try:
            return field.parse(text), Origin(Source.ENVIRONMENT, field.variable)
        except ValueError as problem:
            raise ConfigError(
                tr("{name} {problem}", name=field.variable, problem=problem.args[0]),
                hint=tr("unset or change {name}", name=field.variable),
            ) from None

    def find_in_profile(self, field: Field) -> SettingValue | None:
        """Return the value in the profile; an empty text is unset."""
        value = self.table.get(field.name)
        if value is None or value == "":
            return None
        try:
            return field.check(value), Origin(Source.PROFILE, self.profile)
        except ValueError as problem:
            hint = profile_command("newapi config set", f"{field.name} VALUE")
            raise ConfigError(
                tr(
                    "{name} of profile {profile} {problem}",
                    name=field.name,
                    profile=quote_name(self.profile),
                    problem=problem.args[0],
                ),
                why=str(self.config.path),
                hint=profile_command("newapi login") if field.is_secret else hint,
            ) from None

    def find_openai_variable(self, name: str) -> SettingValue | None:
        """Return the value of a variable that OpenAI's tools use; an empty one is unset."""
        text = self.environ.get(name, "")
        return (text, Origin(Source.ENVIRONMENT, name)) if text.strip() else None


def base_url_from_setting(setting: SettingValue) -> BaseUrl:
    """Return the base URL of a setting.

    Raises `ConfigError`, or `UsageError` for an option.
    """
    text, origin = setting
    try:
        return base_url_from_text(str(text))
    except InvalidBaseUrl as error:
        problem = error.args[0]
    message = tr("invalid {name}: {problem}", name=origin.name, problem=problem)
    if origin.source is Source.PROFILE:
        message = tr(
            "invalid base_url of profile {profile}: {problem}",
            profile=quote_name(origin.name),
            problem=problem,
        )
    error_type = UsageError if origin.source is Source.FLAG else ConfigError
    raise error_type(message, hint=URL_FORM_HINT)
