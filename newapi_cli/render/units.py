"""Numbers as people read them: every rounding rule of the program."""

from __future__ import annotations

from datetime import UTC, datetime

from newapi_cli.domain.completion import Completion, Usage

SPANS = (
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)


def seconds(value: float) -> str:
    """Write a duration given in seconds.

    >>> seconds(0.256), seconds(12.34), seconds(75.2)
    ('0.26 s', '12.3 s', '1 min 15 s')
    """
    if value < 10:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def ago(time: datetime, now: datetime | None = None) -> str:
    """Write how long ago a time was, in one unit.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 5, tzinfo=UTC))
    '2 days ago'
    """
    past_s = ((now or datetime.now(UTC)) - time).total_seconds()
    for name, length_s in SPANS:
        if past_s >= length_s:
            count = int(past_s // length_s)
            return f"{count} {name}{'s' * (count != 1)} ago"
    return "just now"


def tokens(usage: Usage | None) -> str:
    """Write token counts, and what of them was cached or thought.

    >>> tokens(Usage(1200, 34, 1234, cached_tokens=1000))
    '1,200 tokens in (1,000 cached), 34 out'
    """
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return "tokens unknown"
    cached = f" ({usage.cached_tokens:,} cached)" if usage.cached_tokens else ""
    thought = f" ({usage.reasoning_tokens:,} reasoning)" if usage.reasoning_tokens else ""
    count_in, count_out = _count(usage.prompt_tokens), _count(usage.completion_tokens)
    return f"{count_in} tokens in{cached}, {count_out} out{thought}"


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def summary(completion: Completion, model: str) -> str:
    """Write the line under an answer: model, tokens, seconds to the first token and in all."""
    parts = [completion.model or model, tokens(completion.usage)]
    if completion.first_token_s is not None:
        parts.append(f"first token {seconds(completion.first_token_s)}")
    parts.append(f"in all {seconds(completion.duration_s)}")
    return " · ".join(parts)
