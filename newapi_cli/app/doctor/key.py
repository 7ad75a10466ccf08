"""Checks of the key, its models and prices, and of an answer, which costs money."""

from __future__ import annotations

import time

from newapi_cli.api.errors.explain import is_key_invalid
from newapi_cli.app.chat import sampling_of
from newapi_cli.app.context import Context
from newapi_cli.app.doctor.context import (
    CheckBlocked,
    DoctorContext,
    failed,
    format_duration,
    ok,
    result_from_error,
    skipped,
    warning,
)
from newapi_cli.app.terminal_prompt import confirm
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, Chunk, Completion, Status
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.money import KeyFinding, KeyState
from newapi_cli.domain.pricing import ModelInfo, PriceKind, PriceList, PriceView
from newapi_cli.domain.rates import NO_RATES
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import (
    AuthenticationError,
    ExitCode,
    InputEnded,
    Interrupted,
    NewapiError,
    profile_command,
)
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.prices import balance_text, details_text, price_cells
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.units import cost_text, tokens
from newapi_cli.text import near_names

OTHER_PROVIDERS = {"sk-proj-": "OpenAI", "sk-ant-": "Anthropic", "sk-or-": "OpenRouter"}
KEY_LENGTH = 51  # of New API: sk- and 48 letters and digits
CHAT = "openai"  # the endpoint type of chat completions
NEAR_NAMES = 3
NEW_KEY_HINT = tr(
    "create a key in the gateway's console, then run `{login}`",
    login=profile_command("newapi login"),
)
MODELS = profile_command("newapi models")
SET_MODEL = profile_command("newapi config set", "model NAME")
PROMPT = "Answer with one word: what is the opposite of no?"
MAX_CHUNKS = 100  # some models never stop at one word, and the user agreed to pay for one


def check_key(doctor: DoctorContext) -> CheckResult:
    """Check the form of the key, then request the models and the balance with it."""
    if doctor.settings.key is None:
        doctor.ensure_file_is_valid()
    key = doctor.context.api_key  # raises if its form is wrong, or its command fails
    if doctor.server_kind is None:
        raise CheckBlocked("server")
    if not doctor.lists_models:
        return skipped(tr("only an answer shows whether the key is valid"))
    try:
        doctor.models = doctor.gateway.models.fetch(doctor.client())
    except AuthenticationError as refusal:
        return _rejected_key_result(doctor, refusal, key.reveal())
    doctor.gateway.models.remember_names(doctor.models)
    if not doctor.is_gateway:
        return ok(tr("key accepted"))
    try:
        balance = doctor.gateway.balance()
    except Interrupted:
        raise
    except NewapiError as error:  # the server reports no balance, or a rate limit applies
        return ok(tr("key accepted"), tr("balance unknown: {problem}", problem=error.message))
    details = filter(None, (balance_text(balance), details_text(balance)))
    if balance.state is not KeyState.ACTIVE:
        return warning(tr("key accepted"), *details, hint=NEW_KEY_HINT)
    return ok(tr("key accepted"), *details)


def _rejected_key_result(
    doctor: DoctorContext, refusal: AuthenticationError, key: str
) -> CheckResult:
    """Return why the key was rejected: by the gateway's words, its record or its form."""
    result = result_from_error(refusal)
    if not (is_key_invalid(refusal) and doctor.is_gateway):
        doctor.context.interrupts.check()
        return result
    record = doctor.gateway.key_record.load_after_refusal()
    doctor.context.interrupts.check()  # after a signal the record is missing too
    if record is not None:
        return _result_by_record(record)
    owner = next((each for begin, each in OTHER_PROVIDERS.items() if key.startswith(begin)), "")
    if owner:
        hint = tr(
            "{step}; the stored one is a key of {owner}",
            owner=owner,
            step=NEW_KEY_HINT,
        )
        return result._replace(hint=hint)
    if key and len(key) != KEY_LENGTH:
        hint = ntr(
            "copy the key again with the console's copy button, then run `{login}`:"
            " it has {n} character, keys of New API have {expected}",
            "copy the key again with the console's copy button, then run `{login}`:"
            " it has {n:,} characters, keys of New API have {expected}",
            len(key),
            login=profile_command("newapi login"),
            expected=KEY_LENGTH,
        )
        return result._replace(hint=hint)
    return result


