"""The words of a run in hints: its profile in commands, and where its base URL comes from.

The front ends apply them with `i18n.reword`.
"""

from __future__ import annotations

import shlex

from newapi_cli.app.context import Context
from newapi_cli.domain.settings import Source
from newapi_cli.errors import NextStep, ProfileFlag, profile_command
from newapi_cli.i18n import reword, tr


def words_of_run(context: Context, *, in_doctor: bool = False) -> dict[object, str]:
    """Return the wording of next steps and commands in a shell.

    Commands name the profile if an option chose it; a profile of the environment or the config file
    applies to the next command too.
    """
    steps: dict[object, str] = {step: step.wording for step in NextStep}
    if check := _url_check(context):
        if not in_doctor:
            command = _doctor_command(context)
            check = tr("{check}, or run `{command}`", check=check, command=command)
        steps[NextStep.CHECK_BASE_URL] = check
    profile = context.overrides.get("profile")
    if not profile:
        return steps
    flag: dict[object, str] = {ProfileFlag.NONE: f" -P {shlex.quote(str(profile))}"}
    return {step: reword(wording, flag) for step, wording in steps.items()} | flag


def _url_check(context: Context) -> str:
    """Return what to check if the base URL is not that of the profile, else no text."""
    settings = context.settings_if_loaded
    origin = settings.origins.get("base_url") if settings else None
    if origin is None or origin.source is Source.PROFILE:
        return ""
    if origin.source is Source.FLAG:
        return tr("check the URL after {flag}", flag=origin.name)
    return tr("check the variable {name}", name=origin.name)


def _doctor_command(context: Context) -> str:
    arguments = ""
    if "base_url" in context.overrides:
        arguments = f"--base-url {shlex.quote(str(context.settings.base_url))}"
    return profile_command("newapi doctor", arguments)
