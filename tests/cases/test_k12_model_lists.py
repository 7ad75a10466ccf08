"""K12: lists of models in any form are read, an empty one says so; names may contain a comma.

open-webui/open-webui#6892.
"""

from __future__ import annotations

import json
from typing import Any

from tests.cases.answers import CASES
from tests.repl.conversation import answers, conversation
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send, sse
from tests.support.wire import answer_events, error, json_bytes, response


def models(home: Home, body: bytes, *args: str) -> Result:
    with FaultServer([Send(response(200, body))]) as server:
        home.configure(server.url)
        return run_newapi("models", *args, home=home)


@each(("name", "listed"), [("ml_model", ["vendor/x-1", "vendor/x-2"]), ("ml_name", ["gpt-x"])])
def test_the_reported_cases(home: Home, name: str, listed: list[str]) -> None:
    body = (CASES / f"{name}.models.json").read_bytes()
    result = models(home, body, "--refresh")
    assert (result.code, result.text.splitlines()) == (0, listed), result.err


@each(
    ("value", "listed"),
    [
        ({"models": [{"model": "llama3:8b", "name": "llama3:8b", "size": 1}]}, ["llama3:8b"]),
        ({"models": [{"name": "models/gemini-2.5-flash", "displayName": "x"}]},
         ["gemini-2.5-flash"]),
        ({"models": ["a", "b"]}, ["a", "b"]),
        (["a", "b", "a"], ["a", "b"]),
        ({"data": [{"model_name": "a", "litellm_params": {}}]}, ["a"]),
        ({"data": {"models": [{"id": "a"}]}}, ["a"]),
        ({"data": {"gpt-4o": {"owned_by": "x"}, "o3": {}}}, ["gpt-4o", "o3"]),
        ({"success": True, "errors": [], "result": [
            {"id": "f9f2250b-1048-4a52-9910-d0bf976616a1", "name": "@cf/meta/llama-3-8b"}]},
         ["@cf/meta/llama-3-8b"]),
        ([{"id": "azureml://registries/azure-openai/models/gpt-4o/versions/2", "name": "gpt-4o"}],
         ["gpt-4o"]),
        ({"modelSummaries": [{"modelId": "anthropic.claude", "modelName": "Claude"}]},
         ["anthropic.claude"]),
        ({"object": "list", "data": [{"id": "my-deployment", "model": "gpt-4"}]},
         ["my-deployment"]),
        ({"object": "list", "data": [{"id": "a", "name": "A model"}, None, {}, {"x": 1}]}, ["a"]),
        ({"items": [{"slug": "a"}]}, ["a"]),
    ],
)  # fmt: skip
def test_models_are_found_in_any_list(home: Home, value: Any, listed: list[str]) -> None:
    result = models(home, json_bytes(value), "--refresh")
    assert (result.code, result.text.splitlines()) == (0, listed), result.err


@each("value", [
    {"object": "list", "data": []}, {"object": "list", "data": None}, {"models": []}, [],
])  # fmt: skip
def test_an_empty_list_says_so(home: Home, value: Any) -> None:
    result = models(home, json_bytes(value), "--refresh")
    assert (result.code, result.out) == (0, b"")
    assert result.err == "the server lists no models for this key\n"
    with FaultServer([Send(response(200, json_bytes(value)))]) as server:
        login = run_newapi("login", server.url, "--stdin", home=home, stdin=b"sk-0123456789abcdef")
    assert login.code == 0, login.err
    assert "warning: this key has no models" in login.err


@each("value", [{"status": "ok"}, {"data": [{"x": 1}]}, {"models": 5}, "a", 5, {"data": {}}])
def test_what_is_no_list_of_models_is_an_error(home: Home, value: Any) -> None:
    result = models(home, json_bytes(value), "--refresh")
    assert (result.code, result.out) == (6, b"")
    assert "it is not a list of models" in result.err


# -- names with a comma


LIST: dict[str, object] = {
    "object": "list",
    "data": [{"id": name} for name in ("x,y", "a", "b", "q,r,s", "x")],
}


@each(
    ("text", "tried"),
    [
        ("x,y", ["x,y"]),
        ("x,y,a", ["x,y", "a"]),
        ("a,x,y", ["a", "x,y"]),
        ("a, x,y ,b", ["a", "x,y", "b"]),
        ("q,r,s", ["q,r,s"]),
        ("q,r", ["q", "r"]),
        ("x,y,q,r,s,a", ["x,y", "q,r,s", "a"]),
        ("a,b", ["a", "b"]),
        ("x,", ["x"]),
        ("x,y,", ["x,y"]),
    ],
)
def test_a_listed_name_with_a_comma_wins_over_splitting(
    home: Home, text: str, tried: list[str]
) -> None:
    failed = Send(response(503, error("No available channel", code="model_not_found")))
    with FaultServer([Send(response(200, LIST))], *([failed] for _ in tried)) as server:
        home.configure(server.url)
        assert run_newapi("models", home=home).code == 0
        run_newapi("chat", "-n", "-m", text, "--retries", "0", "hi", home=home)
        assert [request.json["model"] for request in server.requests[1:]] == tried


def test_a_list_without_such_a_name_does_not_forget_it(home: Home) -> None:
    other: dict[str, object] = {"object": "list", "data": [{"id": "a"}]}
    answer = sse(*answer_events("ok"))
    lists = [[Send(response(200, each))] for each in (LIST, other)]
    with FaultServer(*lists, answer) as server:
        home.configure(server.url)
        for _ in range(2):
            assert run_newapi("models", "--refresh", home=home).code == 0
        assert run_newapi("chat", "-m", "x,y", "hi", home=home).code == 0
        assert server.requests[-1].json["model"] == "x,y"


def test_a_conversation_and_login_take_such_a_name(home: Home) -> None:
    with FaultServer([Send(response(200, LIST))], *answers("ok")) as server:
        home.configure(server.url)
        assert run_newapi("models", home=home).code == 0
        with conversation(home) as terminal:
            assert "model: x,y" in terminal.output_of("/model x,y")
            terminal.output_of("hello")
        assert server.requests[-1].json["model"] == "x,y"
    assert "x,y" in (home.newapi_home / "cache" / "models.txt").read_text().splitlines()


def test_the_shell_does_not_complete_a_name_with_a_comma(home: Home) -> None:
    assert models(home, json.dumps(LIST).encode()).code == 0
    env = {"_NEWAPI_COMPLETE": "complete_bash", "COMP_WORDS": "newapi chat -m ", "COMP_CWORD": "3"}
    result = run_newapi(home=home, env=env)
    assert set(result.text.split()) == {"a", "b", "x"}
