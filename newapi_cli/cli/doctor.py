"""`newapi doctor`: check everything between the user and an answer."""

from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.doctor.runner import CheckStarted, exit_code_of, run_checks
from newapi_cli.cli.options import command
from newapi_cli.domain.report import CheckResult
from newapi_cli.render.doctor_report import DoctorReport
from newapi_cli.render.rows import output_form
from newapi_cli.render.sanitizer import safe_line


@command
def doctor(
    context: Context,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Ask the model for one word, which costs a few tokens"),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end")] = False,
) -> None:
    """Check everything between you and an answer.

    [dim]newapi doctor[/dim]
    [dim]newapi doctor -P work --yes[/dim]
    [dim]newapi doctor --json | jq '.checks[] | select(.verdict == "failed")'[/dim]
    """
    from newapi_cli.app.doctor.checks import all_checks  # loads nearly every package, 60 ms

    form = output_form(context.streams, json=json)
    report = DoctorReport(context.streams, form, shows_progress=not context.is_verbose)
    results = []
    for event in run_checks(all_checks(context, may_spend=yes)):
        if isinstance(event, CheckStarted):
            report.begin(event.name)
        else:
            results.append(_safe(context, event))
            report.show(results[-1])
    code = exit_code_of(results)
    report.finish(results, code)
    raise typer.Exit(code)


def _safe(context: Context, result: CheckResult) -> CheckResult:
    """Return a result as safe lines without keys: servers and files choose the words."""
    redact = context.streams.redact
    parts = tuple(safe_line(redact(part)) for part in result.parts)
    return result._replace(parts=parts, hint=safe_line(redact(result.hint)))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
