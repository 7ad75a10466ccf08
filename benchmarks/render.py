"""The live renderer alone: processor time, bytes and frames, against rich and a plain loop.

    python benchmarks/render.py            10k and 50k deltas of 4 characters
    python benchmarks/render.py --long     200k too, and rich.Live on the whole text (slow)
    python benchmarks/render.py --check    exit 1 where a must of the project is missed

Deltas come by an invented clock (100, 200 and 1,000 a second) or as fast as they are taken; the
processor time is real. Ratios are taken in one run, of works done in turn.
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


class Counting(Output):
    """An output that keeps nothing but the count of what is written."""

    def __init__(self) -> None:
        super().__init__(None)
        self.written_bytes = 0
        self.writes = 0

    def write(self, text: str) -> int:
        self.written_bytes += len(text.encode())
        self.writes += 1
        return len(text)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


class Figures(NamedTuple):
    """What one run took: processor seconds, bytes, frames and the longest frame."""

    cpu_s: float
    written_bytes: int
    frames: int
    worst_frame_s: float


def sample(deltas: int) -> str:
    """Give a typical text of that many deltas: the test's answers, repeated."""
    files = sorted(SAMPLES.glob("*.md"))
    text = "\n\n".join(path.read_text("utf-8") for path in files) + "\n\n"
    size = deltas * DELTA
    return (text * (size // len(text) + 1))[:size]


def streams_to(output: Output) -> Streams:
    """Give streams whose stdout is `output`: a color terminal of 80 columns."""
    environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return Streams(Input(None), output, Output(None), environ)


def events(text: str, rate: float, clock: Clock) -> Iterator[Chunk | Tick]:
    """Give the deltas, the clock moved; between two far apart, ticks as the client gives them."""
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
    output, clock = Counting(), Clock()
    streams = streams_to(output)
    wish = StatusOptions(reasoning=True, usage=False, notices=True, details=False, model="m")
    pictures = ImageFilter(lambda: Path("/nonexistent"))
    renderer = LiveRenderer(
        streams,
        StatusLines(streams, wish),
        theme_named("ansi"),
        wish,
        pictures,
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
    """Lay the whole text out once by our layout and count its rows' bytes."""
    output = Counting()
    began = time.process_time()
    theme = theme_named("ansi")
    layout = Layout(terminal_console(streams_to(output)), theme)
    tokens = markdown_parser().parse(text)
    for leaf in leaves_of(tokens, theme, has_before=False):
        for row in layout.rows(leaf):
            output.write(row.text + "\n")
    return Figures(time.process_time() - began, output.written_bytes, 1, 0.0)


def rich_once(text: str) -> Figures:
    """Render the whole text once by rich's own Markdown."""
    file = io.StringIO()
    began = time.process_time()
    console = Console(file=file, width=80, force_terminal=True, color_system="truecolor")
    console.print(Markdown(text))
    took_s = time.process_time() - began
    return Figures(took_s, len(file.getvalue().encode()), 1, took_s)


def rich_live(text: str) -> Figures:
    """Render by rich.Live(Markdown(all so far)), 10 frames a second at 100 deltas a second."""
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
    """Write the deltas as they are."""
    output = Counting()
    began = time.process_time()
    for at in range(0, len(text), DELTA):
        output.write(text[at : at + DELTA])
    return Figures(time.process_time() - began, output.written_bytes, output.writes, 0.0)


def told(name: str, found: Figures, floor: Figures, rows: Figures) -> None:
    """Print a row of the table."""
    print(
        f"{name:32} {found.cpu_s:8.2f} s {found.cpu_s / floor.cpu_s:7.2f}x"
        f" {found.written_bytes / rows.written_bytes:7.2f}x {found.frames:8}"
        f" {found.worst_frame_s * 1000:8.1f} ms"
    )


def main() -> int:
    """Run the works in turn and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    missed: list[str] = []
    times: dict[int, float] = {}
    whole(sample(500))  # what is loaded at first use
    for deltas in (10_000, 50_000, 200_000)[: 3 if asked.long else 2]:
        text = sample(deltas)
        floor, rows = rich_once(text), whole(text)
        print(f"\n{deltas:,} deltas of {DELTA} characters")
        print(f"{'':32} {'cpu':>10} {'/ rich':>8} {'/ rows':>8} {'frames':>8} {'worst':>11}")
        works: list[tuple[str, Callable[[], Figures]]] = [
            ("plain loop", partial(plain, text)),
            ("rich, once", partial(rich_once, text)),
            ("our layout, once", partial(whole, text)),
            ("ours, as fast as possible", partial(ours, text, 0)),
            ("ours, 1,000 a second", partial(ours, text, 1000)),
            ("ours, 200 a second", partial(ours, text, 200)),
        ]
        if asked.long and deltas == 10_000:
            works.append(("rich.Live, 100 a second", partial(rich_live, text)))
        for name, work in works:
            found = work()
            told(name, found, floor, rows)
            if name.startswith("ours, as fast"):
                times[deltas] = found.cpu_s
                if found.cpu_s > 2 * floor.cpu_s or found.written_bytes > 2 * rows.written_bytes:
                    missed.append(f"{name} at {deltas}")
            if name == "ours, 200 a second" and found.written_bytes > 6 * rows.written_bytes:
                missed.append(f"bytes of {name} at {deltas}")
    if 200_000 in times:
        growth = times[200_000] / times[50_000]
        print(f"\n200k costs {growth:.2f} times what 50k does")
        if growth > 4.5:
            missed.append("linear cost")
    _tell_end(missed)
    return 1 if missed and asked.check else 0


def _tell_end(missed: list[str]) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process {peak_mb:.0f} MB (it holds the texts)")
    print("missed: " + ", ".join(missed) if missed else "all musts are kept")


if __name__ == "__main__":
    os.environ.pop("NO_COLOR", None)
    sys.exit(main())
