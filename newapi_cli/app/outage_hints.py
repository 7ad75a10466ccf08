"""Hints after a failure of the server: success rates of models, and announcements."""

from __future__ import annotations

from collections.abc import Mapping

from newapi_cli.api.errors.explain import is_about_model, is_from_gateway
from newapi_cli.app.context import Context
from newapi_cli.app.gateway.health import Health
from newapi_cli.app.gateway.models import Models
from newapi_cli.domain.health import ModelHealth
from newapi_cli.errors import Interrupted, NewapiError, NextStep, Reason
from newapi_cli.i18n import tr
from newapi_cli.render.status_lines import print_dim
from newapi_cli.render.units import announcement_text, percent
from newapi_cli.text import near_names

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
