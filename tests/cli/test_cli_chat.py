"""`newapi chat`: each option in the request, and the output.

What is asked is held against the body of the request, whole: nothing unasked may be in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import Environment, Result, newapi_command, run_newapi
from tests.support.steps import Send, sse
from tests.support.terminal import Terminal
from tests.support.wire import MODEL, REQUEST_ID, answer_events, chunk, completion, event, response

Body = dict[str, object]
HI = [{"role": "user", "content": "hi"}]
BARE: Body = {
    "model": MODEL,
    "messages": HI,
    "stream": True,
    "stream_options": {"include_usage": True},
}
ALONE: list[tuple[Sequence[str], Body]] = [
    (["-m", "other"], {"model": "other"}),
    (["--model", "a/b:c"], {"model": "a/b:c"}),
    (["-t", "0"], {"temperature": 0.0}),
    (["--temperature", "2"], {"temperature": 2.0}),
    (["--top-p", "0.25"], {"top_p": 0.25}),
    (["--max-tokens", "1"], {"max_tokens": 1}),
    (["--frequency-penalty", "-2"], {"frequency_penalty": -2.0}),
    (["--presence-penalty=-0.5"], {"presence_penalty": -0.5}),
    (["--stop", "END"], {"stop": ["END"]}),
    (["--stop", "END", "--stop", "\n\n"], {"stop": ["END", "\n\n"]}),
    (["--seed", "0"], {"seed": 0}),
    (["--seed", "-7"], {"seed": -7}),
    (["--effort", "high"], {"reasoning_effort": "high"}),
    (["-s", "be brief"], {"messages": [{"role": "system", "content": "be brief"}, *HI]}),
    (["-o", "top_k=40"], {"top_k": 40}),
    (["-o", 'x={"a":1}'], {"x": {"a": 1}}),
    (["-o", "x=[1, null, true]"], {"x": [1, None, True]}),
    (["-o", "x=plain text"], {"x": "plain text"}),
    (["-o", 'x="40"'], {"x": "40"}),
    (["-o", "x="], {"x": ""}),
    (["-o", "x=a=b"], {"x": "a=b"}),
    (["-o", "x=NaN"], {"x": "NaN"}),
    (["-o", "x=null"], {"x": None}),
    (["-o", "x=1", "-o", "y=2", "-o", "x=3"], {"x": 3, "y": 2}),
    (["--raw"], {}),
    (["--json"], {}),
    (["--json", "--stream"], {}),
    (["--stream"], {}),
    (["--reasoning", "hide"], {}),
    (["-u"], {}),
    (["--no-usage"], {}),
    (["-q"], {}),
    (["-v"], {}),
    (["--debug"], {}),
    (["--timeout", "9"], {}),
    (["--retries", "0"], {}),
    (["--proxy", "none"], {}),
    (["-P", "test"], {}),
]


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that answers every request in its format."""

    def answer(request: object) -> list[Send]:
        body = fault_server.requests[-1].json
        if body["stream"]:
            return sse(*answer_events("Par", "is."))  # type: ignore[return-value]
        return [Send(response(200, completion("Paris.")))]

    fault_server.answer_with(answer)
    home.configure(fault_server.url)
    return fault_server


def body(server: FaultServer) -> Body:
    """Return the body of the only request."""
    assert len(server.requests) == 1
    value: Body = server.requests[0].json
    return value


def prompt(server: FaultServer) -> object:
    """Return the prompt of the only request."""
    messages = body(server)["messages"]
    assert isinstance(messages, list)
    return messages[-1]["content"]


def ask(home: Home, *args: str, stdin: bytes | None = b"", env: Environment | None = None) -> str:
    """Run a command that succeeds, and return stdout."""
    result = run_newapi("chat", *args, home=home, stdin=stdin, env=env)
    assert result.code == 0, result
    return result.text


def refused(home: Home, *args: str, env: Environment | None = None, code: int = 2) -> str:
    """Run a command that fails before a request, and return stderr."""
    result = run_newapi("chat", *args, home=home, env=env)
    assert (result.code, result.out) == (code, b""), result
    return result.err


# -- one option, all options, none ------------------------------------------------------------


