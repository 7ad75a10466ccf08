"""The report of `newapi usage`: a table with bars, rows of TSV, and JSON.

The table fits any width. Less important columns are left out if there is no room; before that the
name is truncated, to no less than a quarter of the width. The bars take the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

from newapi_cli.domain.money import CostKind
from newapi_cli.domain.pricing import TotalCost
from newapi_cli.domain.report import Exactness, NotExact, Spending, SpendingReport
from newapi_cli.domain.session import SHORT_ID_LENGTH
from newapi_cli.i18n import ntr, tr
from newapi_cli.render.rows import Form, write_output
from newapi_cli.render.sanitizer import safe_line
from newapi_cli.render.status_lines import BOLD, RESET
from newapi_cli.render.units import cost_text, exact_text, seconds, spent_text
from newapi_cli.streams import Streams
from newapi_cli.text import cell_width, truncate

MAX_ROWS_ON_TERMINAL = 100
GAP = 2
MIN_NAME_WIDTH = 10
MIN_BAR_WIDTH, MAX_BAR_WIDTH = 6, 24
FULL_BLOCK = "█"
EIGHTH_BLOCKS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
ASCII_BLOCK = "#"
NOT_EXACT_TEXTS = {  # after a number of answers
    NotExact.OTHER_GATEWAY: tr("from another gateway"),
    NotExact.NO_REQUEST_ID: tr("without a request ID"),
    NotExact.EMPTY_LOG: tr("unknown, as the gateway's log of this key is empty"),
    NotExact.AMBIGUOUS: tr("ambiguous: several rows of the gateway's log fit, without request IDs"),
    NotExact.BEFORE_LOG: tr("older than the log, which ends after 1,000 rows"),
    NotExact.AFTER_LOG: tr("newer than the log"),
    NotExact.NOT_IN_LOG: tr("not in the log, such as those of other keys"),
}


class TableOptions(NamedTuple):
    """How a table is written: its width in cells, only in ASCII, with bold titles."""

    width: int
    is_ascii: bool = False
    has_bold: bool = False


class TextColumn(NamedTuple):
    """A column of texts: its title, and a cell for each row and for the total."""

    title: str
    cells: list[str]

    @property
    def width(self) -> int:
        """Return the width of the widest cell."""
        return max(map(cell_width, [self.title, *self.cells]))


def write_spending(
    streams: Streams, form: Form, report: SpendingReport, titles: Mapping[str, str] | None
) -> None:
    """Write a report; `titles` are those of sessions by their ids, if the rows are sessions."""
    write_output(
        streams,
        form,
        for_people=lambda: _write_table(streams, report, titles),
        for_machines=lambda: [spending_fields(row, titles) for row in report.rows],
        as_json=lambda: spending_json(report, titles),
    )


def _write_table(
    streams: Streams, report: SpendingReport, titles: Mapping[str, str] | None
) -> None:
    if report.rows:
        first_rows = report._replace(rows=report.rows[:MAX_ROWS_ON_TERMINAL])
        has_bold = streams.wants_color(streams.stdout)
        options = TableOptions(streams.stdout.width, is_ascii(streams), has_bold)
        lines = spending_lines(first_rows, titles, options)
        streams.stdout.write("".join(f"{line}\n" for line in lines))


def is_ascii(streams: Streams) -> bool:
    """Return whether stdout displays only ASCII: not UTF-8, or a dumb terminal."""
    is_utf_8 = streams.stdout.encoding.lower().replace("-", "").replace("_", "") == "utf8"
    return streams.terminal_is_dumb or not is_utf_8


def spending_lines(
    report: SpendingReport, titles: Mapping[str, str] | None, options: TableOptions
) -> list[str]:
    """Return the lines of the table: titles, rows, total."""
    rows = [*report.rows, report.total]
    names = [*(_name(row, titles) for row in report.rows), tr("total")]
    name = TextColumn(report.by, names)
    min_name_width = min(name.width, max(MIN_NAME_WIDTH, options.width // 4))
    cost = TextColumn(tr("cost"), [cost_cell(row) for row in rows])
    if min_name_width + GAP + cost.width > options.width:
        cost = TextColumn(tr("cost"), [cost_cell(row, is_short=True) for row in rows])
    columns, room = _fitting_columns(rows, cost, options.width - min_name_width)
    bars_room = MIN_BAR_WIDTH + GAP if room >= MIN_BAR_WIDTH + GAP else 0
    name_width = min(name.width, min_name_width + room - bars_room)
    bars_width = min(min_name_width + room - name_width - GAP, MAX_BAR_WIDTH) if bars_room else 0
    bars = [*_bars(report, bars_width, is_ascii=options.is_ascii), ""]
    lines = []
    for number, row_name in enumerate([name.title, *name.cells]):
        text = truncate(row_name, name_width, is_ascii=options.is_ascii)
        line = text + " " * (name_width - cell_width(text))
        for column in columns:
            cell = column.title if number == 0 else column.cells[number - 1]
            line += " " * (GAP + column.width - cell_width(cell)) + cell
        if number and bars_width:
            line += " " * GAP + bars[number - 1]
        is_bold = options.has_bold and number in (0, len(rows))
        lines.append(f"{BOLD}{line.rstrip()}{RESET}" if is_bold else line.rstrip())
    return lines


def _fitting_columns(
    rows: list[Spending], cost: TextColumn, room: int
) -> tuple[list[TextColumn], int]:
    """Return the columns that fit next to the name, in order, and the width that is left.

    Tokens in and out are added together. Costs, failures and times are left out if there are none.
    Bars are more important than counts and times: their minimum width is reserved.
    """
    all_columns = {
        "answers": _column(tr("answers"), rows, lambda row: f"{row.answers:,}"),
        "failed": _column(tr("failed"), rows, lambda row: f"{row.failures:,}"),
        "in": _column(tr("in"), rows, lambda row: f"{row.prompt_tokens:,}"),
        "out": _column(tr("out"), rows, lambda row: f"{row.completion_tokens:,}"),
        "first": _column(tr("first token"), rows, _first_token),
        "cost": cost,
    }
    by_importance: list[tuple[str, ...]] = [("cost",)] if any(cost.cells) else []
    by_importance += [("in", "out"), (), ("answers",)]
    by_importance += [("failed",)] if any(row.failures for row in rows) else []
    by_importance += [("first",)] if any(row.first_token_s is not None for row in rows) else []
    chosen: set[str] = set()
    bars_room = 0
    for group in by_importance:
        if not group:
            bars_room = MIN_BAR_WIDTH + GAP if room >= MIN_BAR_WIDTH + GAP else 0
            continue
        needed = sum(all_columns[name].width + GAP for name in group)
        if needed <= room - bars_room:
            room -= needed
            chosen.update(group)
    return [column for name, column in all_columns.items() if name in chosen], room


def _column(title: str, rows: list[Spending], cell: Callable[[Spending], str]) -> TextColumn:
    return TextColumn(title, [cell(row) for row in rows])


def _first_token(row: Spending) -> str:
    return "" if row.first_token_s is None else seconds(row.first_token_s)


def _name(row: Spending, titles: Mapping[str, str] | None) -> str:
    if titles is None:
        return safe_line(row.name) or tr("(no name)")
    return f"{row.name[:SHORT_ID_LENGTH]}  {safe_line(titles.get(row.name, ''))}".rstrip()


def cost_cell(row: Spending, *, is_short: bool = False) -> str:
    """Return the cost of answers as text; empty if no server has published prices.

    Answers whose cost is unknown are counted, or marked with "?" in a short cell, as is a cost
    whose group is unknown.
    """
    if row.cost is None:
        return ""
    if row.cost.usd is None:
        return str(row.cost.kind)
    known = cost_text(row.cost)
    if is_short and row.cost.kind is CostKind.GROUP_UNKNOWN:
        known = f"{cost_text(row.cost._replace(kind=CostKind.ABOUT))} ?"
    if is_short and row.unpriced:
        return f"{known} + ?"
    return spent_text(TotalCost(row.cost, row.unpriced)) if row.unpriced else known


def _bars(report: SpendingReport, width: int, *, is_ascii: bool) -> list[str]:
    """Return a bar for each row: of its cost, or of its tokens if no cost is known."""
    values = [_usd(row) for row in report.rows]
    if not any(values):
        values = [Decimal(row.prompt_tokens + row.completion_tokens) for row in report.rows]
    largest = max(values, default=Decimal(0))
    return [bar(value, largest, width, is_ascii=is_ascii) for value in values]


def bar(value: Decimal, largest: Decimal, width: int, *, is_ascii: bool = False) -> str:
    """Return a bar of at most `width` cells, not empty for a value above zero.

    >>> bar(Decimal(1), Decimal(3), 4), bar(Decimal(1), Decimal(999), 4), bar(Decimal(0), Decimal(3), 4)
    ('█▎', '▏', '')
    >>> bar(Decimal(2), Decimal(3), 6, is_ascii=True)
    '####'
    """  # noqa: E501
    if value <= 0 or largest <= 0 or width <= 0:
        return ""
    if is_ascii:
        return ASCII_BLOCK * min(max(1, round(value * width / largest)), width)
    full, rest = divmod(min(max(1, int(value * width * 8 / largest)), width * 8), 8)
    return FULL_BLOCK * full + EIGHTH_BLOCKS[rest]


def _usd(row: Spending) -> Decimal:
    return (row.cost.usd if row.cost is not None else None) or Decimal(0)


def spending_fields(row: Spending, titles: Mapping[str, str] | None) -> list[str]:
    """Return the fields of a row for TSV: exact dollars, plain numbers, a session's title last.

    A field is empty if its value is unknown.
    """
    cost = row.cost
    first_s = "" if row.first_token_s is None else f"{row.first_token_s:.3f}"
    counts = (row.answers, row.failures, row.prompt_tokens, row.completion_tokens)
    fields = [row.name, *map(str, counts), exact_dollars(row), str(cost.kind) if cost else ""]
    fields += [str(row.unpriced), first_s]
    return fields if titles is None else [*fields, titles.get(row.name, "")]


def spending_json(report: SpendingReport, titles: Mapping[str, str] | None) -> dict[str, object]:
    """Return a report as a JSON value; amounts are text of exact dollars."""
    since = report.since
    return {
        "by": report.by,
        "since": None if since is None else f"{since.astimezone(UTC).isoformat()[:19]}Z",
        "rows": [
            {
                "name": row.name,
                "title": None if titles is None else titles.get(row.name, ""),
                **_figures(row),
            }
            for row in report.rows
        ],
        "total": _figures(report.total),
    }


def _figures(row: Spending) -> dict[str, object]:
    return {
        "answers": row.answers,
        "failures": row.failures,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "cost_usd": exact_dollars(row) or None,
        "cost_kind": str(row.cost.kind) if row.cost else None,
        "unpriced": row.unpriced,
        "first_token_s": None if row.first_token_s is None else round(row.first_token_s, 3),
    }


def exact_dollars(row: Spending) -> str:
    """Return the cost of a row in dollars with all significant digits, empty if unknown."""
    usd = row.cost.usd if row.cost is not None else None
    return "" if usd is None else exact_text(usd)


def exactness_text(exactness: Exactness) -> str:
    """Return for how many answers the cost is exact, and why it is not for the others.

    >>> exactness_text(Exactness(12, 14, ((NotExact.OTHER_GATEWAY, 2),)))
    'exact for 12 of 14 answers; 2 from another gateway'
    """
    parts: list[str] = [
        ntr(
            "exact for {exact:,} of {n} answer",
            "exact for {exact:,} of {n:,} answers",
            exactness.answers,
            exact=exactness.exact,
        )
    ]
    parts += [
        tr("{n:,} {why}", n=count, why=NOT_EXACT_TEXTS[reason])
        for reason, count in exactness.others
    ]
    return "; ".join(parts)
