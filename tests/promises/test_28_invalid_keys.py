"""A key with an invalid character is rejected by kind and position, and never printed."""

from __future__ import annotations

import tomllib

import pytest

from tests.promises.conftest import ANSWER
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.observed import observe
from tests.support.process import Result
from tests.support.steps import Send
from tests.support.wire import response

AT = 25
FIRST, LAST = CANARY[:AT], CANARY[AT:]
SOURCES = ("login", "environment", "OpenAI", "config", "file", "command")
KINDS = {
    "\n": "a line break",
    "\r": "a line break",
    "\u2028": "a line break",
    "“": "a curly quote",
    "’": "a curly quote",
    '"': "a quote",
    "'": "a quote",
    "`": "a quote",
    "\u200b": "a zero-width space",
    "\ufeff": "a zero-width space",
    " ": "a space",
    "\t": "a tab",
    "\xa0": "a no-break space or another wide space",
    "\u202e": "an invisible character",
    "\0": "a control character",
    "\x1b": "a control character",
    "\x7f": "a control character",
    "\x9b": "a control character",
    "—": "a long dash",
    "…": "an ellipsis",
    "é": "a character outside ASCII",
    "你": "a character outside ASCII",
}
LINE_BREAKS = "\n\r"  # of files and commands only the first line is read
COMBINATIONS = [
    *((SOURCES[number % len(SOURCES)], bad) for number, bad in enumerate(KINDS)),
    *(("login", bad) for bad in "\n\r\0“\u200b\x1b"),
    *(("environment", bad) for bad in "\n\r“\u200b"),
    *(("config", bad) for bad in "\n\r\0“\u200b"),
    *(("file", bad) for bad in "\0“\u200b"),
]


def use(home: Home, server: FaultServer, source: str, key: str) -> Result:
    """Use a key from one of the sources, in a login or a prompt."""
    if source == "login":
        return observe("login", server.url, "--stdin", "-v", home=home, stdin=key.encode())
    file, env = home.path.with_name("stored-key"), dict[str, str]()
    settings: dict[str, str] = {"api_key": ""}
    if source == "config":
        settings = {"api_key": key}
    elif source == "environment":
        env = {"NEWAPI_API_KEY": key}
    elif source == "OpenAI":
        home.config_file.unlink()
        env = {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": server.url, "NEWAPI_MODEL": "m"}
    else:
        file.write_bytes(f"{key}\n".encode())
        name = {"file": "api_key_file", "command": "api_key_command"}[source]
        settings[name] = str(file) if source == "file" else f"cat '{file}'"
    if source != "OpenAI":
        home.configure(server.url, retries=0, **settings)
    args = ("chat", "-v", "--debug", "hi")
    return observe(*args, home=home, env=env)


@pytest.mark.parametrize(
    ("source", "bad"), dict.fromkeys(COMBINATIONS), ids=lambda value: ascii(value).strip("'")
)
def test_an_invalid_character_is_reported_by_kind_and_position(
    home: Home, server: FaultServer, source: str, bad: str
) -> None:
    if (bad == "\0" and source in ("environment", "OpenAI")) or (
        bad in LINE_BREAKS and source in ("file", "command")
    ):
        source = "config"  # the character is impossible there, or ends the key
    if source == "login":
        home.config_file.unlink()
    result = use(home, server, source, f"{FIRST}{bad}{LAST}")
    assert (result.code, result.out) == (3, b"")
    assert f"contains {KINDS[bad]} at position {AT + 1}" in result.err
    assert LAST not in result.err
    assert "newapi login" in result.err
    assert server.connections == []
    assert home.config_file.exists() == (source not in ("login", "OpenAI"))


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t\n", "\n\n"])
def test_white_space_around_a_key_is_removed(home: Home, server: FaultServer, end: str) -> None:
    for source in ("environment", "login"):
        if source == "login":
            home.config_file.unlink()
            server.add(Send(response(200, {"data": [{"id": "good"}]})))
        result = use(home, server, source, f"{'' if end == chr(10) else ' '}{CANARY}{end}")
        assert (result.code, LAST in result.err) == (0, False)
        assert server.requests[-1].header("Authorization") == f"Bearer {CANARY}"
    [profile] = tomllib.loads(home.config_file.read_text("utf-8"))["profiles"].values()
    assert profile["api_key"] == CANARY


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "is empty"),
        ("Bearer ", "is empty"),
        (f"{CANARY[:6]}******{CANARY[-4:]}", "asterisks"),
        (CANARY * 100, "longer than 4,096"),
    ],
    ids=["nothing", "Bearer", "masked", "long"],
)
def test_text_that_is_not_a_key_is_rejected_with_the_reason(
    home: Home, server: FaultServer, key: str, reason: str
) -> None:
    home.config_file.unlink()
    result = use(home, server, "login", key)
    assert (result.code, result.out) == (3, b"")
    assert reason in result.err
    assert server.connections == []
    assert not home.config_file.exists()


def test_all_other_visible_ascii_characters_are_accepted(home: Home, server: FaultServer) -> None:
    key = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"'`*")
    result = use(home, server, "environment", key)
    assert (result.code, result.text) == (0, f"{ANSWER}\n")
    assert server.requests[0].header("Authorization") == f"Bearer {key}"