def test_parameters_that_are_not_given_are_not_sent(home: Home, server: FaultServer) -> None:
    assert ask(home, "hi") == "Paris.\n"
    assert body(server) == BARE


@pytest.mark.parametrize(("args", "more"), ALONE, ids=[" ".join(args) for args, _ in ALONE])
def test_each_option_sends_its_field(
    home: Home, server: FaultServer, args: Sequence[str], more: Body
) -> None:
    ask(home, "hi", *args)
    assert body(server) == BARE | more


def test_all_options_together(home: Home, server: FaultServer) -> None:
    args = (
        *("-s", "be brief", "-m", "other", "-t", "0.5", "--top-p", "0.9", "--max-tokens", "100"),
        *("--frequency-penalty", "0.1", "--presence-penalty", "0.2", "--stop", "A", "--stop", "B"),
        *("--seed", "42", "--effort", "low", "-o", "top_k=40", "--raw", "--stream", "-u", "-v"),
        *("--reasoning", "show", "-P", "test", "--timeout", "30", "--retries", "1"),
        *("--proxy", "none", "--debug", "--base-url", f"{server.url}/v1"),
    )
    ask(home, "hi", *args)
    assert body(server) == {
        "model": "other",
        "messages": [{"role": "system", "content": "be brief"}, *HI],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 100,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "stop": ["A", "B"],
        "seed": 42,
        "reasoning_effort": "low",
        "top_k": 40,
    }


def test_no_stream_sends_no_stream_options(home: Home, server: FaultServer) -> None:
    assert ask(home, "--no-stream", "hi") == "Paris.\n"
    assert body(server) == {"model": MODEL, "messages": HI, "stream": False}


def test_options_may_follow_the_prompt_words(home: Home, server: FaultServer) -> None:
    ask(home, "why", "-t", "1", "is it", "-o", "k=1", "so?", "-q")
    assert (prompt(server), body(server)["temperature"], body(server)["k"]) == (
        "why is it so?",
        1,
        1,
    )


# -- what is out of range ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["-t", "2.1"], ["0", "2"]),
        (["-t", "-0.1"], ["0", "2"]),
        (["-t", "nan"], ["0", "2"]),
        (["-t", "inf"], ["0", "2"]),
        (["-t", "warm"], ["--temperature", "number", "0", "2"]),
        (["--top-p", "1.5"], ["0", "1"]),
        (["--max-tokens", "0"], ["1"]),
        (["--max-tokens", "1.5"], ["--max-tokens", "integer", "1"]),
        (["--frequency-penalty", "3"], ["-2", "2"]),
        (["--presence-penalty=-2.01"], ["-2", "2"]),
        (["--timeout", "-1"], ["0"]),
        (["--timeout", "nan"], ["--timeout", "0", "1,000,000"]),
        (["--timeout", "1e999"], ["--timeout", "0", "1,000,000"]),
        (["--retries", "11"], ["0", "10"]),
        (["--seed", "x"], ["--seed", "integer"]),
        (["--reasoning", "maybe"], ["show", "hide"]),
        (["-o", "top_k"], ["NAME=JSON"]),
        (["-o", "=1"], ["NAME=JSON"]),
        (["-o", "model=x"], ["not allowed; it has its own option"]),
        (["-o", "messages=[]"], ["not allowed; the prompt is sent as messages"]),
        (["-o", "stream=false"], ["stream"]),
        (["--temprature", "1"], ["--temprature", "--temperature"]),
        (["-f", "missing.txt"], ["missing.txt", "No such file"]),
        (["-s", "@missing.txt"], ["missing.txt", "No such file"]),
        (["--base-url", "ftp://x"], ["https://"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_invalid_value_is_a_usage_error_that_names_the_range(
    home: Home, server: FaultServer, args: list[str], expected: list[str]
) -> None:
    err = refused(home, "hi", *args)
    assert [text for text in expected if text not in err] == [], err
    assert server.connections == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEWAPI_TEMPERATURE", "3"),
        ("NEWAPI_MAX_TOKENS", "many"),
        ("NEWAPI_STREAM", "maybe"),
        ("NEWAPI_OPTIONS", "[1]"),
        ("NEWAPI_REASONING", "loud"),
    ],
)
def test_an_invalid_variable_is_a_configuration_error(
    home: Home, server: FaultServer, variable: str, value: str
) -> None:
    err = refused(home, "hi", env={variable: value}, code=3)
    assert variable in err
    assert server.connections == []


