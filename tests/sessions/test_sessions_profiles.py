"""A session continues in its own profile, and on another host only with -P."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from newapi_cli.app.context import Context
from newapi_cli.app.sessions.resume import resume_command
from newapi_cli.streams import Input, Output, Streams
from tests.sessions.helpers import chat, only_session, sent_texts, stored_sessions
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Environment, Result, run_newapi
from tests.support.steps import Fin, Send, Step, sse
from tests.support.wire import DONE, answer_events, chunk, error, event, response

KEYS = {"one": "sk-key-of-profile-one", "two": "sk-key-of-profile-two"}


class Gateways:
    """Two servers, one for each profile."""

    def __init__(self, home: Home, one: FaultServer, two: FaultServer) -> None:
        self.home, self.one, self.two = home, one, two
        self.write_config({"one": one.url, "two": two.url})

    def write_config(self, hosts: dict[str, str], default: str = "one") -> None:
        """Write a profile for each server."""
        lines = [f'default_profile = "{default}"']
        for name, url in hosts.items():
            values = {"base_url": url, "api_key": KEYS[name], "model": f"model-{name}"}
            lines += [f"[profiles.{name}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
        self.home.newapi_home.mkdir(0o700, exist_ok=True)
        self.home.config_file.touch(0o600)
        self.home.config_file.write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def counts(self) -> tuple[int, int]:
        """Return the number of requests to each server."""
        return len(self.one.requests), len(self.two.requests)


@pytest.fixture
def gateways(home: Home, fault_server: FaultServer) -> Iterator[Gateways]:
    """Return two gateways that answer."""

    def answer(request: Request) -> list[Step]:
        return sse(*answer_events("re: ", request.json["messages"][-1]["content"]))

    with FaultServer(answer=answer) as two:
        fault_server.answer_with(answer)
        yield Gateways(home, fault_server, two)


def refused(home: Home, *args: str, env: Environment | None = None, code: int = 3) -> Result:
    result = run_newapi("chat", *args, home=home, env=env)
    assert (result.code, result.out) == (code, b""), result
    return result


# -- its own profile --------------------------------------------------------------------------


def test_a_named_session_continues_in_its_own_profile(home: Home, gateways: Gateways) -> None:
    chat(home, "-P", "two", "-S", "taxes", "first")
    result = chat(home, "-S", "taxes", "second")
    assert gateways.counts == (0, 2)
    request = gateways.two.requests[-1]
    assert request.header("Authorization") == f"Bearer {KEYS['two']}"
    assert request.json["model"] == "model-two"
    assert sent_texts(gateways.two) == ["first", "re: first", "second"]
    assert "now it is sent to" not in result.err
    assert only_session(home).session.profile == "two"


def test_an_id_continues_in_its_own_profile_too(home: Home, gateways: Gateways) -> None:
    chat(home, "-P", "two", "first")
    chat(home, "-S", only_session(home).session.id[:8], "second")
    assert gateways.counts == (0, 2)


def test_the_profile_of_the_environment_does_not_override_the_session(
    home: Home, gateways: Gateways
) -> None:
    chat(home, "-P", "two", "-S", "taxes", "first")
    chat(home, "-S", "taxes", "second", env={"NEWAPI_PROFILE": "one"})
    assert gateways.counts == (0, 2)


def test_continue_uses_the_last_session_of_the_profile(home: Home, gateways: Gateways) -> None:
    chat(home, "one a")
    chat(home, "-P", "two", "two a")
    chat(home, "one b")
    chat(home, "-P", "two", "two b")
    chat(home, "-c", "go on")
    assert sent_texts(gateways.one) == ["one b", "re: one b", "go on"]
    chat(home, "-P", "two", "-c", "go on")
    assert sent_texts(gateways.two) == ["two b", "re: two b", "go on"]
    chat(home, "-c", "go on", env={"NEWAPI_PROFILE": "two"})
    assert sent_texts(gateways.two)[-3:] == ["go on", "re: go on", "go on"]


def test_the_last_used_session_counts_not_the_last_started(home: Home, gateways: Gateways) -> None:
    chat(home, "-S", "old", "a")
    chat(home, "-S", "new", "b")
    chat(home, "-S", "old", "c")
    chat(home, "-c", "d")
    assert sent_texts(gateways.one)[::2] == ["a", "c", "d"]
    assert [each.session.title for each in stored_sessions(home)] == ["old", "new"]


def test_a_profile_without_sessions_has_none_to_continue(home: Home, gateways: Gateways) -> None:
    chat(home, "-P", "two", "a")
    result = refused(home, "-c", "b", code=2)
    assert 'profile "one"' in result.err
    assert gateways.counts == (0, 1)


def test_a_missing_profile_is_reported(home: Home, gateways: Gateways) -> None:
    chat(home, "-P", "two", "-S", "taxes", "first")
    gateways.write_config({"one": gateways.one.url})
    result = refused(home, "-S", "taxes", "second")
    assert 'profile "two"' in result.err
    assert f"why: {home.config_file} has no such profile\n" in result.err
    assert "-P" in result.err
    assert gateways.counts == (0, 1)


# -- another host -----------------------------------------------------------------------------


def test_another_profile_sends_it_to_another_host_and_reports_it(
    home: Home, gateways: Gateways
) -> None:
    chat(home, "-S", "taxes", "first")
    result = chat(home, "-P", "two", "-S", "taxes", "second")
    assert sent_texts(gateways.two) == ["first", "re: first", "second"]
    assert gateways.two.requests[-1].header("Authorization") == f"Bearer {KEYS['two']}"
    [output] = [line for line in result.err.splitlines() if "now it is sent to" in line]
    assert f"127.0.0.1:{gateways.one.port}" in output
    assert f"127.0.0.1:{gateways.two.port}" in output
    assert only_session(home).session.profile == "two"
    again = chat(home, "-S", "taxes", "third")  # it lives there now
    assert (gateways.counts, "now it is sent to" in again.err) == ((1, 2), False)


@pytest.mark.parametrize("how", [("-c",), ("-S", "taxes")], ids=["-c", "-S"])
def test_a_profile_with_a_new_host_needs_the_profile_option(
    home: Home, gateways: Gateways, how: tuple[str, ...]
) -> None:
    chat(home, "-S", "taxes", "first")
    gateways.write_config({"one": gateways.two.url})
    result = refused(home, *how, "second")
    assert gateways.counts == (1, 0)
    assert f"127.0.0.1:{gateways.one.port}" in result.err
    assert f"127.0.0.1:{gateways.two.port}" in result.err
    assert "-P one" in result.err
    assert [turn.prompt for turn in only_session(home).turns] == ["first"]
    output = chat(home, "-P", "one", *how, "second")
    assert gateways.counts == (1, 1)
    assert "now it is sent to" in output.err


@pytest.mark.parametrize("how", [("-c",), ("-S", "taxes")], ids=["-c", "-S"])
@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_base_url_of_the_run_needs_the_profile_option_too(
    home: Home, gateways: Gateways, how: tuple[str, ...], by: str
) -> None:
    chat(home, "-S", "taxes", "first")
    url = gateways.two.url
    args = ["--base-url", url] if by == "flag" else []
    env = {"NEWAPI_API_KEY": "sk-of-this-run-0123"} | ({} if args else {"NEWAPI_BASE_URL": url})
    result = refused(home, *how, *args, "second", env=env)
    assert "-P" in result.err
    assert gateways.counts == (1, 0)
    chat(home, "-P", "one", *how, *args, "second", env=env)
    assert gateways.counts == (1, 1)
    assert gateways.two.requests[-1].header("Authorization") == "Bearer sk-of-this-run-0123"


def test_a_new_session_can_use_any_host(home: Home, gateways: Gateways) -> None:
    chat(home, "-S", "taxes", "first")
    env = {"NEWAPI_API_KEY": "sk-of-this-run-0123"}
    chat(home, "-S", "other", "--base-url", gateways.two.url, "hi", env=env)
    assert gateways.counts == (1, 1)


def test_the_same_host_in_another_spelling_is_the_same_host(home: Home, gateways: Gateways) -> None:
    chat(home, "-S", "taxes", "first")
    gateways.write_config({"one": f"{gateways.one.url}/v1/chat/completions"})
    chat(home, "-S", "taxes", "second")
    assert gateways.counts == (2, 0)


def test_an_imported_session_of_another_host_needs_the_profile_option(
    home: Home, gateways: Gateways
) -> None:
    chat(home, "-P", "two", "first")
    data = run_newapi("sessions", "export", "--json", home=home).out
    value = json.loads(data) | {"host": "https://elsewhere.example/v1", "profile": "one"}
    text = json.dumps(value).encode()
    assert run_newapi("sessions", "import", "-", home=home, stdin=text).code == 0
    result = refused(home, "-c", "second")
    assert "elsewhere.example" in result.err
    assert gateways.counts == (0, 1)


# -- the command that resumes a session -----------------------------------------------------------

CUT = [*sse(event(chunk("Paris")), end=False), Fin()]
NO_FINISH_REASON = sse(event(chunk("Paris")), DONE)


@pytest.mark.parametrize("steps", [CUT, NO_FINISH_REASON], ids=["cut off", "no finish reason"])
@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_cut_off_answer_names_the_command_that_resumes_its_session(
    home: Home, gateways: Gateways, steps: list[Step], by: str
) -> None:
    chat(home, "first")
    gateways.two.add(*steps)
    env = {} if by == "flag" else {"NEWAPI_PROFILE": "two"}
    args = ["-P", "two"] if by == "flag" else []
    result = run_newapi("chat", *args, "hi", home=home, env=env)
    session = stored_sessions(home)[0].session
    flag = f"-S {session.short_id}" if by == "flag" else "-c"
    assert result.code == 9
    assert f"continue with `newapi chat {flag}`" in result.err
    chat(home, *flag.split(), "more", env=env)
    assert sent_texts(gateways.two) == ["hi", "Paris", "more"]


def test_the_command_for_a_base_url_of_the_run_names_it(home: Home, gateways: Gateways) -> None:
    url, env = gateways.two.url, {"NEWAPI_API_KEY": "sk-of-this-run-0123"}
    gateways.two.add(*CUT)
    result = run_newapi("chat", "--base-url", url, "hi", home=home, env=env)
    assert f"`newapi chat -c --base-url {url}`" in result.err
    chat(home, "-c", "--base-url", url, "more", env=env)


@pytest.mark.parametrize("steps", [CUT, NO_FINISH_REASON], ids=["cut off", "no finish reason"])
def test_an_answer_that_is_not_saved_names_no_session(
    home: Home, gateways: Gateways, steps: list[Step]
) -> None:
    gateways.one.add(*steps)
    result = run_newapi("chat", "-n", "hi", home=home)
    assert result.code == 9
    assert "try: send the prompt again" in result.err
    assert "newapi chat" not in result.err


def test_only_a_stored_session_with_earlier_turns_can_leave_some_out(
    home: Home, gateways: Gateways
) -> None:
    message = "This model's maximum context length is 8192 tokens. However, you sent 9000 tokens."
    too_long = Send(response(400, error(message, code="context_length_exceeded")))
    gateways.one.add(too_long)
    result = run_newapi("chat", "-n", "hi", home=home)
    assert "try: send a shorter prompt or fewer files, or use a model" in result.err
    chat(home, "-S", "taxes", "first")
    gateways.one.add(too_long)
    result = run_newapi("chat", "-S", "taxes", "hi", home=home)
    assert "fewer files, leave out earlier turns with `newapi chat -c`, or use" in result.err


def test_a_session_that_is_not_the_most_recent_one_is_named(home: Home, gateways: Gateways) -> None:
    chat(home, "first")
    session = stored_sessions(home)[0].session
    chat(home, "second")
    environ = {"HOME": str(home.path), "NEWAPI_HOME": str(home.newapi_home)}
    streams = Streams(Input(None), Output(None), Output(None), environ)
    with Context(streams, {}) as context:
        assert resume_command(context, session) == f"newapi chat -S {session.short_id}"
