"""All checks of `newapi doctor`, in the order in which they depend on one another.

    local     configuration, files, base URL, terminal, store   no network
    network   proxy, DNS, TCP, TLS, server, clock               no key
    key       key, models, prices, answer                       the answer costs money

`checkup` runs them and holds what they share. Loads nearly every package of the program.
"""

from __future__ import annotations

from functools import partial

from newapi_cli.app.context import Context
from newapi_cli.app.doctor import key, local, network
from newapi_cli.app.doctor.checkup import Check, CheckStarted, Checkup, exit_code_of, run_checks
from newapi_cli.domain.report import CheckResult
from newapi_cli.errors import ExitCode
from newapi_cli.render.doctor_report import DoctorReport
from newapi_cli.render.rows import output_form
from newapi_cli.render.sanitizer import safe_line


def run_doctor(context: Context, *, may_spend: bool, json: bool) -> ExitCode:
    """Run the checks, print their results, and return the code of the first that failed."""
    form = output_form(context.streams, json=json)
    report = DoctorReport(context.streams, form, shows_progress=not context.is_verbose)
    results = []
    for event in run_checks(_all_checks(Checkup(context, may_spend=may_spend))):
        if isinstance(event, CheckStarted):
            report.begin(event.name)
        else:
            results.append(_safe(context, event))
            report.show(results[-1])
    code = exit_code_of(results)
    report.finish(results, code)
    return code


def _all_checks(checkup: Checkup) -> list[Check]:
    """Return the checks. Scripts read the names in TSV and JSON."""
    return [
        Check("configuration", partial(local.check_configuration, checkup)),
        Check("files", partial(local.check_files, checkup)),
        Check("base URL", partial(local.check_base_url, checkup)),
        Check("proxy", partial(network.check_proxy, checkup), ("base URL",)),
        Check("DNS", partial(network.check_dns, checkup), ("base URL", "proxy"), is_slow=True),
        Check("TCP", partial(network.check_tcp, checkup), ("DNS",), is_slow=True),
        Check("TLS", partial(network.check_tls, checkup), ("TCP",), is_slow=True),
        Check("server", partial(network.check_server, checkup), ("TLS",), is_slow=True),
        Check("clock", partial(network.check_clock, checkup), ("TLS",)),
        Check("key", partial(key.check_key, checkup), ("base URL",), is_slow=True),
        Check("models", partial(key.check_models, checkup), ("key",)),
        Check("prices", partial(key.check_prices, checkup), ("server",), is_slow=True),
        Check("answer", partial(key.check_answer, checkup), ("key", "models")),
        Check("terminal", partial(local.check_terminal, checkup)),
        Check("store", partial(local.check_store, checkup), is_slow=True),
    ]


def _safe(context: Context, result: CheckResult) -> CheckResult:
    """Return a result as safe lines without keys: servers and files choose the words."""
    redact = context.streams.redact
    parts = tuple(safe_line(redact(part)) for part in result.parts)
    return result._replace(parts=parts, hint=safe_line(redact(result.hint)))
