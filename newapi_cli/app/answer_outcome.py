"""Whether an answer is complete (exit code 0), incomplete (9) or an error, decided by evidence.

`[DONE]` alone proves nothing (New API also writes it after its own timeouts), and a missing one
disproves nothing. The first row that applies decides; text includes reasoning in the first two:

    more than MAX_SIZE of text                incomplete
    a lost connection or a timeout after text incomplete, unless a finish reason came before
    a finish reason in FAILURE_REASONS        an error
    the finish reason `length`                complete, with a notice
    no text, no tool call                     an error: an empty answer
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
from newapi_cli.i18n import tr

# In characters, with reasoning and tool calls: a server that never ends an answer would take all
# memory. The longest real answers have some 0.5 MB of text (128,000 tokens).
MAX_SIZE = 16 * 1024 * 1024
CUT_HINT = NextStep.RESEND_OR_CONTINUE
REPHRASE_HINT = tr("rephrase the prompt")
FAILURE_REASONS = {  # finish reasons of answers that failed, with what to do
    "content_filter": REPHRASE_HINT,
    "sensitive": REPHRASE_HINT,
    "abort": CUT_HINT,
    "network_error": CUT_HINT,
    "error": CUT_HINT,
}


def check_ended(
    answer: CompletionBuilder, *, is_end_confirmed: bool, require_finish_reason: bool
) -> Iterator[Notice]:
    """Check an answer whose body has ended; yields a notice if the model stopped at a limit.

    `is_end_confirmed` is that of `StreamEnd`. Raises `GatewayError` or `IncompleteCompletion` if
    the answer is not complete.
    """
    reason = answer.finish_reason
    if reason in FAILURE_REASONS:
        raise GatewayError(
            tr("the server stopped the answer ({reason})", reason=reason),
            hint=FAILURE_REASONS[reason],
            request_id=answer.request_id,
        )
    if reason == "length":
        yield Notice(
            tr(
                "the answer reached the token limit (finish reason: length); {step}",
                step=NextStep.AFTER_TOKEN_LIMIT,
            )
        )
    elif not answer.has_answer:
        raise _empty_answer_error(answer)
    elif reason is None and not is_end_confirmed:
        raise IncompleteCompletion(
            tr(
                "answer cut off after {n:,} characters: the connection ended",
                n=answer.characters,
            ),
            hint=CUT_HINT,
            request_id=answer.request_id,
        )
    elif reason is None and require_finish_reason:
        raise _no_finish_reason_error(answer)


def check_size(answer: CompletionBuilder, event: TurnEvent) -> None:
    """Raise `IncompleteCompletion` if the event continues an answer that is too long."""
    if answer.size > MAX_SIZE and isinstance(event, Chunk) and event.has_anything:
        raise IncompleteCompletion(
            tr(
                "answer cut off after {n:,} characters: it exceeds the limit of {limit} MB",
                n=answer.characters,
                limit=MAX_SIZE // 1024 // 1024,
            ),
            request_id=answer.request_id,
        )


def cut_off_error(answer: CompletionBuilder, error: NewapiError) -> NewapiError:
    """Return an error that ended a started answer as `IncompleteCompletion`, with the length."""
    if isinstance(error, IncompleteCompletion):
        return error
    return IncompleteCompletion(
        tr(
            "answer cut off after {n:,} characters: {problem}",
            n=answer.characters,
            problem=error.message,
        ),
        why=error.why,
        hint=CUT_HINT,
        request_id=error.request_id or answer.request_id,
    )


def _empty_answer_error(answer: CompletionBuilder) -> NewapiError:
    return GatewayError(
        tr("the server sent an empty answer"),
        reason=Reason.EMPTY_ANSWER,
        why=tr("only reasoning was sent") if answer.has_anything else "",
        hint=tr("retry, or use another model: {step}", step=NextStep.USE_MODEL),
        request_id=answer.request_id,
    )


def _no_finish_reason_error(answer: CompletionBuilder) -> NewapiError:
    return IncompleteCompletion(
        tr(
            "answer possibly cut off after {n:,} characters: no finish reason was sent",
            n=answer.characters,
        ),
        hint=tr(
            "{step}; for a provider that never sends one: `{command}`",
            step=NextStep.RESEND_OR_CONTINUE,
            command=profile_command("newapi config set", "require_finish_reason false"),
        ),
        request_id=answer.request_id,
    )
