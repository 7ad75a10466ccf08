"""Long use of an unreliable gateway: no leaks, no growth, and all shown text is stored.

Short in CI; `.ci/long` runs 2,000 prompts and a conversation of 500 turns.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from newapi_cli.domain.session import TurnRecord
from newapi_cli.errors import ExitCode
from tests.repl.conversation import conversation
from tests.sessions.helpers import stored_sessions
from tests.soak.unreliable import UnreliableGateway
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Observed, observe_process
from tests.support.scale import SEED, scaled

RUNS, TURNS = scaled(20, 2000), scaled(20, 500)
WORKERS = 2
TIMEOUTS = {"first_byte_timeout": 1.0, "idle_timeout": 1.0, "retries": 0}
MEMORY_GROWTH = 1.15  # of the last tenth over the second one, as the history grows
ALLOWED = {0, 4, 5, 6, 7, 8, 9}


@pytest.fixture
def gateway(home: Home, fault_server: FaultServer) -> UnreliableGateway:
    """Return the gateway of the test, configured in `home`."""
    gateway = UnreliableGateway(SEED)
    fault_server.answer_with(gateway.answer)
    home.configure(fault_server.url, **TIMEOUTS)
    return gateway


def turns_by_prompt(home: Home) -> dict[str, TurnRecord]:
    """Return all stored turns by prompt, after an integrity check of the store."""
    turns = [turn for each in stored_sessions(home) for turn in each.path]
    by_prompt = {turn.prompt: turn for turn in turns}
    assert len(by_prompt) == len(turns), "a prompt is stored twice"
    return by_prompt


def median(sizes: list[int]) -> float:
    return sorted(sizes)[len(sizes) // 2]


def test_one_shot_runs(home: Home, gateway: UnreliableGateway, fault_server: FaultServer) -> None:
    def run(number: int) -> Observed:
        result = observe_process("chat", f"prompt {number}", home=home)
        assert result.code in ALLOWED, result
        return result

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(run, range(RUNS)))
    print(Counter(result.code for result in results), gateway.faults)
    turns = turns_by_prompt(home)
    assert len(turns) == RUNS
    for number, result in enumerate(results):
        prompt = f"prompt {number}"
        assert turns[prompt].answer == result.text.removesuffix("\n"), (result, turns[prompt])
        assert gateway.texts[prompt].startswith(turns[prompt].answer)
        if result.code == ExitCode.COMPLETE:
            assert turns[prompt].answer == gateway.texts[prompt]
    assert len(fault_server.requests) == RUNS, "a prompt was sent twice"
    tenth = RUNS // 10
    peaks = [result.peak_bytes for result in results]
    print("peak memory", median(peaks[tenth : 2 * tenth]), "then", median(peaks[-tenth:]))
    assert median(peaks[-tenth:]) < MEMORY_GROWTH * median(peaks[tenth : 2 * tenth])


def test_turns_of_a_conversation(
    home: Home, gateway: UnreliableGateway, fault_server: FaultServer
) -> None:
    descriptors, sizes = [], []
    with conversation(home, rows=60) as repl:
        for number in range(TURNS):
            repl.enter(f"prompt {number}")
            descriptors.append(len(list(Path(f"/proc/{repl.terminal.pid}/fd").iterdir())))
            sizes.append(resident_bytes(repl.terminal.pid))
        text = repl.words()
        repl.leave()
    print(gateway.faults)
    turns = turns_by_prompt(home)
    assert [f"prompt {number}" for number in range(TURNS)] == [*turns]
    for prompt, turn in turns.items():
        text_sent = gateway.texts[prompt]
        assert text_sent.startswith(turn.answer), (prompt, turn)
        if text_sent in text:
            assert turn.answer == text_sent
    assert len(fault_server.requests) == TURNS, "a prompt was sent twice"
    tenth = TURNS // 10
    print("descriptors", max(descriptors[: 2 * tenth]), "then", max(descriptors[-tenth:]))
    print("memory", median(sizes[tenth : 2 * tenth]), "then", median(sizes[-tenth:]))
    assert max(descriptors[-tenth:]) <= max(descriptors[: 2 * tenth]), descriptors
    assert median(sizes[-tenth:]) < MEMORY_GROWTH * median(sizes[tenth : 2 * tenth]), sizes


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
