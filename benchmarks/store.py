"""Cost of a store with 10,000 sessions and 200,000 turns.

    pip install -e . && python benchmarks/store.py [-n ROUNDS] [--check] [--small]

--check exits with 1 if a limit is exceeded; --small builds a tenth. If a name contains
"beyond", the value is the time that newapi needs more than its floor, round by round. Times are
milliseconds, for an idle machine and a temporary folder on the disk to be measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness import Command, Harness, Row, in_turn, reap, report, seconds_of, start
from startup import time_chat

from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import ID_LENGTH, Session, TurnRecord
from newapi_cli.store.mapping import time_from_seconds, values_of_session, values_of_turn
from newapi_cli.store.sessions import SessionStore

SESSIONS, TURNS_EACH = 10_000, 20
BEGAN_AT = 1_700_000_000
ENGLISH = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or"
    " had an they which one you were her all she there would their we him been has when who will"
    " through function compiler borrow lifetime gateway token stream socket thread kernel vector"
    " database index query table column commit branch merge season weather river mountain"
)
CHINESE = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能"
MODELS = [f"model-{number}" for number in range(12)]
NEEDLES = ("zeppelin", "琥珀")
NEEDLE_SHARE = 0.001


class Texts:
    """Prompts and answers, two thirds of them English, the same in every run."""

    def __init__(self) -> None:
        self._random = random.Random(20_261_124)
        self._english = " ".join(self._random.choices(ENGLISH.split(), k=40_000))
        self._chinese = "".join(self._random.choices(CHINESE, k=80_000))

    def text(self, most: int) -> str:
        """Return a text of at most `most` characters; a few contain a word to search for."""
        chance = self._random.random
        source, needle = (
            (self._english, NEEDLES[0]) if chance() < 2 / 3 else (self._chinese, NEEDLES[1])
        )
        begin = int(chance() * (len(source) - most))
        length = max(8, int(chance() * most * (1.0 if source is self._english else 0.4)))
        text = source[begin : begin + length]
        return f"{text} {needle} {text[:40]}" if chance() < NEEDLE_SHARE else text


def build(path: Path, sessions: int) -> list[str]:
    """Fill a store in one transaction; return the ids of its sessions."""
    texts = Texts()
    ids = [f"{number * 2_654_435_761 % 16**ID_LENGTH:0{ID_LENGTH}x}" for number in range(sessions)]
    with SessionStore(path) as store, store.database.transaction():
        for number, session_id in enumerate(ids):
            _add(store, texts, number, session_id)
    return ids


def _add(store: SessionStore, texts: Texts, number: int, session_id: str) -> None:
    at = time_from_seconds(BEGAN_AT + 60 * number)
    first = number * TURNS_EACH + 1
    leaf = first + TURNS_EACH - 1
    session = Session(session_id, texts.text(60), False, "", "", "demo", "", 0, leaf, TURNS_EACH)
    session = session._replace(created_at=at, used_at=at)
    _insert(store, "sessions", {**values_of_session(session), "use_number": number + 1})
    for turn_id in range(first, leaf + 1):
        turn = TurnRecord(texts.text(200), texts.text(1000), status=Status.COMPLETE)
        turn = turn._replace(
            created_at=at + timedelta(seconds=turn_id - first),
            parent_id=turn_id - 1 if turn_id > first else None,
            finish_reason="stop",
            **_figures(turn_id),
        )
        places = {"id": turn_id, "session_id": session_id, "owner": "1:1"}
        _insert(store, "turns", {**places, **values_of_turn(turn)})


def _figures(turn_id: int) -> dict[str, Any]:
    """Return usage and cost of a turn: a tenth of the costs is unknown, a twentieth is exact."""
    cost = None if turn_id % 10 == 0 else format(Decimal(turn_id % 9973) / 500_000, "f")
    kind = "exact" if turn_id % 20 == 1 else "about"
    return {
        "model": MODELS[turn_id % len(MODELS)],
        "usage": Usage(turn_id % 2003, turn_id % 501, turn_id % 2003 + turn_id % 501),
        "cost": cost,
        "cost_kind": "unknown" if cost is None else kind,
        "request_id": f"2026112501{turn_id:012d}AbCdEfGh",
        "first_token_s": turn_id % 977 / 1000,
        "duration_s": turn_id % 7919 / 1000,
    }


def _insert(store: SessionStore, table: str, values: dict[str, object]) -> None:
    places = ", ".join(f":{name}" for name in values)
    store.database.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", values)


def on_terminal(command: Command) -> float:
    """Run a process on a terminal; return its duration in seconds."""
    master, slave = os.openpty()
    started = time.perf_counter()
    process = start(command, terminal=slave)
    os.close(slave)
    with contextlib.suppress(OSError):  # EIO: the process has exited
        while os.read(master, 1 << 16):
            pass
    reap(process)
    took_s = time.perf_counter() - started
    os.close(master)
    return took_s


def beyond(floor: list[float], ours: list[float]) -> list[float]:
    """Return the difference to the floor, round by round."""
    return [value - base for base, value in zip(floor, ours, strict=True)]


def list_rows(harness: Harness, rounds: int) -> Iterator[Row]:
    """Measure `sessions list`: every row in a pipe, fifty on a terminal."""
    version, command = harness.newapi("--version"), harness.newapi("sessions", "list")
    base, piped, shown = in_turn(
        rounds,
        lambda: 1000 * seconds_of(version),
        lambda: 1000 * seconds_of(command),
        lambda: 1000 * on_terminal(command),
    )
    yield absolute("list in a pipe, beyond --version", base, beyond(base, piped), 120, 150)
    yield absolute("list on a terminal, beyond --version", base, beyond(base, shown), 120, 150)


def search_rows(harness: Harness, path: Path, rounds: int) -> Iterator[Row]:
    """Measure the search for a rare word: the query in this process, and the whole command."""

    def query(word: str, hits: list[int]) -> Callable[[], float]:
        def run_query() -> float:
            with SessionStore(path) as store:
                started = time.perf_counter()
                hits.append(len(list(store.search([word]))))
                return 1000 * (time.perf_counter() - started)

        return run_query

    def whole(word: str) -> Callable[[], float]:
        command = harness.newapi("sessions", "search", word)
        return lambda: 1000 * seconds_of(command)

    for name, word in zip(("an English word", "two characters of Chinese"), NEEDLES, strict=True):
        hits: list[int] = []
        query_ms, process_ms = in_turn(rounds, query(word, hits), whole(word))
        yield absolute(f"search for {name}, query", query_ms, query_ms, 300, 500)
        yield absolute(f"search for {name}, process", query_ms, process_ms)
        if not 0 < hits[0] < 2000:
            raise SystemExit(f"{hits[0]} hits for {word}: the texts are wrong")


def usage_rows(harness: Harness, rounds: int) -> Iterator[Row]:
    """Measure `usage` over all turns, by model and by day."""
    version = harness.newapi("--version")
    by_model, by_day = (
        harness.newapi("usage", "--since", "all", "--by", by) for by in ("model", "day")
    )
    base, models, days = in_turn(
        rounds,
        lambda: 1000 * seconds_of(version),
        lambda: 1000 * seconds_of(by_model),
        lambda: 1000 * seconds_of(by_day),
    )
    yield absolute("usage by model, beyond --version", base, beyond(base, models), 1200, 1800)
    yield absolute("usage by day, beyond --version", base, beyond(base, days), 1400, 2000)


def resume_rows(harness: Harness, ids: list[str], rounds: int) -> Iterator[Row]:
    """Measure how much later a resumed session sends its request than a new one."""
    chosen = iter(ids[len(ids) // 2 :])
    new = harness.newapi("chat", "x")
    fresh, resumed = in_turn(
        rounds,
        lambda: 1000 * time_chat(harness, new).request_s,
        lambda: (
            1000 * time_chat(harness, harness.newapi("chat", "-S", next(chosen), "x")).request_s
        ),
    )
    yield absolute("start -> request with -S, beyond a new one", fresh, beyond(fresh, resumed),
                   25, 50)  # fmt: skip


def commit_rows(path: Path, ids: list[str], rounds: int) -> Iterator[Row]:
    """Measure the commit of a prompt against that of a bare row on the same disk."""
    with (
        SessionStore(path) as store,
        contextlib.closing(
            sqlite3.connect(path.with_name("bare.db"), isolation_level=None)
        ) as bare,
    ):
        bare.execute("PRAGMA synchronous = FULL")
        bare.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
        stored = store.load(ids[0])
        assert stored is not None

        def commit() -> float:
            started = time.perf_counter()
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO t (x) VALUES (?)", ("some words " * 10,))
            bare.execute("COMMIT")
            return 1000 * (time.perf_counter() - started)

        def begin() -> float:
            turn = TurnRecord("some words " * 10, model="demo")
            started = time.perf_counter()
            store.begin_turn(stored.session, turn, at_leaf=True)
            return 1000 * (time.perf_counter() - started)

        floor, ours = in_turn(10 * rounds, commit, begin)
    yield Row("a prompt's commit, against a bare row's", "ms", floor, ours, 1.5, 2)


def absolute(
    name: str,
    floor: list[float],
    ours: list[float],
    goal: float | None = None,
    limit: float | None = None,
) -> Row:
    """Return a row whose goal and limit are milliseconds."""
    return Row(name, "ms", floor, ours, goal, limit, is_absolute=True)


def main() -> int:
    """Build the store, measure and print the table."""
    parser = argparse.ArgumentParser(description="benchmark of newapi's stored sessions")
    parser.add_argument("-n", type=int, default=9, dest="rounds", help="rounds (default 9)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    parser.add_argument("--small", action="store_true", help="a tenth of the sessions")
    arguments = parser.parse_args()
    count = SESSIONS // 10 if arguments.small else SESSIONS
    with Harness() as harness:
        data = harness.home / "bare" / "data"
        data.mkdir(0o700)
        path = data / "sessions.db"
        ids = build(path, count)
        size_mb = path.stat().st_size / 1e6
        print(f"{count:,} sessions, {count * TURNS_EACH:,} turns, {size_mb:,.0f} MB")
        rows = [
            *list_rows(harness, arguments.rounds),
            *search_rows(harness, path, arguments.rounds),
            *usage_rows(harness, arguments.rounds),
            *resume_rows(harness, ids, arguments.rounds),
            *commit_rows(path, ids, arguments.rounds),
        ]
    return report(rows, rounds=arguments.rounds, check=arguments.check)


if __name__ == "__main__":
    raise SystemExit(main())
