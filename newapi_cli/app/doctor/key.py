"""Checks of the key and its models: the first requests with the key."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches

from newapi_cli.api.errors.explain import is_key_invalid
from newapi_cli.app.doctor.checkup import Checkup
from newapi_cli.app.doctor.runner import CheckBlocked, failed, ok, result_from_error, warning
from newapi_cli.domain.money import KeyState, KeyUsage
from newapi_cli.domain.pricing import ModelInfo
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import AuthenticationError, ExitCode, Interrupted, NewapiError
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.prices import balance_text, details_text

OTHER_PROVIDERS = {"sk-proj-": "OpenAI", "sk-ant-": "Anthropic", "sk-or-": "OpenRouter"}
KEY_LENGTH = 51  # of New API: sk- and 48 letters and digits (contract, section 5.1)
CHAT = "openai"  # the endpoint type of chat completions
NEAR_NAMES = 3
NEW_KEY_HINT = tr("create a key in the gateway's console, then run `newapi login`")


def check_key(checkup: Checkup) -> CheckResult:
    """Check the form of the key, then request the models and the balance with it."""
    key = checkup.context.api_key  # raises if its form is wrong, or its command fails
    if checkup.family is None:
        raise CheckBlocked("server")
    try:
        checkup.models = checkup.gateway.models.fetch(checkup.client())
    except AuthenticationError as refusal:
        return _rejected(checkup, refusal, key.reveal())
    checkup.gateway.models.remember_names(checkup.models)
    if not checkup.is_gateway:
        return ok(tr("key accepted"))
    try:
        balance = checkup.gateway.balance()
    except Interrupted:
        raise
    except NewapiError as error:  # the server reports no balance, or a rate limit applies
        return ok(tr("key accepted"), tr("balance unknown: {problem}", problem=error.message))
    details = filter(None, (balance_text(balance), details_text(balance)))
    if balance.state is not KeyState.ACTIVE:
        return warning(tr("key accepted"), *details, hint=NEW_KEY_HINT)
    return ok(tr("key accepted"), *details)


def _rejected(checkup: Checkup, refusal: AuthenticationError, key: str) -> CheckResult:
    """Return why the key was rejected: by the gateway's words, its record or its form."""
    result = result_from_error(refusal)
    if not (is_key_invalid(refusal) and checkup.is_gateway):
        checkup.context.interrupts.check()
        return result
    record = checkup.gateway.key_record.after_refusal()
    checkup.context.interrupts.check()  # after a signal the record is missing too
    if record is not None:
        return _result_by_record(record)
    owner = next((each for begin, each in OTHER_PROVIDERS.items() if key.startswith(begin)), "")
    if owner:
        hint = tr(
            "this is a key of {owner}; use one of the gateway: {step}",
            owner=owner,
            step=NEW_KEY_HINT,
        )
        return result._replace(hint=hint)
    if len(key) != KEY_LENGTH:
        hint = tr(
            "the key has {n} characters, keys of New API have {expected}:"
            " copy it again with the console's copy button, then run `newapi login`",
            n=len(key),
            expected=KEY_LENGTH,
        )
        return result._replace(hint=hint)
    return result


def _result_by_record(record: KeyUsage) -> CheckResult:
    """Return the result for a rejected key from its record; a used-up key has its own code."""
    state = record.state(datetime.now(UTC))
    name = [tr("key “{name}”", name=record.name)] if record.name else []
    if state is KeyState.EXPIRED and record.expires_at is not None:
        text = tr("the key expired on {day}", day=f"{record.expires_at:%Y-%m-%d}")
        return failed(*name, text, hint=NEW_KEY_HINT, code=ExitCode.AUTHENTICATION)
    if state is KeyState.EXHAUSTED:
        hint = tr(
            "raise the limit of the key in the gateway's console,"
            " or store another key with `newapi login`"
        )
        return failed(*name, tr("the key is used up"), hint=hint, code=ExitCode.LIMIT)
    return failed(
        *name,
        tr("the gateway rejects the key"),
        hint=tr("check in the gateway's console whether the key is disabled"),
        code=ExitCode.AUTHENTICATION,
    )


def check_models(checkup: Checkup) -> CheckResult:
    """Check that the key may use the configured models."""
    known = {model.id: model for model in checkup.models}
    count = ntr("{n} model for this key", "{n:,} models for this key", len(known))
    names = [name for name in checkup.context.model_and_fallbacks if name]
    if not names:
        hint = tr("newapi config set model NAME, or -m NAME")
        return warning(count, tr("no model is set"), hint=hint)
    if missing := [name for name in names if name not in known]:
        return _missing(checkup, count, missing)
    if no_chat := [name for name in names if _cannot_chat(known[name])]:
        kinds = ", ".join(known[no_chat[0]].endpoint_types)
        text = tr("{name} is served as {kinds}, not for chat", name=no_chat[0], kinds=kinds)
        return warning(count, text, hint=tr("`newapi models` lists others"))
    return ok(count, tr("includes {names}", names=", ".join(names)))


def _missing(checkup: Checkup, count: str, missing: list[str]) -> CheckResult:
    text = tr("not listed: {names}", names=", ".join(missing))
    near = _near(missing[0], [model.id for model in checkup.models])
    hint = tr("`newapi models` lists them; then newapi config set model NAME")
    if near:
        names = " or ".join(near)
        hint = tr("did you mean {names}? newapi models; newapi config set model NAME", names=names)
    if not checkup.is_gateway:
        return warning(count, text, hint=hint)  # some servers accept any name
    return failed(count, text, hint=hint, code=ExitCode.GATEWAY)


def _near(name: str, known: list[str]) -> list[str]:
    """Return the most similar known names: by spelling, then those that contain the name."""
    lowered = {each.lower(): each for each in reversed(known)}
    close = get_close_matches(name.lower(), lowered, n=NEAR_NAMES, cutoff=0.6)
    containing = [each for each in lowered if name.lower() in each]
    return [lowered[each] for each in dict.fromkeys((*close, *containing))][:NEAR_NAMES]


def _cannot_chat(model: ModelInfo) -> bool:
    return bool(model.endpoint_types) and CHAT not in model.endpoint_types
