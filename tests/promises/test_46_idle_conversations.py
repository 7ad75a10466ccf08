"""An idle conversation continues, even if its connection was closed meanwhile.

Nothing is reported, and nothing is sent twice: each turn has a connection of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import conversation, sent_messages
from tests.sessions.helpers import only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Fin, ReadRequest, Reset, Send, Stall, Step, WaitFor, sse
from tests.support.wire import answer_events, completion, response

TURNS = ("one", "two", "three")
NOISE = ("error", "retry", "warning", "connection", "lost", "again")


def kept_alive(text: str) -> list[Step]:
    """Return an answer that announces no close of the connection."""
    return sse(*answer_events(text), headers=[("Keep-Alive", "timeout=5"), ("Connection", "keep")])


WAYS: dict[str, Sequence[Step]] = {
    "the server closes it at once": [Fin()],
    "the server resets it": [Reset()],
    "the server sends nothing more": [Stall()],
    "the server sends an unrequested response": [Send(response(408, "idle for too long")), Fin()],
    "the server waits for the next request": [ReadRequest(), Send(response(500))],
}


def assert_continued(home: Home, server: FaultServer, text: str) -> None:
    """Assert that each turn was sent once, on its own connection, and answered without notices."""
    assert [word for word in NOISE if word in text.lower()] == [], text
    assert [request.json["messages"][-1]["content"] for request in server.requests] == [*TURNS]
    assert len(server.connections) == len(TURNS)
    path = only_session(home).path
    assert [(turn.prompt, turn.answer) for turn in path] == [
        (prompt, f"Re {prompt}.") for prompt in TURNS
    ]
    assert {turn.status for turn in path} == {Status.COMPLETE}


@pytest.mark.parametrize("after", WAYS.values(), ids=WAYS)
def test_the_next_turn_works_without_a_notice(
    home: Home, server: FaultServer, after: Sequence[Step]
) -> None:
    for prompt in TURNS:
        server.add(*kept_alive(f"Re {prompt}."), *after)
    with conversation(home) as repl:
        for prompt in TURNS:
            repl.enter(prompt)
        text = repl.text
        repl.leave()
    assert_continued(home, server, text)
    assert sent_messages(server)[:2] == [("user", "one"), ("assistant", "Re one.")]


@pytest.mark.parametrize("end", [Fin(), Reset()], ids=["FIN", "RST"])
def test_a_connection_closed_while_the_user_types_does_not_matter(
    home: Home, server: FaultServer, end: Step
) -> None:
    idle = [threading.Event() for _ in TURNS]
    for prompt, typing in zip(TURNS, idle, strict=True):
        whole = response(200, completion(f"Re {prompt}."), keep_alive=True)
        server.add(Send(whole), WaitFor(typing), end)
    home.configure(server.url, retries=0, stream=False)
    with conversation(home) as repl:
        for prompt, typing in zip(TURNS, idle, strict=True):
            repl.enter(prompt)
            repl.type("half a line")
            repl.terminal.wait_for("> half a line")
            typing.set()
            repl.type("\x15")  # Ctrl-U deletes the line
        text = repl.text
        repl.leave()
    assert_continued(home, server, text)
