"""The model server is killed during an answer and restarted; the partial answer is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.domain.completion import Status
from tests.live.serving import MODEL, ModelServer
from tests.repl.conversation import ENTER, conversation
from tests.sessions.helpers import only_session
from tests.support.home import Home
from tests.support.observed import Running

LONG = "Write a very long story about the sea, with many chapters"
TIMEOUT_S = 60.0


@pytest.fixture
def own_server(tmp_path: Path, home: Home) -> Iterator[ModelServer]:
    """Return a server for one test, configured in `home` for long answers."""
    with ModelServer(tmp_path / "server.log") as server:
        home.configure(server.url, model=MODEL, max_tokens=3000, temperature=0.8, seed=7, retries=0)
        yield server


def test_the_partial_answer_of_a_one_shot_run_is_kept(home: Home, own_server: ModelServer) -> None:
    with Running("chat", LONG, home=home) as running:
        running.wait_for(b" the ", timeout_s=TIMEOUT_S)
        own_server.kill()
        result = running.end()
    assert result.code == 9, result
    assert re.match(r"error: answer cut off after \d+ characters: ", result.err), result
    [turn] = only_session(home).path
    assert (turn.prompt, turn.status) == (LONG, Status.INCOMPLETE)
    assert turn.answer == result.text.removesuffix("\n")


def test_a_conversation_continues_when_the_server_is_restarted(
    home: Home, own_server: ModelServer, tmp_path: Path
) -> None:
    with conversation(home, rows=60) as repl:
        repl.type(LONG + ENTER)
        repl.terminal.wait_for(
            re.compile(r"> Write a very long story.*\n(.*\n)*.*\bthe\b"), TIMEOUT_S
        )
        own_server.kill()
        repl.wait_for_line()
        assert "answer cut off after" in repl.words()
        repl.enter("Are you there?")
        assert f"cannot connect to 127.0.0.1:{own_server.port}" in repl.words()
        with ModelServer(tmp_path / "again.log", own_server.port):
            repl.enter("/set max_tokens 24")
            repl.enter("/retry")
            repl.enter("Say hello")
            repl.leave()
    path = only_session(home).path
    assert [turn.prompt for turn in path] == [LONG, "Are you there?", "Say hello"]
    statuses = [turn.status for turn in path]
    assert statuses == [Status.INCOMPLETE, Status.COMPLETE, Status.COMPLETE]
    assert all(turn.answer for turn in path)
