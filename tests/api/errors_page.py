"""`docs/errors.md`, made from the error table."""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.api.errors.rules import (
    ANY_SOURCE,
    ANY_STATUS,
    BodyForm,
    ErrorRule,
    ErrorSource,
    When,
)
from newapi_cli.api.errors.table import (
    ERROR_IN_STREAM,
    INVALID_RESPONSE,
    OTHER_API,
    OUTSIDE_PROTOCOL,
    TABLE,
    UNEXPECTED_STATUS,
)
from newapi_cli.errors import ExitCode

INTRODUCTION = """\
# Errors of a gateway

`newapi` prints an error in up to four parts: `error:` what happened, `why:` the server's own words,
`id:` the request ID, by which the gateway's operator finds the request, and `try:` what to do next.
On this page, find the message under its exit code. Each entry has the message, its reason as code
knows it, what the server sent, the usual cause, and what to do. The first entry that matches a
response applies.

*The gateway* is a server that sends an error type of its own (`new_api_error`, or `one_api_error`,
`one_hub_error` and similar of related gateways), or no type. *The provider* is the service behind
the gateway, or a server that is not a gateway. Gateways before April 2026 sent many messages in
Chinese. `newapi` sends your language to the gateway, and knows the messages in each language.

*Retried* means that `newapi` retries the request by itself (`--retries`, or the setting `retries`).

This page is made from the table in `newapi_cli/api/errors/table.py`:
`UPDATE_GOLDEN=1 pytest tests/api/test_error_table.py` writes it.
"""
CODES = (ExitCode.AUTHENTICATION, ExitCode.NETWORK, ExitCode.GATEWAY, ExitCode.LIMIT)


def errors_page() -> str:
    """Return the whole page."""
    rules = (*TABLE, ERROR_IN_STREAM, OUTSIDE_PROTOCOL, OTHER_API, INVALID_RESPONSE)
    parts = [INTRODUCTION]
    for code in CODES:
        parts.append(f"## Exit code {code.value}: {code.meaning}\n")
        parts += [_entry(rule) for rule in rules if rule.error.exit_code is code]
    return "\n".join(parts)


def _entry(rule: ErrorRule) -> str:
    lines = [
        f"- **{rule.message}** (`{rule.reason}`)",
        f"  - Sent: {_sent(rule)}.",
        f"  - Cause: {rule.cause}",
        f"  - Try: {rule.hint}",
    ]
    if _is_retried(rule):
        lines.append("  - Retried.")
    return "\n".join(lines) + "\n"


def _sent(rule: ErrorRule) -> str:
    if rule is ERROR_IN_STREAM:
        return "HTTP 200; an error object among the events of an answer"
    if rule is UNEXPECTED_STATUS:
        return "HTTP 100 to 199, or 300 to 399 without a Location header"
    if rule is OUTSIDE_PROTOCOL:
        return "HTTP 200; neither an answer nor an error"
    if rule is OTHER_API:
        return "HTTP 200; an answer of another API"
    if rule is INVALID_RESPONSE:
        return "HTTP 200; an answer in a form that cannot be read, or one that is too large"
    return "; ".join(_conditions(rule.when)) or "anything else"


def _conditions(when: When) -> Iterator[str]:
    if when.statuses != ANY_STATUS:
        yield f"HTTP {_statuses(when)}"
    if when.sources != ANY_SOURCE:
        yield _sources(when.sources)
    if when.is_direct:
        yield "no request ID of a gateway"
    if when.form is not BodyForm.ANY:
        yield when.form.value
    words = [
        *(f"code `{code}`" for code in when.codes),
        *(f"type `{type_}`" for type_ in when.types),
        *(f"“{text}”" for text in when.texts),
    ]
    if words:
        yield ", ".join(words)


def _statuses(when: When) -> str:
    statuses = [status for status in range(100, 1000) if status in when.statuses]
    if statuses[-1] == 999:
        return f"{statuses[0]} and above"
    if len(statuses) > 20:
        return f"{statuses[0]} to {statuses[-1]}"
    return ", ".join(map(str, statuses))


def _sources(sources: tuple[ErrorSource, ...]) -> str:
    names: dict[tuple[ErrorSource, ...], str] = {
        (ErrorSource.GATEWAY, ErrorSource.UNTYPED): "the gateway",
        (ErrorSource.PROVIDER, ErrorSource.UNTYPED): "the provider, or no error type",
    }
    return names.get(sources) or sources[0].value


def _is_retried(rule: ErrorRule) -> bool:
    """Return whether the errors of a rule are retried, except for a rare status of a range."""
    statuses, has_codes = rule.when.statuses, bool(rule.when.codes)
    if rule.is_final or (statuses == ANY_STATUS and not has_codes):
        return False
    return statuses == (429,) or any(status in statuses for status in (500, 502, 504))
