"""The hints of errors in terms of one run: its profile, and where its base URL comes from."""

from __future__ import annotations

import re
import shlex

from newapi_cli.app.context import Context
from newapi_cli.domain.settings import Source
from newapi_cli.errors import BASE_URL_HINT, ModelNotFoundError, NewapiError
from newapi_cli.i18n import tr

# Commands that act on a profile. A session is continued in its own profile.
PROFILE_COMMANDS = re.compile(
    r"\bnewapi (?:chat(?! -S)|models|balance|usage|login|logout|doctor"
    r"|config (?:get|list|set|unset)|sessions list)\b(?! -P| --profile)"
)


def hint_in_run(context: Context, error: NewapiError) -> str:
    """Return the hint of an error; its commands name the profile if an option chose it."""
    hint = error.hint
    if BASE_URL_HINT in hint:
        hint = hint.replace(BASE_URL_HINT, _doctor_hint(context))
    elif context.demo_models and isinstance(error, ModelNotFoundError):
        hint = tr("the models of the demo: {names}", names=", ".join(context.demo_models))
    return name_profile(context, hint)


def base_url_hint(context: Context) -> str:
    """Return where to check the base URL of the run."""
    origin = context.settings.origins.get("base_url")
    if origin is None or origin.source is Source.PROFILE:
        return BASE_URL_HINT
    if origin.source is Source.FLAG:
        return tr("check the URL after {flag}", flag=origin.name)
    return tr("check the variable {name}", name=origin.name)


def _doctor_hint(context: Context) -> str:
    check = base_url_hint(context)
    if check == BASE_URL_HINT:
        return check
    command = "newapi doctor"
    if "base_url" in context.overrides:
        command += f" --base-url {shlex.quote(str(context.settings.base_url))}"
    return tr("{check}, or run `{command}`", check=check, command=command)


def name_profile(context: Context, text: str) -> str:
    """Return a text whose commands use the profile of the run, if an option chose it.

    A profile of the environment or the config file applies to the next command too.
    """
    profile = context.overrides.get("profile")
    if not profile:
        return text
    flag = f" -P {shlex.quote(str(profile))}"
    return PROFILE_COMMANDS.sub(lambda command: command.group() + flag, text)
