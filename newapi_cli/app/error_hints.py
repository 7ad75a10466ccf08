"""Better hints for errors of a gateway: similar model names, and what the key's record says.

Only an answer of New API's family leads to a request, at most one for a key and day: a
plain server gets no request that the user did not ask for.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from newapi_cli.api.errors.explain import is_about_model, is_key_invalid, may_have_key_record, rules
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.key_record import KeyRecord
from newapi_cli.app.gateway.models import Models
from newapi_cli.domain.money import KeyUsage
from newapi_cli.errors import (
    Interrupted,
    ModelNotFoundError,
    NewapiError,
    NextStep,
    profile_command,
)
from newapi_cli.i18n import tr
from newapi_cli.text import near_names

FIRST_WORD = r"[A-Za-z]{2,20}"
LISTED_HINT = tr(
    "retry later, or use another model: {step}; the gateway listed this one before, so its channels"
    " may be down",
    step=NextStep.USE_MODEL,
)
VALID_HINT = tr(
    "retry; if it keeps failing, contact the gateway's operator: the record of the key is valid, so"
    " an upstream gateway may reject it"
)
SUFFIX_HINT = tr(
    "store a key of this gateway: `{login}`; keys of other providers (sk-proj-…) are not"
    " valid, as what follows a second `-` is read as a channel number",
    login=profile_command("newapi login"),
)


def explain_error(
    context: Context, models: Models, key_record: KeyRecord, error: NewapiError, model: str = ""
) -> NewapiError:
    """Return the error with a better hint, another error, or the error unchanged. Never raises.

    A signal during a request to the gateway returns `Interrupted`.
    """
    try:
        if model and is_about_model(error):
            hint = _hint_about_model(context, models, error, model)
            return error.with_hint(hint or error.hint)
        if is_key_invalid(error):
            error = error.with_hint(_hint_with_origin(context) or error.hint)
            if may_have_key_record(error):
                return _error_by_key(context, key_record, error)
    except Interrupted as interrupted:  # a second Ctrl-C
        return interrupted
    except Exception:  # noqa: BLE001  # a failing hint must not replace the error
        return error
    return error


def _hint_about_model(context: Context, models: Models, error: NewapiError, model: str) -> str:
    """Return a hint with similar names, as far as they are known without a request, or empty."""
    if context.demo_models and isinstance(error, ModelNotFoundError):
        return tr("the models of the demo: {names}", names=", ".join(context.demo_models))
    known, refused = models.known_names(), _refused_model(context, error, model)
    if refused in known:
        return LISTED_HINT if error.status != 403 else ""
    redact = context.streams.redact
    near = near_names(refused, (name for name in known if redact(name) == name))
    if not near:
        return ""
    word = re.search(FIRST_WORD, near[0].rpartition("/")[2])
    return tr(
        "use {names}; `{command}` lists the models",
        names=" or ".join(near),
        command=profile_command("newapi models", word.group() if word else ""),
    )


def _refused_model(context: Context, error: NewapiError, model: str) -> str:
    """Return the refused name; of several models that were tried, the gateway names it."""
    tried = [model, *context.model_and_fallbacks[1:]]
    named = [name for name in tried if name in error.why]
    return max(named, key=len) if named else tried[-1]


def _hint_with_origin(context: Context) -> str:
    """Return a hint with the origin of the key, empty if unknown.

    A forgotten variable overrides the profile.
    """
    key = context.settings.key
    if key is None:
        return ""
    return tr(
        "check the key from {origin} with `{settings}`, or store another with `{login}`",
        origin=key.origin,
        settings=profile_command("newapi config list"),
        login=profile_command("newapi login"),
    )


def _error_by_key(context: Context, key_record: KeyRecord, error: NewapiError) -> NewapiError:
    """Return the error of a rejected key with the cause that its form or its record shows."""
    if "-" in context.api_key.reveal().removeprefix("sk-"):
        return error.with_hint(SUFFIX_HINT)
    record = key_record.load_after_refusal()
    if context.interrupts.code is not None:
        return Interrupted(context.interrupts.code)
    return error if record is None else _error_by_record(error, record, datetime.now(UTC))


def _error_by_record(error: NewapiError, record: KeyUsage, now: datetime) -> NewapiError:
    state = record.state(now).value
    if state == "expired" and record.expires_at is not None:
        day = f"{record.expires_at.astimezone():%Y-%m-%d}"
        rule = rules().KEY_EXPIRED._replace(message=tr("the key expired on {day}", day=day))
    elif state == "exhausted":
        rule = rules().KEY_EXHAUSTED
    else:
        return error.with_hint(VALID_HINT)
    explained: NewapiError = rule.to_error(error.status, error.why, error.request_id)
    return explained
