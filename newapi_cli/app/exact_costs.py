"""Exact costs of stored turns, from the gateway's log of the key.

A row of the log belongs to a turn with the same request id. The rows of servers before 2026 have
none: there a row belongs to a turn with the same model and token counts, of about the same end and
duration, if no other turn and no other row fits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from newapi_cli.app.context import Context
from newapi_cli.app.sessions.live_session import LiveSession
from newapi_cli.app.spending import TurnFigures, median, without_copies
from newapi_cli.domain.completion import Status
from newapi_cli.domain.money import CostKind, LogEntry
from newapi_cli.domain.pricing import plausible_dollars
from newapi_cli.domain.report import Exactness, NotExact
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

if TYPE_CHECKING:
    from newapi_cli.app.gateway.gateway import Gateway

# Seconds between the end of a turn and of its row: by two clocks, and by one.
CLOCKS_APART_S, ROUNDING_S = 600.0, 2.5
# Seconds by which a row, in whole seconds, may be longer or shorter than the turn.
USE_TIME_ROUNDING_S, NETWORK_S = 1.5, 3.0


class LogMatch(NamedTuple):
    """Turns with exact costs that the log changes, and the ids of turns that match several rows."""

    changed: list[TurnFigures]
    ambiguous: frozenset[int]


def figures_of(turn: TurnRecord, session_id: str) -> TurnFigures:
    """Return the figures of a turn of a conversation."""
    usage = turn.usage
    return TurnFigures(
        turn.id,
        session_id,
        turn.host,
        str(turn.status),
        turn.model,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        turn.cost,
        turn.cost_kind,
        turn.request_id,
        turn.first_token_s,
        turn.duration_s,
        turn.created_at.timestamp(),
    )


def exact_costs(
    turns: Iterable[TurnFigures], entries: Sequence[LogEntry], quota_per_unit: Decimal
) -> LogMatch:
    """Return the turns whose cost changes by the log.

    The gateway charges in units of quota, `quota_per_unit` of which are a dollar. Implausible sums
    are ignored.
    """
    by_id: dict[str, Decimal] = {}
    for entry in entries:
        if entry.request_id:
            by_id[entry.request_id] = by_id.get(entry.request_id, Decimal(0)) + entry.quota
    all_turns = list(turns)
    quotas = {turn.id: by_id[turn.request_id] for turn in all_turns if turn.request_id in by_id}
    others = [turn for turn in all_turns if turn.id not in quotas]
    rows = [entry for entry in entries if not entry.request_id]
    found, ambiguous = _match_by_figures(others, rows)
    changed = []
    for turn in all_turns:
        quota = quotas.get(turn.id, found.get(turn.id))
        usd = None if quota is None else plausible_dollars(quota, quota_per_unit)
        if usd is None:
            continue
        exact = turn._replace(cost=format(usd, "f"), cost_kind=str(CostKind.EXACT))
        if exact != turn:
            changed.append(exact)
    return LogMatch(changed, frozenset(ambiguous))


def _match_by_figures(
    turns: Sequence[TurnFigures], rows: Sequence[LogEntry]
) -> tuple[dict[int, Decimal], set[int]]:
    """Return the quotas of turns that fit exactly one row, and the ids of those that fit several.

    The clocks of the gateway and of this machine may differ: turns that fit one row within minutes
    show by how much, and then the others have to fit within seconds.
    """
    candidates = _candidates(turns, rows)
    sure = _unique(candidates)
    offset_s = median([_seconds_apart(turns[t], rows[r]) for t, r in sure.items()]) or 0.0
    near = {
        t: [r for r in fits if abs(_seconds_apart(turns[t], rows[r]) - offset_s) <= ROUNDING_S]
        for t, fits in candidates.items()
        if t not in sure
    }
    sure |= _unique(near)
    quotas = {turns[t].id: rows[r].quota for t, r in sure.items()}
    return quotas, {turns[t].id for t in candidates if t not in sure}


def _candidates(turns: Sequence[TurnFigures], rows: Sequence[LogEntry]) -> dict[int, list[int]]:
    """Return by the index of each turn the indexes of the rows that fit it, if there are any."""
    by_counts = defaultdict(list)
    for index, row in enumerate(rows):
        by_counts[row.model, row.prompt_tokens, row.completion_tokens].append(index)
    candidates = {}
    for index, turn in enumerate(turns):
        same = by_counts.get((turn.model, turn.prompt_tokens or 0, turn.completion_tokens or 0), [])
        fits = [number for number in same if _fits(turn, rows[number])]
        if fits and turn.prompt_tokens is not None:
            candidates[index] = fits
    return candidates


def _fits(turn: TurnFigures, row: LogEntry) -> bool:
    if abs(_seconds_apart(turn, row)) > CLOCKS_APART_S:
        return False
    if row.use_time_s is None or turn.duration_s is None:
        return True
    longer_s = turn.duration_s - row.use_time_s
    return -USE_TIME_ROUNDING_S <= longer_s <= NETWORK_S


def _seconds_apart(turn: TurnFigures, row: LogEntry) -> float:
    return row.created_at.timestamp() - (turn.created_at + (turn.duration_s or 0.0))


def _unique(candidates: dict[int, list[int]]) -> dict[int, int]:
    """Return the turns that fit one row which fits no other turn, with the row."""
    uses = Counter(row for fits in candidates.values() for row in fits)
    return {
        turn: fits[0] for turn, fits in candidates.items() if len(fits) == 1 and uses[fits[0]] == 1
    }


def fetch_exact_costs(context: Context, gateway: Gateway, live: LiveSession) -> Exactness:
    """Fetch the exact costs of a conversation from the gateway's log. Raises `NewapiError`."""
    host = str(context.base_url)
    if not any(turn.host == host for turn in live.path) and live.session.host != host:
        raise UsageError(
            tr("this conversation was sent to {host}", host=live.session.host)
            if live.session.host
            else tr("this conversation was not sent to a gateway yet"),
            hint=tr("the log of {host} does not contain it; switch with /profile", host=host),
        )
    # Turns that are not stored have no id of their own.
    path = dict(enumerate(live.path))
    figures = {n: figures_of(turn, live.session.id)._replace(id=n) for n, turn in path.items()}
    ends = [each.created_at + (each.duration_s or 0.0) for each in figures.values()]
    entries = gateway.key_log.entries(max_age_s=seconds_since(max(ends, default=0.0)))
    here = [each for each in figures.values() if each.host == host]
    match = exact_costs(here, entries, gateway.prices.load_quota_per_unit())
    figures |= {each.id: each for each in match.changed}
    changed = [
        path[each.id]._replace(cost=each.cost, cost_kind=each.cost_kind) for each in match.changed
    ]
    if live.is_saved and changed:
        context.sessions.write_costs(changed)
    live.update_costs(changed)
    answered = [figures[number] for number, turn in path.items() if turn.answer]
    return exactness(answered, entries, host, match.ambiguous)


