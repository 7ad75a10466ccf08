"""CPU time, bytes and frames of the live renderer alone, against rich and a plain loop.

    python benchmarks/render.py            10k and 50k deltas of 4 characters
    python benchmarks/render.py --long     200k too, and rich.Live on the whole text (slow)
    python benchmarks/render.py --check    exit with 1 if a limit is exceeded

Then tables and link definitions of several lengths, against the same text as paragraphs: 30 times
the rows may cost 36 times, and a table three times its paragraphs. Last, the time from a signal to
the end of a layout, of a whole answer and of one that streams.

Deltas arrive by a simulated clock (100, 200 and 1,000 a second) or as fast as possible; the CPU
time is real. Ratios are from one run, in which the cases are measured in turn.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

from newapi_cli.domain.completion import Chunk, Tick
from newapi_cli.errors import Interrupted
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.answer_rows import StreamedAnswer
from newapi_cli.render.live.layout import Layout
from newapi_cli.render.live.renderer import LiveRenderer
from newapi_cli.render.live.theme import terminal_console, theme_named
from newapi_cli.render.status_lines import StatusLines, StatusOptions
from newapi_cli.signals import Interrupts
from newapi_cli.streams import Input, Output, Streams

DELTA = 4
TICK_S = 0.04
SAMPLES = Path(__file__).parent.parent / "tests" / "data" / "answers"


class CountingOutput(Output):
    """An output that only counts what is written."""

    def __init__(self) -> None:
        super().__init__(None)
        self.written_bytes = 0
        self.writes = 0

    def write(self, text: str) -> int:
        self.written_bytes += len(text.encode())
        self.writes += 1
        return len(text)


class Clock:
    """A clock that is advanced by hand."""

    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


class Figures(NamedTuple):
    """CPU seconds, bytes, frames and the longest frame of a case."""

    cpu_s: float
    written_bytes: int
    frames: int
    worst_frame_s: float


def sample(deltas: int) -> str:
    """Return a typical text of that many deltas: the answers of the tests, repeated."""
    files = sorted(SAMPLES.glob("*.md"))
    text = "\n\n".join(path.read_text("utf-8") for path in files) + "\n\n"
    size = deltas * DELTA
    return (text * (size // len(text) + 1))[:size]


def streams_to(output: Output) -> Streams:
    """Return streams whose stdout is `output`: a color terminal of 80 columns."""
    environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return Streams(Input(None), output, Output(None), environ)


def events(text: str, rate: float, clock: Clock) -> Iterator[Chunk | Tick]:
    """Yield the deltas and advance the clock; long pauses yield ticks, as in the client."""
    step_s = 1 / rate if rate else 0.0
    for at in range(0, len(text), DELTA):
        rest_s = step_s
        while rest_s > TICK_S:
            clock.now += TICK_S
            rest_s -= TICK_S
            yield Tick(TICK_S)
        clock.now += rest_s
        yield Chunk(content=text[at : at + DELTA])


def live_renderer(streams: Streams, clock: Callable[[], float]) -> LiveRenderer:
    """Return a live renderer that has been started."""
    options = StatusOptions(reasoning=True, usage=False, notices=True, details=False, model="m")
    images = ImageFilter(lambda: Path("/nonexistent"))
    status_lines = StatusLines(streams, options)
    renderer = LiveRenderer(streams, status_lines, theme_named("ansi"), options, images, clock)
    renderer.start()
    return renderer


def ours(text: str, rate: float) -> Figures:
    """Stream a text through the live renderer; rate 0 is as fast as possible, in real time."""
    output, clock = CountingOutput(), Clock()
    renderer = live_renderer(streams_to(output), clock if rate else time.monotonic)
    frames, worst_s, began = 0, 0.0, time.process_time()
    for event in events(text, rate, clock):
        before, writes = time.process_time(), output.writes
        renderer.show(event)
        if output.writes > writes:
            frames += 1
            worst_s = max(worst_s, time.process_time() - before)
    renderer._end()
    return Figures(time.process_time() - began, output.written_bytes, frames, worst_s)


def whole(text: str) -> Figures:
    """Format the whole text once with our layout and count the bytes of its rows."""
    output = CountingOutput()
    began = time.process_time()
    theme = theme_named("ansi")
    answer = StreamedAnswer(Layout(terminal_console(streams_to(output)), theme), theme)
    answer.feed(text)
    for row in answer.end():
        output.write(row.text + "\n")
    took_s = time.process_time() - began
    return Figures(took_s, output.written_bytes, 1, took_s)


def rich_once(text: str) -> Figures:
    """Render the whole text once with rich's Markdown."""
    file = io.StringIO()
    began = time.process_time()
    console = Console(file=file, width=80, force_terminal=True, color_system="truecolor")
    console.print(Markdown(text))
    took_s = time.process_time() - began
    return Figures(took_s, len(file.getvalue().encode()), 1, took_s)


