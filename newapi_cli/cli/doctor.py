"""`newapi doctor`: one line for each check, ok or what to do, as the checks run."""

from collections.abc import Iterator
from typing import Annotated

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.doctor.runner import Begun, check_up, exit_code_of
from newapi_cli.cli.options import command
from newapi_cli.domain.report import CheckResult
from newapi_cli.render.doctor_report import DoctorReport
from newapi_cli.render.rows import output_form
from newapi_cli.render.sanitizer import safe_line


@command
def doctor(
    context: Context,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="ask the model for one word, which costs a little")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object at the end")] = False,
) -> None:
    """Check everything between you and an answer; a line for each: ok, or what to do.

    [dim]newapi doctor[/dim]
    [dim]newapi doctor -P work --yes[/dim]
    [dim]newapi doctor --json | jq '.checks[] | select(.verdict == "failed")'[/dim]
    """
    from newapi_cli.app.doctor.checks import checks_of  # loads nearly every package, 60 ms

    results = []
    report = DoctorReport(
        context.streams,
        output_form(context.streams, json=json),
        shows_progress=not context.is_verbose,
    )
    for found in _shown(context, check_up(checks_of(context, may_spend=yes))):
        if isinstance(found, Begun):
            report.begin(found.name)
        else:
            results.append(found)
            report.show(found)
    code = exit_code_of(results)
    report.finish(results, code)
    raise typer.Exit(code)


def _shown(context: Context, found: Iterator[Begun | CheckResult]) -> Iterator[Begun | CheckResult]:
    """Make what servers and files say fit to be shown: one line each, and no key in it."""
    redact = context.streams.redact
    for each in found:
        if isinstance(each, CheckResult):
            text, hint = safe_line(redact(each.text)), safe_line(redact(each.hint))
            yield each._replace(text=text, hint=hint)
        else:
            yield each


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
