"""CPU time, output and memory of a long answer, against a plain http.client loop.

    pip install -e . && python benchmarks/stream.py [-n ROUNDS] [--deltas N] [--check]

--check exits with 1 if a limit is exceeded. The server sends as fast as newapi reads.
"""

from __future__ import annotations

import argparse
import os
import termios
import threading
from collections.abc import Iterable
from typing import NamedTuple

from harness import (
    DONE,
    END,
    FINISH,
    HEAD,
    HTTP_CLIENT,
    Command,
    Harness,
    Row,
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

It runs *in front* of many services, **checks** the key, and counts the usage:

- it selects a channel that serves `gpt-4o-mini`,
- it retries on another channel if that one fails,
- it records the cost of the answer.

```python
for channel in channels:
    if channel.serves(model):
        return channel
```

| model | in | out |
|---|--:|--:|
| small | 0.15 | 0.60 |

"""


# The floor of a formatted answer: read it all, then format it once.
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
    """The body that the server sends: the same events, repeated."""

    piece: bytes
    repeats: int

    def blocks(self) -> Iterable[bytes]:
        """Yield the body in blocks: as a whole it would count as peak memory of the child."""
        for _ in range(self.repeats):
            yield self.piece
        yield framed(FINISH) + framed(DONE) + END


def answer_of(text: str, deltas: int) -> Answer:
    """Return an answer of about `deltas` deltas, each in its own HTTP chunk."""
    text *= DELTA_CHARACTERS  # so that its length is a whole number of deltas
    pieces = [text[at : at + DELTA_CHARACTERS] for at in range(0, len(text), DELTA_CHARACTERS)]
    events = b"".join(framed(delta(piece)) for piece in pieces)
    return Answer(events, max(1, round(deltas / len(pieces))))


class StreamUsage(NamedTuple):
    """The usage of a process that received an answer, and the bytes that it wrote."""

    usage: Usage
    written_bytes: int


def stream(
    harness: Harness, command: Command, answer: Answer, *, on_terminal: bool = False
) -> StreamUsage:
    """Run a process and send it the whole answer."""
    master, slave = os.openpty() if on_terminal else (-1, None)
    if slave is not None:
        termios.tcsetwinsize(slave, (24, 80))
    process = start(command, terminal=slave)
    if slave is not None:
        os.close(slave)
    output = master if process.stdout is None else process.stdout.fileno()
    sizes: list[int] = []
    reader = threading.Thread(target=lambda: sizes.append(drain(output)))
    reader.start()
    with harness.accept() as connection:
        connection.sendall(HEAD)
        for block in answer.blocks():
            connection.sendall(block)
        usage = reap(process)
    reader.join()
    if process.stdout is None:
        os.close(master)
    else:
        process.stdout.close()
    return StreamUsage(usage, sizes[0])


def drain(fd: int) -> int:
    """Read to the end; return the number of bytes."""
    size = 0
    try:
        while block := os.read(fd, 1 << 16):
            size += len(block)
    except OSError:
        pass  # EIO: the process on the terminal has exited
    return size


def measure(harness: Harness, rounds: int, deltas: int) -> list[Row]:
    """Measure the floor and newapi in turn, with the same answer."""
    answer = answer_of(PARAGRAPHS, deltas)
    floor, ours = harness.floor(HTTP_CLIENT), harness.newapi("chat", "hi")
    once = harness.floor(ONE_RENDER)
    runs: list[list[StreamUsage]] = [[], [], [], []]
    for _ in range(rounds):
        runs[0].append(stream(harness, floor, answer))
        runs[1].append(stream(harness, ours, answer))
        runs[2].append(stream(harness, once, answer, on_terminal=True))
        runs[3].append(stream(harness, ours, answer, on_terminal=True))
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
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="streaming benchmark of newapi")
    parser.add_argument("-n", type=int, default=5, dest="rounds", help="rounds (default 5)")
    parser.add_argument("--deltas", type=int, default=50_000, help="deltas (default 50000)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    arguments = parser.parse_args()
    with Harness() as harness:
        rows = measure(harness, arguments.rounds, arguments.deltas)
    return report(rows, rounds=arguments.rounds, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
