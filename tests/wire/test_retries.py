"""Which requests are retried before any text."""

from __future__ import annotations

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.shapes import Shape, rows
from tests.support.steps import Fin, Reset, Send, Step, sse
from tests.support.wire import Headers, answer_events, error, response

AT_ONCE = [("Retry-After", "0")]
ANSWER = sse(*answer_events("Paris"))


def failing(
    status: int, body: dict[str, object] | bytes = b"", headers: Headers = AT_ONCE
) -> list[Step]:
    return [Send(response(status, body, headers=headers))]


AGAIN = rows(
    Shape("429, then the answer", [failing(429), ANSWER], in_stderr=["429", "(1 of 2)"]),
    Shape(
        "429 twice, then the answer",
        [failing(429), failing(429), ANSWER],
        in_stderr=["(2 of 2)"],
    ),
    Shape(
        "429 with a pause in milliseconds",
        [failing(429, headers=[("Retry-After-Ms", "10")]), ANSWER],
        in_stderr=["(1 of 2)"],
    ),
    Shape("429 without a wish", [failing(429, headers=[]), ANSWER], in_stderr=["(1 of 2)"]),
    Shape("500", [failing(500, error("do request failed")), ANSWER], in_stderr=["500", "(1 of 2)"]),
    Shape("502 page", [failing(502, b"<html></html>"), ANSWER], in_stderr=["502"]),
    Shape("503 empty", [failing(503), ANSWER], in_stderr=["503"]),
    Shape("524", [failing(524), ANSWER], in_stderr=["524"]),
    Shape("reset before the headers", [[Reset()], ANSWER], in_stderr=["(1 of 2)"]),
    Shape("FIN before the headers", [[Fin()], ANSWER], in_stderr=["(1 of 2)"]),
)


@AGAIN
def test_a_retryable_error_is_retried(home: Home, shape: Shape) -> None:
    Shape(shape.name, shape.scripts, 0, b"Paris\n", shape.in_stderr, args=()).check(home)


def test_the_number_of_retries_is_a_limit(home: Home) -> None:
    Shape("", [failing(429)] * 3, 7, in_stderr=["(2 of 2)"], args=()).check(home)
    Shape("", [failing(503)] * 2, 6, in_stderr=["(1 of 1)"], args=("--retries", "1")).check(home)


def test_a_retry_sends_the_same_request(home: Home) -> None:
    with FaultServer(failing(503), ANSWER) as server:
        home.configure(server.url)
        assert run_newapi("chat", "hi", home=home).code == 0
        first, second = server.requests
        assert first.body == second.body
        assert first.headers == second.headers


def test_a_stream_rejected_for_its_stream_options_is_sent_without_them(home: Home) -> None:
    words = "Unrecognized request argument supplied: stream_options"
    refusal = [Send(response(400, error(words, "invalid_request_error", None)))]
    with FaultServer(refusal, ANSWER) as server:
        home.configure(server.url)
        result = run_newapi("chat", "--retries", "0", "hi", home=home)
        assert (result.code, result.out) == (0, b"Paris\n"), result.err
        first, second = server.requests
        assert first.json["stream_options"] == {"include_usage": True}
        assert "stream_options" not in second.json
        assert second.json["stream"] is True
