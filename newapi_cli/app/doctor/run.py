"""`newapi doctor`: how its checks are run; `checks_in_order` has their order.

The checks by module:

    local     configuration, files, base URL, terminal, store   no network
    network   proxy, DNS, TCP, TLS, server, clock               no key
    key       key, models, prices, answer                       the answer costs money

Each check returns one result, which becomes one line. A failed check makes those that depend on it
pointless: they are skipped, and name the one to fix first. A check that is merely skipped blocks no
other. Loads nearly every package of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.doctor import key, local, network
from newapi_cli.app.doctor.context import (
    CheckBlocked,
    DoctorContext,
    failed,
    result_from_error,
    skipped,
)
from newapi_cli.app.hints import words_of_run
from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import ExitCode, Interrupted, NewapiError, describe_bug
from newapi_cli.i18n import reword, tr
from newapi_cli.render.doctor_report import DoctorReport
from newapi_cli.render.rows import output_form
from newapi_cli.render.sanitizer import safe_line


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


def checks_in_order(doctor: DoctorContext) -> list[Check]:
    """Return the checks in their order. Scripts read the names in TSV and JSON."""
    return [
        Check("configuration", partial(local.check_configuration, doctor)),
        Check("files", partial(local.check_files, doctor)),
        Check("base URL", partial(local.check_base_url, doctor)),
        Check("proxy", partial(network.check_proxy, doctor), ("base URL",)),
        Check("DNS", partial(network.check_dns, doctor), ("base URL", "proxy"), is_slow=True),
        Check("TCP", partial(network.check_tcp, doctor), ("DNS",), is_slow=True),
        Check("TLS", partial(network.check_tls, doctor), ("TCP",), is_slow=True),
        Check("server", partial(network.check_server, doctor), ("TLS",), is_slow=True),
        Check("clock", partial(network.check_clock, doctor), ("TLS",)),
        Check("key", partial(key.check_key, doctor), ("base URL",), is_slow=True),
        Check("models", partial(key.check_models, doctor), ("key",)),
        Check("prices", partial(key.check_prices, doctor), ("server",), is_slow=True),
        Check("answer", partial(key.check_answer, doctor), ("key", "models")),
        Check("terminal", partial(local.check_terminal, doctor)),
        Check("store", partial(local.check_store, doctor), is_slow=True),
    ]


def run_doctor(context: Context, *, may_spend: bool, json: bool) -> ExitCode:
    """Run the checks, print their results, and return the code of the first that failed."""
    form = output_form(context.streams, json=json)
    report = DoctorReport(context.streams, form, shows_progress=not context.is_verbose)
    results = []
    for event in run_checks(checks_in_order(DoctorContext(context, may_spend=may_spend))):
        if isinstance(event, CheckStarted):
            report.begin(event.name)
        else:
            results.append(_redacted(context, event))
            report.show(results[-1])
    code = exit_code_of(results)
    report.finish(results, code)
    return code


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
        hint = tr("report it, with the output of `newapi -V`")
        return failed(describe_bug(error), hint=hint, code=ExitCode.BUG)


def _redacted(context: Context, result: CheckResult) -> CheckResult:
    """Return a result as safe, redacted lines: servers and files choose the words."""
    redact = context.streams.redact
    parts = tuple(safe_line(redact(part)) for part in result.parts)
    hint = reword(result.hint, words_of_run(context, in_doctor=True))
    return result._replace(parts=parts, hint=safe_line(redact(hint)))
