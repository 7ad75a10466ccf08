"""How an answer ended, decided by evidence.

`[DONE]` alone proves nothing (New API also writes it after its own timeouts), and a missing one
disproves nothing:

    a finish reason                           complete, or an error if it names a failure or filter
    [DONE] without one, some text             incomplete, unless `require_finish_reason` is false
    neither, some text                        incomplete
    a lost connection or a timeout after text incomplete
    no text, no tool call                     an error: an empty answer
"""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.domain.completion import CompletionBuilder, Notice
from newapi_cli.domain.finish_reasons import (
    CONTENT_FILTER,
    LENGTH,
    TOOL_CALLS,
    is_failure,
    is_known,
    standard_reason,
)
from newapi_cli.errors import GatewayError, IncompleteCompletion, NewapiError, NextStep, Reason
from newapi_cli.i18n import tr

CUT_HINT = NextStep.RESEND_OR_CONTINUE


def check_outcome(
    builder: CompletionBuilder, *, is_end_confirmed: bool, require_finish_reason: bool
) -> Iterator[Notice]:
    """Yield what to report about an answer that has ended; raise `NewapiError` if it failed.

    `is_end_confirmed`: it ended with `[DONE]`, or was one whole object.
    """
    word = builder.finish_reason
    reason = standard_reason(word) if word else None
    if word and (reason == CONTENT_FILTER or is_failure(word)):
        raise GatewayError(
            tr("the server stopped the answer ({reason})", reason=word),
            hint=tr("rephrase the prompt") if reason == CONTENT_FILTER else CUT_HINT,
            request_id=builder.request_id,
        )
    if reason == LENGTH:
        yield Notice(_limit_text(builder, word))
    elif not builder.has_answer:
        raise _empty_answer_error(builder, reason)
    elif word is None:
        if require_finish_reason or not is_end_confirmed:
            raise _unfinished_error(builder, is_end_confirmed=is_end_confirmed)
    elif not is_known(word):
        notice = tr("unknown finish reason {reason}: the answer counts as complete", reason=word)
        yield Notice(notice, is_detail=True)


def cut_off_error(error: NewapiError, builder: CompletionBuilder) -> NewapiError:
    """Return an error during an answer as `IncompleteCompletion`, with the length so far."""
    if isinstance(error, IncompleteCompletion):
        return error
    return IncompleteCompletion(
        tr(
            "answer cut off after {n:,} characters: {problem}",
            n=builder.characters,
            problem=error.message,
        ),
        why=error.why,
        hint=CUT_HINT,
        request_id=error.request_id or builder.request_id,
    )


def _limit_text(builder: CompletionBuilder, word: str | None) -> str:
    if builder.has_answer:
        return tr("the answer reached the token limit (finish reason: {reason})", reason=word)
    if builder.has_anything:
        return tr(
            "the reasoning reached the token limit before any answer (finish reason: {reason});"
            " a higher max_tokens leaves room for one",
            reason=word,
        )
    return tr("the token limit was reached before any text (finish reason: {reason})", reason=word)


def _empty_answer_error(builder: CompletionBuilder, reason: str | None) -> NewapiError:
    hint = tr("retry, or use another model: {step}", step=NextStep.USE_MODEL)
    why = ""
    if builder.has_anything:
        why = tr("only reasoning was sent")
        hint = tr("the reasoning may contain the answer: {step}", step=NextStep.SHOW_REASONING)
    elif reason == TOOL_CALLS:
        why = tr("the finish reason is {reason}, but no tool call was sent", reason=reason)
    error = GatewayError(
        tr("the server sent an empty answer"),
        reason=Reason.EMPTY_ANSWER,
        why=why,
        hint=hint,
        request_id=builder.request_id,
    )
    error.can_fall_back = not builder.has_anything
    return error


def _unfinished_error(builder: CompletionBuilder, *, is_end_confirmed: bool) -> NewapiError:
    characters = builder.characters
    if is_end_confirmed:
        return IncompleteCompletion(
            tr(
                "answer possibly cut off after {n:,} characters: no finish reason was sent",
                n=characters,
            ),
            hint=tr(
                "{step}; for a provider that never sends one:"
                " `newapi config set require_finish_reason false`",
                step=NextStep.RESEND_OR_CONTINUE,
            ),
            request_id=builder.request_id,
        )
    return IncompleteCompletion(
        tr("answer cut off after {n:,} characters: the connection ended", n=characters),
        hint=CUT_HINT,
        request_id=builder.request_id,
    )
