"""Every error response of a gateway, its provider or a proxy."""

from __future__ import annotations

import gzip

import pytest

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.shapes import Shape, rows
from tests.support.steps import BeforeReading, ReadHead, Send, Step
from tests.support.wire import REQUEST_ID, Headers, error, json_bytes, response

EVENT_STREAM = "text/event-stream"
HTML = "text/html; charset=utf-8"
SUFFIX = f" (request id: {REQUEST_ID})"
INDEX_PAGE = (
    '<!doctype html>\n<html lang="zh"><head><meta charset="utf-8"/><meta name="generator" '
    'content="new-api"/><title>New API</title></head><body><div id="root"></div></body></html>'
)
CLOUDFLARE_PAGE = (
    "<!DOCTYPE html><html><head><title>gateway.example | 524: A timeout occurred</title></head>"
    "<body><h1>A timeout occurred</h1></body></html>"
)
NGINX_PAGE = (
    "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n"
    "<body>\r\n<center><h1>413 Request Entity Too Large</h1></center></body>\r\n</html>\r\n"
)
# Nobody may ever see the inside of a page.
MARKUP = ("<html", "<div", "<body", "<title")


def refusal(
    status: int,
    body: dict[str, object] | bytes | str = b"",
    *,
    headers: Headers = (),
    content_type: str = "application/json",
) -> list[list[Step]]:
    return [[Send(response(status, body, headers=headers, content_type=content_type))]]


KEY = rows(
    Shape(
        "401 labeled as an event stream",
        refusal(401, error(f"Invalid token{SUFFIX}"), content_type=EVENT_STREAM),
        4,
        told=["Invalid token", REQUEST_ID],
    ),
    Shape("401 without a body, of the user limiter", refusal(401), 4, told=["401"]),
    Shape(
        "401 of an upstream that New API names so",
        refusal(401, error("bad response status code 401", "upstream_error", "401")),
        6,
        told=["bad response status code 401"],
    ),
)


@KEY
def test_a_rejected_key_and_a_rejected_gateway_differ(home: Home, shape: Shape) -> None:
    shape.check(home)


LIMITS = rows(
    Shape(
        "429 labeled as an event stream",
        refusal(
            429,
            error(f"您已达到请求数限制：1分钟内最多请求3次{SUFFIX}"),
            content_type=EVENT_STREAM,
        ),
        7,
        told=["您已达到请求数限制：1分钟内最多请求3次", REQUEST_ID],
    ),
    Shape(
        "429 without a body, with Retry-After",
        refusal(429, headers=[("Retry-After", "3")]),
        7,
        told=["429"],
    ),
    Shape(
        "429 with two objects back to back",
        refusal(429, json_bytes(error("您已达到总请求数限制")) + json_bytes(error("second"))),
        7,
        told=["您已达到总请求数限制"],
    ),
)


@LIMITS
def test_limits_and_quota_have_their_own_exit_code(home: Home, shape: Shape) -> None:
    shape.check(home)


REFUSED = rows(
    Shape(
        "404 of a path that is wrong",
        refusal(
            404,
            error("Invalid URL (POST /v1/v1/chat/completions)", "invalid_request_error"),
            headers=[("X-Oneapi-Request-Id", REQUEST_ID)],
        ),
        6,
        told=["Invalid URL (POST /v1/v1/chat/completions)", REQUEST_ID, "base_url"],
    ),
    Shape("code as a number", refusal(400, error("no", "x", 1234)), 6, told=["no"]),
    Shape("code null", refusal(400, error("no good", "x", None)), 6, told=["no good"]),
    Shape(
        "code missing", refusal(400, {"error": {"message": "no good"}}), 6, told=["no good"]
    ),
    Shape("error as text", refusal(400, {"error": "no good"}), 6, told=["no good"]),
    Shape("no error member", refusal(400, {"message": "no good"}), 6, told=["no good"]),
    Shape("detail of FastAPI", refusal(422, {"detail": "no good"}), 6, told=["no good"]),
    Shape("header.message", refusal(400, {"header": {"message": "no good"}}), 6, told=["no good"]),
    Shape("plain text", refusal(502, "is down", content_type="text/plain"), 6, told=["502"]),
    Shape("no body", refusal(500), 6, told=["500"]),
    Shape("a list", refusal(500, b"[1]"), 6, told=["500"]),
    Shape("broken JSON", refusal(500, b'{"error": {"mess'), 6, told=["500"]),
    Shape("a status that nobody knows", refusal(599, error("no good")), 6, told=["no good"]),
    Shape(
        "error in a 200 that is no stream",
        refusal(200, error(f"no good{SUFFIX}", "", None)),
        6,
        told=["no good", REQUEST_ID],
    ),
)  # fmt: skip


@REFUSED
def test_an_error_response_is_reported_in_the_gateways_own_words(home: Home, shape: Shape) -> None:
    shape.check(home)


PAGES = rows(
    Shape(
        "200 the console's page",
        refusal(
            200, INDEX_PAGE, content_type=HTML, headers=[("X-Oneapi-Request-Id", REQUEST_ID)]
        ),
        6,
        told=["web page", "base URL", REQUEST_ID],
        untold=MARKUP,
        args=(),
    ),
    Shape(
        "200 the console's page, compressed although nobody asked for it",
        refusal(
            200,
            gzip.compress(INDEX_PAGE.encode()),
            content_type=HTML,
            headers=[("Content-Encoding", "gzip")],
        ),
        6,
        untold=MARKUP,
    ),
)  # fmt: skip


@PAGES
def test_a_web_page_is_reported_by_its_title_only(home: Home, shape: Shape) -> None:
    shape.check(home)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_reported_and_not_followed(home: Home, status: int) -> None:
    with FaultServer() as elsewhere, FaultServer() as server:
        to = f"{elsewhere.url}/v1/chat/completions"
        server.add(Send(response(status, headers=[("Location", to)])))
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home)
        assert result.code == 6, result.err
        assert to in result.err
        assert len(server.requests) == 1
        assert elsewhere.connections == []


def test_an_error_response_is_read_while_a_large_prompt_is_uploading(home: Home) -> None:
    page = response(413, NGINX_PAGE, content_type="text/html")
    with FaultServer([BeforeReading(), ReadHead(), Send(page)]) as server:
        home.configure(server.url)
        result = run_newapi("chat", "--retries", "0", home=home, stdin=b"a" * 9_000_000)
        assert result.code == 6, result.err
        assert "413" in result.err


def test_plain_text_that_begins_with_a_number_is_reported(home: Home) -> None:
    plain = response(404, b"404 page not found", content_type="text/plain")
    with FaultServer([Send(plain)]) as server:
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home)
    assert result.code == 6
    assert "why: 404 page not found" in result.err
