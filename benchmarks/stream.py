"""What a long answer costs: processor time, bytes and memory, against a plain http.client loop.

    pip install -e . && python benchmarks/stream.py [-n ROUNDS] [--deltas N] [--check]

--check exits with 1 when a *must* is missed. The answer comes as fast as it is taken.
"""

from __future__ import annotations

import argparse
import os
import termios
import threading
from collections.abc import Iterable
from typing import NamedTuple

from stage import (
    DONE,
    END,
    FINISH,
    HEAD,
    HTTP_CLIENT,
    Command,
    Row,
    Stage,
    Usage,
    delta,
    framed,
    reap,
    report,
    start,
)

DELTA_CHARACTERS = 4
MEGABYTE = 1_000_000
PARAGRAPHS = """\
## What a gateway does

It stands *in front* of many services, **checks** who asks, and keeps the count:

- it picks the channel that serves `gpt-4o-mini`,
- it asks again elsewhere where that one fails,
- it writes down what the answer cost.

```python
for channel in channels:
    if channel.serves(model):
        return channel
```

| model | in | out |
|---|--:|--:|
| small | 0.15 | 0.60 |

"""


# The floor of a laid-out answer: read it all, then lay it out once.
ONE_RENDER = """
import http.client, json, sys
from rich.console import Console
from rich.markdown import Markdown
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
c.request("POST", "/v1/chat/completions", "{}")
pieces = []
for line in c.getresponse():
    if line.startswith(b"data: ") and line[6:12] != b"[DONE]":
        choices = json.loads(line[6:])["choices"]
        pieces.append(choices[0]["delta"].get("content") or "")
Console().print(Markdown("".join(pieces)))
"""


class Answer(NamedTuple):
    """What the server sends: the same piece of an answer, so many times."""

    piece: bytes
    repeats: int

    def blocks(self) -> Iterable[bytes]:
        """Give the body; it is never whole in memory, which would count as the child's peak."""
        for _ in range(self.repeats):
            yield self.piece
        yield framed(FINISH) + framed(DONE) + END


def answer_of(text: str, deltas: int) -> Answer:
    """Give an answer of about so many deltas, each in a HTTP chunk of its own."""
    text *= DELTA_CHARACTERS  # so that its length is a whole number of deltas
    pieces = [text[at : at + DELTA_CHARACTERS] for at in range(0, len(text), DELTA_CHARACTERS)]
    events = b"".join(framed(delta(piece)) for piece in pieces)
    return Answer(events, max(1, round(deltas / len(pieces))))


class Taken(NamedTuple):
    """What a process has used to take an answer, and how much it has written."""

    usage: Usage
    written_bytes: int


def stream(stage: Stage, command: Command, answer: Answer, *, on_terminal: bool = False) -> Taken:
    """Let a process ask and take the whole answer."""
    person, program = os.openpty() if on_terminal else (-1, None)
    if program is not None:
        termios.tcsetwinsize(program, (24, 80))
    process = start(command, terminal=program)
    if program is not None:
        os.close(program)
    output = person if process.stdout is None else process.stdout.fileno()
    sizes: list[int] = []
    reader = threading.Thread(target=lambda: sizes.append(drain(output)))
    reader.start()
    with stage.accept() as connection:
        connection.sendall(HEAD)
        for block in answer.blocks():
            connection.sendall(block)
        usage = reap(process)
    reader.join()
    if process.stdout is None:
        os.close(person)
    else:
        process.stdout.close()
    return Taken(usage, sizes[0])


def drain(fd: int) -> int:
    """Read to the end; give how many bytes came."""
    size = 0
    try:
        while block := os.read(fd, 1 << 16):
            size += len(block)
    except OSError:
        pass  # EIO: the program at the other side of the terminal has gone
    return size


def measure(stage: Stage, rounds: int, deltas: int) -> list[Row]:
    """Let the floor and ours take the same answers, in turn."""
    answer = answer_of(PARAGRAPHS, deltas)
    floor, ours = stage.floor(HTTP_CLIENT), stage.newapi("chat", "hi")
    once = stage.floor(ONE_RENDER)
    runs: list[list[Taken]] = [[], [], [], []]
    for _ in range(rounds):
        runs[0].append(stream(stage, floor, answer))
        runs[1].append(stream(stage, ours, answer))
        runs[2].append(stream(stage, once, answer, on_terminal=True))
        runs[3].append(stream(stage, ours, answer, on_terminal=True))
    (cpu, plain_cpu, once_cpu, shown_cpu) = ([run.usage.cpu_s for run in each] for each in runs)
    (peak, plain_peak, _, shown_peak) = (
        [run.usage.peak_bytes / MEGABYTE for run in each] for each in runs
    )
    (_, own, _, written) = ([run.written_bytes / 1000 for run in each] for each in runs)
    return [
        Row("processor, plain to a pipe", "s", cpu, plain_cpu, 1.2, 2),
        Row("processor, markdown, against one rendering", "s", once_cpu, shown_cpu, 1.3, 2),
        Row("written, markdown, against the answer", "kB", own, written, 1.5, 2),
        Row("peak memory, plain to a pipe", "MB", peak, plain_peak, 40, 50, is_absolute=True),
        Row("peak memory, markdown", "MB", peak, shown_peak, 40, 50, is_absolute=True),
    ]


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="streaming benchmark of newapi")
    parser.add_argument("-n", type=int, default=5, dest="rounds", help="rounds (default 5)")
    parser.add_argument("--deltas", type=int, default=50_000, help="deltas (default 50000)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a must is missed")
    wish = parser.parse_args()
    with Stage() as stage:
        rows = measure(stage, wish.rounds, wish.deltas)
    return report(rows, rounds=wish.rounds, check=wish.check)


if __name__ == "__main__":
    raise SystemExit(main())
