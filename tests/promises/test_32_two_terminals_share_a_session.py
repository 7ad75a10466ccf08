"""Two terminals on one session lose and repeat nothing: each turn is stored once, in one chain.

The next request of each also holds the turns that the other has added meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from newapi_cli.domain.completion import Status
from newapi_cli.domain.session import StoredSession
from tests.repl.conversation import ENTER, conversation
from tests.sessions.helpers import (
    answer_numbered,
    chat,
    chat_in_a_process,
    only_session,
    sent_texts,
    stored_sessions,
)
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Step, WaitFor, sse
from tests.support.wire import answer_events, chunk, event

TURNS = 50
# The command, fifty times in one process: a hundred starts of Python would take a minute.
MANY_TURNS = """
import sys
from newapi_cli.cli.main import run
from newapi_cli.streams import streams_of_process
streams = streams_of_process()
name, count = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    code = run(["chat", "-q", "-S", "same", f"prompt {name}{number}"], streams)
    if code:
        raise SystemExit(code)
"""


def answer(request: Request) -> list[Step]:
    """Answer with the prompt."""
    prompt = request.json["messages"][-1]["content"]
    return sse(*answer_events("re: ", prompt))


def assert_one_chain(stored: StoredSession, prompts: Sequence[str]) -> None:
    """Assert that each prompt is stored once, in one chain, with a complete answer."""
    assert len(stored.turns) == len(prompts)
    assert sorted(turn.prompt for turn in stored.turns) == sorted(prompts)
    assert stored.path == stored.turns
    assert stored.session.turns == len(prompts)
    for turn in stored.turns:
        assert (turn.status, turn.answer) == (Status.COMPLETE, f"re: {turn.prompt}")


def assert_each_request_holds_the_turns_before_it(
    server: FaultServer, stored: StoredSession
) -> None:
    """Assert that each request held all earlier turns except one without an answer yet."""
    chain = [turn.prompt for turn in stored.path]
    for request in range(len(server.requests)):
        *before, prompt = sent_texts(server, request)
        prompts, answers = before[::2], before[1::2]
        assert answers == [f"re: {each}" for each in prompts]
        earlier = chain[: chain.index(prompt)]
        missing = [each for each in earlier if each not in prompts]
        assert prompts == [each for each in earlier if each not in missing]
        others = [each for each in missing if each.split()[1][0] != prompt.split()[1][0]]
        assert missing == others  # a process always holds its own turns
        assert len(missing) <= 1, (
            f"{prompt}: {missing}"
        )  # the one that the other process was sending


def test_two_processes_add_fifty_turns_each(home: Home, fault_server: FaultServer) -> None:
    fault_server.answer_with(answer)
    home.configure(fault_server.url)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MANY_TURNS, name, str(TURNS)],
            env=home.environment(),
            cwd=home.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in "ab"
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda each: each.communicate(b"\n", timeout=60), processes))
    for process, (_, err) in zip(processes, ends, strict=True):
        assert process.returncode == 0, err
        lines = err.decode().splitlines()
        assert [
            line for line in lines if "another newapi process continued this session" not in line
        ] == []
    stored = only_session(home)
    prompts = [f"prompt {name}{number}" for name in "ab" for number in range(TURNS)]
    assert_one_chain(stored, prompts)
    assert_each_request_holds_the_turns_before_it(fault_server, stored)
    changes = sum(
        one.prompt.split()[1][0] != other.prompt.split()[1][0]
        for one, other in zip(stored.path, stored.path[1:], strict=False)
    )
    assert changes > 10, "they did not run at the same time"


def test_two_shells_add_five_one_shot_turns_each(home: Home, fault_server: FaultServer) -> None:
    fault_server.answer_with(answer)
    home.configure(fault_server.url)

    def send_five(name: str) -> None:
        for number in range(5):
            chat_in_a_process(home, "-S", "same", f"prompt {name}{number}")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send_five, "ab"))
    stored = only_session(home)
    assert_one_chain(stored, [f"prompt {name}{number}" for name in "ab" for number in range(5)])
    assert_each_request_holds_the_turns_before_it(fault_server, stored)


def test_two_conversations_see_each_others_turns(home: Home, fault_server: FaultServer) -> None:
    answer_numbered(fault_server, home)
    chat(home, "-S", "same", "first")
    with (
        conversation(home, "chat", "-S", "same") as one,
        conversation(home, "chat", "-S", "same") as two,
    ):
        one.enter("from one")
        two.enter("from two")
        assert sent_texts(fault_server) == [
            "first",
            "Answer 1.",
            "from one",
            "Answer 2.",
            "from two",
        ]
        assert "another newapi process continued this session" in two.terminal.all_text()
        one.enter("again one")
        assert sent_texts(fault_server)[4:] == ["from two", "Answer 3.", "again one"]
        assert "1 turn was added" in one.terminal.all_text()
        one.leave()
        two.leave()
    path = only_session(home).path
    assert [turn.prompt for turn in path] == ["first", "from one", "from two", "again one"]


def test_an_unfinished_answer_of_the_other_terminal_is_sent_whole_when_it_is_complete(
    home: Home, fault_server: FaultServer
) -> None:
    answer_numbered(fault_server, home)
    chat(home, "-S", "same", "first")
    with (
        conversation(home, "chat", "-S", "same") as one,
        conversation(home, "chat", "-S", "same") as two,
    ):
        proceed = threading.Event()
        fault_server.add(
            *sse(event(chunk("x" * 5000)), WaitFor(proceed), *answer_events("the end"))
        )
        two.type("slow" + ENTER)
        fault_server.wait_for_requests(2)
        two.terminal.wait_until(lambda: len(only_session(home).path[-1].answer) == 5000)
        one.enter("meanwhile")
        assert sent_texts(fault_server)[2:] == ["slow", "x" * 5000, "meanwhile"]
        proceed.set()
        two.wait_for_line()
        one.enter("now")
        assert sent_texts(fault_server)[2:4] == ["slow", "x" * 5000 + "the end"]
        one.leave()
        two.leave()


def test_a_session_deleted_during_an_answer_stays_deleted(
    home: Home, fault_server: FaultServer
) -> None:
    answer_numbered(fault_server, home)
    with conversation(home) as repl:
        proceed = threading.Event()
        fault_server.add(*sse(event(chunk("part ")), WaitFor(proceed), *answer_events("rest")))
        repl.type("canary" + ENTER)
        fault_server.wait_for_requests(1)
        session = only_session(home).session
        assert run_newapi("sessions", "rm", "--yes", session.id, home=home).code == 0
        chat(home, "other")
        proceed.set()
        repl.wait_for_line()
        repl.terminal.wait_for("part rest")
        [other] = stored_sessions(home)
        assert [(t.prompt, t.answer) for t in other.path] == [("other", "Answer 2.")]
        repl.leave()
