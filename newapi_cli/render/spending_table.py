"""A report on spending for a terminal: a table with a small chart, in any width.

Columns that weigh less are left out where there is no room; the name is cut before that, down to
a quarter of the width. The bars take what remains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from newapi_cli.domain.report import Spending, SpendingReport
from newapi_cli.domain.session import SHORT_ID_LENGTH
from newapi_cli.render.bars import bar
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.spending import money_cell
from newapi_cli.render.units import seconds
from newapi_cli.text import cell_width, truncate

GAP = 2
LEAST_NAME = 10
LEAST_BAR, MOST_BAR = 6, 24
BOLD, RESET = "\x1b[1m", "\x1b[0m"
TOTAL, NO_NAME = "total", "(no name)"


class Manner(NamedTuple):
    """How a table is written: cells of a row, ASCII alone, bold heads."""

    width: int
    is_plain: bool = False
    has_bold: bool = False


class Column(NamedTuple):
    """A column with the cell of each row, its head and the total's among them."""

    head: str
    cells: list[str]

    @property
    def width(self) -> int:
        """Give the width of the widest cell."""
        return max(map(cell_width, [self.head, *self.cells]))


def spending_lines(
    report: SpendingReport, titles: Mapping[str, str] | None, manner: Manner
) -> list[str]:
    """Give the lines of the table: a head, the rows, the total. `titles`: of sessions."""
    rows = [*report.rows, report.total]
    names = [*(_name(row, titles) for row in report.rows), TOTAL]
    name = Column(report.by, names)
    least = min(name.width, max(LEAST_NAME, manner.width // 4))
    money = Column("cost", [money_cell(row) for row in rows])
    if least + GAP + money.width > manner.width:
        money = Column("cost", [money_cell(row, is_short=True) for row in rows])
    columns, room = _fitting(rows, money, manner.width - least)
    bars_room = LEAST_BAR + GAP if room >= LEAST_BAR + GAP else 0
    name_width = min(name.width, least + room - bars_room)
    bars_width = min(least + room - name_width - GAP, MOST_BAR) if bars_room else 0
    bars = [*_bars(report, bars_width, is_plain=manner.is_plain), ""]
    lines = []
    for number, row_name in enumerate([name.head, *name.cells]):
        text = truncate(row_name, name_width, is_ascii=manner.is_plain)
        line = text + " " * (name_width - cell_width(text))
        for column in columns:
            cell = column.head if number == 0 else column.cells[number - 1]
            line += " " * (GAP + column.width - cell_width(cell)) + cell
        if number and bars_width:
            line += " " * GAP + bars[number - 1]
        is_bold = manner.has_bold and number in (0, len(rows))
        lines.append(f"{BOLD}{line.rstrip()}{RESET}" if is_bold else line.rstrip())
    return lines


def _fitting(rows: list[Spending], money: Column, room: int) -> tuple[list[Column], int]:
    """Choose the columns that fit beside the name, by weight; give them in order, and what is left.

    Tokens in and out stand together. Nothing is said of costs, failures and times where there are
    none. The bars weigh more than counts and times: their least width is kept for them.
    """
    all_columns = {
        "answers": _column("answers", rows, lambda row: f"{row.answers:,}"),
        "failed": _column("failed", rows, lambda row: f"{row.failures:,}"),
        "in": _column("in", rows, lambda row: f"{row.prompt_tokens:,}"),
        "out": _column("out", rows, lambda row: f"{row.completion_tokens:,}"),
        "first": _column("first token", rows, _first_token),
        "cost": money,
    }
    wanted: list[tuple[str, ...]] = [("cost",)] if any(money.cells) else []
    wanted += [("in", "out"), (), ("answers",)]
    wanted += [("failed",)] if any(row.failures for row in rows) else []
    wanted += [("first",)] if any(row.first_token_s is not None for row in rows) else []
    chosen: set[str] = set()
    bars_room = 0
    for group in wanted:
        if not group:
            bars_room = LEAST_BAR + GAP if room >= LEAST_BAR + GAP else 0
            continue
        needed = sum(all_columns[name].width + GAP for name in group)
        if needed <= room - bars_room:
            room -= needed
            chosen.update(group)
    return [column for name, column in all_columns.items() if name in chosen], room


def _column(head: str, rows: list[Spending], cell: Callable[[Spending], str]) -> Column:
    return Column(head, [cell(row) for row in rows])


def _first_token(row: Spending) -> str:
    return "" if row.first_token_s is None else seconds(row.first_token_s)


def _name(row: Spending, titles: Mapping[str, str] | None) -> str:
    if titles is None:
        return safe_line(row.name) or NO_NAME
    return f"{row.name[:SHORT_ID_LENGTH]}  {safe_line(titles.get(row.name, ''))}".rstrip()


def _bars(report: SpendingReport, width: int, *, is_plain: bool) -> list[str]:
    """Give a bar for each row: of money where any is known, else of tokens."""
    values = [_usd(row) for row in report.rows]
    if not any(values):
        values = [Decimal(row.prompt_tokens + row.completion_tokens) for row in report.rows]
    largest = max(values, default=Decimal(0))
    return [bar(value, largest, width, is_plain=is_plain) for value in values]


def _usd(row: Spending) -> Decimal:
    return (row.cost.usd if row.cost is not None else None) or Decimal(0)
