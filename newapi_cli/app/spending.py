"""What answers took, by model, day or session; and what they cost exactly, by the gateway's log.

Pure: turns come in as the store holds them, a report goes out. A call is counted once, though it
stands in several sessions: a fork and an import copy turns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.app.durations import duration_from_text
from newapi_cli.domain.billing import LogEntry
from newapi_cli.domain.completion import Status
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.pricing import DOLLAR, plausible_dollars, sum_costs
from newapi_cli.domain.report import Spending, SpendingReport
from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import LocalError, UsageError

ALL = "all"
SINCE_HINT = "--since takes 12h, 7d, 2w or 1y, a date such as 2026-11-01, or all"
DOLLARS = re.compile(r"[0-9]{1,60}(\.[0-9]{1,60})?")
DIGITS = 120  # of sums: no cent of 200,000 answers is rounded away
NOTHING = Decimal(0)
DAMAGES = (TypeError, ValueError, OverflowError, OSError)  # by what a file may hold instead
KINDS = {str(kind): kind for kind in CostKind}


class By(StrEnum):
    """What a report adds up."""

    MODEL = "model"
    DAY = "day"
    SESSION = "session"


def since_from_text(text: str, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """Give the time that a report begins at, None for all time. Raises `UsageError`.

    A date begins at its midnight in `zone`, which is the machine's where it is None.

    >>> since_from_text("2d", datetime(2026, 11, 3, 12, tzinfo=UTC)).isoformat()
    '2026-11-01T12:00:00+00:00'
    """
    text = text.strip()
    if text.lower() == ALL:
        return None
    with suppress(ValueError):
        return _midnight(date.fromisoformat(text), zone)
    try:
        return now - timedelta(seconds=duration_from_text(text))
    except UsageError as problem:
        raise UsageError(f"{text!r} is no span of time and no date", hint=SINCE_HINT) from problem


def _midnight(day: date, zone: tzinfo | None) -> datetime | None:
    """Give the first moment of a day, None for one before which nothing can have been."""
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError, OSError):  # an edge of the calendar; which, Python decides
        return datetime(day.year, day.month, day.day, tzinfo=UTC) if day.year > 1 else None


# -- the report -----------------------------------------------------------------------------------


class TurnFigures(NamedTuple):
    """What is counted of a turn that has ended: the columns `store.spending.FIGURES`, as stored.

    `created_at` is in seconds since 1970. What a damaged file holds is looked at where it is used.
    """

    id: int
    session_id: str
    host: str
    status: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: str | None
    cost_kind: str
    request_id: str
    first_token_s: float | None
    duration_s: float | None
    created_at: float


def spending_report(
    turns: Iterable[TurnFigures],
    by: By,
    *,
    since: datetime | None = None,
    currency: Currency = DOLLAR,
    zone: tzinfo | None = None,
) -> SpendingReport:
    """Add up what turns took. Raises `LocalError` for a damaged one.

    Days are those of `zone`, the machine's where it is None, and stand newest first; models and
    sessions (by their ids) stand by money, then by tokens.
    """
    sums: dict[str, _Sum] = {}
    with localcontext() as context:
        context.prec = DIGITS
        for turn in without_copies(turns):
            try:
                name = _name_of(turn, by, zone)
                if name not in sums:
                    sums[name] = _Sum()
                sums[name].add(turn)
            except DAMAGES as error:
                raise LocalError(f"turn {turn.id} in the session store is damaged") from error
        whole = _Sum()
        for each in sums.values():
            whole.merge(each)
        rows = [each.spending(name, currency) for name, each in sums.items()]
        rows.sort(key=lambda row: row.name)
        rows.sort(key=(lambda row: row.name) if by is By.DAY else _weight, reverse=True)
        return SpendingReport(by, since, tuple(rows), whole.spending("", currency))


def without_copies(turns: Iterable[TurnFigures]) -> Iterator[TurnFigures]:
    """Pass over turns that are copies of earlier ones: of the same moment, call and length."""
    seen: set[tuple[float, str, float | None]] = set()
    for turn in turns:
        mark = (turn.created_at, turn.request_id, turn.duration_s)
        if mark not in seen:
            seen.add(mark)
            yield turn


def _name_of(turn: TurnFigures, by: By, zone: tzinfo | None) -> str:
    if by is By.MODEL:
        return turn.model
    if by is By.SESSION:
        return turn.session_id
    return datetime.fromtimestamp(turn.created_at, zone).date().isoformat()


def _weight(row: Spending) -> tuple[Decimal, int]:
    usd = row.cost.usd if row.cost is not None else None
    return (Decimal(-1) if usd is None else usd), row.prompt_tokens + row.completion_tokens


class _Sum:
    """What turns took so far."""

    def __init__(self) -> None:
        self._answers = 0
        self._failures = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._known: dict[CostKind, Decimal] = {}
        self._unknown: Counter[CostKind | None] = Counter()  # None: there were no prices
        self._firsts_s: list[float] = []

    def add(self, turn: TurnFigures) -> None:
        """Add a turn. What a failed one cost is spent too; that it is not known is no news.

        Raises one of `DAMAGES` for figures that are none.
        """
        self._prompt_tokens += turn.prompt_tokens or 0
        self._completion_tokens += turn.completion_tokens or 0
        if turn.cost is not None:
            kind = KINDS.get(turn.cost_kind, CostKind.ABOUT)
            self._known[kind] = self._known.get(kind, NOTHING) + _dollars(turn.cost)
        if turn.status == Status.ERROR:
            self._failures += 1
            return
        self._answers += 1
        if turn.cost is None:
            unknown = KINDS.get(turn.cost_kind, CostKind.UNKNOWN) if turn.cost_kind else None
            self._unknown[unknown] += 1
        if turn.first_token_s is not None:
            self._firsts_s.append(float(turn.first_token_s))

    def merge(self, other: _Sum) -> None:
        """Add what others took."""
        self._answers += other._answers
        self._failures += other._failures
        self._prompt_tokens += other._prompt_tokens
        self._completion_tokens += other._completion_tokens
        for kind, usd in other._known.items():
            self._known[kind] = self._known.get(kind, NOTHING) + usd
        self._unknown.update(other._unknown)
        self._firsts_s += other._firsts_s

    def spending(self, name: str, currency: Currency) -> Spending:
        """Give the sums as a row of a report."""
        return Spending(
            name,
            self._answers,
            self._failures,
            self._prompt_tokens,
            self._completion_tokens,
            cost=self._cost(currency),
            unpriced=self._unknown.total(),
            first_token_s=median(self._firsts_s),
        )

    def _cost(self, currency: Currency) -> Cost | None:
        """Give the cost; None where no server has published prices."""
        if not self._known and not any(self._unknown):  # any: of the kinds that are not None
            return None
        unknown = [Cost(kind or CostKind.UNKNOWN, None, currency) for kind in self._unknown]
        return sum_costs([Cost(kind, usd, currency) for kind, usd in self._known.items()] + unknown)


def median(values: Sequence[float]) -> float | None:
    """Give the value in the middle, between the two middle ones where their count is even.

    >>> median([3.0, 1.0, 2.0]), median([1.0, 2.0]), median([])
    (2.0, 1.5, None)
    """
    if not values:
        return None
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _dollars(text: str) -> Decimal:
    if not DOLLARS.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


# -- exact costs ----------------------------------------------------------------------------------


def exact_costs(
    turns: Iterable[TurnRecord], entries: Iterable[LogEntry], quota_per_unit: Decimal
) -> list[TurnRecord]:
    """Give the turns whose cost the log tells and that hold another one, with the exact cost.

    The gateway charges in whole units of quota, of which `quota_per_unit` are a dollar. A sum that
    nobody pays is passed over.
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


