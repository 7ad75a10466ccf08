"""`newapi chat --curl` prints a command that works, and sends nothing itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.demo import chats
from tests.support.home import CANARY, Home
from tests.support.process import Result, newapi_command, run_command, run_newapi
from tests.support.terminal import Terminal

PROMPTS = [
    "hello",
    "it's \"quoted\" and 'single'",
    "$HOME ${PATH} $(echo no) `echo no` !! \\n \\",
    "two\nlines\r\n\tand a tab\n",
    "emoji 👋🏽 and 你好 é",
    "@/etc/hosts",
    "-d --data %s %20 & ; | > < * ? ~ #",
    "\u2028\x1b[31m\x7f",
]


@pytest.fixture
def gateway(home: Home) -> Iterator[DemoGateway]:
    """Return a configured demo gateway."""
    with DemoGateway(pace_s=0) as running:
        home.configure(running.base_url, model="demo-echo")
        yield running


def printed(home: Home, *args: str, stdin: bytes = b"") -> str:
    """Return the printed command."""
    result = run_newapi("chat", "--curl", *args, home=home, stdin=stdin)
    assert (result.code, result.err) == (0, ""), result
    return result.text


def run_printed(home: Home, command: str) -> Result:
    """Run the command in bash, with the key in the environment."""
    env = {"NEWAPI_API_KEY": "sk-demo", "LC_ALL": "C"}
    return run_command(["bash", "-s"], home=home, env=env, stdin=command.encode())


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_curl_command_sends_the_same_request(
    home: Home, gateway: DemoGateway, prompt: str
) -> None:
    command = printed(home, "--no-stream", "--", prompt)
    assert gateway.requests == []
    result = run_printed(home, command)
    assert result.code == 0, result
    assert json.loads(result.text)["choices"][0]["message"]["content"] == prompt
    by_curl = chats(gateway)[-1]
    assert run_newapi("chat", "--no-stream", "--", prompt, home=home).code == 0
    by_newapi = chats(gateway)[-1]
    assert json.loads(by_curl.body) == json.loads(by_newapi.body)
    assert by_curl.path == by_newapi.path
    assert by_curl.headers["authorization"] == "Bearer sk-demo"


def test_the_curl_command_streams_if_newapi_would(home: Home, gateway: DemoGateway) -> None:
    result = run_printed(home, printed(home, "hello"))
    assert result.code == 0, result
    assert result.text.startswith("data: {")
    assert result.text.rstrip().endswith("data: [DONE]")


def test_all_options_are_in_the_curl_command(home: Home, gateway: DemoGateway) -> None:
    args = ("-t", "0.5", "--stop", "it's", "-s", "be $brief", "-o", 'x={"a":"`b`"}', "sum")
    words = shlex.split(printed(home, *args, stdin=b"piped\n"))
    body = json.loads(words[words.index("--data-raw") + 1])
    assert body["messages"] == [
        {"role": "system", "content": "be $brief"},
        {"role": "user", "content": "sum\n\npiped\n"},
    ]
    assert (body["temperature"], body["stop"], body["x"]) == (0.5, ["it's"], {"a": "`b`"})
    assert gateway.requests == []


def test_the_key_is_a_variable_in_the_curl_command(home: Home, gateway: DemoGateway) -> None:
    text = printed(home, "hello")
    assert "$NEWAPI_API_KEY" in text
    assert CANARY not in text


def test_no_key_is_needed_to_print_the_curl_command(home: Home, gateway: DemoGateway) -> None:
    home.config_file.unlink()
    text = printed(home, "-m", "m", "--base-url", gateway.base_url, "hello")
    assert f"{gateway.base_url}/v1/chat/completions" in text


def test_a_key_command_is_not_run_to_print_the_curl_command(
    home: Home, gateway: DemoGateway
) -> None:
    home.configure(gateway.base_url, api_key="", api_key_command="touch ran; echo sk-demo")
    printed(home, "hello")
    assert not (home.path / "ran").exists()


def test_the_prefix_of_a_server_is_in_the_curl_command(home: Home) -> None:
    home.configure("https://gateway.invalid/ai/v1")
    words = shlex.split(printed(home, "hello"))
    assert "https://gateway.invalid/ai/v1/chat/completions" in words


def test_control_characters_in_the_curl_command_are_escaped(
    home: Home, gateway: DemoGateway
) -> None:
    command = newapi_command("chat", "--curl", "a\x1b]0;owned\x07\x9b31m\x7fb")
    with Terminal(command, home=home) as terminal:
        assert terminal.wait_exit() == 0
        assert b"\x1b]0;owned" not in terminal.raw
        assert "\x9b".encode() not in terminal.raw


def test_a_curl_command_with_a_long_prompt_runs(home: Home, gateway: DemoGateway) -> None:
    text = "long 你好 " * 20_000
    result = run_printed(home, printed(home, "--no-stream", stdin=text.encode()))
    assert result.code == 0, result.err
    assert json.loads(result.text)["choices"][0]["message"]["content"] == text


def test_a_curl_command_contains_the_continued_session_and_stores_nothing(
    home: Home, gateway: DemoGateway
) -> None:
    printed(home, "hello")
    assert not (home.newapi_home / "data").exists()
    assert run_newapi("chat", "one", home=home).code == 0
    result = run_printed(home, printed(home, "--no-stream", "-c", "two"))
    assert json.loads(result.text)["choices"][0]["message"]["content"] == "two"
    said = [message["content"] for message in json.loads(chats(gateway)[-1].body)["messages"]]
    assert said == ["one", "one", "two"]
    listed = json.loads(run_newapi("sessions", "list", "--json", home=home).text)
    assert [session["turns"] for session in listed] == [1]
