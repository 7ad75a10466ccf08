"""Better hints for errors of a gateway, loaded only when there is one.

They come from similar model names, the key's record and, after a failure of the server, from how
the gateway's models do and its announcements.

Only an answer of New API's family leads to a request, at most one for a key and day: a
plain server gets no request that the user did not ask for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from newapi_cli.api.errors.explain import (
    is_about_model,
    is_from_gateway,
    is_key_invalid,
    may_have_key_record,
    named_group,
    rules,
)
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.gateway.health import Health
from newapi_cli.app.gateway.key_record import KeyRecord
from newapi_cli.app.gateway.lookup import Lookup
from newapi_cli.app.gateway.models import Models
from newapi_cli.app.parameter_hints import parameter_hint
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.health import ModelHealth
from newapi_cli.domain.money import KeyFinding, KeyState
from newapi_cli.domain.settings import Secret
from newapi_cli.errors import (
    Interrupted,
    ModelNotFoundError,
    NewapiError,
    NextStep,
    Reason,
    profile_command,
)
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_dim
from newapi_cli.render.units import announcement_text, percent
from newapi_cli.text import near_names

FORBIDDEN = 403
FIRST_SERVER_ERROR = 500
MAX_GROUPS = 3
COPY_HINT = tr("copy the key again from the gateway's console; nothing was stored")
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
GOOD_RATE = 90.0  # percent of requests that succeed
MAX_ANNOUNCEMENTS = 2
# Sent with 500 and more, but about the request: no other model and no wait would help.
ABOUT_REQUEST = (
    Reason.INVALID_REQUEST,
    Reason.REQUEST_NOT_CONVERTED,
    Reason.REQUEST_TOO_LARGE,
    Reason.SENSITIVE_WORDS,
    Reason.PROMPT_BLOCKED,
    Reason.CONTEXT_TOO_LONG,
    Reason.PRICE_NOT_SET,
    Reason.IMAGE_NOT_SUPPORTED,
    Reason.VIOLATION_FEE,
    Reason.NOT_IMPLEMENTED,
)


def explain_error(
    context: Context, gateway: Gateway, error: NewapiError, model: str = ""
) -> NewapiError:
    """Return the error with a better hint, another error, or the error unchanged. Never raises.

    `model` is the requested one, if any. A signal during a request to the gateway returns
    `Interrupted`.
    """
    explained = _with_hint(context, gateway, error, model)
    if not model or explained.status < FIRST_SERVER_ERROR:
        return explained
    return explain_outage(context, gateway.health, gateway.models, explained, model)


def _with_hint(context: Context, gateway: Gateway, error: NewapiError, model: str) -> NewapiError:
    try:
        if model and is_about_model(error):
            refused = _refused_model(context, error, model)
            hint = _hint_by_group(gateway, error, refused)
            hint = hint or _hint_with_names(context, gateway.models, error, refused)
            return error.with_hint(hint or error.hint)
        if is_key_invalid(error):
            error = error.with_hint(_hint_with_origin(context) or error.hint)
            return _error_by_key(context, gateway.key_record, context.api_key, error)
        if model and (hints := parameter_hint(context, error)):
            return error.with_hint(hints.shell, conversation=hints.conversation)
    except Interrupted as interrupted:  # a second Ctrl-C
        return interrupted
    except Exception:  # noqa: BLE001  # a failing hint must not replace the error
        return error
    return error


def explain_refused_login(
    context: Context, base_url: BaseUrl, key: Secret, error: NewapiError
) -> NewapiError:
    """Return the error of a key that `login` was to store, as `explain_error` does."""
    if not is_key_invalid(error):
        return error
    error = error.with_hint(COPY_HINT)
    try:
        record = KeyRecord(context, Lookup(context, base_url, key))
        return _error_by_key(context, record, key, error)
    except Interrupted as interrupted:
        return interrupted
    except Exception:  # noqa: BLE001  # a failing hint must not replace the error
        return error


def _hint_by_group(gateway: Gateway, error: NewapiError, model: str) -> str:
    """Return which group has a model that the key's own group lacks; empty if that is unknown."""
    if error.status == FORBIDDEN:  # the key is limited to other models
        return ""
    listed = gateway.prices.after_refusal(model, is_gateway=is_from_gateway(error))
    price = listed.prices.get(model) if listed is not None else None
    own = named_group(error) or gateway.key_log.group
    if price is None or not price.groups or {own, "all"} & {*price.groups}:
        return ""
    names = ", ".join(price.groups[:MAX_GROUPS])
    if not own:
        return tr("only these groups have it: {groups}", groups=names)
    return tr(
        "only these groups have it: {groups}; this key is in {group}:"
        " use a key of such a group, or another model: {step}",
        groups=names,
        group=own,
        step=NextStep.USE_MODEL,
    )


