"""Costs as the gateway's log of the key has them, in place of the ones computed from prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from newapi_cli.app.context import Context
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.spending import TurnFigures, without_copies
from newapi_cli.domain.completion import Status
from newapi_cli.domain.money import CostKind, LogEntry
from newapi_cli.domain.pricing import plausible_dollars
from newapi_cli.domain.report import Exactness, NotExact
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

if TYPE_CHECKING:
    from newapi_cli.app.gateway.gateway import Gateway


def fetch_exact_costs(context: Context, gateway: Gateway, live: LiveSession) -> Exactness:
    """Fetch the exact costs of a conversation from the gateway's log. Raises `NewapiError`."""
    host = str(context.base_url)
    turns = [turn for turn in live.path if turn.host == host]
    if not turns and live.session.host != host:
        raise UsageError(
            tr("this conversation was with {host}", host=live.session.host or "no gateway yet"),
            hint=tr("the log of {host} does not contain it; switch with /profile", host=host),
        )
    entries = gateway.key_record.log(max_age_s=_age_s(live.last))
    changed = exact_costs(turns, entries, gateway.prices.quota_per_unit())
    if live.is_saved and changed:
        context.sessions.spending.write_costs(changed)
    live.update_costs(changed)
    answered = [turn for turn in live.path if turn.answer]
    exact = sum(turn.cost_kind == CostKind.EXACT for turn in answered)
    return Exactness(exact, len(answered))


def _age_s(turn: TurnRecord | None) -> float:
    """Return the seconds since an answer ended."""
    if turn is None:
        return 0.0
    return (datetime.now(UTC) - turn.created_at).total_seconds() - (turn.duration_s or 0.0)


def exact_costs(
    turns: Iterable[TurnRecord], entries: Iterable[LogEntry], quota_per_unit: Decimal
) -> list[TurnRecord]:
    """Return the turns whose cost changes by the log, with the exact cost.

    The gateway charges in units of quota, `quota_per_unit` of which are a dollar. Implausible sums
    are ignored.
    """
    quotas: dict[str, Decimal] = {}
    for entry in entries:
        quotas[entry.request_id] = quotas.get(entry.request_id, Decimal(0)) + entry.quota
    changed = []
    for turn in turns:
        if not turn.request_id or turn.request_id not in quotas:
            continue
        usd = plausible_dollars(quotas[turn.request_id], quota_per_unit)
        if usd is None:
            continue
        exact = turn._replace(cost=format(usd, "f"), cost_kind=str(CostKind.EXACT))
        if exact != turn:
            changed.append(exact)
    return changed


def exactness(turns: Iterable[TurnFigures], entries: Sequence[LogEntry], host: str) -> Exactness:
    """Return how many costs are exact, and why others are not, by the log of the gateway `host`."""
    exact = answers = 0
    others: Counter[NotExact] = Counter()
    has_ids = any(entry.request_id for entry in entries)
    times = [entry.created_at.timestamp() for entry in entries]
    span = (min(times), max(times)) if times else None
    for turn in without_copies(turns):
        if turn.status == Status.ERROR:
            continue
        answers += 1
        if turn.cost_kind == CostKind.EXACT:
            exact += 1
        elif turn.host != host:
            others[NotExact.OTHER_GATEWAY] += 1
        else:
            others[_reason(turn, span, has_ids=has_ids)] += 1
    return Exactness(
        exact, answers, tuple((reason, others[reason]) for reason in NotExact if others[reason])
    )


def _reason(turn: TurnFigures, span: tuple[float, float] | None, *, has_ids: bool) -> NotExact:
    if not turn.request_id:
        return NotExact.NO_REQUEST_ID
    if span is None:
        return NotExact.EMPTY_LOG
    if not has_ids:
        return NotExact.LOG_WITHOUT_IDS
    if turn.created_at < span[0]:
        return NotExact.BEFORE_LOG
    return NotExact.AFTER_LOG if turn.created_at > span[1] else NotExact.NOT_IN_LOG
