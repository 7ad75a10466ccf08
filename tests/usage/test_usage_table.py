"""The table of a report in any width, with bars, for every kind of terminal."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from newapi_cli.app.spending import By, spending_report
from newapi_cli.domain.money import Cost, CostKind, Currency
from newapi_cli.domain.pricing import DOLLAR
from newapi_cli.domain.report import Spending, SpendingReport
from newapi_cli.render.spending import TableOptions, bar, cost_cell, spending_lines
from newapi_cli.text import cell_width, truncate
from tests.support.cases import each
from tests.usage.spent import spent

BLOCKS = " ▏▎▍▌▋▊▉█"
ABOUT, EXACT = (Cost(kind, Decimal("0.0123"), DOLLAR) for kind in (CostKind.ABOUT, CostKind.EXACT))
TIERED, FREE = Cost(CostKind.TIERED, None, DOLLAR), Cost(CostKind.EXACT, Decimal(0), DOLLAR)
LONG = "天空 模型 with a very long name, longer than there is room for it anywhere"
TOLD = SpendingReport(
    "model",
    None,
    (
        Spending("gpt-4o-mini", 12, 1, 12_345, 6_789, ABOUT, 3, 0.41),
        Spending(LONG, 2, 0, 50, 5, EXACT, 0, 12.5),
        Spending("tiered", 1, 0, 9, 9, TIERED, 1, None),
        Spending("free", 1, 0, 9, 9, FREE, 0, 0.1),
        Spending("unpriced", 1, 0, 9, 9, None, 1, 0.1),
    ),
    Spending("", 17, 1, 12_422, 6_821, ABOUT._replace(usd=Decimal("0.0246")), 5, 0.41),
)


def lines(report: SpendingReport, width: int, *, is_ascii: bool = False) -> list[str]:
    return spending_lines(report, None, TableOptions(width, is_ascii=is_ascii))


# -- bars -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 6, 24])
def test_a_bar_is_as_long_as_its_share(width: int) -> None:
    for eighths in range(1, width * 8 + 1):
        text = bar(Decimal(eighths), Decimal(width * 8), width)
        assert sum(map(BLOCKS.index, text)) == eighths
        assert len(text) <= width


def test_a_positive_value_has_a_visible_bar_and_zero_has_none() -> None:
    assert bar(Decimal("0.000001"), Decimal(1000), 10) == "▏"
    assert bar(Decimal("0.000001"), Decimal(1000), 10, is_ascii=True) == "#"
    for value, largest, width in ((0, 5, 5), (0, 0, 5), (5, 5, 0)):
        assert bar(Decimal(value), Decimal(largest), width) == ""


def test_a_plain_bar_is_ascii() -> None:
    assert [bar(Decimal(n), Decimal(4), 8, is_ascii=True) for n in (1, 2, 4)] == [
        "##",
        "####",
        "########",
    ]


@each("text", ["plain", "你好，世界", "e\u0301e\u0301e\u0301e\u0301", "🌌🌌🌌🌌"])
@each("width", range(2, 12))
def test_a_truncated_text_fits(text: str, width: int) -> None:
    found = truncate(text, width)
    assert cell_width(found) <= width
    assert found == text if cell_width(text) <= width else found.endswith("…")


# -- the table --------------------------------------------------------------------------------


def test_a_wide_table_has_all_columns() -> None:
    wide = lines(TOLD, 120)
    head = wide[0].split("  ")
    assert [name.strip() for name in head if name] == [
        "model", "answers", "failed", "in", "out", "first token", "cost",
    ]  # fmt: skip
    assert wide[1].split()[:7] == ["gpt-4o-mini", "12", "1", "12,345", "6,789", "0.41", "s"]
    assert re.search("  ~[$]0.012 [+] 3 unknown  █{6,}$", wide[1])
    assert re.search("12.5 s +[$]0.012  █{6,}$", wide[2])
    assert wide[3].split()[-1] == "tiered"
    assert wide[4].split()[-1] == "free"
    assert wide[5].split()[-2:] == ["0.10", "s"]
    assert wide[-1].split()[:7] == ["total", "17", "1", "12,422", "6,821", "0.41", "s"]
    assert wide[-1].endswith("  ~$0.025 + 5 unknown")


def test_numbers_are_right_aligned() -> None:
    wide = [line for line in lines(TOLD, 120) if "天" not in line]
    end = wide[0].index("answers") + len("answers")
    assert {line[end - 1 : end + 1] for line in wide[1:]} == {"2 ", "1 ", "7 "}


@each("width", range(24, 161))
@each("is_ascii", [False, True], ids=["blocks", "plain"])
def test_no_line_is_wider_than_the_terminal(width: int, is_ascii: bool) -> None:
    found = lines(TOLD, width, is_ascii=is_ascii)
    assert len(found) == 7
    assert max(map(cell_width, found)) <= width
    assert found[1].startswith("gpt-4o-")
    assert found[-1].startswith("total")


def test_a_narrow_table_keeps_the_costs() -> None:
    narrow = lines(TOLD, 40)
    assert narrow[0].split() == ["model", "cost"]
    assert "~$0.012 + 3 unknown" in narrow[1]
    short = lines(TOLD, 28)
    assert "~$0.012 + ?" in short[1]


def test_a_narrow_table_has_tokens_and_bars_if_they_fit() -> None:
    turns = [spent(model=name, prompt_tokens=7, completion_tokens=3) for name in ("a", "b", "b")]
    narrow = lines(spending_report(turns, By.MODEL), 40)
    assert narrow[0].split() == ["model", "answers", "in", "out"]
    assert [line.count("█") > 0 for line in narrow] == [False, True, True, False]


def test_bars_show_costs_if_known_else_tokens() -> None:
    dear = spent(model="dear", cost="3", cost_kind="exact", prompt_tokens=1)
    long = spent(model="long", cost="1", cost_kind="exact", prompt_tokens=1000)
    known = lines(spending_report([dear, long], By.MODEL), 100)
    assert known[1].count("█") == 24
    assert known[2].endswith(f"  {'█' * 8}")
    unknown = [turn._replace(cost=None, cost_kind="") for turn in (dear, long)]
    assert [line.count("█") for line in lines(spending_report(unknown, By.MODEL), 100)[1:3]] == [
        24,
        0,
    ]


def test_a_plain_table_is_ascii_except_for_names() -> None:
    report = TOLD._replace(rows=tuple(row for row in TOLD.rows if row.name.isascii()))
    text = "\n".join(lines(report, 100, is_ascii=True))
    assert text.isascii()
    assert "####" in text
    assert "\x1b" not in text


def test_columns_without_values_are_left_out() -> None:
    found = lines(spending_report([spent(prompt_tokens=5)], By.MODEL), 100)
    assert found[0].split() == ["model", "answers", "in", "out"]


def test_control_characters_in_names_are_escaped() -> None:
    hostile = "a\x1b[2Jb\tc\nd\u202e"
    found = lines(spending_report([spent(model=hostile), spent(model="")], By.MODEL), 100)
    assert not any(mark in "".join(found) for mark in "\x1b\t\n\u202e")
    assert len(found) == 4
    assert any(line.startswith("(no name)") for line in found)


def test_sessions_have_a_short_id_and_a_title() -> None:
    report = spending_report([spent(session_id="0123456789ab")], By.SESSION)
    found = spending_lines(report, {"0123456789ab": "why\x1b[1m"}, TableOptions(60))
    assert found[1].startswith("01234567  why␛[1m ")
    assert spending_lines(report, {}, TableOptions(60))[1].startswith("01234567  ")


def test_titles_and_total_are_bold_if_allowed() -> None:
    found = spending_lines(TOLD, None, TableOptions(100, has_bold=True))
    assert [line.startswith("\x1b[1m") for line in found] == [True, *[False] * 5, True]


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        (DOLLAR, "~$2.00 + 1 unknown"),
        (Currency("CNY", "¥", Decimal("7.3")), "~¥14.60 + 1 unknown"),
        (Currency("TOKENS", "", Decimal(500_000)), "~1,000,000 quota + 1 unknown"),
    ],
    ids=lambda value: value.name if isinstance(value, Currency) else "",
)
def test_costs_are_shown_in_the_site_currency(currency: Currency, expected: str) -> None:
    turns = [spent(cost="2", cost_kind="about"), spent(cost_kind="unknown")]
    assert cost_cell(spending_report(turns, By.MODEL, currency=currency).total) == expected


def test_an_unknown_cost_is_never_shown_as_zero() -> None:
    for kind, expected in (("unknown", "unknown"), ("tiered", "tiered"), ("", "")):
        row = spending_report([spent(cost_kind=kind)], By.MODEL).total
        assert (cost_cell(row), cost_cell(row, is_short=True)) == (expected, expected)
