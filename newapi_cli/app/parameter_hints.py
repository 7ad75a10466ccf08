"""Hints for a parameter that a server refuses: the option to leave out, and its origin.

Servers name it in a member, in a list of what is invalid, or only in their words. Loaded at an
error only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.config.fields import BY_NAME
from newapi_cli.domain.settings import Source
from newapi_cli.errors import NewapiError, Reason
from newapi_cli.i18n import tr

MAX_WORDS = 2_000
REASONS = {
    Reason.PROVIDER_REFUSED,
    Reason.GATEWAY_REFUSED,
    Reason.INVALID_REQUEST,
    Reason.ERROR_IN_STREAM,
}
# Parameters by their names on the wire, without case and `_`, and the settings that set them.
SETTINGS = {
    "temperature": "temperature",
    "topp": "top_p",
    "maxtokens": "max_tokens",
    "maxoutputtokens": "max_tokens",
    "maxnewtokens": "max_tokens",
    "maxcompletiontokens": "max_tokens",
    "frequencypenalty": "frequency_penalty",
    "presencepenalty": "presence_penalty",
    "stop": "stop",
    "stopsequences": "stop",
    "seed": "seed",
    "reasoningeffort": "effort",
    "stream": "stream",
}
SHORT_FLAGS = {"temperature": "-t"}
MAX_COMPLETION_TOKENS = "max_completion_tokens"
SYSTEM_ROLE = re.compile(
    r"(?:'|\"|`|\b)(?:system|developer)(?:'|\"|`|\b).{0,60}(?:not (?:supported|enabled|allowed"
    r"|permitted)|unsupported|invalid|unexpected)|(?:not support|unsupported|unknown variant"
    r"|invalid role|unexpected role|only (?:user|supports)).{0,60}(?:'|\"|`|\b)(?:system|developer)"
    r"|roles must alternate|不支持.{0,12}(?:system|系统)|(?:system|系统).{0,20}不支持",
    re.IGNORECASE | re.DOTALL,
)
RANGE = re.compile(
    r"less than|greater than|at most|at least|between|range|too (?:large|small|high|low|big)"
    r"|must be|maximum|minimum|exceed|should be|不能|大于|小于|范围|超过|最大",
    re.IGNORECASE,
)
NOT_SUPPORTED = re.compile(
    r"support|unknown|unrecognized|unexpected|not permitted|extra|not allowed", re.IGNORECASE
)


class Hint(NamedTuple):
    """A hint in the words of a shell and of a conversation."""

    shell: str
    conversation: str


def parameter_hint(context: Context, error: NewapiError) -> Hint | None:
    """Return what to change in a request whose parameter was refused; None if none is named."""
    if error.reason not in REASONS:
        return None
    words = error.why[:MAX_WORDS]
    if SYSTEM_ROLE.search(words):
        return _system_hint(context)
    named = [name for field in error.refused_fields for name in re.findall(r"\w+", field)]
    option = next((name for name in named if name in _options(context)), "")
    setting = next((SETTINGS[key] for name in named if (key := _key(name)) in SETTINGS), "")
    if not (option or setting):
        option, setting = _named_in_words(context, words)
    if option:
        return _option_hint(context, option)
    if setting == "max_tokens":
        return _max_tokens_hint(context, words)
    if setting == "stream":
        return Hint(tr("use --no-stream"), "/set stream false")
    return _setting_hint(context, setting, words) if setting else None


def _key(name: str) -> str:
    return name.lower().replace("_", "")


def _named_in_words(context: Context, words: str) -> tuple[str, str]:
    """Return the first option of -o that the words name, or else the first setting.

    A name that is an ordinary word, such as stop, counts in quotes, or if it is set.
    """
    settings, options = context.settings, _options(context)
    for match in re.finditer(r"(['\"`]?)\b([A-Za-z][A-Za-z_]{2,40})\b(['\"`]?)", words):
        name, is_quoted = match.group(2), bool(match.group(1) and match.group(3))
        if name in options:
            return name, ""
        setting = SETTINGS.get(_key(name), "")
        is_set = setting != "stream" and settings.values.get(setting) is not None
        if setting and (is_set or is_quoted or "_" in name):
            return "", setting
    return "", ""


def _options(context: Context) -> dict[str, str]:
    """Return the names given with -o or in the profile, each with its origin."""
    settings = context.settings
    stored = context.config_file.profiles.get(settings.profile, {}).get("options")
    given = settings.values.get("options")
    origin = settings.origins.get("options")
    names = dict.fromkeys(stored, f"profile {settings.profile}") if isinstance(stored, dict) else {}
    if isinstance(given, dict) and origin is not None:
        is_flag = origin.source is Source.FLAG
        names |= dict.fromkeys(given, "" if is_flag else str(origin))
    return {str(name): text for name, text in names.items()}


def _origin(context: Context, setting: str) -> str:
    """Return the origin of a setting, empty if it is an option of this run, or not set."""
    origin = context.settings.origins.get(setting)
    is_named = origin is not None and origin.source in (Source.PROFILE, Source.ENVIRONMENT)
    return str(origin) if is_named else ""


def _is_about_range(words: str) -> bool:
    """Return whether a server refuses the value of a parameter, not the parameter itself."""
    return RANGE.search(words) is not None and NOT_SUPPORTED.search(words) is None


def _flag(setting: str) -> str:
    return SHORT_FLAGS.get(setting) or BY_NAME[setting].flag


def _setting_hint(context: Context, setting: str, words: str) -> Hint:
    flag, origin = _flag(setting), _origin(context, setting)
    if _is_about_range(words):
        shell = _with_origin(tr("change {option}, or leave it out", option=flag), origin)
        return Hint(shell, tr("/set {name} VALUE, or /set {name} unset", name=setting))
    return Hint(_leave_out(flag, origin), tr("/set {name} unset", name=setting))


def _leave_out(option: str, origin: str) -> str:
    return _with_origin(tr("leave {option} out", option=option), origin)


def _with_origin(hint: str, origin: str) -> str:
    return tr("{hint} (it comes from {origin})", hint=hint, origin=origin) if origin else hint


def _option_hint(context: Context, option: str) -> Hint:
    origin = _options(context)[option]
    if option == MAX_COMPLETION_TOKENS:
        return Hint(
            tr("use {other} instead of {option}", other="--max-tokens", option=f"-o {option}"),
            tr("/set options unset, then /set max_tokens N"),
        )
    return Hint(_leave_out(f"-o {option}", origin), tr("/set options unset"))


def _max_tokens_hint(context: Context, words: str) -> Hint:
    origin = _origin(context, "max_tokens")
    value = context.settings.integer("max_tokens") or "N"
    if MAX_COMPLETION_TOKENS not in words:
        shell = _leave_out("--max-tokens", origin)
        if _is_about_range(words) and not origin:
            shell = tr("use a smaller --max-tokens, or leave it out")
        return Hint(shell, tr("/set max_tokens N, or /set max_tokens unset"))
    shell = tr("use -o max_completion_tokens={n} instead of --max-tokens", n=value)
    shell = _with_origin(shell, origin)
    command = f'/set options {{"max_completion_tokens": {value}}}'
    return Hint(shell, tr("/set max_tokens unset, then {command}", command=command))


def _system_hint(context: Context) -> Hint:
    origin = _origin(context, "system")
    shell = tr("send the prompt without -s")
    if origin:
        shell = tr(
            "send the prompt without -s (the system prompt comes from {origin})", origin=origin
        )
    return Hint(shell, tr("/system clear, then /retry"))