# -- flag, environment, profile ---------------------------------------------------------------


LAYERS: list[tuple[str, object, str, Sequence[str], Body, Body, Body]] = [
    ("model", "p", "e", ["-m", "f"], {"model": "p"}, {"model": "e"}, {"model": "f"}),
    ("temperature", 0.1, "0.2", ["-t", "0.3"], {"temperature": 0.1}, {"temperature": 0.2},
     {"temperature": 0.3}),
    ("seed", 1, "2", ["--seed", "3"], {"seed": 1}, {"seed": 2}, {"seed": 3}),
    ("stop", "P", '["E", "E2"]', ["--stop", "F"], {"stop": ["P"]}, {"stop": ["E", "E2"]},
     {"stop": ["F"]}),
    ("effort", "low", "medium", ["--effort", "high"], {"reasoning_effort": "low"},
     {"reasoning_effort": "medium"}, {"reasoning_effort": "high"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "in_profile", "in_environment", "flag", "first", "second", "third"),
    LAYERS,
    ids=[row[0] for row in LAYERS],
)
def test_a_flag_overrides_the_environment_which_overrides_the_profile(
    home: Home,
    server: FaultServer,
    name: str,
    in_profile: str | float,
    in_environment: str,
    flag: Sequence[str],
    first: Body,
    second: Body,
    third: Body,
) -> None:
    home.configure(server.url, **{name: in_profile})
    env = {f"NEWAPI_{name.upper()}": in_environment}
    ask(home, "hi")
    ask(home, "hi", env=env)
    ask(home, "hi", *flag, env=env)
    assert [request.json for request in server.requests] == [
        BARE | wanted for wanted in (first, second, third)
    ]


def test_the_system_prompt_can_come_from_each_layer(home: Home, server: FaultServer) -> None:
    (home.path / "pirate.txt").write_text("Be a pirate.", "utf-8")
    home.configure(server.url, system="profile")
    ask(home, "hi")
    ask(home, "hi", env={"NEWAPI_SYSTEM": "environment"})
    ask(home, "hi", "-s", "@pirate.txt", env={"NEWAPI_SYSTEM": "environment"})
    ask(home, "hi", "-s", "")
    heads = [request.json["messages"][0]["content"] for request in server.requests]
    assert heads == ["profile", "environment", "Be a pirate.", "hi"]


def test_request_fields_of_the_profile_are_sent_and_a_flag_replaces_its_own(
    home: Home, server: FaultServer
) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write('options = { top_k = 40, user = "me" }\n')
    ask(home, "hi")
    assert body(server) == BARE | {"top_k": 40, "user": "me"}


def test_the_stream_flag_overrides_the_profile(home: Home, server: FaultServer) -> None:
    home.configure(server.url, stream=False)
    ask(home, "hi")
    ask(home, "hi", "--stream")
    ask(home, "hi", env={"NEWAPI_STREAM": "yes"})
    assert [request.json["stream"] for request in server.requests] == [False, True, True]


def test_an_empty_variable_counts_as_unset(home: Home, server: FaultServer) -> None:
    ask(home, "hi", env={"NEWAPI_MODEL": "", "NEWAPI_TEMPERATURE": " "})
    assert body(server) == BARE


def test_the_environment_alone_is_enough(home: Home, server: FaultServer) -> None:
    home.config_file.unlink()
    env = {
        "NEWAPI_BASE_URL": server.url,
        "NEWAPI_API_KEY": "sk-environment",
        "NEWAPI_MODEL": "env-model",
    }
    ask(home, "hi", env=env)
    assert body(server)["model"] == "env-model"
    assert server.requests[0].header("Authorization") == "Bearer sk-environment"


def test_the_key_of_the_environment_overrides_the_profile(home: Home, server: FaultServer) -> None:
    ask(home, "hi", env={"NEWAPI_API_KEY": "sk-environment"})
    assert server.requests[0].header("Authorization") == "Bearer sk-environment"


def test_the_key_of_a_profile_is_sent_to_its_host_only(home: Home, server: FaultServer) -> None:
    home.configure("https://gateway.invalid")
    err = refused(home, "hi", "--base-url", server.url, code=3)
    assert "NEWAPI_API_KEY" in err
    assert server.connections == []


def test_openai_variables_are_used_if_nothing_else_is_set(home: Home, server: FaultServer) -> None:
    home.config_file.unlink()
    env = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": "sk-openai-one"}
    ask(home, "-m", "m", "hi", env=env)
    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].header("Authorization") == "Bearer sk-openai-one"


