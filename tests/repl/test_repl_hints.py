"""The hints of errors name commands of the conversation, not options of the command line."""

from __future__ import annotations

import re

import pytest

from newapi_cli.api.errors.rules import ErrorRule
from newapi_cli.api.errors.table import TABLE
from newapi_cli.errors import NetworkError, NextStep
from newapi_cli.i18n import reword
from newapi_cli.repl.conversation import NEXT_STEPS
from tests.repl.conversation import conversation
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import Send, Stall
from tests.support.wire import error, response

OPTION = re.compile(r"(?<!\w)-(m|-timeout|-max-tokens)\b")


def test_every_next_step_has_a_wording_for_the_conversation() -> None:
    by_run = {NextStep.CHECK_BASE_URL}  # the same in a shell: no command changes the URL
    assert set(NEXT_STEPS) == set(NextStep) - by_run


@pytest.mark.parametrize("rule", TABLE, ids=lambda rule: rule.reason.value)
def test_no_hint_of_the_error_table_names_an_option_that_has_a_command(rule: ErrorRule) -> None:
    hint = reword(rule.hint, NEXT_STEPS)
    assert not OPTION.search(hint), hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error("slow down", "upstream_error")),
        (503, error("no channel", code="get_channel_failed")),
    ],
    ids=["rate limit", "model"],
)
def test_a_refusal_offers_another_model(
    home: Home, server: FaultServer, status: int, body: dict[str, object]
) -> None:
    server.add(Send(response(status, body)))
    with conversation(home, columns=200) as repl:
        assert "use another model: /model NAME" in repl.output_of("a")
        repl.leave()


def test_a_timeout_offers_to_set_it(home: Home, server: FaultServer) -> None:
    home.configure(server.url, retries=0, timeout=0.2)
    server.add(Stall())
    with conversation(home, columns=200) as repl:
        assert "try: wait longer with /set timeout SECONDS" in repl.output_of("a")
        repl.leave()


def test_a_new_hint_replaces_that_of_a_conversation_too() -> None:
    error = NetworkError("refused").with_hint("leave -t out", conversation="/set temperature unset")
    assert error.conversation_hint == "/set temperature unset"
    assert error.with_hint("retry later").conversation_hint == ""
