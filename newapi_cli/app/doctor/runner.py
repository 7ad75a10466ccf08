"""A check-up: checks run one after another, and each becomes one line. It never raises.

A check that fails makes those pointless that need it: they are skipped, and name the one to mend
first. A check that is merely skipped blocks nobody.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ExitCode, Interrupted, NewapiError


class Check(NamedTuple):
    """One thing to look at. `run` gives its result, whose name is filled in here, or raises.

    `needs` names the checks that must not have failed before; `is_slow` has it told that it begins.
    """

    name: str
    run: Callable[[], CheckResult]
    needs: tuple[str, ...] = ()
    is_slow: bool = False


class Begun(NamedTuple):
    """A check that may take a while has begun."""

    name: str


class Blocked(Exception):
    """A check finds while it runs that another one must be mended first; `name` is that one's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def check_up(checks: Iterable[Check]) -> Iterator[Begun | CheckResult]:
    """Run the checks in their order and give the result of each as it comes.

    Only signals leave it as exceptions: `Interrupted`, and Python's own `KeyboardInterrupt`.
    """
    blockers: dict[str, str] = {}  # of each check that is in the way: the one to mend first
    for check in checks:
        blocker = next((blockers[name] for name in check.needs if name in blockers), "")
        if not blocker:
            if check.is_slow:
                yield Begun(check.name)
            try:
                result = _result_of(check)
            except Blocked as blocked:
                blocker = blockers.get(blocked.name, blocked.name)
            else:
                if result.verdict is Verdict.FAILED:
                    blockers[check.name] = check.name
                yield result._replace(name=check.name)
        if blocker:
            blockers[check.name] = blocker
            yield CheckResult(check.name, Verdict.SKIPPED, f"{blocker} comes first")


def exit_code_of(results: Iterable[CheckResult]) -> ExitCode:
    """Give the code of the first check that failed, 0 where none did."""
    failed = (result.code for result in results if result.verdict is Verdict.FAILED)
    return next(failed, ExitCode.COMPLETE)


def _result_of(check: Check) -> CheckResult:
    try:
        return check.run()
    except (Interrupted, Blocked):
        raise
    except NewapiError as error:
        return failure(error)
    except Exception as error:  # noqa: BLE001  # one bug must not hide what the other checks find
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return CheckResult(
            check.name,
            Verdict.FAILED,
            f"a bug of newapi ({type(error).__name__} at {place})",
            "report it, with what `newapi -V` prints",
            ExitCode.BUG,
        )


def failure(error: NewapiError) -> CheckResult:
    """Give the result of a check that one of our errors ended, in the error's words."""
    words = error.summary
    if error.request_id:
        words += f" (request id {error.request_id})"
    return CheckResult("", Verdict.FAILED, words, error.hint, error.exit_code)
