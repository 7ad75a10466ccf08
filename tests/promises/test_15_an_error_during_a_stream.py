"""An error during a stream is reported in the gateway's own words; earlier text is kept."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.repl.conversation import conversation
from tests.sessions.helpers import last_turn, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.steps import sse
from tests.support.wire import DONE, PING, REQUEST_ID, chunk, error, event, json_bytes, usage_chunk

PART = "Paris is "
WORDS = "当前渠道不可用"
FIRST = error(f"{WORDS} (request id: {REQUEST_ID})", code="get_channel_failed")
MESSAGE = "the gateway has no working channel for this model"
SECOND = error("a consequence of it")
FORMS = {
    "an event": [event(FIRST), event(usage_chunk(is_estimated=True)), DONE],
    "bare JSON after a ping": [PING, json_bytes(FIRST)],
    "two JSON objects": [PING, json_bytes(FIRST) + json_bytes(SECOND)],
}


@pytest.mark.parametrize("part", [PART, ""], ids=["after some text", "before any"])
@pytest.mark.parametrize("form", FORMS)
def test_the_gateways_words_are_shown_and_the_text_is_kept(
    home: Home, server: FaultServer, form: str, part: str
) -> None:
    home.configure(server.url, retries=3)
    server.add(*sse(*([event(chunk(part))] if part else []), *FORMS[form]))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.text) == (6, f"{part}\n" if part else "")
    assert result.err.startswith(f"error: {MESSAGE}\n")
    assert f"  why: {WORDS}\n" in result.err
    assert f"  id: {REQUEST_ID}\n" in result.err
    assert "a consequence of it" not in result.err
    assert len(server.requests) == 1
    turn = last_turn(home)
    assert (turn.status, turn.answer) == (Status.ERROR, part)
    assert WORDS in turn.error


@pytest.mark.parametrize("form", FORMS)
def test_a_conversation_reports_it_and_continues(
    home: Home, server: FaultServer, form: str
) -> None:
    server.add(*sse(event(chunk(PART)), *FORMS[form]))
    with conversation(home) as repl:
        shown = repl.output_of("a")
        assert shown.startswith(PART)
        assert f"error: {MESSAGE} why: {WORDS} id: {REQUEST_ID}" in shown
        repl.enter("more")
        repl.leave()
    first, second = only_session(home).path
    assert (first.status, first.answer) == (Status.ERROR, PART)
    assert second.status is Status.COMPLETE
