"""Fallback to the next model: before any text, with a notice, and stored with the turn."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.repl.conversation import conversation
from tests.support.demo import chats
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import run_newapi
from tests.support.steps import Pause, Send, Step, sse
from tests.support.wire import (
    DONE,
    REQUEST_ID,
    answer_events,
    chunk,
    error,
    event,
    response,
    usage_chunk,
)

HELLO = "Hello! I am the demo gateway"


@pytest.fixture
def gateway(home: Home) -> Iterator[DemoGateway]:
    """Return a demo gateway whose URL is configured."""
    with DemoGateway(pace_s=0) as running:
        home.configure(running.base_url, model="demo", retries=2)
        yield running


def requested_models(gateway: DemoGateway) -> list[str]:
    return [each.model for each in chats(gateway)]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("demo-429", "rate limit"),
        ("demo-500", "HTTP 500"),
        ("demo-quota", "用户额度不足"),
        ("no-such-model", "HTTP 503"),
    ],
)
def test_the_next_model_is_tried_without_a_retry(
    home: Home, gateway: DemoGateway, model: str, why: str
) -> None:
    result = run_newapi("chat", "-m", f"{model},demo", "hello", home=home)
    assert result.code == 0
    assert result.text.startswith(HELLO)
    (line,) = result.err.splitlines()
    assert line.startswith(f"{model}: ")
    assert why in line
    assert line.endswith("; trying demo")
    assert requested_models(gateway) == [model, "demo"]  # no retry: there is another model


def test_the_failed_models_and_the_one_that_answered_are_stored_with_the_turn(
    home: Home, gateway: DemoGateway
) -> None:
    answer = json.loads(
        run_newapi("chat", "-m", "demo-500, demo-429 ,demo", "--json", "hello", home=home).text
    )
    exported = run_newapi("sessions", "export", "--json", answer["session"], home=home)
    turn = json.loads(exported.text)["turns"][0]
    assert answer["model"] == turn["model"] == turn["answered_by"] == "demo"
    assert [each[0] for each in answer["tried"]] == ["demo-500", "demo-429"]
    assert [each["model"] for each in turn["tried"]] == ["demo-500", "demo-429"]
    assert "HTTP 429" in turn["tried"][1]["why"]
    assert turn["cost"] == answer["cost_usd"] == "0.000026"


def test_the_fallback_setting_applies_to_every_prompt(home: Home, gateway: DemoGateway) -> None:
    run_newapi("config", "set", "fallback", '["demo-echo"]', home=home)
    assert run_newapi("chat", "-m", "demo-500", "hello", home=home).text == "hello\n"
    answer = run_newapi("chat", "-m", "demo-500,demo-429,demo", "hello", home=home)
    assert answer.text.startswith(HELLO)  # the command line overrides the setting
    assert "demo-echo" not in requested_models(gateway)[2:]
    alone = run_newapi("chat", "-m", "demo-500,", "--retries", "0", "hello", home=home)
    assert alone.code == 6  # a comma alone overrides it too
    assert run_newapi("chat", "-m", ",demo", "hello", home=home).text.startswith(HELLO)


def test_the_last_model_is_retried_and_its_failure_is_reported(
    home: Home, gateway: DemoGateway
) -> None:
    result = run_newapi("chat", "-m", "demo-500,demo-429", "--retries", "1", "hi", home=home)
    assert result.code == 7
    assert requested_models(gateway) == ["demo-500", "demo-429", "demo-429"]


@pytest.mark.parametrize(
    ("args", "code"),
    [(("-m", "demo-401,demo"), 4), (("-m", "demo-filter,demo"), 6), (("-m", "demo-cut,demo"), 9)],
)
def test_there_is_no_fallback_for_a_failure_that_it_cannot_fix(
    home: Home, gateway: DemoGateway, args: tuple[str, ...], code: int
) -> None:
    assert run_newapi("chat", *args, "hi", home=home).code == code
    assert len(chats(gateway)) == 1


ANSWER = sse(*answer_events("Paris"))
FALLBACK: dict[str, list[Step]] = {
    "404": [Send(response(404, error("no such model", code="model_not_found")))],
    "an error page of a proxy": [Send(response(502, b"<html>bad", content_type="text/html"))],
    "an error in the stream": sse(event(error("overloaded", code="429"))),
    "an error after a ping": [
        Send(response(200, b": PING\n\n" + json.dumps(error("no")).encode()))
    ],
    "silence": [Pause(30)],
    "a model that the key may not use": [
        Send(response(403, error("This token has no access to model a")))
    ],
    "a model without a price": [Send(response(400, error("no price", code="model_price_error")))],
    "a timeout upstream": [Send(response(408, error("timeout", "server_error")))],
    "a provider that was not paid": [
        Send(response(402, error("Insufficient Balance", "unknown_error")))
    ],
    "too long": [
        Send(response(400, error("maximum context length", code="context_length_exceeded")))
    ],
    "too long, inside a stream": sse(
        event(error("prompt is too long: 9 > 8", "invalid_request_error", None))
    ),
    "a picture for a text-only model": [
        Send(response(400, error("image input is not supported", "invalid_request_error")))
    ],
    "an empty answer": sse(event(chunk("", finish="stop")), event(usage_chunk()), DONE),
    "an empty stream": [Send(response(200, b": PING\n\n", content_type="text/event-stream"))],
    "an empty body": [Send(response(200, b""))],
    "204": [Send(response(204))],
    "[DONE] alone": sse(DONE),
    "a rejected key of the gateway": [
        Send(
            response(
                401,
                error("Incorrect API key", "invalid_request_error", "invalid_api_key"),
                headers=[("X-Oneapi-Request-Id", REQUEST_ID)],
            )
        )
    ],
    "a missing permission of the gateway": [
        Send(response(403, error("your region is not supported", "permission_error")))
    ],
}
NO_FALLBACK: dict[str, tuple[list[Step], int]] = {
    "a bad request": ([Send(response(400, error("temperature is too hot")))], 6),
    "a bad request as 500": ([Send(response(500, error("no", code="invalid_request")))], 6),
    "the key": ([Send(response(401, error("Invalid token")))], 4),
    "the user": ([Send(response(403, error("用户已被封禁")))], 4),
    "the group": ([Send(response(403, error("无权访问 vip 分组")))], 4),
    "the address": ([Send(response(403, error("no", code="access_denied")))], 4),
    "an error page of a firewall": (
        [Send(response(403, b"<html>no", content_type="text/html"))],
        6,
    ),
    "a parameter that the provider does not support": (
        [Send(response(400, error("top_k: unknown", "invalid_request_error")))],
        6,
    ),
    "a fee": ([Send(response(403, error("no", "permission_error", "violation_fee.csam")))], 6),
    "sensitive words": ([Send(response(500, error("", code="sensitive_words_detected")))], 6),
    "text before the error": (sse(event(chunk("Par")), event(error("overloaded"))), 6),
    "only reasoning": (sse(event(chunk(reasoning="hmm", finish="stop"))), 6),
    "a filter": (sse(event(chunk(finish="content_filter"))), 6),
    "a token limit": (sse(event(chunk(finish="length"))), 0),
    "a page of another API": ([Send(response(200, b"Ollama is running"))], 6),
}


@pytest.mark.parametrize("case", FALLBACK)
def test_a_model_that_fails_before_any_text_falls_back(home: Home, case: str) -> None:
    with FaultServer(FALLBACK[case], ANSWER) as server:
        home.configure(server.url, first_byte_timeout=0.5)
        result = run_newapi("chat", "-m", "a,b", "hi", home=home)
        assert (result.code, result.text) == (0, "Paris\n"), result
        assert [request.json["model"] for request in server.requests] == ["a", "b"]
    assert "trying b" in result.err


@pytest.mark.parametrize("case", NO_FALLBACK)
def test_a_request_that_would_fail_with_any_model_is_not_repeated(home: Home, case: str) -> None:
    steps, code = NO_FALLBACK[case]
    with FaultServer(steps, ANSWER) as server:
        home.configure(server.url, retries=0)
        result = run_newapi("chat", "-m", "a,b", "hi", home=home)
        assert result.code == code, result
        assert len(server.requests) == 1


def test_nothing_of_an_empty_answer_is_left_in_the_turn(home: Home) -> None:
    empty = sse(event(chunk("", finish="stop") | {"model": "a-1"}), event(usage_chunk(99, 0)), DONE)
    last = sse(event(chunk("Paris") | {"model": "b-1", "id": "b"}), DONE)
    with FaultServer(empty, last) as server:
        home.configure(server.url, retries=0)
        result = run_newapi("chat", "-m", "a,b", "--json", "hi", home=home)
    answer = json.loads(result.text)
    assert result.code == 9  # the second one sent no finish reason
    assert (answer["finish_reason"], answer["usage"], answer["id"]) == (None, None, "b")
    assert [each[0] for each in answer["tried"]] == ["a"]
    assert "a: the server sent an empty answer; trying b\n" in result.err


def test_there_is_no_fallback_on_an_unreachable_server(home: Home) -> None:
    home.configure("http://127.0.0.1:9", retries=0)
    result = run_newapi("chat", "-m", "a,b", "hi", home=home)
    assert result.code == 5
    assert "asking" not in result.err


def test_quiet_hides_the_fallback_notice(home: Home, gateway: DemoGateway) -> None:
    result = run_newapi("chat", "-q", "-m", "demo-500,demo", "hello", home=home)
    assert (result.code, result.err) == (0, "")


def test_a_conversation_falls_back_too(home: Home, gateway: DemoGateway) -> None:
    with conversation(home, columns=100, rows=30) as repl:
        assert (
            repl.output_of("/model demo-500, demo-echo") == "model: demo-500, fallback: demo-echo"
        )
        assert "trying demo-echo" in repl.output_of("one two")
        assert repl.output_of("/set fallback unset") == "fallback: not set"
        assert "(2 of 2)" in repl.output_of("three")
        repl.leave()
    assert requested_models(gateway)[:2] == ["demo-500", "demo-echo"]
    assert set(requested_models(gateway)[2:]) == {"demo-500"}


def test_a_key_in_the_reason_of_a_fallback_is_not_stored(home: Home) -> None:
    rate_limited: list[Step] = [Send(response(429, error(f"too many for {CANARY}")))]
    with FaultServer(rate_limited, ANSWER) as server:
        home.configure(server.url)
        assert run_newapi("chat", "-m", "a,b", "hi", home=home).code == 0
        exported = run_newapi("sessions", "export", "--json", "--all", home=home)
    assert "too many for" in exported.text
    assert home.files_holding() == []
