"""Sums of turns by model, day and session: tokens, costs, medians, days of any time zone."""

from __future__ import annotations

import random
import statistics
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from newapi_cli.app.durations import since_from_text
from newapi_cli.app.spending import (
    By,
    TurnFigures,
    median,
    spending_report,
)
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.pricing import DOLLAR
from newapi_cli.domain.report import Spending
from newapi_cli.errors import LocalError, UsageError
from tests.support.cases import each
from tests.usage.spent import NOON, spent

ABOUT, EXACT, TIERED, UNKNOWN = CostKind.ABOUT, CostKind.EXACT, CostKind.TIERED, CostKind.UNKNOWN
BERLIN, NEW_YORK, APIA = (ZoneInfo(f"{name}") for name in ("Europe/Berlin", "America/New_York",
                                                            "Pacific/Apia"))  # fmt: skip


def total(*turns: TurnFigures) -> Spending:
    return spending_report(turns, By.MODEL).total


def money(*turns: TurnFigures) -> tuple[CostKind | None, str | None, int]:
    """Return kind, dollars and the number of unpriced answers."""
    found = total(*turns)
    if found.cost is None:
        return None, None, found.unpriced
    usd = None if found.cost.usd is None else format(found.cost.usd, "f")
    return found.cost.kind, usd, found.unpriced


# -- sums -------------------------------------------------------------------------------------


def test_an_empty_report_has_zero_totals() -> None:
    report = spending_report([], By.MODEL)
    assert report.rows == ()
    assert report.total == Spending("", 0, 0, 0, 0, None, 0, None)


def test_counts_are_summed_by_model() -> None:
    report = spending_report(
        [
            spent(model="a", prompt_tokens=1, completion_tokens=20),
            spent(model="b", prompt_tokens=300, completion_tokens=4000),
            spent(model="a", prompt_tokens=5, completion_tokens=None),
            spent(model="a", prompt_tokens=None, completion_tokens=60, status="interrupted"),
            spent(model="b", status="error"),
        ],
        By.MODEL,
    )
    assert [row[:5] for row in report.rows] == [("b", 1, 1, 300, 4000), ("a", 3, 0, 6, 80)]
    assert report.total[:5] == ("", 4, 1, 306, 4080)


def test_a_failure_is_not_an_answer_but_its_cost_counts() -> None:
    failed = spent(status="error", cost="0.5", cost_kind="exact", prompt_tokens=7, first_token_s=9)
    found = total(failed, spent(cost="0.25", cost_kind="exact", first_token_s=1))
    assert (found.answers, found.failures, found.prompt_tokens) == (1, 1, 7)
    assert found.cost == Cost(EXACT, Decimal("0.75"), DOLLAR)
    assert found.first_token_s == 1


def test_an_unknown_cost_of_a_failure_is_not_counted_as_unpriced() -> None:
    failures = [spent(status="error", cost_kind=kind) for kind in ("", "unknown", "tiered")]
    assert money(*failures) == (None, None, 0)


A, E = {"cost_kind": "about"}, {"cost_kind": "exact"}
MIXES: list[tuple[list[TurnFigures], tuple[CostKind | None, str | None, int]]] = [
    ([spent()], (None, None, 1)),  # a server without prices
    ([spent(cost="0.1", **A), spent(cost="0.2", **A)], (ABOUT, "0.3", 0)),
    ([spent(cost="0.1", **E), spent(cost="0.2", **E)], (EXACT, "0.3", 0)),
    ([spent(cost="0.1", **E), spent(cost="0.2", **A)], (ABOUT, "0.3", 0)),
    ([spent(cost_kind="unknown")] * 1, (UNKNOWN, None, 1)),
    ([spent(cost_kind="tiered"), spent(cost_kind="tiered")], (TIERED, None, 2)),
    ([spent(cost_kind="tiered"), spent(cost_kind="unknown")], (UNKNOWN, None, 2)),
    ([spent(cost_kind="tiered"), spent()], (UNKNOWN, None, 2)),
    ([spent(cost="0.1", **E), spent(cost_kind="tiered"), spent()], (ABOUT, "0.1", 2)),
    ([spent(cost="0", **E)], (EXACT, "0", 0)),
    ([spent(cost="0", **A), spent(cost_kind="unknown")], (ABOUT, "0", 1)),
    ([spent(cost="0.1")], (ABOUT, "0.1", 0)),  # an import may have no kind, or an unknown one
    ([spent(cost="0.1", cost_kind="odd"), spent(cost_kind="odd")], (ABOUT, "0.1", 1)),
]