class WhyNot(StrEnum):
    """Why the cost of an answer is not exact; in the words that people are told."""

    OTHER_GATEWAY = "of another gateway"
    NO_REQUEST_ID = "without a request id"
    EMPTY_LOG = "that the gateway, whose log of this key is empty, does not tell of"
    LOG_WITHOUT_IDS = "that cannot be found, as the gateway's log names no request ids"
    OLDER = "older than the log, which ends after 1,000 rows"
    NEWER = "newer than the log, which is asked for once in five minutes"
    NOT_IN_LOG = "not in the log, as those of other keys are"


class Exactness(NamedTuple):
    """For how many answers the exact cost is known, and why it is not for the others."""

    exact: int
    answers: int
    others: tuple[tuple[WhyNot, int], ...]


def exactness(turns: Iterable[TurnFigures], entries: Sequence[LogEntry], host: str) -> Exactness:
    """Say how exact costs are, after the log of the gateway at `host` has been looked at."""
    exact = answers = 0
    others: Counter[WhyNot] = Counter()
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
            others[WhyNot.OTHER_GATEWAY] += 1
        else:
            others[_why_not(turn, span, has_ids=has_ids)] += 1
    return Exactness(exact, answers, tuple((why, others[why]) for why in WhyNot if others[why]))


def _why_not(turn: TurnFigures, span: tuple[float, float] | None, *, has_ids: bool) -> WhyNot:
    if not turn.request_id:
        return WhyNot.NO_REQUEST_ID
    if span is None:
        return WhyNot.EMPTY_LOG
    if not has_ids:
        return WhyNot.LOG_WITHOUT_IDS
    if turn.created_at < span[0]:
        return WhyNot.OLDER
    return WhyNot.NEWER if turn.created_at > span[1] else WhyNot.NOT_IN_LOG
