"""Runs checks one after another; each returns one result, which becomes one line. Never raises.

A failed check makes those that depend on it pointless: they are skipped, and name the one to fix
first. A check that is merely skipped blocks no other.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ExitCode, Interrupted, NewapiError
from newapi_cli.i18n import tr


class Check(NamedTuple):
    """One check. `run` returns its result, without the name, or raises.

    `needs` names the checks that must not have failed before. `is_slow`: worth announcing.
    """

    name: str
    run: Callable[[], CheckResult]
    needs: tuple[str, ...] = ()
    is_slow: bool = False


class CheckStarted(NamedTuple):
    """A slow check has started."""

    name: str


class CheckBlocked(Exception):
    """Raised by a check that another one, `name`, must pass first."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def run_checks(checks: Iterable[Check]) -> Iterator[CheckStarted | CheckResult]:
    """Run the checks in their order and yield each result as soon as it is known.

    Only signals leave it as exceptions: `Interrupted`, and Python's own `KeyboardInterrupt`.
    """
    blockers: dict[str, str] = {}  # check that did not pass -> check to fix first
    for check in checks:
        blocker = next((blockers[name] for name in check.needs if name in blockers), "")
        if not blocker:
            if check.is_slow:
                yield CheckStarted(check.name)
            try:
                result = _run(check)
            except CheckBlocked as blocked:
                blocker = blockers.get(blocked.name, blocked.name)
            else:
                if result.verdict is Verdict.FAILED:
                    blockers[check.name] = check.name
                yield result._replace(name=check.name)
        if blocker:
            blockers[check.name] = blocker
            text = tr('fix "{name}" first', name=blocker)
            yield skipped(text)._replace(name=check.name)


def exit_code_of(results: Iterable[CheckResult]) -> ExitCode:
    """Return the exit code of the first failed check, 0 if none failed."""
    codes = (result.code for result in results if result.verdict is Verdict.FAILED)
    return next(codes, ExitCode.COMPLETE)


def _run(check: Check) -> CheckResult:
    try:
        return check.run()
    except (Interrupted, CheckBlocked):
        raise
    except NewapiError as error:
        return result_from_error(error)
    except Exception as error:  # noqa: BLE001  # one bug must not hide the other results
        frame = traceback.extract_tb(error.__traceback__)[-1]
        text = tr(
            "a bug in newapi ({error} at {file}:{line})",
            error=type(error).__name__,
            file=Path(frame.filename).name,
            line=frame.lineno,
        )
        hint = tr("report it, with the output of `newapi -V`")
        return failed(text, hint=hint, code=ExitCode.BUG)


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