@each(("turns", "wanted"), MIXES, ids=range(len(MIXES)))
def test_known_costs_are_summed_and_unknown_ones_are_counted(
    turns: list[TurnFigures], wanted: tuple[CostKind | None, str | None, int]
) -> None:
    assert money(*turns) == wanted


def test_costs_are_summed_without_rounding() -> None:
    chance = random.Random(7)
    costs = [f"{chance.randrange(10**15)}.{chance.randrange(10**30):030d}" for _ in range(500)]
    found = total(*(spent(cost=cost, model=cost[:1], **A) for cost in costs)).cost
    assert found is not None
    assert found.usd is not None
    assert Fraction(found.usd) == sum(map(Fraction, costs))


def test_the_currency_is_passed_on_and_amounts_stay_in_dollars() -> None:
    yuan = Currency("CNY", "¥", Decimal("7.3"))
    report = spending_report([spent(cost="2", **E)], By.MODEL, currency=yuan)
    assert report.total.cost == Cost(EXACT, Decimal(2), yuan)


# -- medians ----------------------------------------------------------------------------------


@each("count", range(1, 30))
def test_the_median_equals_that_of_the_standard_library(count: int) -> None:
    chance = random.Random(count)
    values = [chance.random() for _ in range(count)]
    before = list(values)
    assert median(values) == statistics.median(values)
    assert values == before


def test_answers_without_a_first_token_are_not_in_the_median() -> None:
    turns = [spent(first_token_s=value) for value in (0.1, None, 5.0, 0.3, None)]
    assert total(*turns).first_token_s == 0.3
    assert total(spent()).first_token_s is None


def test_the_median_of_the_total_is_not_that_of_the_medians() -> None:
    turns = [spent(model="a", first_token_s=value) for value in (1.0, 2.0, 3.0)]
    turns += [spent(model="b", first_token_s=10.0)]
    report = spending_report(turns, By.MODEL)
    assert {row.name: row.first_token_s for row in report.rows} == {"a": 2.0, "b": 10.0}
    assert report.total.first_token_s == 2.5


# -- copies -----------------------------------------------------------------------------------


def test_a_copied_turn_counts_once() -> None:
    turn = spent(cost="0.1", prompt_tokens=5, first_token_s=1.0, **E)
    copies = [turn._replace(id=turn.id + 1000 + n, session_id=f"{n:012x}") for n in range(3)]
    report = spending_report([turn, *copies], By.SESSION)
    assert [row.name for row in report.rows] == [turn.session_id]
    assert report.total[1:5] == (1, 0, 5, 0)


@pytest.mark.parametrize(
    "other", [{"created_at": NOON + 0.001}, {"request_id": "r-other"}, {"duration_s": 2.0}]
)
def test_two_turns_at_the_same_time_count_twice(other: dict[str, object]) -> None:
    turn = spent()
    assert total(turn, turn._replace(**other)).answers == 2  # type: ignore[arg-type]


# -- order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [By.MODEL, By.SESSION])
def test_rows_are_sorted_by_cost_then_tokens_then_name(by: By) -> None:
    turns = [
        spent(model=name, session_id=name, cost=cost, cost_kind=kind, prompt_tokens=tokens)
        for name, cost, kind, tokens in (
            ("few", None, "", 5),
            ("free", "0", "exact", 0),
            ("same-b", None, "unknown", 50),
            ("dear", "10", "about", 1),
            ("many", None, "tiered", 500),
            ("same-a", None, "unknown", 50),
            ("cheap", "9", "exact", 10**6),
        )
    ]
    rows = spending_report(turns, by).rows
    assert [row.name for row in rows[:4]] == ["dear", "cheap", "free", "many"]
    assert {row.name for row in rows[4:6]} == {"same-a", "same-b"}
    assert rows[6].name == "few"
    assert spending_report(reversed(turns), by).rows == rows


# -- days -------------------------------------------------------------------------------------


def days(zone: timezone | ZoneInfo, *times: str) -> list[str]:
    """Return the days of a report, each with its count."""
    turns = [spent(created_at=datetime.fromisoformat(each).timestamp()) for each in times]
    rows = spending_report(turns, By.DAY, zone=zone).rows
    return [f"{row.name}: {row.answers}" for row in rows]


