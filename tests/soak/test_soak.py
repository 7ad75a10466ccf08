"""Long use on bad days: nothing leaks, nothing grows, and what was shown is stored.

In CI a short stretch; `.ci/long` sets NEWAPI_SOAK for 2,000 questions of one shot and 500 turns of
one conversation. The seed is printed; NEWAPI_SOAK_SEED sets it.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import ExitCode
from tests.repl.conversing import conversation
from tests.sessions.keeping import stored_sessions
from tests.soak.weather import Weather
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Observed, observe_process

IS_LONG = bool(os.environ.get("NEWAPI_SOAK"))
QUESTIONS, TURNS = (2000, 500) if IS_LONG else (60, 30)
WORKERS = 2
CLOCKS = {"first_byte_timeout": 1.0, "idle_timeout": 1.0, "retries": 0}
MEMORY_GROWTH = 1.15  # of the last tenth beyond the second one: a longer history is sent and kept
ALLOWED = {0, 4, 5, 6, 7, 8, 9}


@pytest.fixture
def weather(home: Home, fault_server: FaultServer) -> Weather:
    """Give the weather of the run, in a server that the home asks."""
    seed = int(os.environ.get("NEWAPI_SOAK_SEED") or random.SystemRandom().getrandbits(32))
    print(f"NEWAPI_SOAK_SEED={seed}")
    weather = Weather(seed)
    fault_server.answer_with(weather.answer)
    home.configure(fault_server.url, **CLOCKS)
    return weather


def turns_by_prompt(home: Home) -> dict[str, TurnRecord]:
    """Give all that is stored, after a look at the soundness of the file."""
    turns = [turn for each in stored_sessions(home) for turn in each.path]
    found = {turn.prompt: turn for turn in turns}
    assert len(found) == len(turns), "a prompt is stored twice"
    return found


def median(sizes: list[int]) -> float:
    return sorted(sizes)[len(sizes) // 2]


def test_questions_of_one_shot(home: Home, weather: Weather, fault_server: FaultServer) -> None:
    def ask(number: int) -> Observed:
        seen = observe_process("chat", f"question {number}", home=home)
        assert seen.code in ALLOWED, seen
        return seen

    with ThreadPoolExecutor(WORKERS) as pool:
        runs = list(pool.map(ask, range(QUESTIONS)))
    print(Counter(run.code for run in runs), weather.faults)
    turns = turns_by_prompt(home)
    assert len(turns) == QUESTIONS
    for number, run in enumerate(runs):
        prompt = f"question {number}"
        assert turns[prompt].answer == run.text.removesuffix("\n"), (run, turns[prompt])
        assert weather.said[prompt].startswith(turns[prompt].answer)
        if run.code == ExitCode.COMPLETE:
            assert turns[prompt].answer == weather.said[prompt]
    assert len(fault_server.requests) == QUESTIONS, "a question was sent twice"
    tenth = QUESTIONS // 10
    peaks = [run.peak_bytes for run in runs]
    print("peak memory", median(peaks[tenth : 2 * tenth]), "then", median(peaks[-tenth:]))
    assert median(peaks[-tenth:]) < MEMORY_GROWTH * median(peaks[tenth : 2 * tenth])


def test_turns_of_one_conversation(home: Home, weather: Weather, fault_server: FaultServer) -> None:
    descriptors, sizes = [], []
    with conversation(home, rows=60) as talk:
        for number in range(TURNS):
            talk.say(f"question {number}")
            descriptors.append(len(list(Path(f"/proc/{talk.terminal.pid}/fd").iterdir())))
            sizes.append(resident_bytes(talk.terminal.pid))
        text = talk.words()
        talk.leave()
    print(weather.faults)
    turns = turns_by_prompt(home)
    assert [f"question {number}" for number in range(TURNS)] == [*turns]
    for prompt, turn in turns.items():
        said = weather.said[prompt]
        assert said.startswith(turn.answer), (prompt, turn)
        if said in text:
            assert turn.answer == said
    assert len(fault_server.requests) == TURNS, "a question was sent twice"
    tenth = TURNS // 10
    print("descriptors", max(descriptors[: 2 * tenth]), "then", max(descriptors[-tenth:]))
    print("memory", median(sizes[tenth : 2 * tenth]), "then", median(sizes[-tenth:]))
    assert max(descriptors[-tenth:]) <= max(descriptors[: 2 * tenth]), descriptors
    assert median(sizes[-tenth:]) < MEMORY_GROWTH * median(sizes[tenth : 2 * tenth]), sizes


def resident_bytes(pid: int) -> int:
    """Give what a process holds in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