def test_profiles_are_chosen_by_flag_then_variable(home: Home, server: FaultServer) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        for name in ("work", "play"):
            file.write(f'[profiles.{name}]\nbase_url = "{server.url}"\napi_key = "sk-{name}-key"\n')
            file.write(f'model = "{name}"\n')
    ask(home, "hi", env={"NEWAPI_PROFILE": "work"})
    ask(home, "hi", "-P", "play", env={"NEWAPI_PROFILE": "work"})
    seen = [(r.json["model"], r.header("Authorization")) for r in server.requests]
    assert seen == [("work", "Bearer sk-work-key"), ("play", "Bearer sk-play-key")]


def test_an_unknown_profile_is_an_error_that_lists_the_known_ones(
    home: Home, server: FaultServer
) -> None:
    err = refused(home, "hi", "-P", "tset", code=3)
    assert '"test"' in err
    assert server.connections == []


# -- where the prompt comes from --------------------------------------------------------------


def write(home: Home, name: str, data: bytes) -> str:
    """Write a file below the current folder of the runs."""
    (home.path / name).write_bytes(data)
    return name


@pytest.mark.parametrize(
    ("args", "stdin", "wanted"),
    [
        (["-f", "a.txt"], b"", "a.txt\n```\nalpha\n```"),
        (["sum", "-f", "a.txt"], b"", "sum\n\na.txt\n```\nalpha\n```"),
        (["-f", "a.txt", "sum"], b"", "sum\n\na.txt\n```\nalpha\n```"),
        (
            ["-f", "a.txt", "-f", "b.md", "sum"],
            b"piped\n",
            "sum\n\na.txt\n```\nalpha\n```\n\nb.md\n````\n```sh\nls\n```\n````\n\npiped\n",
        ),
        (
            ["-f", "a.txt", "-f", "-", "-f", "b.md", "sum"],
            b"piped\n",
            "sum\n\na.txt\n```\nalpha\n```\n\npiped\n\n\nb.md\n````\n```sh\nls\n```\n````",
        ),
        (["-f", "-", "sum"], b"\xef\xbb\xbfx\r\n\ty", "sum\n\nx\r\n\ty"),
        (["-f", "-"], b"only", "only"),
        (["-f", "bom.txt"], b"", "bom.txt\n```\nb\r\n\tc\n```"),
    ],
)
def test_files_and_stdin_are_placed_where_they_are_named(
    home: Home, server: FaultServer, args: list[str], stdin: bytes, wanted: str
) -> None:
    write(home, "a.txt", b"alpha\n")
    write(home, "b.md", b"```sh\nls\n```")
    write(home, "bom.txt", b"\xef\xbb\xbfb\r\n\tc")
    ask(home, *args, stdin=stdin)
    assert prompt(server) == wanted


@pytest.mark.parametrize(
    ("value", "content", "wanted"),
    [
        ("@rules.txt", b"Be brief.\nAlways.\n", "Be brief.\nAlways.\n"),
        ("@rules.txt", b"\xef\xbb\xbfBe brief.", "Be brief."),
        ("@@at", None, "@at"),
        ("two\nlines", None, "two\nlines"),
        ("a @ inside", None, "a @ inside"),
    ],
)
def test_the_system_prompt_is_text_or_a_file(
    home: Home, server: FaultServer, value: str, content: bytes | None, wanted: str
) -> None:
    if content is not None:
        write(home, "rules.txt", content)
    ask(home, "hi", "-s", value)
    assert body(server)["messages"] == [{"role": "system", "content": wanted}, *HI]


