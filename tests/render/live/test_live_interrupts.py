"""A signal ends a layout at once, wherever it arrives, and no row is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from types import FrameType

import pytest

from newapi_cli.errors import Interrupted
from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import Row
from newapi_cli.render.sanitizer import Sanitizer
from newapi_cli.signals import Interrupts
from tests.render.live.documents import (
    NASTY,
    THEME,
    answers,
    at_random,
    definitions_of,
    layout_for,
    new_answer,
    random_document,
    reference_rows,
)
from tests.render.live.interrupting import signal_at_call
from tests.support.scale import REPEAT, SEED, scaled

AT_ONCE_S = 0.2
SIGNAL_AFTER_S = 0.05
# Each takes much longer than that.
LARGE = {
    "table": "| a | b |\n|---|---|\n" + "| some words | *more* words |\n" * 5_000,
    "wide table": "|" + "a|" * 40 + "\n|" + "-|" * 40 + "\n" + ("|" + "cell|" * 40 + "\n") * 500,
    "paragraph": "a line of *words* and `code`\n" * 8_000,
    "line": "words and **words** and words " * 20_000,
    "CJK line": "数据库的选择取决于团队的经验" * 200_000,
    "code": "```python\n" + "def f(x):\n    return 'text' + x  # note\n\n" * 3_000 + "```\n",
    "definitions": "".join(f"[a {n}]: https://h.example/{n}\n" for n in range(20_000)),
    "late definitions": "".join(f"[a {n}]\n\n" for n in range(4_000))
    + "".join(f"[a {n}]: https://h.example/{n}\n" for n in range(4_000)),
    "open titles": "".join(f"[a {n}]: /u 'title\n" for n in range(4_000)),
    "nesting": ("> " * 40 + "text\n") * 4_000,
    "list": "".join("  " * (n % 30) + "- item\n" for n in range(8_000)),
    "brackets": "[" * 50_000,
    "emphasis": "*a **b " * 20_000,
}


def rows_with_signals(
    source: str, rnd: random.Random, limit: int, interrupts: Interrupts
) -> list[Row]:
    """Return the rows of a streamed document, with a signal somewhere in some of the frames."""
    answer = new_answer(layout_for(80), definitions_of(source), interrupts)
    sanitizer = Sanitizer()
    rows: list[Row] = []
    for piece in at_random(rnd, max(len(source) // 8, 20))(source):
        answer.feed(sanitizer.feed(piece))
        try:
            with signal_at_call(rnd.choice([0, rnd.randint(1, 4000)])):
                rows += answer.frame(limit).permanent
        except Interrupted:
            interrupts.code = None
    answer.feed(sanitizer.end())
    for number in (rnd.randint(1, 9000), rnd.randint(1, 900), 0):
        try:
            with signal_at_call(number):
                return rows + answer.end()
        except Interrupted:
            interrupts.code = None
    raise AssertionError("interrupted without a signal")


def test_no_row_is_lost_or_doubled_wherever_a_signal_arrives() -> None:
    rnd = random.Random(SEED)
    documents = [document.source for document in answers()]
    documents += [random_document(rnd, NASTY) for _ in range(scaled(60, 3000))]
    for source in documents:
        wanted = [row.text for row in reference_rows(source, layout_for(80))]
        with Interrupts(("SIGINT",)) as interrupts:
            rows = rows_with_signals(source, rnd, rnd.choice([1, 10]), interrupts)
        assert [row.text for row in rows] == wanted, (REPEAT, source)


class Timed(Interrupts):
    """Interrupts that note the CPU time at which a signal arrives."""

    received_s = 0.0

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received_s = time.process_time()
        super()._receive(number, frame)


@pytest.mark.parametrize("name", LARGE)
def test_a_signal_ends_a_large_layout_at_once(name: str) -> None:
    with Timed(("SIGINT",)) as interrupts:
        assert isinstance(interrupts, Timed)
        answer = StreamedAnswer(layout_for(80), THEME, interrupts)
        answer.feed(LARGE[name])
        timer = threading.Timer(SIGNAL_AFTER_S, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(Interrupted):
            answer.end()
        took_s = time.process_time() - interrupts.received_s
        rows, left_out = answer.end_as_source(4_000)
        timer.join()
    assert took_s < AT_ONCE_S
    shown = "\n".join(row.text for row in rows)
    assert LARGE[name].startswith(shown)
    assert len(shown) <= 4_000
    lines = LARGE[name].split("\n")
    assert left_out == len(lines) - len(rows) + (len(lines[0]) > 4_000)
