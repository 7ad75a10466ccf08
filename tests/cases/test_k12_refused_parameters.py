"""K12: a hint for the parameter that a server refuses: what to leave out, and where it is set.

openai/openai-python#2046.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.cases.answers import SSE, played
from tests.repl.conversation import conversation
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import error, event, json_bytes, response

USE_OTHER = "Unsupported parameter: 'max_tokens' is not supported with this model. Use" \
            " 'max_completion_tokens' instead."  # fmt: skip
NO_SYSTEM = "Unsupported value: 'messages[0].role' does not support 'system' with this model."


def hint_for(home: Home, answer: bytes, *args: str, **settings: str | float | bool) -> str:
    """Return what `newapi chat` proposes after a refusal; `settings` are those of the profile."""
    with FaultServer([Send(answer)]) as server:
        home.configure(server.url, **settings)
        result = run_newapi("chat", "-n", "--retries", "0", *args, "hi", home=home)
    assert result.code == 6, result.err
    return result.err.rpartition("  try: ")[2].rstrip("\n")


def refused(text: str, param: str | None = None, status: int = 400) -> bytes:
    return response(status, error(text, "invalid_request_error", None, param=param))


def invalid(name: str, text: str = "Extra inputs are not permitted") -> bytes:
    return response(422, json_bytes({"detail": [{"loc": ["body", name], "msg": text}]}))


@each(
    ("name", "args", "hint"),
    [
        ("maxtok", ["--max-tokens", "5"], "use -o max_completion_tokens=5 instead of --max-tokens"),
        ("maxtok", [], "use -o max_completion_tokens=N instead of --max-tokens"),
        ("temp", ["-t", "0.2"], "leave -t out"),
        ("sysrole", ["-s", "Be brief"], "send the prompt without -s"),
    ],
)
def test_the_reported_cases(home: Home, name: str, args: Sequence[str], hint: str) -> None:
    assert hint_for(home, played(name), *args) == hint


@each(
    ("name", "setting", "hint"),
    [
        ("temp", {"temperature": 0.2}, "leave -t out (it comes from profile test)"),
        (
            "maxtok",
            {"max_tokens": 7},
            "use -o max_completion_tokens=7 instead of --max-tokens (it comes from profile test)",
        ),
        (
            "sysrole",
            {"system": "Be brief"},
            "send the prompt without -s (the system prompt comes from profile test)",
        ),
    ],
)
def test_a_setting_of_the_profile_is_named(
    home: Home, name: str, setting: dict[str, str | float | bool], hint: str
) -> None:
    assert hint_for(home, played(name), **setting) == hint


def test_a_variable_is_named(home: Home) -> None:
    with FaultServer([Send(played("temp"))]) as server:
        home.configure(server.url)
        result = run_newapi("chat", "-n", "hi", home=home, env={"NEWAPI_TEMPERATURE": "0.2"})
    assert "try: leave -t out (it comes from environment NEWAPI_TEMPERATURE)\n" in result.err


@each(
    ("answer", "args", "hint"),
    [
        (refused("Unrecognized request argument supplied: seed"), ["--seed", "3"],
         "leave --seed out"),
        (refused("property 'reasoning_effort' is unsupported"), ["--effort", "low"],
         "leave --effort out"),
        (refused("`temperature` is deprecated for this model."), ["-t", "1"], "leave -t out"),
        (refused("`temperature` and `top_p` cannot both be specified"), ["-t", "1", "--top-p", "1"],
         "leave -t out"),
        (refused("Argument not supported on this model: presencePenalty"),
         ["--presence-penalty", "1"], "leave --presence-penalty out"),
        (refused("unsupported", "frequency_penalty"), ["--frequency-penalty", "1"],
         "leave --frequency-penalty out"),
        (invalid("seed"), ["--seed", "3"], "leave --seed out"),
        (invalid("stop"), ["--stop", "x"], "leave --stop out"),
        (invalid("temperature", "Input should be less than or equal to 1.5"), ["-t", "1.9"],
         "change -t, or leave it out"),
        (played("mistral422"), ["-t", "1.9"], "change -t, or leave it out"),
        (refused("max_tokens must be less than or equal to 8192"), ["--max-tokens", "9999"],
         "use a smaller --max-tokens, or leave it out"),
        (invalid("max_tokens"), ["--max-tokens", "9"], "leave --max-tokens out"),
        (refused(USE_OTHER), ["--max-tokens", "12"],
         "use -o max_completion_tokens=12 instead of --max-tokens"),
        (response(200, event(error(USE_OTHER)), content_type=SSE), ["--max-tokens", "12"],
         "use -o max_completion_tokens=12 instead of --max-tokens"),
        (refused("Unknown parameter: max_completion_tokens"), ["-o", "max_completion_tokens=5"],
         "use --max-tokens instead of -o max_completion_tokens"),
        (refused("Unknown name \"enable_thinking\"", "enable_thinking"),
         ["-o", "enable_thinking=true"], "leave -o enable_thinking out"),
        (invalid("top_k"), ["-o", "top_k=3"], "leave -o top_k out"),
        (refused("parameter.top_k is not supported"), ["-o", "top_k=3"], "leave -o top_k out"),
        (refused("Your organization must be verified to stream this model.", "stream"), [],
         "use --no-stream"),
        (refused(NO_SYSTEM, "messages[0].role"), ["-s", "x"], "send the prompt without -s"),
        (refused("System role not supported"), ["-s", "x"], "send the prompt without -s"),
        (refused("Developer instruction is not enabled for models/gemma-3-27b-it"), ["-s", "x"],
         "send the prompt without -s"),
        (refused("messages[0].role: unknown variant `system`, expected `user` or `assistant`"),
         ["-s", "x"], "send the prompt without -s"),
        (refused("当前模型不支持 system 角色"), ["-s", "x"], "send the prompt without -s"),
    ],
)  # fmt: skip
def test_the_refused_option_is_named(
    home: Home, answer: bytes, args: Sequence[str], hint: str
) -> None:
    assert hint_for(home, answer, *args) == hint


@each("answer", [
    refused("The tool call is invalid, please stop"),
    refused("Invalid image: the stream of bytes is truncated"),
    refused("messages: at least one message is required"),
    refused("The system is overloaded"),
    invalid("user"),
])  # fmt: skip
def test_another_refusal_keeps_the_general_hint(home: Home, answer: bytes) -> None:
    assert hint_for(home, answer).startswith("inspect the request with `newapi chat --curl`")


def test_a_conversation_names_its_own_commands(home: Home) -> None:
    steps = [[Send(played(name))] for name in ("temp", "maxtok", "sysrole")]
    with FaultServer(*steps) as server:
        home.configure(server.url, temperature=0.2, max_tokens=7, system="Be brief")
        with conversation(home) as terminal:
            for number, hint in enumerate((
                "/set temperature unset",
                '/set max_tokens unset, then /set options {"max_completion_tokens": 7}',
                "/system clear, then /retry",
            )):  # fmt: skip
                assert f"try: {hint}" in terminal.output_of(f"question {number}")
