"""The results that checks return: a verdict, the parts of a line, and a hint."""

from __future__ import annotations

from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ExitCode, NewapiError
from newapi_cli.i18n import tr


def ok(*parts: str) -> CheckResult:
    """Return the result of a check that found no problem."""
    return CheckResult("", Verdict.OK, parts)


def warning(*parts: str, hint: str = "") -> CheckResult:
    """Return the result of a check that found something that works, but should be looked at."""
    return CheckResult("", Verdict.WARNING, parts, hint)


def failed(*parts: str, hint: str, code: ExitCode) -> CheckResult:
    """Return the result of a check that found a problem to fix."""
    return CheckResult("", Verdict.FAILED, parts, hint, code)


def skipped(*parts: str) -> CheckResult:
    """Return the result of a check that could not run; the parts say why."""
    return CheckResult("", Verdict.SKIPPED, parts)


def result_from_error(error: NewapiError) -> CheckResult:
    """Return the result of a check that ended with an error."""
    parts = [error.summary]
    if error.request_id:
        parts.append(tr("id {request_id}", request_id=error.request_id))
    return failed(*parts, hint=error.hint, code=error.exit_code)


def format_duration(seconds: float) -> str:
    """Return a duration that is mostly far below a second as text.

    >>> format_duration(0.00042), format_duration(0.0313), format_duration(2.5)
    ('0.4 ms', '31 ms', '2.50 s')
    """
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
