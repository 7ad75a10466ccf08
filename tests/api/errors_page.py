"""`docs/errors.md`, made from the table of explanations."""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.api.errors.rows import ANY_STATUS, ANYBODY, Explanation, Shape, Speaker, When
from newapi_cli.api.errors.table import IN_STREAM, NO_ANSWER, NOT_UNDERSTOOD, TABLE
from newapi_cli.errors import ExitCode

INTRODUCTION = """\
# What an error of a gateway means

`newapi` tells an error in three parts: what happened, why in the server's own words (with the id by
which whoever runs the gateway finds the exchange), and what to type next. This page goes the other
way: find what you see by the exit code and the bold message. Under it stand what the server said,
what usually causes it, and what to do. The first row that fits a refusal explains it.

*The gateway* is who names an error type of its own (`new_api_error`, or a relative's
`one_api_error`, `one_hub_error`, …), or none. *The provider* is whoever stands behind it, or a
plain server without a gateway. Gateways before April 2026 said many things in Chinese; `newapi`
tells the gateway your language, and knows the texts in each.

Where it says *asked again*, `newapi` does so by itself before it gives up (`--retries`, `retries`).

This page is made from the table that the program reads, `newapi_cli/api/errors/table.py`.
`UPDATE_GOLDEN=1 pytest tests/api/test_api_explanations.py` writes it anew.
"""
CODES = (ExitCode.AUTHENTICATION, ExitCode.GATEWAY, ExitCode.LIMIT)


def errors_page() -> str:
    """Give the whole page."""
    parts = [INTRODUCTION]
    for code in CODES:
        parts.append(f"## Exit code {code.value}: {code.meaning}\n")
        rows = (row for row in (*TABLE, IN_STREAM, NOT_UNDERSTOOD) if row.error.exit_code is code)
        parts += map(_entry, rows)
    return "\n".join(parts)


def _entry(row: Explanation) -> str:
    lines = [f"- **{row.message}**", f"  - The server: {_said(row)}.", f"  - Why: {row.cause}"]
    if row.hint:
        lines.append(f"  - Try: {row.hint}")
    if _is_asked_again(row):
        lines.append("  - Asked again.")
    return "\n".join(lines) + "\n"


def _said(row: Explanation) -> str:
    if row is IN_STREAM:
        return "an error object among the events of an answer, HTTP 200"
    if row is NO_ANSWER:
        return "HTTP 100 to 199, or 300 to 399 without a place to go to"
    if row is NOT_UNDERSTOOD:
        return "what is neither an event stream nor JSON, HTTP 200"
    return "; ".join(_facts(row.when)) or "anything else"


def _facts(when: When) -> Iterator[str]:
    if when.statuses != ANY_STATUS:
        yield f"HTTP {_statuses(when)}"
    if when.speakers != ANYBODY:
        yield _speakers(when.speakers)
    if when.shape is not Shape.ANY:
        yield when.shape.value
    words = [
        *(f"code `{code}`" for code in when.codes),
        *(f"type `{type_}`" for type_ in when.types),
        *(f"“{text}”" for text in when.texts),
    ]
    if words:
        yield ", ".join(words)


def _statuses(when: When) -> str:
    found = [status for status in range(100, 1000) if status in when.statuses]
    if found[-1] == 999:
        return f"{found[0]} and above"
    if len(found) > 20:
        return f"{found[0]} to {found[-1]}"
    return ", ".join(map(str, found))


def _speakers(speakers: tuple[Speaker, ...]) -> str:
    told = {
        (Speaker.GATEWAY,): "the gateway itself",
        (Speaker.UNNAMED,): "no error type",
        (Speaker.PROVIDER,): "the provider",
        (Speaker.GATEWAY, Speaker.UNNAMED): "the gateway",
        (Speaker.PROVIDER, Speaker.UNNAMED): "the provider, or no error type",
    }
    return told[speakers]


def _is_asked_again(row: Explanation) -> bool:
    """Say whether a row's refusals are asked again, but for a stray status of a range."""
    statuses, names_codes = row.when.statuses, bool(row.when.codes)
    if row.comes_again or (statuses == ANY_STATUS and not names_codes):
        return False
    return statuses == (429,) or any(status in statuses for status in (500, 502, 504))