def _result_by_record(record: KeyFinding) -> CheckResult:
    """Return the result for a rejected key from its record; a used-up key has its own code."""
    state = record.state
    name = [tr('key "{name}"', name=record.name)] if record.name else []
    if state is KeyState.EXPIRED and record.expires_at is not None:
        text = tr("the key expired on {day}", day=f"{record.expires_at:%Y-%m-%d}")
        return failed(*name, text, hint=NEW_KEY_HINT, code=ExitCode.AUTHENTICATION)
    if state is KeyState.EXHAUSTED:
        hint = tr(
            "raise the limit of the key in the gateway's console,"
            " or store another key with `{login}`",
            login=profile_command("newapi login"),
        )
        return failed(*name, tr("the key is used up"), hint=hint, code=ExitCode.LIMIT)
    if state is KeyState.DISABLED:
        hint = tr(
            "enable the key in the gateway's console, or store another: `{login}`",
            login=profile_command("newapi login"),
        )
        return failed(*name, tr("the key is disabled"), hint=hint, code=ExitCode.AUTHENTICATION)
    return failed(
        *name,
        tr("the gateway rejects the key"),
        hint=tr("check in the gateway's console whether the key is disabled"),
        code=ExitCode.AUTHENTICATION,
    )


def check_models(doctor: DoctorContext) -> CheckResult:
    """Check that the key may use the configured models."""
    if not doctor.lists_models:
        return skipped(tr("the server lists no models"))
    known = {model.id: model for model in doctor.models}
    count = ntr("{n} model for this key", "{n:,} models for this key", len(known))
    names = [name for name in doctor.context.model_and_fallbacks if name]
    if not names:
        hint = tr("{command}, or -m NAME", command=SET_MODEL)
        return warning(count, tr("no model is set"), hint=hint)
    if missing := [name for name in names if name not in known]:
        return _missing_models_result(doctor, count, missing)
    if no_chat := [name for name in names if _cannot_chat(known[name])]:
        kinds = ", ".join(known[no_chat[0]].endpoint_types)
        text = tr("{name} is served as {kinds}, not for chat", name=no_chat[0], kinds=kinds)
        return warning(count, text, hint=tr("`{models}` lists others", models=MODELS))
    return ok(count, tr("includes {names}", names=", ".join(names)))


def _missing_models_result(doctor: DoctorContext, count: str, missing: list[str]) -> CheckResult:
    text = tr("not listed: {names}", names=", ".join(missing))
    similar = _similar_names(missing[0], [model.id for model in doctor.models])
    hint = tr("`{models}` lists them; then `{command}`", models=MODELS, command=SET_MODEL)
    if similar:
        names = " or ".join(similar)
        hint = tr(
            "use {names}: `{command}`; `{models}` lists all",
            names=names,
            command=SET_MODEL,
            models=MODELS,
        )
    if not doctor.is_gateway:
        return warning(count, text, hint=hint)  # some servers accept any name
    return failed(count, text, hint=hint, code=ExitCode.GATEWAY)


def _similar_names(name: str, known: list[str]) -> list[str]:
    """Return the most similar known names: by spelling, then those that contain the name."""
    containing = [each for each in known if name.lower() in each.lower()]
    return [*dict.fromkeys((*near_names(name, known), *containing))][:NEAR_NAMES]


def _cannot_chat(model: ModelInfo) -> bool:
    return bool(model.endpoint_types) and CHAT not in model.endpoint_types


def check_prices(doctor: DoctorContext) -> CheckResult:
    """Check whether prices are published, and report those of the configured model."""
    context = doctor.context
    if not doctor.settings.flag("prices"):
        return skipped(tr("turned off by prices = false"))
    if doctor.server_kind is not None and not doctor.is_gateway:
        return ok(tr("this server publishes no prices"))
    prices = doctor.gateway.prices.load(refresh=True)
    context.interrupts.check()  # after a signal the prices are missing too
    if prices is None or not prices.prices:
        return ok(tr("this server publishes no prices"))
    published = ntr("published for {n} model", "published for {n:,} models", len(prices.prices))
    model = context.model_and_fallbacks[0]
    if not model:
        return ok(published)
    rates = NO_RATES
    if doctor.models:  # else the key was rejected, and has no log
        doctor.gateway.key_log.learn()
        rates = doctor.gateway.key_log.rates
    view = prices.view(model, doctor.settings.text("group"), rates)
    return ok(published, *_price_parts(prices, model, view))


