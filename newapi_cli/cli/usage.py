"""`newapi usage`: tokens and money by what is stored here; exact costs by the gateway's log."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from newapi_cli.app.context import Context
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.spending import (
    By,
    TurnFigures,
    exact_costs,
    exactness,
    since_from_text,
    spending_report,
)
from newapi_cli.cli.options import command
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import DOLLAR
from newapi_cli.domain.report import SpendingReport
from newapi_cli.errors import ConfigError, NewapiError
from newapi_cli.render.rows import Form, output_form
from newapi_cli.render.spending import MAX_ROWS_ON_TERMINAL, exactness_text, write_spending
from newapi_cli.render.status_lines import print_dim
from newapi_cli.text import quote_name

STORED = "`newapi usage` without --exact tells what is stored here"


class Scope(NamedTuple):
    """Which turns are meant; nothing in a field means any."""

    since: datetime | None
    profile: str
    host: str


@command
def usage(
    context: Context,
    by: Annotated[By, typer.Option("--by", help="what is added up")] = By.MODEL,
    since: Annotated[
        str,
        typer.Option("--since", metavar="7d", help="h, d, w or y, a date as 2026-11-01, or all"),
    ] = "30d",
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="ask the gateway's log of this key for exact costs (one from before 2026-02-06"
            " takes the key in the URL alone, where its access logs may show it)",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Tell what answers took: tokens, money, time. From what is stored here; asks nobody.

    [dim]newapi usage[/dim]
    [dim]newapi usage --by day --since 7d[/dim]
    [dim]newapi usage --exact -P work[/dim]
    """
    scope = _scope(context, since_from_text(since, datetime.now(UTC)))
    if exact and context.sessions_if_any is not None:
        _make_exact(context, scope)
    form = output_form(context.streams, json=json)
    currency = _currency(context) if form is Form.TABLE else DOLLAR
    report = spending_report(_figures(context, scope), by, since=scope.since, currency=currency)
    if by is By.MODEL:
        report = _redacted(context, report)
    titles = _titles(context, report) if by is By.SESSION else None
    write_spending(context.streams, form, report, titles)
    _tell(context, scope, report, is_table=form is Form.TABLE)


def _scope(context: Context, since: datetime | None) -> Scope:
    """Give what is meant: all profiles, or the one that a flag names, with its host if it has one.

    What is stored of a profile that the config file no longer holds is told too.
    """
    profile = str(context.overrides.get("profile") or "")
    if not profile:
        return Scope(since, "", "")
    try:
        base_url = context.settings.base_url
    except ConfigError:
        base_url = None
    return Scope(since, profile, "" if base_url is None else str(base_url))


def _figures(context: Context, scope: Scope) -> Iterator[TurnFigures]:
    store = context.sessions_if_any
    if store is None:
        return iter(())
    return store.spending.figures(
        TurnFigures._make, scope.since, profile=scope.profile, host=scope.host
    )


def _currency(context: Context) -> Currency:
    """Give the money of the present gateway as it was told last, dollars where there is none."""
    try:
        return Gateway(context).prices.currency() or DOLLAR
    except ConfigError:
        return DOLLAR


def _redacted(context: Context, report: SpendingReport) -> SpendingReport:
    """Give a report without keys in the names of models."""
    redact = context.streams.redact
    return report._replace(rows=tuple(row._replace(name=redact(row.name)) for row in report.rows))


def _titles(context: Context, report: SpendingReport) -> dict[str, str]:
    """Give the titles of the sessions of a report by their ids, without keys in them."""
    store, redact = context.sessions_if_any, context.streams.redact
    wanted = {row.name for row in report.rows}
    found = store.sessions() if store is not None and wanted else []
    return {each.id: redact(each.title) for each in found if each.id in wanted}


def _make_exact(context: Context, scope: Scope) -> None:
    """Write the costs that the gateway's log of the key tells into the turns of this gateway."""
    store = context.sessions
    try:
        host = str(context.base_url)
        gateway = Gateway(context)
        entries, unit = gateway.key_record.log(), gateway.prices.quota_per_unit()
    except NewapiError as error:
        error.hint = f"{error.hint}; {STORED}" if error.hint else STORED
        raise
    turns = store.spending.charged((entry.request_id for entry in entries), host)
    store.spending.write_costs(exact_costs(turns, entries, unit))
    found = exactness(_figures(context, scope), entries, host)
    if found.answers:
        context.streams.print_err(exactness_text(*found))


def _tell(context: Context, scope: Scope, report: SpendingReport, *, is_table: bool) -> None:
    """Tell what the report itself does not."""
    since = "" if scope.since is None else f" since {scope.since.astimezone():%Y-%m-%d %H:%M}"
    of_profile = f" of profile {quote_name(scope.profile)}" if scope.profile else ""
    if not report.rows:
        if context.sessions_if_any is None:
            context.streams.print_err('no answer is stored yet: newapi chat "Hello" asks for one')
        else:
            context.streams.print_err(f"no answer is stored{of_profile}{since}")
        return
    if not is_table:
        return
    print_dim(context.streams, f"as stored here{of_profile}{since}")
    if len(report.rows) > MAX_ROWS_ON_TERMINAL:
        told = f"{MAX_ROWS_ON_TERMINAL} of {len(report.rows):,} rows; a pipe gets all"
        print_dim(context.streams, told)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("usage")(usage)