@pytest.mark.parametrize("args", [("-s", "@"), ("-s", "@ "), ("-f", ""), ("-f", " ")])
def test_an_empty_file_name_is_a_usage_error(
    home: Home, server: FaultServer, args: tuple[str, str]
) -> None:
    result = run_newapi("chat", *args, "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith("error: no file name given")
    assert "\n  try: " in result.err
    assert server.connections == []


def test_a_file_below_the_home_folder_may_be_named_by_a_tilde(
    home: Home, server: FaultServer
) -> None:
    write(home, "a.txt", b"alpha")
    ask(home, "-f", "~/a.txt")
    assert prompt(server) == "~/a.txt\n```\nalpha\n```"


@pytest.mark.parametrize("data", [b"a\0b", b"caf\xe9", b"\x89PNG\r\n\x1a\n\0"])
def test_a_file_that_is_not_text_is_not_sent(home: Home, server: FaultServer, data: bytes) -> None:
    write(home, "data", data)
    assert "offset" in refused(home, "-f", "data", "hi")
    assert server.connections == []


def test_a_folder_cannot_be_attached(home: Home, server: FaultServer) -> None:
    (home.path / "folder").mkdir()
    assert "folder" in refused(home, "-f", "folder", "hi")
    assert server.connections == []


# -- what comes out ---------------------------------------------------------------------------


def answer_with(server: FaultServer, *pieces: str) -> None:
    server.add(*sse(*answer_events(*pieces)))


@pytest.mark.parametrize(
    ("answer", "code_only"),
    [
        ("Say:\n```sh\nls -l\n```\nDone.", "ls -l\n"),
        ("```\na\n```\ntext\n```python\nb = 1\n```\n", "a\n\nb = 1\n"),
        ("~~~js\nx()\n~~~", "x()\n"),
        ("````md\n```\ninner\n```\n````", "```\ninner\n```\n"),
        ("- item\n\n  ```\n  indented\n    more\n  ```", "indented\n  more\n"),
        ("```\nnever closed\nat all", "never closed\nat all\n"),
        ("```sh\nls\n```   \nand `inline` code", "ls\n"),
        ("```\r\nls\r\n```\r\n", "ls\n"),
        ("``` not `a` fence\n```\nx\n```", "x\n"),
        ("```\n```\ntext\n```\nx\n```", None),
        ("> ```\n> quoted\n> ```", "quoted\n"),
    ],
    ids=["one", "two", "tilde", "longer", "list", "open", "spaces", "CRLF", "inline", "empty", ">"],
)
def test_extract_prints_the_code_alone(
    home: Home, server: FaultServer, answer: str, code_only: str | None
) -> None:
    answer_with(server, *answer)  # a character a piece
    out = ask(home, "-x", "hi")
    if code_only is None:
        assert out.strip() == "x"
    else:
        assert out == code_only


def test_extract_without_code_prints_nothing_and_fails(home: Home, server: FaultServer) -> None:
    result = run_newapi("chat", "--code", "hi", home=home)
    assert (result.code, result.out) == (6, b"")
    assert "no code block" in result.err


def test_extract_without_code_explains_how_to_see_the_answer(
    home: Home, server: FaultServer
) -> None:
    answer_with(server, "Paris is the capital of France.\n", "    indented")
    with Terminal(newapi_command("chat", "-x", "hi"), home=home, columns=20) as terminal:
        assert terminal.wait_exit() == 6
        shown = terminal.all_text()
    assert shown.startswith("Paris is the capital\nof France.\n    indented\nerror: ")


def test_json_and_extract_exclude_each_other(home: Home, server: FaultServer) -> None:
    assert "--extract" in refused(home, "--json", "-x", "hi")
    assert server.connections == []


def test_json_is_one_object(home: Home, server: FaultServer) -> None:
    value = json.loads(ask(home, "--json", "hi"))
    assert (value["content"], value["status"], value["finish_reason"]) == (
        "Paris.",
        "complete",
        "stop",
    )
    assert value["usage"]["total_tokens"] == 12
    assert set(value) == {
        *("content", "reasoning", "tool_calls", "model", "finish_reason", "status", "usage"),
        *("cost_usd", "cost_kind", "tried", "sources"),
        *("id", "request_id", "first_token_s", "duration_s", "session"),
    }


def test_json_with_stream_prints_a_line_per_delta(home: Home, server: FaultServer) -> None:
    lines = [json.loads(line) for line in ask(home, "--json", "--stream", "hi").splitlines()]
    assert lines[:-1] == [
        {"type": "delta", "content": "Par"},
        {"type": "delta", "content": "is."},
    ]
    assert (lines[-1]["type"], lines[-1]["content"]) == ("completion", "Paris.")


def reasoned(home: Home, server: FaultServer, *args: str) -> Result:
    server.add(*sse(event(chunk(reasoning="Hm, let me see.")), *answer_events("Paris.")))
    result = run_newapi("chat", *args, "hi", home=home)
    assert (result.code, result.text) == (0, "Paris.\n")
    return result


def test_reasoning_is_not_printed_in_a_pipe_by_default(home: Home, server: FaultServer) -> None:
    assert reasoned(home, server).err == ""
    assert "Hm, let me see." in reasoned(home, server, "--reasoning", "show").err
    assert reasoned(home, server, "--reasoning", "hide").err == ""
    assert reasoned(home, server, "--reasoning", "show", "-q").err == ""


@pytest.mark.parametrize(
    ("args", "shows_reasoning", "shows_usage"),
    [
        ([], True, True),
        (["--reasoning", "hide"], False, True),
        (["--no-usage"], True, False),
        (["-q"], False, False),
        (["-q", "-u"], False, False),
    ],
    ids=["plain", "hide", "no usage", "quiet", "quiet wins"],
)
def test_a_terminal_shows_reasoning_and_usage_by_default(
    home: Home, server: FaultServer, args: list[str], shows_reasoning: bool, shows_usage: bool
) -> None:
    server.add(*sse(event(chunk(reasoning="Hm, let me see.")), *answer_events("Paris.")))
    with Terminal(newapi_command("chat", *args, "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 0
        text = terminal.all_text()
    assert "Paris." in text
    assert ("thought for" in text) == shows_reasoning
    assert ("9 tokens in, 3 out" in text) == shows_usage


def test_usage_is_printed_in_a_pipe_with_the_flag(home: Home, server: FaultServer) -> None:
    result = run_newapi("chat", "-u", "hi", home=home)
    assert (result.code, result.text) == (0, "Paris.\n")
    assert "9 tokens in, 3 out" in result.err


def test_quiet_still_prints_errors(home: Home, server: FaultServer) -> None:
    server.add(Send(response(400, {"error": {"message": "no such thing"}})))
    result = run_newapi("chat", "-q", "hi", home=home)
    assert result.code == 6
    assert "no such thing" in result.err


def test_quiet_silences_notices(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer_events("Paris", finish="length")))
    result = run_newapi("chat", "-q", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, "Paris\n", "")


def test_verbose_prints_the_url_and_the_request_id(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer_events("Paris."), headers=[("X-Oneapi-Request-Id", REQUEST_ID)]))
    result = run_newapi("chat", "-v", "hi", home=home)
    assert (result.code, result.text) == (0, "Paris.\n")
    size = len(server.requests[0].body)
    lines = result.err.splitlines()
    assert f"POST {server.url}/v1/chat/completions, {size} bytes" in lines
    assert "HTTP 200, text/event-stream" in lines
    assert f"id: {REQUEST_ID}" in lines


def test_debug_changes_nothing_without_a_bug(home: Home, server: FaultServer) -> None:
    result = run_newapi("chat", "--debug", "hi", home=home)
    assert (result.code, result.text, result.err) == (0, "Paris.\n", "")


def test_raw_on_a_terminal_prints_the_markdown_source(home: Home, server: FaultServer) -> None:
    answer_with(server, "# Title\n\n**bold**")
    with Terminal(newapi_command("chat", "-r", "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 0
        assert "# Title\n\n**bold**" in terminal.all_text()


def test_the_canary_is_in_no_file_after_a_run(home: Home, server: FaultServer) -> None:
    ask(home, "-v", "hi")
    assert server.requests[0].header("Authorization") == f"Bearer {CANARY}"
    assert home.files_holding() == []
