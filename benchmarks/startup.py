"""Time of `newapi` to the request, to the first text and to the exit, against bare Python.

    pip install -e . && python benchmarks/startup.py [-n ROUNDS] [--check]

--check exits with 1 if a limit is exceeded. Times are milliseconds, for an idle machine;
"inf" is a text that was not shown before the answer ended.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
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
    arrives_within,
    delta,
    framed,
    in_turn,
    reap,
    report,
    seconds_of,
    start,
)

SERVER_DELAY_S = 0.2
TOO_LATE_S = 1.0
WORD = "Gateway"
BARE_TYPER = """
import typer
app = typer.Typer()
def show(value: bool) -> None:
    if value:
        typer.echo("1.0")
        raise typer.Exit
@app.callback(invoke_without_command=True)
def main(version: bool = typer.Option(False, "--version", callback=show, is_eager=True)) -> None:
    pass
app(["--version"])
"""


class Times(NamedTuple):
    """Seconds of a run: start to request, first delta to output, `[DONE]` to exit."""

    request_s: float
    lag_s: float
    exit_s: float


def time_chat(
    harness: Harness, command: Command, *, delay_s: float = 0.0, on_terminal: bool = False
) -> Times:
    """Start a process, answer its request and wait for its exit."""
    output, terminal = os.openpty() if on_terminal else (-1, None)
    started = time.perf_counter()
    process = start(command, terminal=terminal)
    with harness.accept() as connection:
        requested = time.perf_counter()
        if process.stdout is not None:
            output = process.stdout.fileno()
        time.sleep(delay_s)  # the latency of the server
        connection.sendall(HEAD)
        connection.sendall(framed(delta(WORD)))
        sent = time.perf_counter()
        was_shown = arrives_within(output, WORD.encode(), TOO_LATE_S)
        shown = time.perf_counter()
        connection.sendall(framed(FINISH) + framed(DONE) + END)
        done = time.perf_counter()
        reap(process)
        exited = time.perf_counter()
    for fd in (output, terminal):
        if fd is not None and process.stdout is None:
            os.close(fd)
    if process.stdout is not None:
        process.stdout.close()
    return Times(requested - started, shown - sent if was_shown else float("inf"), exited - done)


def chat_rows(harness: Harness, rounds: int) -> list[Row]:
    """Measure one-shot runs of `chat`."""
    floor = harness.floor(HTTP_CLIENT)
    ours, with_file = harness.newapi("chat", "hi"), harness.newapi_with_file("chat", "hi")

    def request(command: Command) -> Callable[[], float]:
        return lambda: 1000 * time_chat(harness, command).request_s

    def exit_time(command: Command) -> Callable[[], float]:
        return lambda: 1000 * time_chat(harness, command).exit_s

    def lag(command: Command, *, on_terminal: bool = False) -> Callable[[], float]:
        return lambda: (
            1000
            * time_chat(harness, command, delay_s=SERVER_DELAY_S, on_terminal=on_terminal).lag_s
        )

    bare, request_ms, with_file_ms = in_turn(
        rounds, request(floor), request(ours), request(with_file)
    )
    bare_end, end = in_turn(rounds, exit_time(floor), exit_time(ours))
    bare_lag, plain_lag, shown_lag = in_turn(
        rounds, lag(floor), lag(ours), lag(ours, on_terminal=True)
    )
    return [
        Row("start -> request", "ms", bare, request_ms, 1.5, 2.7),
        Row("start -> request, with a config file", "ms", bare, with_file_ms, 1.5, 2.7),
        Row("[DONE] -> exit", "ms", bare_end, end, 5, 25, is_absolute=True),
        Row("first delta -> pipe, server 200 ms", "ms", bare_lag, plain_lag, 1, is_absolute=True),
        Row(
            "first delta -> terminal, server 200 ms",
            "ms",
            bare_lag,
            shown_lag,
            45,
            is_absolute=True,
        ),  # 5 ms and a frame of 40
    ]


def command_rows(harness: Harness, rounds: int) -> list[Row]:
    """Measure commands that send no request."""
    cache = harness.home / "bare" / "cache"
    cache.mkdir()
    (cache / "models.txt").write_text("".join(f"gpt-{n}\n" for n in range(300)))

    def tab(*words: str) -> Callable[[], float]:
        return whole(
            harness.newapi(
                COMP_WORDS="\n".join(("newapi", *words)),
                COMP_CWORD=str(len(words)),
                _NEWAPI_COMPLETE="complete_bash",
            )
        )

    def whole(command: Command) -> Callable[[], float]:
        return lambda: 1000 * seconds_of(command)

    python, version, page, chat_page = in_turn(
        rounds,
        whole(harness.floor("pass")),
        whole(harness.newapi("--version")),
        whole(harness.newapi("--help")),
        whole(harness.newapi("chat", "--help")),
    )
    typer, tab_command, tab_option, tab_model = in_turn(
        rounds,
        whole(harness.floor(BARE_TYPER)),
        tab("ch"),
        tab("chat", "--mod"),
        tab("chat", "-m", "gpt-1"),
    )
    return [
        Row("--version, against python -c pass", "ms", python, version, 1.3, 6),
        Row("--help, against python -c pass", "ms", python, page, 13, 16),
        Row("chat --help, against python -c pass", "ms", python, chat_page, 13, 16),
        Row("TAB on a command, against a bare Typer app", "ms", typer, tab_command, 1.2),
        Row("TAB on an option, against a bare Typer app", "ms", typer, tab_option, 1.2),
        Row("TAB on a model, against a bare Typer app", "ms", typer, tab_model, 1.2),
    ]


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="start-up benchmark of newapi")
    parser.add_argument("-n", type=int, default=11, dest="rounds", help="rounds (default 11)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    arguments = parser.parse_args()
    with Harness() as harness:
        rows = chat_rows(harness, arguments.rounds) + command_rows(harness, arguments.rounds)
    return report(rows, rounds=arguments.rounds, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