def test_days_are_sorted_newest_first() -> None:
    turns = [spent(created_at=NOON + 86_400 * day, cost=str(9 - day), **E) for day in (0, 2, 1)]
    rows = spending_report(turns, By.DAY, zone=UTC).rows
    assert [row.name for row in rows] == ["2026-11-22", "2026-11-21", "2026-11-20"]


def test_a_day_is_that_of_its_zone() -> None:
    evening = "2026-11-20T23:30:00Z"
    assert days(UTC, evening) == ["2026-11-20: 1"]
    assert days(BERLIN, evening) == ["2026-11-21: 1"]
    assert days(NEW_YORK, evening) == ["2026-11-20: 1"]
    assert days(timezone(timedelta(hours=-12)), "2026-11-20T11:59:59Z") == ["2026-11-19: 1"]


def test_a_day_of_25_hours_is_one_day() -> None:
    hours = ["2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z",
             "2026-10-25T01:30:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"]  # fmt: skip
    assert days(BERLIN, *hours) == ["2026-10-26: 1", "2026-10-25: 4", "2026-10-24: 1"]


def test_a_day_of_23_hours_is_one_day() -> None:
    hours = ["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-08T06:59:59Z",
             "2026-03-08T07:00:00Z", "2026-03-09T03:59:59Z", "2026-03-09T04:00:00Z"]  # fmt: skip
    assert days(NEW_YORK, *hours) == ["2026-03-09: 1", "2026-03-08: 4", "2026-03-07: 1"]


def test_a_day_that_a_time_zone_skipped_is_not_a_row() -> None:  # Samoa, 2011-12-30
    assert days(APIA, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z") == [
        "2011-12-31: 1",
        "2011-12-29: 1",
    ]


# -- where a report begins --------------------------------------------------------------------

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@each(
    ("text", "wanted"),
    [
        ("7d", "2026-11-13T12:30:00+00:00"),
        ("12h", "2026-11-20T00:30:00+00:00"),
        ("2w", "2026-11-06T12:30:00+00:00"),
        ("1y", "2025-11-20T12:30:00+00:00"),
        ("30min", "2026-11-20T12:00:00+00:00"),
        (" 7 d ", "2026-11-13T12:30:00+00:00"),
        ("0d", "2026-11-20T12:30:00+00:00"),
        ("2026-11-01", "2026-10-31T23:00:00+00:00"),
        ("2026-07-01", "2026-06-30T22:00:00+00:00"),
        ("2026-10-25", "2026-10-24T22:00:00+00:00"),
    ],
)
def test_a_duration_or_a_date_gives_the_start_time(text: str, wanted: str) -> None:
    found = since_from_text(text, NOW, BERLIN)
    assert found is not None
    assert found.isoformat() == wanted


@pytest.mark.parametrize("text", ["all", "ALL", " all "])
def test_all_has_no_start_time(text: str) -> None:
    assert since_from_text(text, NOW) is None


@pytest.mark.parametrize("text", ["0001-01-01", "999999999y"])
def test_a_start_before_the_calendar_means_all(text: str) -> None:
    found = since_from_text(text, NOW, timezone(timedelta(hours=14)))
    assert found is None or found.year < 1100


@pytest.mark.parametrize("text", ["", "7", "7x", "7m", "-7d", "2026-13-01", "yesterday", "1.5d"])
def test_an_invalid_duration_is_a_usage_error_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        since_from_text(text, NOW)
    assert f'"{text}"' in caught.value.message
    assert "7d" in caught.value.hint
    assert "2026-11-01" in caught.value.hint
    assert "all" in caught.value.hint


# -- damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    [
        {"cost": "a lot"},
        {"cost": "NaN"},
        {"cost": "1e999999"},
        {"cost": ""},
        {"cost": 0.5},
        {"cost": b"1"},
        {"prompt_tokens": "many"},
        {"completion_tokens": b"\0"},
        {"first_token_s": "soon"},
    ],
    ids=repr,
)
def test_a_damaged_turn_is_named(field: dict[str, object]) -> None:
    turn = spent(**field)
    with pytest.raises(LocalError, match=f"turn {turn.id} in the session store is damaged"):
        total(spent(), turn)


@pytest.mark.parametrize("at", ["yesterday", 1e300, float("nan"), None])
def test_a_damaged_time_is_an_error_in_a_report_by_day(at: object) -> None:
    turn = spent(created_at=at)
    with pytest.raises(LocalError, match=f"turn {turn.id} "):
        spending_report([turn], By.DAY, zone=UTC)
