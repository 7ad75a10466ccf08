"""CPU time, bytes and frames of the live renderer alone, against rich and a plain loop.

    python benchmarks/render.py            10k and 50k deltas of 4 characters
    python benchmarks/render.py --long     200k too, and rich.Live on the whole text (slow)
    python benchmarks/render.py --check    exit with 1 if a limit is exceeded

Deltas arrive by a simulated clock (100, 200 and 1,000 a second) or as fast as possible; the CPU
time is real. Ratios are from one run, in which the cases are measured in turn.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

from newapi_cli.domain.completion import Chunk, Tick
from newapi_cli.render.console import terminal_console
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.layout import Layout
from newapi_cli.render.live.leaves import leaves_of, markdown_parser
from newapi_cli.render.live.renderer import LiveRenderer
from newapi_cli.render.live.theme import theme_named
from newapi_cli.render.status_lines import StatusLines, StatusOptions
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


def ours(text: str, rate: float) -> Figures:
    """Stream a text through the live renderer; rate 0 is as fast as possible, in real time."""
    output, clock = CountingOutput(), Clock()
    streams = streams_to(output)
    options = StatusOptions(reasoning=True, usage=False, notices=True, details=False, model="m")
    images = ImageFilter(lambda: Path("/nonexistent"))
    renderer = LiveRenderer(
        streams,
        StatusLines(streams, options),
        theme_named("ansi"),
        options,
        images,
        clock if rate else time.monotonic,
    )
    renderer.start()
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
    layout = Layout(terminal_console(streams_to(output)), theme)
    tokens = markdown_parser().parse(text)
    for leaf in leaves_of(tokens, theme, follows_block=False):
        for row in layout.rows(leaf):
            output.write(row.text + "\n")
    return Figures(time.process_time() - began, output.written_bytes, 1, 0.0)


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


def print_row(name: str, figures: Figures, floor: Figures, rows: Figures) -> None:
    """Print a row of the table."""
    print(
        f"{name:32} {figures.cpu_s:8.2f} s {figures.cpu_s / floor.cpu_s:7.2f}x"
        f" {figures.written_bytes / rows.written_bytes:7.2f}x {figures.frames:8}"
        f" {figures.worst_frame_s * 1000:8.1f} ms"
    )


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
        if arguments.long and deltas == 10_000:
            cases.append(("rich.Live, 100 a second", partial(rich_live, text)))
        for name, case in cases:
            figures = case()
            print_row(name, figures, floor, rows)
            if name.startswith("ours, as fast"):
                times[deltas] = figures.cpu_s
                if (
                    figures.cpu_s > 2 * floor.cpu_s
                    or figures.written_bytes > 2 * rows.written_bytes
                ):
                    exceeded.append(f"{name} at {deltas}")
            if name == "ours, 200 a second" and figures.written_bytes > 6 * rows.written_bytes:
                exceeded.append(f"bytes of {name} at {deltas}")
    if 200_000 in times:
        growth = times[200_000] / times[50_000]
        print(f"\n200k costs {growth:.2f} times what 50k does")
        if growth > 4.5:
            exceeded.append("linear cost")
    _print_end(exceeded)
    return 1 if exceeded and arguments.check else 0


def _print_end(exceeded: list[str]) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process {peak_mb:.0f} MB (it holds the texts)")
    print("limits exceeded: " + ", ".join(exceeded) if exceeded else "no limit exceeded")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    sys.exit(main())
