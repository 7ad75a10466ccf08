"""`newapi usage`: a report on stored answers, with exact costs from the gateway's log if wanted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.durations import since_from_text
from newapi_cli.app.exact_costs import exact_costs, exactness, seconds_since
from newapi_cli.app.gateway.gateway import Gateway
from newapi_cli.app.hints import words_of_run
from newapi_cli.app.sessions.commands import ensure_profile_exists
from newapi_cli.app.spending import By, TurnFigures, spending_report
from newapi_cli.domain.money import Currency
from newapi_cli.domain.pricing import DOLLAR
from newapi_cli.domain.report import SpendingReport
from newapi_cli.errors import ConfigError, NewapiError, profile_command
from newapi_cli.i18n import reword, tr
from newapi_cli.render.rows import Form, output_form
from newapi_cli.render.spending import MAX_ROWS_ON_TERMINAL, exactness_text, write_spending
from newapi_cli.render.status_lines import print_dim
from newapi_cli.text import quote_name


class Scope(NamedTuple):
    """Which turns are reported: since a time, of a profile, from a host; empty means all."""

    since: datetime | None
    profile: str
    host: str


def show_usage(context: Context, by: By, since: str, *, exact: bool, json: bool) -> None:
    """Print the report. Sends no request, unless exact costs are wanted."""
    scope = _scope(context, since_from_text(since, datetime.now(UTC)))
    if exact and context.sessions_if_any is not None:
        _fetch_exact_costs(context, scope)
    form = output_form(context.streams, json=json)
    currency = _currency(context) if form is Form.TABLE else DOLLAR
    figures = _figures(context, scope)
    report = spending_report(figures, by, since=scope.since, currency=currency)
    if by is By.MODEL:
        report = _redact_report(context, report)
    if not report.rows:
        ensure_profile_exists(context)
    titles = _titles(context, report) if by is By.SESSION else None
    write_spending(context.streams, form, report, titles)
    if not report.rows:
        _report_nothing(context, scope)
    elif form is Form.TABLE:
        _report_scope(context, scope, len(report.rows))


def _scope(context: Context, since: datetime | None) -> Scope:
    """Return the scope: all profiles, or the one of a flag, with its host if it has one.

    A profile that the config file no longer contains is reported too.
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
    return store.iter_spending(
        TurnFigures._make, scope.since, profile=scope.profile, host=scope.host
    )


def _currency(context: Context) -> Currency:
    """Return the cached currency of the current gateway, else dollars."""
    try:
        return Gateway(context).prices.currency() or DOLLAR
    except ConfigError:
        return DOLLAR


def _redact_report(context: Context, report: SpendingReport) -> SpendingReport:
    """Return a report with keys redacted in the names of models."""
    redact = context.streams.redact
    return report._replace(rows=tuple(row._replace(name=redact(row.name)) for row in report.rows))


def _titles(context: Context, report: SpendingReport) -> dict[str, str]:
    """Return the redacted titles of the report's sessions by their ids."""
    store, redact = context.sessions_if_any, context.streams.redact
    ids = {row.name for row in report.rows}
    sessions = store.sessions() if store is not None and ids else []
    return {session.id: redact(session.title) for session in sessions if session.id in ids}


def _fetch_exact_costs(context: Context, scope: Scope) -> None:
    """Store the costs from the gateway's log of the key in the turns of this gateway."""
    store = context.sessions
    try:
        host = str(context.base_url)
        gateway = Gateway(context)
        turns = list(store.iter_spending(TurnFigures._make, host=host))
        ends = [turn.created_at + (turn.duration_s or 0.0) for turn in turns]
        entries = gateway.key_log.entries(max_age_s=seconds_since(max(ends, default=0.0)))
        quota_per_unit = gateway.prices.load_quota_per_unit()
    except NewapiError as error:
        stored = tr(
            "`{usage}` without --exact reports the stored costs",
            usage=profile_command("newapi usage"),
        )
        if error.hint:
            stored = tr("{hint}; {stored}", hint=error.hint, stored=stored)
        raise error.with_hint(stored) from error.__cause__
    match = exact_costs(turns, entries, quota_per_unit)
    store.write_costs(match.changed)
    result = exactness(_figures(context, scope), entries, host, match.ambiguous)
    if result.answers:
        context.streams.print_err(exactness_text(result))


def _report_nothing(context: Context, scope: Scope) -> None:
    if context.sessions_if_any is None:
        text = tr(
            "no answers yet; `{chat}` gets one", chat=profile_command("newapi chat", '"Hello"')
        )
        context.streams.print_err(reword(text, words_of_run(context)))
        return
    context.streams.print_err("; ".join([tr("no answers stored"), *_scope_parts(scope)]))


def _report_scope(context: Context, scope: Scope, row_count: int) -> None:
    parts = [tr("from the sessions on this machine"), *_scope_parts(scope)]
    print_dim(context.streams, "; ".join(parts))
    if row_count > MAX_ROWS_ON_TERMINAL:
        text = tr(
            "{n} of {total:,} rows; a pipe receives all", n=MAX_ROWS_ON_TERMINAL, total=row_count
        )
        print_dim(context.streams, text)


def _scope_parts(scope: Scope) -> list[str]:
    parts: list[str] = []
    if scope.profile:
        parts.append(tr("profile {name}", name=quote_name(scope.profile)))
    if scope.since is not None:
        parts.append(tr("since {time}", time=f"{scope.since.astimezone():%Y-%m-%d %H:%M}"))
    return parts
