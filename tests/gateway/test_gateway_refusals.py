"""What servers of each age say when they refuse, as measured, and what newapi reports for it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.doctor.doctor_runs import run_doctor
from tests.repl.conversation import conversation
from tests.support.cases import each
from tests.support.demo import chats
from tests.support.fault_server import FaultServer
from tests.support.gateway_variants import Refusals, Release, gateway_variant
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send, sse
from tests.support.wire import DONE, chunk, error, event, response

NEW_API: tuple[Release, ...] = ("2026-08", "2026-02", "2025-04")
RELEASES: tuple[Release, ...] = (*NEW_API, "one-api")
RECORD = "/api/usage/token/"


def chat(home: Home, gateway: DemoGateway, key: str, *args: str) -> Result:
    """Run `newapi chat` once with a key of the demo."""
    home.configure(gateway.base_url, api_key=f"sk-{key}", model="demo")
    return run_newapi("chat", *args, "hi", home=home)


def first_lines(result: Result) -> list[str]:
    return result.err.splitlines()[:2]


# -- keys


@each(
    ("release", "key", "code", "message"),
    [
        ("2026-08", "disabled", 4, "the key is disabled"),
        ("2026-08", "exhausted", 7, "the key's quota is used up"),
        ("2026-08", "expired", 4, "the key expired on "),
        ("2026-02", "disabled", 4, "the key is disabled"),
        ("2026-02", "exhausted", 7, "the key's quota is used up"),
        ("2026-02", "expired", 4, "the key has expired"),
        ("2025-04", "disabled", 4, "the key is disabled"),
        ("2025-04", "exhausted", 7, "the key's quota is used up"),
        ("one-api", "disabled", 4, "the key is disabled"),
        ("one-api", "exhausted", 7, "the key's quota is used up"),
        ("one-api", "expired", 4, "the key has expired"),
        ("one-api", "wrong", 4, "the gateway does not recognize this key"),
    ],
)
def test_the_state_of_a_rejected_key_is_reported(
    home: Home, release: Release, key: str, code: int, message: str
) -> None:
    with gateway_variant(release) as gateway:
        result = chat(home, gateway, key)
        assert result.code == code, result.err
        message = message.replace("disabled", "****")  # the name of the key, here
        assert result.err.startswith(f"error: {message}"), result.err
        login = run_newapi("login", gateway.base_url, "-P", "new", "--stdin", home=home,
                           stdin=f"sk-{key}".encode())  # fmt: skip
        assert login.code == code, login.err
        assert login.err.startswith(f"error: {message}"), login.err
        assert "config list" not in login.err
    assert "new" not in home.config_file.read_text()


def test_the_doctor_knows_a_disabled_key(home: Home) -> None:
    with gateway_variant() as gateway:
        home.configure(gateway.base_url, api_key="sk-disabled", model="demo")
        row = run_doctor(home).assert_first_failed("key", 4, "enable the key")
    assert "the key is ****" in row.text  # the name of the key, here


def test_the_record_of_a_refused_login_is_requested_once_a_day(home: Home) -> None:
    with gateway_variant() as gateway:
        for _ in range(3):
            result = run_newapi("login", gateway.base_url, "--stdin", home=home,
                                stdin=b"sk-exhausted")  # fmt: skip
            assert result.code == 7, result.err
        paths = [request.path for request in gateway.requests]
        assert paths.count(RECORD) == 1
        assert not home.config_file.exists()


def test_a_login_refused_by_a_plain_server_requests_no_record(home: Home) -> None:
    refusal = response(401, {"error": {"message": "no such key"}})
    with FaultServer([Send(refusal)]) as server:
        result = run_newapi("login", server.url, "--stdin", home=home, stdin=b"sk-0123456789abc")
        assert [request.path for request in server.api_requests] == []
    assert result.code == 4
    assert "try: copy the key again from the gateway's console; nothing was stored" in result.err


@pytest.mark.parametrize("release", NEW_API[:2])
def test_the_balance_of_a_disabled_key_says_so(home: Home, release: Release) -> None:
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url, api_key="sk-disabled", model="demo")
        result = run_newapi("balance", "--json", home=home)
    if release == "2026-08":  # the record is refused too
        assert result.code == 4
        assert "error: the key is ****" in result.err  # the name of the key, here
    else:
        assert json.loads(result.text)["state"] == "disabled"


def test_a_key_for_other_addresses(home: Home) -> None:
    for release in RELEASES:
        with gateway_variant(release, refusals=Refusals(subnet="10.9.8.0/24")) as gateway:
            result = chat(home, gateway, "valid")
        assert result.code == 4
        message = "error: the key is not allowed from this IP address (HTTP 403)\n"
        assert result.err.startswith(message), (release, result.err)


# -- a model of another group


@pytest.mark.parametrize("release", NEW_API)
def test_the_group_that_has_a_model_is_named(home: Home, release: Release) -> None:
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url, api_key="sk-valid", model="demo-vip")
        result = run_newapi("chat", "--retries", "0", "hi", home=home)
        paths = [request.path for request in gateway.requests]
    assert result.code == 6
    assert "try: only these groups have it: vip; this key is in default: use a key" in result.err
    assert paths.count("/api/pricing") == 1


def test_the_group_is_not_looked_up_without_saving(home: Home) -> None:
    with gateway_variant() as gateway:
        home.configure(gateway.base_url, api_key="sk-valid", model="demo-vip")
        result = run_newapi("chat", "-n", "--retries", "0", "hi", home=home)
        assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]
    assert result.code == 6


# -- one-api


def test_one_api_has_no_log_and_no_balance_of_a_key(home: Home) -> None:
    with gateway_variant("one-api") as gateway:
        home.configure(gateway.base_url, api_key="sk-valid", model="demo")
        assert run_newapi("chat", "hi", home=home).code == 0
        result = run_newapi("usage", "--exact", home=home)
    assert result.code == 6
    assert result.err.startswith("error: this server has no log that a key can read"), result.err
    assert "base URL" not in result.err


@each("body", [
    {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}},
    {"detail": "Not Found"},
    {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}},
    {"error": {"message": "The model `billing` does not exist", "type": "invalid_request_error",
               "code": "model_not_found"}},
])  # fmt: skip
def test_a_server_without_a_balance_names_no_model(home: Home, body: dict[str, object]) -> None:
    with FaultServer() as server:
        server.answer_with(lambda _: [Send(response(404, body))])
        home.configure(server.url)
        result = run_newapi("balance", home=home)
        with conversation(home) as terminal:
            said = terminal.output_of("/balance")
    assert result.code == 6
    assert result.err.startswith("error: the server does not report a balance\n"), result.err
    assert "no such model" not in result.err + said
    assert "the server does not report a balance" in said


# -- the request


def test_a_large_limit_reserves_more_than_the_account_has(home: Home) -> None:
    for release in RELEASES[:2]:
        with gateway_variant(release) as gateway:
            result = chat(home, gateway, "valid", "--max-tokens", "9000000")
        assert result.code == 7
        assert first_lines(result)[0].startswith(
            "error: the account's quota does not cover this request"
        )
        assert "需要预扣费额度: ＄90.000000" in result.err
        assert "try: a smaller limit (--max-tokens N) reserves less" in result.err
        assert len(chats(gateway)) == 1


UPSTREAM: Mapping[str, tuple[int, dict[str, object]]] = {
    "demo": (500, {"message": "image input is not supported", "type": "server_error",
                   "code": 500}),
    "demo-echo": (500, {"message": "invalid character '<' looking for beginning of value",
                        "type": "bad_response_body", "code": "bad_response_body"}),
}  # fmt: skip


def test_a_picture_for_a_text_only_model_is_not_sent_again(home: Home) -> None:
    for release in NEW_API:
        with gateway_variant(release, refusals=Refusals(UPSTREAM)) as gateway:
            result = chat(home, gateway, "valid")
            assert len(chats(gateway)) == 1
        assert result.code == 6
        assert first_lines(result)[0] == "error: the model cannot read images (HTTP 500)"
        assert "try: leave the image out, or use a model that reads images: -m NAME" in result.err


def test_an_unreadable_answer_of_the_provider_is_named(home: Home) -> None:
    with gateway_variant(refusals=Refusals(UPSTREAM)) as gateway:
        result = chat(home, gateway, "valid", "-m", "demo-echo", "--retries", "0")
    message = "error: the gateway could not read the provider's response (HTTP 500)"
    assert first_lines(result)[0] == message


# -- a gateway that sends comments before the provider answers


KEPT_ALIVE: Mapping[str, tuple[int, dict[str, object]]] = {
    "a limit": (429, {"message": "Rate limit reached. Please try again in 10ms.",
                      "type": "rate_limit_error", "code": "rate_limit_exceeded"}),
    "a key": (401, {"message": "Incorrect API key provided", "type": "invalid_request_error",
                    "code": "invalid_api_key"}),
    "a limit in words": (429, {"message": "当前分组上游负载已饱和，请稍后再试",
                               "type": "new_api_error", "code": ""}),
    "a quota": (429, {"message": "You exceeded your current quota", "type": "insufficient_quota",
                      "code": "insufficient_quota"}),
    "a busy provider": (529, {"message": "Overloaded", "type": "overloaded_error", "code": None}),
    "a broken provider": (500, {"message": "boom", "type": "server_error", "code": None}),
    "a long prompt": (400, {"message": "too long", "type": "invalid_request_error",
                            "code": "context_length_exceeded"}),
}  # fmt: skip


@each(
    ("name", "code", "requests", "message"),
    [
        ("a limit", 7, 2, "rate limited by the model's provider"),
        ("a limit in words", 7, 2, "the model's providers are overloaded, or limit the gateway"),
        ("a key", 6, 1, "the model's provider rejected the gateway"),
        ("a quota", 7, 1, "the quota at the model's provider is used up"),
        ("a busy provider", 6, 2, "the gateway reported an error in its answer"),
        ("a broken provider", 6, 1, "the gateway reported an error in its answer"),
        ("a long prompt", 6, 1, "the conversation is too long for the model"),
    ],
)
def test_an_error_after_comments_is_what_it_says(
    home: Home, name: str, code: int, requests: int, message: str
) -> None:
    refusals = Refusals({"demo": KEPT_ALIVE[name]}, keeps_alive=True)
    with gateway_variant(refusals=refusals) as gateway:
        home.configure(gateway.base_url, api_key="sk-valid", model="demo")
        result = run_newapi("chat", "-n", "--retries", "1", "hi", home=home)
        assert len(chats(gateway)) == requests, result.err
    assert (result.code, result.out) == (code, b""), result.err
    assert f"error: {message}\n" in result.err
    assert f"why: {KEPT_ALIVE[name][1]['message']}\n" in result.err


def test_a_limit_after_comments_is_retried_until_the_answer(home: Home) -> None:
    limit = error("slow down, please try again in 10ms", "rate_limit_error", "rate_limit_exceeded")
    refusal = b": PING\n\n" + json.dumps(limit).encode()
    answer = sse(event(chunk("Paris", finish="stop")), DONE)
    with FaultServer([Send(response(200, refusal, content_type="text/event-stream"))],
                     answer) as server:  # fmt: skip
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home)
    assert (result.code, result.text) == (0, "Paris\n")
    assert "rate limited by the model's provider; retrying in 0.0 s (1 of 2)" in result.err


def test_a_limit_after_some_text_ends_the_answer(home: Home) -> None:
    limit = error("slow down", "rate_limit_error", "rate_limit_exceeded")
    with FaultServer(sse(event(chunk("Par")), event(limit))) as server:
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home)
        assert len(server.requests) == 1
    assert (result.code, result.text) == (6, "Par\n")
    assert "why: slow down\n" in result.err


# -- the line below an answer


def test_the_requested_name_comes_first_and_the_providers_in_brackets(home: Home) -> None:
    path = {"model": "/models/llama-3/model.gguf"}
    answer = sse(event(chunk("Paris") | path), event(chunk(finish="stop") | path), DONE)
    with FaultServer(answer, answer) as server:
        home.configure(server.url, model="fast")
        result = run_newapi("chat", "--usage", "hi", home=home)
        same = run_newapi("chat", "--usage", "-m", path["model"], "hi", home=home)
    assert result.err.startswith("fast (/models/llama-3/model.gguf) · "), result.err
    assert same.err.startswith("/models/llama-3/model.gguf · "), same.err
