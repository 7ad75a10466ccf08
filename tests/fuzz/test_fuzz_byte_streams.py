"""Any bytes from a server lead to a documented exit code, in time and in little memory.

The promise: in ten thousand random byte streams through client and turn, and three hundred through
the command, never a bug (1), never more memory or time than is documented. CI runs a slice.
"""

from __future__ import annotations

import random
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator

from newapi_cli.app.turn import Turn
from newapi_cli.domain.completion import Chunk, Completion, Status
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import ExitCode, NewapiError
from tests.api.exchanges import assert_workers_end, client_for, question
from tests.fuzz.answers import assert_encodes
from tests.fuzz.byte_streams import ByteStream, byte_stream
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe_process
from tests.support.scale import REPEAT, SEED, scaled
from tests.support.steps import Step

STREAMS, COMMANDS = scaled(300, 10_000), scaled(12, 300)
CLOCKS = Timeouts(3, 3, 3, 3, 3, 6)
LONGEST_S = 8.0  # the clock for the whole answer, and what a busy machine takes
MEGABYTE = 1 << 20
IN_PROCESS = set(range(4, 10))
BY_COMMAND = {0, 4, 5, 6, 7, 8, 9}
BATCH = 250  # exchanges of one server: it keeps what it has seen
FIRST_COMMAND = 1_000_000  # numbers of other streams than those in this process
WAYS = [
    [], ["--raw"], ["--json"], ["--json", "--stream"], ["--no-stream"], ["-x"], ["-u", "-v"],
    ["--no-save"], ["--reasoning", "show"],
]  # fmt: skip


class ChatRun:
    """Answers each request with the current stream."""

    def __init__(self) -> None:
        self.stream = ByteStream(0, (), False)

    def __call__(self, request: Request) -> list[Step]:
        """Return the steps of the stream."""
        assert request.path == "/v1/chat/completions"
        return list(self.stream.steps())


def ended(url: str, number: int) -> tuple[ExitCode, Completion]:
    """Run a turn in this process, streamed or not, and return how it ended."""
    turn = Turn(question(stream=number % 5 != 0), client_for(url, timeouts=CLOCKS))
    try:
        for event in turn:
            if isinstance(event, Chunk):
                assert_encodes(event)
    except NewapiError as error:
        assert_encodes([error.message, error.why, error.hint, error.request_id])
        return error.exit_code, turn.completion
    return ExitCode.COMPLETE, turn.completion


def check_end(code: ExitCode, completion: Completion) -> None:
    """Fail if exit code and status disagree, or if a success is empty."""
    if code is ExitCode.COMPLETE:
        assert completion.status is Status.COMPLETE
        assert completion.content or completion.tool_calls or completion.finish_reason == "length"
    else:
        assert code in IN_PROCESS
        assert completion.status in (Status.ERROR, Status.INCOMPLETE)
    if code is ExitCode.INCOMPLETE:
        assert completion.content or completion.tool_calls or completion.reasoning
    assert_encodes(completion)


def peak_bytes() -> int:
    """Return the largest resident memory of this process so far (Linux: in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def batches(count: int) -> Iterator[range]:
    """Return the numbers in order as ranges."""
    for begin in range(0, count, BATCH):
        yield range(begin, min(begin + BATCH, count))


def test_random_byte_streams_end_as_documented_in_this_process() -> None:
    codes: Counter[str] = Counter()
    slowest = (0.0, -1)
    before = peak_bytes()
    started = time.monotonic()
    for numbers in batches(STREAMS):
        answering = ChatRun()
        with FaultServer(answer=answering) as server:
            for number in numbers:
                answering.stream = byte_stream(SEED, number)
                begun = time.monotonic()
                try:
                    code, completion = ended(server.url, number)
                    check_end(code, completion)
                except BaseException as error:
                    told = f"{REPEAT}, stream {number}: {answering.stream.writes!r}"
                    error.add_note(told[:4000])
                    raise
                codes[code.name] += 1
                slowest = max(slowest, (time.monotonic() - begun, number))
        assert_workers_end()
    took_s = time.monotonic() - started
    print(f"{STREAMS} streams in {took_s:.0f} s, slowest {slowest}: {dict(codes.most_common())}")
    assert slowest[0] < LONGEST_S, f"stream {slowest[1]} of seed {SEED}"
    assert peak_bytes() - before < 100 * MEGABYTE
    assert set(codes) >= {"COMPLETE", "GATEWAY", "NETWORK", "INCOMPLETE"}  # all is reached


def test_random_byte_streams_end_as_documented_by_the_command(home: Home) -> None:
    codes: Counter[int] = Counter()
    peak, slowest = 0, 0.0
    chance = random.Random(f"{SEED}/ways")
    conditions = Conditions(env={"NEWAPI_TOTAL_TIMEOUT": "6", "NEWAPI_IDLE_TIMEOUT": "3"})
    answering = ChatRun()
    with FaultServer(answer=answering) as server:
        home.configure(server.url, retries=0, prices=False)
        for number in range(FIRST_COMMAND, FIRST_COMMAND + COMMANDS):
            answering.stream = byte_stream(SEED, number)
            way = chance.choice(WAYS)
            told = f"{REPEAT}, stream {number}, {way}: {answering.stream.writes!r}"
            try:
                seen = observe_process("chat", "hi", *way, home=home, conditions=conditions)
            except AssertionError as error:
                error.add_note(told[:4000])
                raise
            assert seen.code in BY_COMMAND, f"{told[:4000]}\n{seen.err}"
            assert seen.code != 0 or seen.out.strip() or "length" in seen.err, told[:4000]
            has_told = re.search("^error: .", seen.err, re.MULTILINE) is not None
            assert has_told == (seen.code != 0), f"{told[:4000]}\n{seen.err}"
            codes[seen.code] += 1
            peak, slowest = max(peak, seen.peak_bytes), max(slowest, seen.seconds)
    print(f"{COMMANDS} commands, slowest {slowest:.1f} s, peak {peak // MEGABYTE} MB: {codes}")
    assert slowest < LONGEST_S + 2
    assert peak < 200 * MEGABYTE


def test_a_stream_is_the_same_whenever_it_is_made() -> None:
    numbers = range(20)
    made = [byte_stream(SEED, number) for number in numbers]
    assert made == [byte_stream(SEED, number) for number in numbers]
    assert made != [byte_stream(SEED + 1, number) for number in numbers]