def _hint_with_names(context: Context, models: Models, error: NewapiError, refused: str) -> str:
    """Return a hint with similar names, as far as they are known without a request, or empty."""
    if context.demo_models and isinstance(error, ModelNotFoundError):
        return tr("the models of the demo: {names}", names=", ".join(context.demo_models))
    known = models.known_names()
    if refused in known:
        return LISTED_HINT if error.status != FORBIDDEN else ""
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


def _error_by_key(
    context: Context, key_record: KeyRecord, key: Secret, error: NewapiError
) -> NewapiError:
    """Return the error of a rejected key with the cause that its form or its record shows."""
    if not may_have_key_record(error):
        return error
    if "-" in key.reveal().removeprefix("sk-"):
        return error.with_hint(SUFFIX_HINT)
    finding = key_record.load_after_refusal()
    if context.interrupts.code is not None:
        return Interrupted(context.interrupts.code)
    return error if finding is None else _error_by_finding(error, finding)


def _error_by_finding(error: NewapiError, finding: KeyFinding) -> NewapiError:
    if finding.state is KeyState.EXPIRED:
        rule = rules().KEY_EXPIRED
        if finding.expires_at is not None:
            day = f"{finding.expires_at.astimezone():%Y-%m-%d}"
            rule = rule._replace(message=tr("the key expired on {day}", day=day))
    elif finding.state is KeyState.EXHAUSTED:
        rule = rules().KEY_EXHAUSTED
    elif finding.state is KeyState.DISABLED:
        rule = rules().KEY_DISABLED
    else:
        return error.with_hint(VALID_HINT)
    explained: NewapiError = rule.to_error(error.status, error.why, error.request_id)
    return explained


def explain_outage(
    context: Context, health: Health, models: Models, error: NewapiError, model: str
) -> NewapiError:
    """Return an error with a 5xx status, with a better hint if the gateway publishes figures.

    Prints the announcements that were not printed before. Never raises; a signal returns
    `Interrupted`.
    """
    try:
        is_new_api = is_from_gateway(error) or health.is_new_api
        if error.reason in ABOUT_REQUEST or not is_new_api:
            return error
        if is_about_model(error) and model not in models.known_names():
            return error  # a mistyped name
        if hint := health_hint(health.after_failure(), model, models.known_names(), error):
            error = error.with_hint(hint)
        for announcement in health.new_announcements(MAX_ANNOUNCEMENTS):
            print_dim(context.streams, announcement_text(announcement))
    except Interrupted as interrupted:
        return interrupted
    except Exception:  # noqa: BLE001  # a failing hint must not replace the error
        return error
    return error


def health_hint(
    health: Mapping[str, ModelHealth], model: str, known: list[str], error: NewapiError
) -> str:
    """Return a hint with the success rates of the model and a better one; empty if unknown."""
    own, better = health.get(model), _better_model(health, model, known)
    if own is not None and own.current_rate >= GOOD_RATE:
        return tr(
            "retry: in the last 24 h {rate} of the requests for {model} succeeded",
            rate=percent(own.success_rate),
            model=model,
        )
    if better is not None:
        hint = tr(
            "use another model: {step}; in the last 24 h {rate} of the requests for {other}"
            " succeeded",
            step=NextStep.USE_MODEL,
            rate=percent(better.success_rate),
            other=better.model,
        )
        if own is None:
            return hint
        own_rate = percent(own.success_rate)
        return tr("{hint}, for {model} {rate}", hint=hint, model=model, rate=own_rate)
    if own is not None:
        return tr(
            "{hint}; in the last 24 h {rate} of the requests for {model} succeeded",
            hint=error.hint or tr("retry later"),
            rate=percent(own.success_rate),
            model=model,
        )
    return ""


def _better_model(
    health: Mapping[str, ModelHealth], model: str, known: list[str]
) -> ModelHealth | None:
    """Return a model of the key with a good rate: one with a similar name, else the best."""
    good = {
        name: health[name]
        for name in known
        if name != model and name in health and health[name].current_rate >= GOOD_RATE
    }
    if near := near_names(model, good):
        return good[near[0]]
    return max(good.values(), key=lambda each: (each.success_rate, each.model), default=None)
