"""What an answer costs, and an answer that is paid for, if the person agrees."""

from __future__ import annotations

import time

from newapi_cli.app.doctor.checkup import Case, ok, quick, skipped, warning
from newapi_cli.app.doctor.key import nothing_to_ask
from newapi_cli.app.prompts import confirm
from newapi_cli.app.sampling import sampling_of
from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import ChatRequest, Chunk, Completion, Status
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.pricing import PriceKind, PriceList
from newapi_cli.domain.report import CheckResult
from newapi_cli.i18n import tr
from newapi_cli.render.prices import price_cells
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.units import cost_text, tokens

QUESTION = "Answer with one word: what is the opposite of no?"
MOST_PIECES = 100  # some models never say one word; nobody agreed to pay for more


def prices(case: Case) -> CheckResult:
    """Say whether prices are published, and what the configured model costs this key."""
    context = case.context
    if not case.settings.flag("prices"):
        return skipped("prices = false: they are not asked for")
    if case.family is not None and not case.family.is_gateway:
        return ok("this server publishes no prices")
    published = case.gateway.prices.load(refresh=True)
    context.interrupts.check()  # a signal meanwhile looks like prices that are refused
    if published is None or not published.prices:
        return ok("this server publishes no prices")
    text = f"published for {len(published.prices):,} models"
    model = context.model_and_fallbacks[0]
    if not model:
        return ok(text)
    group = case.settings.text("group")
    if case.models:  # else the key was not taken, and no log tells of it
        case.gateway.key_record.learn_group()
        group = case.gateway.key_record.group
    return ok(f"{text}; {_price_text(published, model, group)}")


def _price_text(published: PriceList, model: str, group: str) -> str:
    view = published.view(model, group)
    money_in, money_out = price_cells(view, published.currency)
    if view is None or view.kind is PriceKind.UNKNOWN:
        return f"none for {model}"
    if view.kind is PriceKind.TIERED:
        return f"{model} in tiers, which only the gateway can work out"
    certain = f"group {view.group}" if view.is_group_certain else f"if its group is {view.group}"
    if view.per_call is not None or money_in == money_out == "free":
        return f"{model} {money_in} ({certain})"
    return f"{model} {money_in} in, {money_out} out for a million tokens ({certain})"


def answer(case: Case) -> CheckResult:
    """Ask the model for one word. It costs money, so the person is asked first."""
    context = case.context
    nothing = nothing_to_ask(case)
    if nothing is not None:
        return nothing
    model = context.model_and_fallbacks[0]
    if not case.may_spend:
        if not context.streams.are_interactive:
            return skipped("it would cost a few tokens: --yes asks the model for one word")
        shown = safe_line(context.streams.redact(model))
        question = tr("Send a short prompt to {model}? It costs a few tokens.", model=shown)
        if not confirm(context.streams, question):
            return skipped("not asked for")
    request = ChatRequest(model, (Message(Role.USER, QUESTION),), sampling_of(context))
    arrivals: list[float] = []
    with context.interrupts:
        turn = Turn(
            request,
            context.client(retries=0),
            require_finish_reason=case.settings.flag("require_finish_reason"),
        )
        try:
            for event in turn:
                if isinstance(event, Chunk) and (event.content or event.reasoning):
                    arrivals.append(time.monotonic())
                if len(arrivals) >= MOST_PIECES:
                    break
        finally:
            turn.close()
    return _judged(case, turn.completion, arrivals)


def _judged(case: Case, completion: Completion, arrivals: list[float]) -> CheckResult:
    model = completion.requested_model
    is_whole = completion.status is Status.COMPLETE
    text = f"{model} {'answered in' if is_whole else 'was stopped after'}"
    text += f" {quick(completion.duration_s)}"
    if completion.first_token_s is not None:
        text += f", the first token after {quick(completion.first_token_s)}"
    text += f", {_pieces(arrivals)}"
    if not is_whole:  # more than a word: it would cost more than was agreed to
        return ok(f"{text}; it was about to say more than one word")
    if completion.usage is not None:
        text += f"; {tokens(completion.usage)}"
    published = case.gateway.prices.cached()
    if published is not None:
        cost = published.cost(model, completion.usage, case.gateway.key_record.group)
        text += f", {cost_text(cost)}"
    text += f"; finish reason {completion.finish_reason or 'not told'}"
    if completion.usage is None:
        return warning(f"{text}; tokens are not told", "costs of this model cannot be worked out")
    return ok(text)


def _pieces(arrivals: list[float]) -> str:
    """Say whether the answer streamed: by how far its pieces came apart.

    >>> _pieces([1.0]), _pieces([1.0, 1.5]), _pieces([1.0, 1.0])
    ('in one piece', 'in 2 pieces over 500 ms', 'in 2 pieces that came together')
    """
    if len(arrivals) < 2:
        return "in one piece"
    span_s = arrivals[-1] - arrivals[0]
    if span_s < 0.002:
        return f"in {len(arrivals)} pieces that came together"
    return f"in {len(arrivals)} pieces over {quick(span_s)}"
