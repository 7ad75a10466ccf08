"""Checks of prices, and of one short answer, which costs money."""

from __future__ import annotations

import time

from newapi_cli.app.chat import sampling_of
from newapi_cli.app.context import Context
from newapi_cli.app.doctor.checkup import Checkup, format_duration
from newapi_cli.app.doctor.runner import ok, skipped, warning
from newapi_cli.app.prompts import confirm
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, Chunk, Completion, Status
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.pricing import PriceKind, PriceList
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import InputEnded
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.prices import price_cells
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.units import cost_text, tokens

PROMPT = "Answer with one word: what is the opposite of no?"
MAX_CHUNKS = 100  # some models never stop at one word, and the user agreed to pay for one


def check_prices(checkup: Checkup) -> CheckResult:
    """Check whether prices are published, and report those of the configured model."""
    context = checkup.context
    if not checkup.settings.flag("prices"):
        return skipped(tr("switched off by prices = false"))
    if checkup.family is not None and not checkup.is_gateway:
        return ok(tr("this server publishes no prices"))
    prices = checkup.gateway.prices.load(refresh=True)
    context.interrupts.check()  # after a signal the prices are missing too
    if prices is None or not prices.prices:
        return ok(tr("this server publishes no prices"))
    published = ntr("published for {n} model", "published for {n:,} models", len(prices.prices))
    model = context.model_and_fallbacks[0]
    if not model:
        return ok(published)
    group = checkup.settings.text("group")
    if checkup.models:  # else the key was rejected, and has no log
        checkup.gateway.key_record.learn_group()
        group = checkup.gateway.key_record.group
    return ok(published, *_price_parts(prices, model, group))


def _price_parts(prices: PriceList, model: str, group: str) -> list[str]:
    view = prices.view(model, group)
    price_in, price_out = price_cells(view, prices.currency)
    if view is None or view.kind is PriceKind.UNKNOWN:
        return [tr("none for {model}", model=model)]
    if view.kind is PriceKind.TIERED:
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


def check_answer(checkup: Checkup) -> CheckResult:
    """Ask the model for one word, if the user agrees to the cost."""
    context = checkup.context
    model = context.model_and_fallbacks[0]
    if not model:
        return skipped(tr("no model is set"))
    if not checkup.may_spend:
        if not context.streams.are_interactive:
            return skipped(tr("costs a few tokens: --yes asks the model for one word"))
        if not _is_confirmed(context, model):
            return skipped(tr("declined"))
    request = ChatRequest(model, (Message(Role.USER, PROMPT),), sampling_of(context))
    arrivals: list[float] = []
    with context.interrupts:
        turn = Turn(
            request,
            context.client(retries=0),
            require_finish_reason=checkup.settings.flag("require_finish_reason"),
        )
        try:
            for event in turn:
                if isinstance(event, Chunk) and (event.content or event.reasoning):
                    arrivals.append(time.monotonic())
                if len(arrivals) >= MAX_CHUNKS:
                    break
        finally:
            turn.close()
    return _answer_result(checkup, turn.completion, arrivals)


def _is_confirmed(context: Context, model: str) -> bool:
    question = tr(
        "Send a short prompt to {model}? It costs a few tokens.",
        model=safe_line(context.streams.redact(model)),
    )
    try:
        return confirm(context.streams, question)
    except InputEnded:
        return False


def _answer_result(checkup: Checkup, completion: Completion, arrivals: list[float]) -> CheckResult:
    model, time_taken = completion.requested_model, format_duration(completion.duration_s)
    is_complete = completion.status is Status.COMPLETE
    parts: list[str] = [tr("{model} answered in {time}", model=model, time=time_taken)]
    if not is_complete:
        parts = [tr("{model} was stopped after {time}", model=model, time=time_taken)]
    if completion.first_token_s is not None:
        first = format_duration(completion.first_token_s)
        parts.append(tr("first token after {time}", time=first))
    parts.append(_chunk_text(arrivals))
    if not is_complete:  # the rest would cost more than the user agreed to
        return ok(*parts, tr("the answer was longer than one word"))
    if completion.usage is not None:
        parts.append(tokens(completion.usage))
    prices = checkup.gateway.prices.cached()
    if prices is not None:
        group = checkup.gateway.key_record.group
        parts.append(cost_text(prices.cost(model, completion.usage, group)))
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
