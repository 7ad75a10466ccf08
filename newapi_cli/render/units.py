"""Numbers as people read them: every rounding rule of the program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from newapi_cli.domain.completion import Completion, Usage

if TYPE_CHECKING:  # decimal takes 4 ms, and is loaded when there is money to tell
    from decimal import Decimal

    from newapi_cli.domain.billing import Balance
    from newapi_cli.domain.money import Cost, Currency
    from newapi_cli.domain.pricing import TotalCost

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


def money(amount: Decimal, currency: Currency | None = None) -> str:
    """Write an amount of a currency: cents, or two digits of what is less than ten of them.

    >>> from decimal import Decimal
    >>> from newapi_cli.domain.pricing import DOLLAR
    >>> [money(Decimal(text), DOLLAR) for text in ("1234.5", "0.128", "0.000412", "0")]
    ['$1,234.50', '$0.13', '$0.00041', '$0.00']
    """
    if currency is not None and not currency.symbol:
        return f"{amount:,.0f} quota"
    sign = "-" if amount < 0 else ""
    places = 2 if not amount or amount.adjusted() >= -1 else 1 - amount.adjusted()
    digits = f"{abs(amount):,.{places}f}"
    if places > 2 and digits.endswith("0"):
        digits = digits[:-1]
    return f"{sign}{currency.symbol if currency else ''}{digits}"


def cost_text(cost: Cost | None) -> str:
    """Write what answers cost, never as nothing where it is only not known.

    It is empty where the server publishes no prices at all.
    """
    if cost is None:
        return ""
    if cost.usd is None:
        return "tiered price" if cost.kind == "tiered" else "cost unknown"
    if not cost.usd:
        return "free"
    rate = cost.currency.per_usd if cost.currency else 1
    about = "about " if cost.kind == "about" else ""
    return f"{about}{money(cost.usd * rate, cost.currency)}"


def spent_text(spent: TotalCost) -> str:
    """Write what several answers cost, and of how many of them that is not known."""
    text = cost_text(spent.cost)
    return f"{text} + {spent.unknown} unknown" if spent.unknown else text


def balance_text(balance: Balance) -> str:
    """Write what a key has left as one line.

    >>> from decimal import Decimal
    >>> from newapi_cli.domain.billing import Balance
    >>> balance_text(Balance(Decimal("20"), Decimal("7.6612")))
    '12.34 left of 20.00, 7.66 used'
    """
    currency = balance.currency
    used = f"{money(balance.used, currency)} used"
    if balance.limit is None or balance.left is None:
        text = f"no limit on this key, {used}"
    else:
        text = f"{money(balance.left, currency)} left of {money(balance.limit, currency)}, {used}"
    if balance.expires_at is not None:
        text += f", until {balance.expires_at:%Y-%m-%d}"
    return text if balance.state == "active" else f"{balance.state}: {text}"


def summary(completion: Completion, model: str) -> str:
    """Write the line under an answer: model, tokens, seconds, and what it cost."""
    parts = [completion.model or completion.requested_model or model, tokens(completion.usage)]
    if completion.first_token_s is not None:
        parts.append(f"first token {seconds(completion.first_token_s)}")
    parts.append(f"in all {seconds(completion.duration_s)}")
    if completion.cost is not None:
        parts.append(cost_text(completion.cost))
    return " · ".join(parts)