def rich_live(text: str) -> Figures:
    """Render with rich.Live(Markdown(text so far)): 10 frames and 100 deltas a second."""
    file = io.StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True)
    frames, worst_s, began = 0, 0.0, time.process_time()
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for at in range(0, len(text), DELTA * 10):
            before = time.process_time()
            live.update(Markdown(text[: at + DELTA * 10]), refresh=True)
            frames += 1
            worst_s = max(worst_s, time.process_time() - before)
    return Figures(time.process_time() - began, len(file.getvalue().encode()), frames, worst_s)


def plain(text: str) -> Figures:
    """Write the deltas unchanged."""
    output = CountingOutput()
    began = time.process_time()
    for at in range(0, len(text), DELTA):
        output.write(text[at : at + DELTA])
    return Figures(time.process_time() - began, output.written_bytes, output.writes, 0.0)


def table(rows: int) -> str:
    """Return a table with some words in four columns."""
    return "| name | kind | note | value |\n|---|:-:|---|--:|\n" + "".join(
        f"| item {n:06} | kind {n % 7} | some words about item {n:06} | {n * 37:09} |\n"
        for n in range(rows)
    )


def table_as_paragraphs(rows: int) -> str:
    """Return the words of the same table as paragraphs."""
    return "".join(
        f"item {n:06} kind {n % 7} some words about item {n:06} {n * 37:09}\n\n"
        for n in range(rows)
    )


def definitions(count: int) -> str:
    """Return link definitions."""
    return "".join(f"[label {n:06}]: https://example.com/page/{n:06}\n" for n in range(count))


def definitions_as_paragraphs(count: int) -> str:
    """Return the same text as paragraphs."""
    return "".join(f"label {n:06} at https://example.com/page/{n:06}\n\n" for n in range(count))


LENGTHS = (  # what grows, the same text as paragraphs, and how many of it
    ("table rows", table, table_as_paragraphs, (100, 1_000, 3_000)),
    ("link definitions", definitions, definitions_as_paragraphs, (667, 20_000)),
)
MAX_GROWTH, MAX_RATIO = 36, 3  # of 30 times the length, against paragraphs
ROUNDS = 5
MAX_LATENCY_S = 0.2
SIGNALS = (
    (0.05, signal.SIGINT),
    (0.1, signal.SIGTERM),
    (0.2, signal.SIGINT),
    (0.3, signal.SIGTERM),
)
ARRIVES_AT_ONCE = 1 << 16  # characters: what a fast server sends while a frame is painted


def growth(exceeded: list[str]) -> None:
    """Measure how the cost grows with the length, and against paragraphs."""
    print(f"\n{'':48} {'cpu':>10} {'/ paragraphs':>13} {'growth':>10}")
    modes: list[tuple[str, Callable[[str], Figures]]] = [
        ("once", whole),
        ("as fast as possible", partial(ours, rate=0)),
        ("1,000 a second", partial(ours, rate=1000)),
    ]
    for name, make, make_paragraphs, counts in LENGTHS:
        for mode, measure in modes[: 3 if counts[-1] < 10_000 else 2]:
            costs = _least(measure, [make(count) for count in counts])
            bases = _least(measure, [make_paragraphs(count) for count in counts])
            for count, cost, base in zip(counts, costs, bases, strict=True):
                title = f"{count:,} {name}, {mode}"
                grown = cost / costs[0]
                print(f"{title:48} {cost:8.3f} s {cost / base:12.2f}x {grown:9.1f}x")
                if make is table and cost > MAX_RATIO * base:
                    exceeded.append(f"{title} against paragraphs")
            if costs[-1] > MAX_GROWTH * costs[0]:
                exceeded.append(f"growth of {name}, {mode}")


def _least(measure: Callable[[str], Figures], texts: Sequence[str]) -> list[float]:
    """Return the least CPU time of each text, measured in turn."""
    rounds = [[measure(text).cpu_s for text in texts] for _ in range(ROUNDS)]
    return list(map(min, zip(*rounds, strict=True)))


def latency(exceeded: list[str]) -> None:
    """Measure the time from a signal to the end of a layout, at several places."""
    texts = {
        "a table": table(20_000),
        "definitions": definitions(20_000),
        "a paragraph": "a line of *words* and `code`\n" * 30_000,
        "a line": "some words and **words** " * 60_000,
        "code": "```python\n" + "def f(x):\n    return 'text' + x  # note\n\n" * 10_000 + "```\n",
        "nesting": ("> " * 40 + "text\n") * 10_000,
        "typical text": sample(200_000),
    }
    interrupts = Interrupts(("SIGINT", "SIGTERM"))  # one, as it keeps what a signal stopped
    print(f"\n{'a signal during the layout of':32} {'once':>10} {'streamed':>13}")
    for name, text in texts.items():
        longest = [
            max(_latency_s(format_all, text, interrupts, *each) for each in SIGNALS)
            for format_all in (_format_once, _format_live)
        ]
        print(f"{name:32} " + " ".join(f"{each_s * 1000:10.1f} ms" for each_s in longest))
        if max(longest) > MAX_LATENCY_S:
            exceeded.append(f"a signal during {name}")


