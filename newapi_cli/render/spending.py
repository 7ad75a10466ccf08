"""A report on spending as rows of TSV and as JSON, and what is said of it in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from newapi_cli.domain.report import Spending, SpendingReport
from newapi_cli.render.units import cost_text


def money_cell(row: Spending, *, is_short: bool = False) -> str:
    """Write what answers cost; never as nothing where it is only not known.

    It is empty where no server has published prices. What is not in the sum is counted, or marked
    where there is little room.
    """
    if row.cost is None:
        return ""
    if row.cost.usd is None:
        return str(row.cost.kind)
    known = cost_text(row.cost)
    if not row.unpriced:
        return known
    return f"{known} + ?" if is_short else f"{known} + {row.unpriced:,} unknown"


def spending_fields(row: Spending, titles: Mapping[str, str] | None) -> list[str]:
    """Give the fields of a row of TSV: exact dollars, plain numbers; the title of a session last.

    Empty is what is not known.
    """
    cost = row.cost
    first_s = "" if row.first_token_s is None else f"{row.first_token_s:.3f}"
    counts = (row.answers, row.failures, row.prompt_tokens, row.completion_tokens)
    fields = [row.name, *map(str, counts), exact_dollars(row), str(cost.kind) if cost else ""]
    fields += [str(row.unpriced), first_s]
    return fields if titles is None else [*fields, titles.get(row.name, "")]


def spending_json(report: SpendingReport, titles: Mapping[str, str] | None) -> dict[str, object]:
    """Give a report as JSON values; amounts are text of exact dollars. `titles`: of sessions."""
    since = report.since
    return {
        "by": report.by,
        "since": None if since is None else f"{since.astimezone(UTC).isoformat()[:19]}Z",
        "rows": [
            {
                "name": row.name,
                "title": None if titles is None else titles.get(row.name, ""),
                **_figures(row),
            }
            for row in report.rows
        ],
        "total": _figures(report.total),
    }


def _figures(row: Spending) -> dict[str, object]:
    return {
        "answers": row.answers,
        "failures": row.failures,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cost_usd": exact_dollars(row) or None,
        "cost_kind": str(row.cost.kind) if row.cost else None,
        "unpriced": row.unpriced,
        "first_token_s": None if row.first_token_s is None else round(row.first_token_s, 3),
    }


def exact_dollars(row: Spending) -> str:
    """Write the dollars of a row with every digit that counts, empty where they are not known."""
    usd = row.cost.usd if row.cost is not None else None
    if usd is None:
        return ""
    text = format(usd, "f")  # `normalize` would round to 28 digits
    return text.rstrip("0").rstrip(".") if "." in text else text


def exactness_text(exact: int, answers: int, others: tuple[tuple[str, int], ...]) -> str:
    """Say for how many answers the cost is exact, and why it is not for the others.

    >>> exactness_text(12, 14, (("of another gateway", 2),))
    'exact for 12 of 14 answers; 2 of another gateway'
    """
    parts = [f"exact for {exact:,} of {answers:,} answers"]
    return "; ".join([*parts, *(f"{count:,} {why}" for why, count in others)])