def seconds_since(at: float) -> float:
    """Return the seconds since a time that is given in seconds since 1970."""
    return datetime.now(UTC).timestamp() - at


def exactness(
    turns: Iterable[TurnFigures],
    entries: Sequence[LogEntry],
    host: str,
    ambiguous: frozenset[int] = frozenset(),
) -> Exactness:
    """Return how many costs are exact, and why others are not, by the log of the gateway `host`."""
    exact = answers = 0
    others: Counter[NotExact] = Counter()
    times = [entry.created_at.timestamp() for entry in entries]
    span = (min(times), max(times)) if times else None
    has_ids = any(entry.request_id for entry in entries)
    for turn in without_copies(turns):
        if turn.status == Status.ERROR:
            continue
        answers += 1
        if turn.cost_kind == CostKind.EXACT:
            exact += 1
        elif turn.host != host:
            others[NotExact.OTHER_GATEWAY] += 1
        elif turn.id in ambiguous:
            others[NotExact.AMBIGUOUS] += 1
        else:
            others[_reason(turn, span, has_ids=has_ids)] += 1
    return Exactness(
        exact, answers, tuple((reason, others[reason]) for reason in NotExact if others[reason])
    )


def _reason(turn: TurnFigures, span: tuple[float, float] | None, *, has_ids: bool) -> NotExact:
    if not turn.request_id and (has_ids or span is None):
        return NotExact.NO_REQUEST_ID
    if span is None:
        return NotExact.EMPTY_LOG
    if turn.created_at < span[0]:
        return NotExact.BEFORE_LOG
    is_newer = int(turn.created_at) > span[1]  # the log has whole seconds
    return NotExact.AFTER_LOG if is_newer else NotExact.NOT_IN_LOG
