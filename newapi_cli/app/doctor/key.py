"""The key, and what it may use: the first requests that it goes along with."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches

from newapi_cli.api.errors.rules import says_only_that_the_key_is_bad
from newapi_cli.app.doctor.checkup import Case, failed, ok, skipped, warning
from newapi_cli.app.doctor.runner import Blocked, failure
from newapi_cli.domain.billing import KeyState, KeyUsage
from newapi_cli.domain.models import ModelInfo
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import AuthenticationError, ExitCode, Interrupted, NewapiError
from newapi_cli.render.prices import details_text
from newapi_cli.render.units import balance_text

FOREIGN_KEYS = {"sk-proj-": "OpenAI", "sk-ant-": "Anthropic", "sk-or-": "OpenRouter"}
KEY_LENGTH = 51  # of New API: sk- and 48 letters and digits (contract, section 5.1)
CHAT = "openai"  # the endpoint type of chat completions
NEAR_NAMES = 3
NEW_KEY_HINT = "make a key in the gateway's console, then `newapi login`"


def key(case: Case) -> CheckResult:
    """Look at the form of the key, then ask for the models with it."""
    found = case.context.api_key  # its form, or the failure of its command, is told by this
    if case.family is None:
        raise Blocked("server")
    try:
        case.models = case.gateway.models.fetch(case.client())
    except AuthenticationError as refusal:
        return _refused(case, refusal, found.reveal())
    case.gateway.models.remember_names(case.models)
    if not case.family.is_gateway:
        return ok("taken")
    try:
        balance = case.gateway.balance()
    except Interrupted:
        raise
    except NewapiError as error:  # a server that tells nothing of its keys, or a limit of calls
        return ok(f"taken; nothing is told of it: {error.message}")
    text = " · ".join(filter(None, ("taken", balance_text(balance), details_text(balance))))
    if balance.state is not KeyState.ACTIVE:
        return warning(text, NEW_KEY_HINT)
    return ok(text)


def _refused(case: Case, refusal: AuthenticationError, text: str) -> CheckResult:
    """Say why a key was refused: as the gateway says, else as its record or its form tell."""
    told = failure(refusal)
    if not says_only_that_the_key_is_bad(refusal):
        return told
    record = (
        case.gateway.key_record.after_refusal() if case.family and case.family.is_gateway else None
    )
    case.context.interrupts.check()  # a signal meanwhile looks like a record that is refused
    if record is not None:
        return _by_record(record)
    owner = next((each for begin, each in FOREIGN_KEYS.items() if text.startswith(begin)), "")
    if owner and case.family and case.family.is_gateway:
        hint = f"this is a key of {owner} itself; the gateway has its own: {NEW_KEY_HINT}"
        return told._replace(hint=hint)
    if case.family and case.family.is_gateway and len(text) != KEY_LENGTH:
        return told._replace(
            hint=f"the key has {len(text)} characters, those of New API have {KEY_LENGTH}:"
            " copy it again with the console's copy button, then `newapi login`"
        )
    return told


def _by_record(record: KeyUsage) -> CheckResult:
    """Word the refusal of a key that the gateway knows; one that ran out has a code of its own."""
    name = f"the key “{record.name}”" if record.name else "the key"
    state = record.state(datetime.now(UTC))
    if state is KeyState.EXPIRED and record.expires_at is not None:
        text = f"{name} expired on {record.expires_at:%Y-%m-%d}"
        return failed(text, NEW_KEY_HINT, ExitCode.AUTHENTICATION)
    if state is KeyState.EXHAUSTED:
        hint = "raise the limit of the key in the gateway's console, or use another: `newapi login`"
        return failed(f"{name} is used up", hint, ExitCode.LIMIT)
    hint = "the gateway knows it: is it switched off in the console?"
    return failed(f"the gateway refuses {name}", hint, ExitCode.AUTHENTICATION)


def models(case: Case) -> CheckResult:
    """Look for the configured models among those that the key may use."""
    known = {model.id: model for model in case.models}
    count = f"{len(known):,} model{'s' * (len(known) != 1)} for this key"
    asked = [name for name in case.context.model_and_fallbacks if name]
    if not asked:
        return warning(f"{count}; none is set", "newapi config set model NAME, or -m NAME")
    if missing := [name for name in asked if name not in known]:
        return _missing(case, f"{count}; {', '.join(missing)} is not among them", missing[0])
    if silent := [name for name in asked if _cannot_chat(known[name])]:
        kinds = ", ".join(known[silent[0]].endpoint_types)
        return warning(
            f"{count}; {silent[0]} is served as {kinds}, not for chat", "newapi models lists others"
        )
    return ok(f"{count}; {', '.join(asked)} {'are' if len(asked) > 1 else 'is'} among them")


def _missing(case: Case, text: str, name: str) -> CheckResult:
    near = _near(name, [model.id for model in case.models])
    hint = f"is it {' or '.join(near)}? " if near else ""
    hint += "newapi models lists them; newapi config set model NAME"
    if case.family is not None and not case.family.is_gateway:
        return warning(text, hint)  # some servers answer to any name
    return failed(text, hint, ExitCode.GATEWAY)


def _near(name: str, known: list[str]) -> list[str]:
    """Give the known names most like one that is not: by spelling, then by containing it."""
    lowered = {each.lower(): each for each in reversed(known)}
    close = get_close_matches(name.lower(), lowered, n=NEAR_NAMES, cutoff=0.6)
    holding = [each for each in lowered if name.lower() in each]
    return [lowered[each] for each in dict.fromkeys((*close, *holding))][:NEAR_NAMES]


def _cannot_chat(model: ModelInfo) -> bool:
    return bool(model.endpoint_types) and CHAT not in model.endpoint_types


def nothing_to_ask(case: Case) -> CheckResult | None:
    """Give the result of a check that has no model to ask; None where there is one."""
    return None if case.context.model_and_fallbacks[0] else skipped("no model is set")