def _format_once(text: str, streams: Streams) -> None:
    theme = theme_named("ansi")
    answer = StreamedAnswer(Layout(terminal_console(streams), theme), theme, streams.interrupts)
    answer.feed(text)
    answer.end()


def _format_live(text: str, streams: Streams) -> None:
    renderer = live_renderer(streams, time.monotonic)
    try:
        for at in range(0, len(text), ARRIVES_AT_ONCE):
            renderer.show(Chunk(content=text[at : at + ARRIVES_AT_ONCE]))
            assert streams.interrupts is not None
            streams.interrupts.check()  # as the client does between two events
    finally:
        renderer._end()


def _latency_s(
    format_all: Callable[[str, Streams], None],
    text: str,
    interrupts: Interrupts,
    after_s: float,
    number: signal.Signals,
) -> float:
    streams = streams_to(CountingOutput())
    streams.interrupts = interrupts
    with interrupts:
        timer = threading.Timer(after_s, os.kill, (os.getpid(), number))
        timer.start()
        due = time.monotonic() + after_s
        try:
            format_all(text, streams)
        except Interrupted:
            return time.monotonic() - due
        finally:
            timer.join()
    if interrupts.code is not None:  # it arrived while the end was written
        return time.monotonic() - due
    raise SystemExit("the layout was over before the signal")


def print_row(name: str, figures: Figures, floor: Figures, rows: Figures) -> None:
    """Print a row of the table."""
    print(
        f"{name:32} {figures.cpu_s:8.2f} s {figures.cpu_s / floor.cpu_s:7.2f}x"
        f" {figures.written_bytes / rows.written_bytes:7.2f}x {figures.frames:8}"
        f" {figures.worst_frame_s * 1000:8.1f} ms"
    )


def stream(deltas: int, exceeded: list[str], *, with_live: bool) -> float:
    """Measure the cases of a typical text in turn; return the time as fast as possible."""
    text = sample(deltas)
    floor, rows = rich_once(text), whole(text)
    print(f"\n{deltas:,} deltas of {DELTA} characters")
    print(f"{'':32} {'cpu':>10} {'/ rich':>8} {'/ rows':>8} {'frames':>8} {'worst':>11}")
    cases: list[tuple[str, Callable[[], Figures]]] = [
        ("plain loop", partial(plain, text)),
        ("rich, once", partial(rich_once, text)),
        ("our layout, once", partial(whole, text)),
        ("ours, as fast as possible", partial(ours, text, 0)),
        ("ours, 1,000 a second", partial(ours, text, 1000)),
        ("ours, 200 a second", partial(ours, text, 200)),
    ]
    if with_live:
        cases.append(("rich.Live, 100 a second", partial(rich_live, text)))
    fastest_s = 0.0
    for name, case in cases:
        figures = case()
        print_row(name, figures, floor, rows)
        bytes_per_row = figures.written_bytes / rows.written_bytes
        if name.startswith("ours, as fast"):
            fastest_s = figures.cpu_s
            if figures.cpu_s > 2 * floor.cpu_s or bytes_per_row > 2:
                exceeded.append(f"{name} at {deltas}")
        if name == "ours, 200 a second" and bytes_per_row > 6:
            exceeded.append(f"bytes of {name} at {deltas}")
    return fastest_s


def main() -> int:
    """Measure the cases in turn and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    exceeded: list[str] = []
    times: dict[int, float] = {}
    whole(sample(500))  # loads what is needed at first use
    for deltas in (10_000, 50_000, 200_000)[: 3 if arguments.long else 2]:
        with_live = arguments.long and deltas == 10_000
        times[deltas] = stream(deltas, exceeded, with_live=with_live)
    if 200_000 in times:
        factor = times[200_000] / times[50_000]
        print(f"\n200k costs {factor:.2f} times what 50k does")
        if factor > 4.5:
            exceeded.append("linear cost")
    growth(exceeded)
    latency(exceeded)
    _print_end(exceeded)
    return 1 if exceeded and arguments.check else 0


def _print_end(exceeded: list[str]) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process {peak_mb:.0f} MB (it holds the texts)")
    print("limits exceeded: " + ", ".join(exceeded) if exceeded else "no limit exceeded")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    # A script ignores it for its background jobs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
