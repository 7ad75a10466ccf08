"""A model that is not found is reported in the gateway's own words, in any language."""

from __future__ import annotations

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import Conditions, observe_process
from tests.support.process import Environment, newapi_command
from tests.support.steps import Send
from tests.support.terminal import Terminal
from tests.support.wire import REQUEST_ID, error, response

SUFFIX = f" (request id: {REQUEST_ID})"
REFUSALS = {
    "unknown": (404, "模型 gpt-6 不存在，请检查模型名称是否正确。"),
    "no channel": (503, "分组 default 下模型 gpt-6 无可用渠道（distributor）"),
}
ASCII: Environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
LOCALES: dict[str, Environment] = {"UTF-8": {}, "ASCII": ASCII}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("case", REFUSALS)
def test_the_gateways_words_and_request_id_are_shown_unchanged(
    home: Home, fault_server: FaultServer, case: str, locale: str
) -> None:
    status, words = REFUSALS[case]
    fault_server.add(Send(response(status, error(words + SUFFIX, code="model_not_found"))))
    home.configure(fault_server.url, retries=5)
    conditions = Conditions(env=LOCALES[locale])
    result = observe_process("chat", "-m", "gpt-6", "hi", home=home, conditions=conditions)
    assert (result.code, result.out) == (6, b"")
    assert f"(HTTP {status})" in result.err
    assert f"why: {words}\n" in result.err
    assert f"id: {REQUEST_ID}\n" in result.err
    assert "`newapi models`" in result.err
    [request] = fault_server.requests
    assert request.json["model"] == "gpt-6"
    turn = last_turn(home)
    assert (turn.status, turn.model) == (Status.ERROR, "gpt-6")
    assert words in turn.error


def test_a_terminal_shows_the_words_unchanged(home: Home, fault_server: FaultServer) -> None:
    status, words = REFUSALS["no channel"]
    fault_server.add(Send(response(status, error(words + SUFFIX, code="model_not_found"))))
    home.configure(fault_server.url)
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 6
    assert words.encode() in terminal.raw
