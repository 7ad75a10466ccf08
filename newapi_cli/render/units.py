"""Numbers with their units, as a user reads them: all rounding of displayed numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import Usage
from newapi_cli.i18n import ntr, tr

if TYPE_CHECKING:  # decimal takes 4 ms and is loaded only if there are amounts
    from decimal import Decimal

    from newapi_cli.domain.health import Announcement
    from newapi_cli.domain.money import Cost, Currency
    from newapi_cli.domain.pricing import TotalCost

DAY_S = 86_400
SPANS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (365 * DAY_S, lambda n: ntr("{n} year", "{n:,} years", n)),
    (30 * DAY_S, lambda n: ntr("{n} month", "{n:,} months", n)),
    (7 * DAY_S, lambda n: ntr("{n} week", "{n:,} weeks", n)),
    (DAY_S, lambda n: ntr("{n} day", "{n:,} days", n)),
    (3_600, lambda n: ntr("{n} hour", "{n:,} hours", n)),
    (60, lambda n: ntr("{n} minute", "{n:,} minutes", n)),
)


def turns_on_path(count: int, total: int) -> str:
    """Return the number of turns of a session, of which others may be on other branches.

    >>> turns_on_path(1, 1), turns_on_path(1, 3)
    ('1 turn', '1 of 3 turns')
    """
    if count < total:
        return tr("{n:,} of {all:,} turns", n=count, all=total)
    return ntr("{n} turn", "{n:,} turns", count)


def seconds(value: float) -> str:
    """Return a duration in seconds as text.

    >>> seconds(0.256), seconds(12.34), seconds(75.2)
    ('0.26 s', '12.3 s', '1 min 15 s')
    """
    if value < 10:
        return tr("{seconds:.2f} s", seconds=value)
    if value < 60:
        return tr("{seconds:.1f} s", seconds=value)
    minutes, rest = divmod(round(value), 60)
    return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest)


def span(value: float) -> str:
    """Return a duration in seconds as text in its largest whole unit, or as seconds.

    >>> span(86_400), span(7_300), span(12.34)
    ('1 day', '2 hours', '12.3 s')
    """
    for length_s, count_text in SPANS:
        if value >= length_s:
            return count_text(int(value // length_s))
    return seconds(value)


def ago(time: datetime, now: datetime | None = None) -> str:
    """Return how long ago a time was, in one unit.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 5, tzinfo=UTC))
    '2 days ago'
    """
    past_s = ((now or datetime.now(UTC)) - time).total_seconds()
    if past_s < SPANS[-1][0]:
        return tr("just now")
    return tr("{span} ago", span=span(past_s))


def tokens(usage: Usage | None) -> str:
    """Return token counts as text, with those cached and those spent on reasoning.

    >>> tokens(Usage(1200, 34, 1234, cached_tokens=1000)), tokens(Usage(1, None, None))
    ('1,200 tokens in (1,000 cached), 34 out', '1 token in, ? out')
    """
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return tr("tokens unknown")
    return f"{_tokens_in(usage)}, {_tokens_out(usage)}"


def _tokens_in(usage: Usage) -> str:
    count = usage.prompt_tokens
    if count is None:
        return tr("? tokens in")
    if usage.cached_tokens:
        cached = usage.cached_tokens
        return ntr(
            "{n} token in ({cached:,} cached)",
            "{n:,} tokens in ({cached:,} cached)",
            count,
            cached=cached,
        )
    return ntr("{n} token in", "{n:,} tokens in", count)


def _tokens_out(usage: Usage) -> str:
    count = usage.completion_tokens
    if count is None:
        return tr("? out")
    if usage.reasoning_tokens:
        return tr("{n:,} out ({reasoning:,} reasoning)", n=count, reasoning=usage.reasoning_tokens)
    return tr("{n:,} out", n=count)


def money(amount: Decimal, currency: Currency | None = None) -> str:
    """Return an amount as text: in cents, or with two digits if it is below ten cents.

    >>> from decimal import Decimal
    >>> from newapi_cli.domain.pricing import DOLLAR
    >>> [money(Decimal(text), DOLLAR) for text in ("1234.5", "0.128", "0.000412", "0")]
    ['$1,234.50', '$0.13', '$0.00041', '$0.00']
    """
    if currency is not None and not currency.symbol:
        return tr("{amount:,.0f} quota", amount=amount)
    sign = "-" if amount < 0 else ""
    places = 2 if not amount or amount.adjusted() >= -1 else 1 - amount.adjusted()
    digits = f"{abs(amount):,.{places}f}"
    if places > 2 and digits.endswith("0"):
        digits = digits[:-1]
    return f"{sign}{currency.symbol if currency else ''}{digits}"


def exact_text(amount: Decimal) -> str:
    """Return an amount with all its digits, but without trailing zeros.

    >>> from decimal import Decimal
    >>> exact_text(Decimal("0.1500")), exact_text(Decimal("1E+2"))
    ('0.15', '100')
    """
    text = format(amount, "f")  # `normalize` would round to 28 digits
    return text.rstrip("0").rstrip(".") if "." in text else text


def cost_text(cost: Cost | None) -> str:
    """Return a cost as text; empty if the server publishes no prices at all."""
    if cost is None:
        return ""
    if cost.usd is None:
        return tr("tiered price") if cost.kind == "tiered" else tr("cost unknown")
    if not cost.usd and cost.kind not in ("at_least", "group_unknown"):
        return tr("free")
    rate = cost.currency.per_usd if cost.currency else 1
    return _amount_text(cost.kind, money(cost.usd * rate, cost.currency))


def _amount_text(kind: str, amount: str) -> str:
    """Return an amount with how it is known.

    >>> [_amount_text(kind, "$1.00") for kind in ("exact", "about", "at_most", "group_unknown")]
    ['$1.00', '~$1.00', 'at most $1.00', '~$1.00 (group unknown)']
    """
    if kind == "about":
        return tr("~{amount}", amount=amount)
    if kind == "group_unknown":
        return tr("~{amount} (group unknown)", amount=amount)
    if kind == "at_most":
        return tr("at most {amount}", amount=amount)
    return tr("at least {amount}", amount=amount) if kind == "at_least" else amount


def spent_text(total: TotalCost) -> str:
    """Return the cost of several answers as text, and for how many of them it is unknown."""
    text = cost_text(total.cost)
    if not total.unknown:
        return text
    return tr("{cost} + {count:,} unknown", cost=text, count=total.unknown)


def percent(rate: float) -> str:
    """Return a rate as text, never rounded up to 100 percent.

    >>> percent(99.96), percent(100.0), percent(42.4), percent(0.04)
    ('99.9 %', '100 %', '42 %', '0 %')
    """
    if 99 < rate < 100:
        return f"{int(rate * 10) / 10} %"
    return f"{rate:.0f} %"


def announcement_text(announcement: Announcement) -> str:
    """Return an announcement of the gateway's operator as one line.

    >>> from newapi_cli.domain.health import Announcement
    >>> announcement_text(Announcement("closed on Sunday"))
    'announcement: closed on Sunday'
    """
    if announcement.published_at is None:
        return tr("announcement: {text}", text=announcement.text)
    day = f"{announcement.published_at.astimezone():%Y-%m-%d}"
    return tr("announcement of {day}: {text}", day=day, text=announcement.text)


def model_text(requested: str, served: str) -> str:
    """Return the model that was requested, and in brackets the one that the server names.

    >>> model_text("gpt-4o", "gpt-4o"), model_text("fast", "/models/qwen3.gguf")
    ('gpt-4o', 'fast (/models/qwen3.gguf)')
    """
    if not requested or not served or requested == served:
        return requested or served
    return f"{requested} ({served})"


def summary(
    model: str,
    usage: Usage | None,
    first_token_s: float | None,
    duration_s: float | None,
    cost: Cost | None = None,
) -> str:
    """Return the line below an answer: model, tokens, times and cost, as far as they are known."""
    parts = [model, tokens(usage)]
    if first_token_s is not None:
        parts.append(tr("first token {time}", time=seconds(first_token_s)))
    if duration_s is not None:
        parts.append(tr("total {time}", time=seconds(duration_s)))
    return " · ".join(filter(None, (*parts, cost_text(cost))))