def _price_parts(prices: PriceList, model: str, view: PriceView | None) -> list[str]:
    price_in, price_out = price_cells(view, prices.currency)
    if view is None or view.kind is PriceKind.UNKNOWN:
        return [tr("none for {model}", model=model)]
    if view.kind is PriceKind.TIERED and view.prompt is None:
        return [tr("{model} has tiered prices, which only the gateway can calculate", model=model)]
    text = tr("{model} {price}", model=model, price=price_in)
    if view.per_call is None and not price_in == price_out == "free":
        text = tr(
            "{model} {price_in} in, {price_out} out per million tokens",
            model=model,
            price_in=price_in,
            price_out=price_out,
        )
    if view.is_group_certain:
        return [text, tr("group {name}", name=view.group)]
    return [text, tr("if the key's group is {name}", name=view.group)]


def check_answer(doctor: DoctorContext) -> CheckResult:
    """Ask the model for one word, if the user agrees to the cost."""
    context = doctor.context
    model = context.model_and_fallbacks[0]
    if not model:
        return skipped(tr("no model is set"))
    if not doctor.may_spend:
        if not context.streams.are_interactive:
            return skipped(tr("costs a few tokens; use --yes to run it"))
        if not _is_confirmed(context, model):
            return skipped(tr("declined"))
    request = ChatRequest(model, (Message(Role.USER, PROMPT),), sampling_of(context))
    arrivals: list[float] = []
    with context.interrupts:
        turn = Turn(
            request,
            context.client(retries=0),
            require_finish_reason=doctor.settings.flag("require_finish_reason"),
        )
        try:
            for event in turn:
                if isinstance(event, Chunk) and (event.content or event.reasoning):
                    arrivals.append(time.monotonic())
                if len(arrivals) >= MAX_CHUNKS:
                    break
        finally:
            turn.close()
    return _answer_result(doctor, turn.completion, arrivals)


def _is_confirmed(context: Context, model: str) -> bool:
    prompt = tr(
        "Send a short prompt to {model}? It costs a few tokens.",
        model=safe_line(context.streams.redact(model)),
    )
    try:
        return confirm(context.streams, prompt)
    except InputEnded:
        return False


def _answer_result(
    doctor: DoctorContext, completion: Completion, arrivals: list[float]
) -> CheckResult:
    model, time_taken = completion.requested_model, format_duration(completion.duration_s)
    is_complete = completion.status is Status.COMPLETE
    parts: list[str] = [tr("{model} answered in {time}", model=model, time=time_taken)]
    if not is_complete:
        parts = [tr("stopped the answer of {model} after {time}", model=model, time=time_taken)]
    if completion.first_token_s is not None:
        first = format_duration(completion.first_token_s)
        parts.append(tr("first token after {time}", time=first))
    parts.append(_chunk_text(arrivals))
    if not is_complete:  # the rest would cost more than the user agreed to
        return ok(*parts, tr("the answer was longer than one word"))
    if completion.usage is not None:
        parts.append(tokens(completion.usage))
    if doctor.is_gateway and (cost := doctor.gateway.cost(model, completion.usage)) is not None:
        parts.append(cost_text(cost))
    if completion.finish_reason:
        parts.append(tr("finish reason {reason}", reason=completion.finish_reason))
    else:
        parts.append(tr("no finish reason"))
    if completion.usage is None:
        hint = tr("costs of this model cannot be calculated")
        return warning(*parts, tr("no token counts"), hint=hint)
    return ok(*parts)


def _chunk_text(arrivals: list[float]) -> str:
    """Return whether the answer streamed, from the times between its chunks.

    >>> _chunk_text([1.0]), _chunk_text([1.0, 1.5]), _chunk_text([1.0, 1.0])
    ('in one chunk', 'in 2 chunks over 500 ms', 'in 2 chunks at once')
    """
    if len(arrivals) < 2:
        return tr("in one chunk")
    span_s = arrivals[-1] - arrivals[0]
    if span_s < 0.002:
        return tr("in {n} chunks at once", n=len(arrivals))
    return tr("in {n} chunks over {time}", n=len(arrivals), time=format_duration(span_s))
