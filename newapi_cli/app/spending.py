"""Sums over stored turns: tokens, costs and times by model, day or session.

A turn is counted once, even if it is in several sessions: forks and imports copy turns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

from newapi_cli.domain.completion import Status
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.pricing import DOLLAR, sum_costs
from newapi_cli.domain.report import Spending, SpendingReport
from newapi_cli.errors import LocalError
from newapi_cli.i18n import tr

DOLLARS = re.compile(r"[0-9]{1,60}(\.[0-9]{1,60})?")
DIGITS = 120  # of sums, so that no cent of 200,000 answers is rounded away
ZERO = Decimal(0)
DAMAGE_ERRORS = (TypeError, ValueError, OverflowError, OSError)  # by values of a damaged file
KINDS = {str(kind): kind for kind in CostKind}


class By(StrEnum):
    """What a row of a report sums up."""

    MODEL = "model"
    DAY = "day"
    SESSION = "session"


class TurnFigures(NamedTuple):
    """The figures of a finished turn: the columns `store.sessions.SPENDING_COLUMNS`, as stored.

    `created_at` is in seconds since 1970. Values of a damaged file are found where they are used.
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
    """Return the sums of turns.

    Days are those of `zone`, by default the machine's, newest first. Models and sessions (by id)
    are sorted by cost, then by tokens.

    Raises `LocalError` for a damaged turn.
    """
    sums: dict[str, _Sums] = {}
    with localcontext() as context:
        context.prec = DIGITS
        for turn in without_copies(turns):
            try:
                name = _name_of(turn, by, zone)
                if name not in sums:
                    sums[name] = _Sums()
                sums[name].add(turn)
            except DAMAGE_ERRORS as error:
                message = tr("turn {id} in the session store is damaged", id=turn.id)
                raise LocalError(message) from error
        total = _Sums()
        for each in sums.values():
            total.merge(each)
        rows = [each.spending(name, currency) for name, each in sums.items()]
        rows.sort(key=lambda row: row.name)
        rows.sort(key=(lambda row: row.name) if by is By.DAY else _weight, reverse=True)
        return SpendingReport(by, since, tuple(rows), total.spending("", currency))


def without_copies(turns: Iterable[TurnFigures]) -> Iterator[TurnFigures]:
    """Yield turns that are not copies of earlier ones: of the same time, request and duration."""
    seen: set[tuple[float, str, float | None]] = set()
    for turn in turns:
        identity = (turn.created_at, turn.request_id, turn.duration_s)
        if identity not in seen:
            seen.add(identity)
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


class _Sums:
    """The sums of some turns."""

    def __init__(self) -> None:
        self._answers = 0
        self._failures = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._known: dict[CostKind, Decimal] = {}
        self._unknown: Counter[CostKind | None] = Counter()  # None: no published prices
        self._first_tokens_s: list[float] = []

    def add(self, turn: TurnFigures) -> None:
        """Add a turn. A failed one adds its cost if it is known.

        Raises one of `DAMAGE_ERRORS` for invalid figures.
        """
        self._prompt_tokens += turn.prompt_tokens or 0
        self._completion_tokens += turn.completion_tokens or 0
        if turn.cost is not None:
            kind = KINDS.get(turn.cost_kind, CostKind.ABOUT)
            self._known[kind] = self._known.get(kind, ZERO) + _dollars(turn.cost)
        if turn.status == Status.ERROR:
            self._failures += 1
            return
        self._answers += 1
        if turn.cost is None:
            unknown = KINDS.get(turn.cost_kind, CostKind.UNKNOWN) if turn.cost_kind else None
            self._unknown[unknown] += 1
        if turn.first_token_s is not None:
            self._first_tokens_s.append(float(turn.first_token_s))

    def merge(self, other: _Sums) -> None:
        """Add other sums."""
        self._answers += other._answers
        self._failures += other._failures
        self._prompt_tokens += other._prompt_tokens
        self._completion_tokens += other._completion_tokens
        for kind, usd in other._known.items():
            self._known[kind] = self._known.get(kind, ZERO) + usd
        self._unknown.update(other._unknown)
        self._first_tokens_s += other._first_tokens_s

    def spending(self, name: str, currency: Currency) -> Spending:
        """Return the sums as a row of a report."""
        return Spending(
            name,
            self._answers,
            self._failures,
            self._prompt_tokens,
            self._completion_tokens,
            cost=self._cost(currency),
            unpriced=self._unknown.total(),
            first_token_s=median(self._first_tokens_s),
        )

    def _cost(self, currency: Currency) -> Cost | None:
        """Return the cost, None if no server published prices."""
        if not self._known and not any(self._unknown):  # any: of the kinds that are not None
            return None
        unknown = [Cost(kind or CostKind.UNKNOWN, None, currency) for kind in self._unknown]
        return sum_costs([Cost(kind, usd, currency) for kind, usd in self._known.items()] + unknown)


def median(values: Sequence[float]) -> float | None:
    """Return the middle value, or the mean of the two middle ones.

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
