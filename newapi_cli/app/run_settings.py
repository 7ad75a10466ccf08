"""Settings that a conversation can change for its own run, without touching the config file."""

from __future__ import annotations

from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.config.fields import BY_NAME
from newapi_cli.domain.profile import Origin, Source
from newapi_cli.errors import ConfigError, UsageError
from newapi_cli.i18n import tr
from newapi_cli.render.rows import value_text
from newapi_cli.text import near_names, quote_name

# Everything about a request and the display of its answer, nothing about where it is sent.
NAMES = (
    "temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "stop", "seed",
    "effort", "options", "stream", "reasoning", "usage", "theme", "code_style", "timeout",
    "retries", "require_finish_reason", "fallback", "group",
)  # fmt: skip


class RunSetting(NamedTuple):
    """A setting as text; `value` and `origin` are empty where it is not set."""

    name: str
    value: str
    origin: str


def run_settings(context: Context) -> list[RunSetting]:
    """Return all settings that a conversation can change."""
    return [run_setting(context, name) for name in NAMES]


def run_setting(context: Context, name: str) -> RunSetting:
    """Return one setting. Raises `UsageError` for a name that a conversation cannot change."""
    if name not in NAMES:
        near = near_names(name, NAMES, limit=1)
        hint = tr("/set lists them; /model, /system and /profile are separate commands")
        if near:
            hint = tr("did you mean {name}? /set lists all", name=near[0])
        raise UsageError(tr("unknown setting {name}", name=quote_name(name)), hint=hint)
    value = context.settings.values.get(name)
    text = "" if value is None else context.streams.redact(value_text(value))
    return RunSetting(name, text, _origin_text(context.settings.origins.get(name)))


def set_run_setting(context: Context, name: str, text: str) -> RunSetting:
    """Set a value for this run. Raises `UsageError`."""
    run_setting(context, name)
    try:
        value = BY_NAME[name].parse(text)
    except ValueError as problem:
        raise UsageError(tr("{name} {problem}", name=name, problem=problem)) from None
    context.override(**{name: value})
    context.forget_settings()
    return run_setting(context, name)


def unset_run_setting(context: Context, name: str) -> RunSetting:
    """Remove the value of this run and return the one that is in effect again."""
    run_setting(context, name)
    context.overrides.pop(name, None)
    context.forget_settings()
    return run_setting(context, name)


def switch_profile(context: Context, name: str) -> None:
    """Use another profile from now on. Raises `ConfigError`."""
    profiles = context.config_file.profiles
    if name not in profiles:
        near = near_names(name, profiles, limit=1)
        hint = tr("the profiles are: {names}", names=", ".join(profiles) or "none")
        if near:
            hint = tr("did you mean {name}?", name=quote_name(near[0]))
        raise ConfigError(tr("unknown profile {name}", name=quote_name(name)), hint=hint)
    context.use_profile(name)


def _origin_text(origin: Origin | None) -> str:
    """Return where a value comes from; flags and /set both apply to this run."""
    if origin is None:
        return ""
    return tr("this run") if origin.source is Source.FLAG else str(origin)
