"""Whether an answer is complete (exit code 0), incomplete (9) or an error, decided by evidence.

`[DONE]` alone proves nothing (New API also writes it after its own timeouts), and a missing one
disproves nothing. The first row that applies decides; in the first two, text includes reasoning:

    more than MAX_SIZE of text                incomplete
    a lost connection or a timeout after text incomplete, unless a finish reason was sent
    a finish reason for a failure or a filter an error (6)
    a finish reason for the token limit       complete, with a notice
    no text, no tool call                     an error (6): an empty answer
    another finish reason                     complete
    [DONE], or a whole response               incomplete, unless `require_finish_reason` is false
    none of these                             incomplete
"""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.domain.completion import Chunk, CompletionBuilder, Notice, TurnEvent
from newapi_cli.errors import (
    GatewayError,
    IncompleteCompletion,
    NewapiError,
    NextStep,
    Reason,
    profile_command,
)
from newapi_cli.i18n import ntr, tr

# In characters, with reasoning and tool calls: a server that never ends an answer would take all
# memory. The longest real answers have some 0.5 MB of text (128,000 tokens).
MAX_SIZE = 16 * 1024 * 1024
CUT_HINT = NextStep.RESEND_OR_CONTINUE


def check_ended(
    answer: CompletionBuilder, *, is_end_confirmed: bool, require_finish_reason: bool
) -> Iterator[Notice]:
    """Check an answer whose body has ended; yields a notice if the model stopped at a limit.

    `is_end_confirmed` is that of `StreamEnd`. Raises `GatewayError` or `IncompleteCompletion` if
    the answer is not complete.
    """
    word = answer.finish_reason
    if word == "stop" and answer.has_answer:
        return
    from newapi_cli.domain import finish_reasons  # 0.3 ms; nearly all answers end above

    reason = finish_reasons.standard_reason(word) if word else None
    is_filtered = reason == finish_reasons.CONTENT_FILTER
    if word and (is_filtered or finish_reasons.is_failure(word)):
        raise GatewayError(
            tr("the server stopped the answer ({reason})", reason=word),
            hint=tr("rephrase the prompt") if is_filtered else CUT_HINT,
            request_id=answer.request_id,
        )
    if reason == finish_reasons.LENGTH:
        yield Notice(_limit_text(answer, word))
    elif not answer.has_answer:
        raise _empty_answer_error(answer, reason, is_cut_off=not (word or is_end_confirmed))
    elif word is None:
        if require_finish_reason or not is_end_confirmed:
            raise _unfinished_error(answer, is_end_confirmed=is_end_confirmed)
    elif not finish_reasons.is_known(word):
        notice = tr("unknown finish reason {reason}: the answer counts as complete", reason=word)
        yield Notice(notice, is_detail=True)


def check_size(answer: CompletionBuilder, event: TurnEvent) -> None:
    """Raise `IncompleteCompletion` if the event continues an answer that is too long."""
    if answer.size > MAX_SIZE and isinstance(event, Chunk) and event.has_anything:
        problem = tr("it exceeds the limit of {limit} MB", limit=MAX_SIZE // 1024 // 1024)
        raise IncompleteCompletion(
            _cut_off_text(answer, problem),
            request_id=answer.request_id,
        )


def cut_off_error(answer: CompletionBuilder, error: NewapiError) -> NewapiError:
    """Return an error that ended a started answer as `IncompleteCompletion`, with the length."""
    if isinstance(error, IncompleteCompletion):
        return error
    return IncompleteCompletion(
        _cut_off_text(answer, error.message),
        why=error.why,
        hint=CUT_HINT,
        request_id=error.request_id or answer.request_id,
    )


def _cut_off_text(answer: CompletionBuilder, problem: str) -> str:
    return ntr(
        "answer cut off after {n} character: {problem}",
        "answer cut off after {n:,} characters: {problem}",
        answer.characters,
        problem=problem,
    )


def _limit_text(answer: CompletionBuilder, word: str | None) -> str:
    if answer.has_answer:
        return tr(
            "the answer reached the token limit (finish reason: {reason}); {step}",
            reason=word,
            step=NextStep.AFTER_TOKEN_LIMIT,
        )
    if answer.has_anything:
        return tr(
            "the reasoning reached the token limit before any answer (finish reason: {reason});"
            " a higher max_tokens leaves room for one",
            reason=word,
        )
    return tr("the token limit was reached before any text (finish reason: {reason})", reason=word)


def _empty_answer_error(
    answer: CompletionBuilder, reason: str | None, *, is_cut_off: bool
) -> NewapiError:
    hint = tr("retry, or use another model: {step}", step=NextStep.USE_MODEL)
    why = ""
    if answer.has_anything:
        why = tr("only reasoning was sent")
        if is_cut_off:
            why = tr("the response ended during the reasoning")
        hint = tr("the reasoning may contain the answer: {step}", step=NextStep.SHOW_REASONING)
    elif is_cut_off:
        why = tr("the response ended before any text")
    elif reason == "tool_calls":
        why = tr("the finish reason is {reason}, but no tool call was sent", reason=reason)
    error = GatewayError(
        tr("the server sent an empty answer"),
        reason=Reason.EMPTY_ANSWER,
        why=why,
        hint=hint,
        request_id=answer.request_id,
    )
    error.can_fall_back = not answer.has_anything
    return error


def _unfinished_error(answer: CompletionBuilder, *, is_end_confirmed: bool) -> NewapiError:
    if is_end_confirmed:
        return IncompleteCompletion(
            ntr(
                "answer possibly cut off after {n} character: no finish reason was sent",
                "answer possibly cut off after {n:,} characters: no finish reason was sent",
                answer.characters,
            ),
            hint=tr(
                "{step}; for a provider that never sends one: `{command}`",
                step=NextStep.RESEND_OR_CONTINUE,
                command=profile_command("newapi config set", "require_finish_reason false"),
            ),
            request_id=answer.request_id,
        )
    return IncompleteCompletion(
        _cut_off_text(answer, tr("the connection ended")),
        hint=CUT_HINT,
        request_id=answer.request_id,
    )
