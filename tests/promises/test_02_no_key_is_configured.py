"""Without a key nothing is sent, and the error shows how to set one."""

from __future__ import annotations

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import observe
from tests.support.process import Environment, newapi_command
from tests.support.terminal import Terminal

# As after `env -i PATH=… HOME=…`: without HOME the files of the tests' user would be read.
NOTHING: Environment = dict.fromkeys(["NEWAPI_HOME", "LANG", "TERM"])


@pytest.mark.parametrize("env", [NOTHING, {}], ids=["env -i", "a new home"])
def test_without_configuration_the_error_suggests_login(home: Home, env: Environment) -> None:
    result = observe("chat", "hi", home=home, env=env)
    assert (result.code, result.out) == (3, b"")
    assert "run `newapi login`" in result.err
    assert "NEWAPI_API_KEY" in result.err
    assert len(result.err.splitlines()) <= 3
    assert list(home.path.rglob("*.toml")) == []


WITHOUT_A_KEY: dict[str, tuple[Environment, bool]] = {
    "an empty key in the profile": ({}, True),
    "an empty variable": ({"NEWAPI_API_KEY": ""}, True),
    "a base URL alone": ({"NEWAPI_BASE_URL": "SERVER"}, False),
    "a base URL and a model": ({"NEWAPI_BASE_URL": "SERVER", "NEWAPI_MODEL": "m"}, False),
    "a key for another host": ({"NEWAPI_BASE_URL": "SERVER", "OPENAI_API_KEY": CANARY}, False),
}


@pytest.mark.parametrize("case", WITHOUT_A_KEY)
def test_nothing_is_sent_to_a_server_without_a_key_for_it(
    home: Home, fault_server: FaultServer, case: str
) -> None:
    env, is_configured = WITHOUT_A_KEY[case]
    if is_configured:
        home.configure(fault_server.url, api_key="")
    resolved = {
        name: value and value.replace("SERVER", fault_server.url) for name, value in env.items()
    }
    result = observe("chat", "hi", home=home, env=resolved)
    assert (result.code, result.out) == (3, b"")
    assert "no API key is set" in result.err
    assert "run `newapi login`, or set NEWAPI_API_KEY" in result.err
    assert fault_server.connections == []


def test_a_terminal_shows_the_same_error(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url, api_key="")
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 3
        assert "run `newapi login`, or set NEWAPI_API_KEY" in terminal.all_text()
    assert fault_server.connections == []
