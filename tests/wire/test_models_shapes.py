"""`newapi models` reads the list of each generation of servers."""

from __future__ import annotations

import json

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import run_newapi
from tests.support.steps import Send
from tests.support.wire import REQUEST_ID, error, response

IDS = ["claude-sonnet-4", "gpt-4o-mini", "qwen3:8b"]


def entry(model: str, **members: object) -> dict[str, object]:
    about = {"id": model, "object": "model", "created": 1626777600, "owned_by": "custom"}
    return about | members


NEW: dict[str, object] = {
    "success": True,
    "object": "list",
    "data": [entry(model, supported_endpoint_types=["openai"]) for model in IDS],
}
NULL: dict[str, object] = {
    "success": True,
    "object": "list",
    "data": [entry(model, supported_endpoint_types=None) for model in IDS],
}
OLD: dict[str, object] = {
    "success": True,
    "data": [
        entry(model, permission=[{"id": "modelperm-x"}], root=model, parent=None) for model in IDS
    ],
}
BARE: dict[str, object] = {"data": [{"id": model} for model in IDS]}


@pytest.mark.parametrize("body", [NEW, NULL, OLD, BARE], ids=["new", "null types", "old", "bare"])
def test_a_pipe_receives_one_name_per_line(home: Home, body: dict[str, object]) -> None:
    with FaultServer([Send(response(200, body))]) as server:
        home.configure(server.url)
        result = run_newapi("models", home=home)
        assert (result.code, result.err) == (0, ""), result
        assert result.text.splitlines() == IDS
        request = server.requests[0]
        assert (request.method, request.path, request.body) == ("GET", "/v1/models", b"")
        assert request.header("Authorization") == f"Bearer {CANARY}"


def test_words_filter_the_models(home: Home) -> None:
    with FaultServer([Send(response(200, NEW))]) as server:
        home.configure(server.url)
        assert run_newapi("models", "gpt", home=home).text == "gpt-4o-mini\n"


def test_json_is_one_value_with_each_name(home: Home) -> None:
    with FaultServer([Send(response(200, NEW))]) as server:
        home.configure(server.url)
        result = run_newapi("models", "--json", home=home)
    assert [model["id"] for model in json.loads(result.text)] == IDS


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        (response(401, error("Invalid token")), 4, "Invalid token"),
        (response(200, "<!doctype html><html></html>", content_type="text/html"), 6, "web page"),
        (response(200, {"success": False, "message": "no good"}), 6, "no good"),
        (response(200, error("no good")), 6, "no good"),
        (response(200, {"object": "list"}), 6, ""),
        (response(429), 7, "429"),
        (response(404, error("Invalid URL (GET /v1/v1/models)")), 6, "Invalid URL"),
    ],
)
def test_a_refused_list_of_models_is_reported_as_for_a_chat(
    home: Home, script: bytes, code: int, told: str
) -> None:
    with FaultServer([Send(script)]) as server:
        home.configure(server.url)
        result = run_newapi("models", "--retries", "0", home=home)
        assert (result.code, result.out) == (code, b""), result.err
        assert told in result.err
        assert result.err != ""


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (403, error("you may not"), "check the key with `newapi config list`"),
        (500, error("boom", "server_error"), "retry later"),
        (401, error("bad key", "authentication_error"), "contact the gateway's operator"),
        (200, {"success": False, "message": "not today"}, "retry later"),
    ],
)
def test_the_hint_of_a_failed_list_names_no_model(
    home: Home, status: int, body: dict[str, object], hint: str
) -> None:
    identified = [("X-Oneapi-Request-Id", REQUEST_ID)]
    with FaultServer([Send(response(status, body, headers=identified))]) as server:
        home.configure(server.url)
        result = run_newapi("models", "--retries", "0", home=home)
    assert f"  try: {hint}" in result.err, result.err
    assert "-m NAME" not in result.err
    assert "`newapi models`" not in result.err
