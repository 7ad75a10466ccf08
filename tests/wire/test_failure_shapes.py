"""Error responses in unusual forms: twice, compressed, during an upload, as plain text.

The usual ones are in `tests/wire/test_error_responses.py`.
"""

from __future__ import annotations

import gzip

from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.shapes import Shape
from tests.support.steps import BeforeReading, ReadHead, Send, Step
from tests.support.wire import Headers, error, json_bytes, response

HTML = "text/html; charset=utf-8"
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
MARKUP = ("<html", "<div", "<body", "<title")


def refusal(
    status: int,
    body: dict[str, object] | bytes | str = b"",
    *,
    headers: Headers = (),
    content_type: str = "application/json",
) -> list[list[Step]]:
    return [[Send(response(status, body, headers=headers, content_type=content_type))]]


def test_only_the_first_of_two_objects_back_to_back_is_reported(home: Home) -> None:
    first, second = (json_bytes(error(text)) for text in ("您已达到总请求数限制", "second"))
    shape = Shape(
        "",
        refusal(429, first + second),
        7,
        in_stderr=["您已达到总请求数限制"],
        not_printed=["second"],
    )
    shape.check(home)


def test_a_compressed_web_page_is_not_shown(home: Home) -> None:
    page = gzip.compress(INDEX_PAGE.encode())
    script = refusal(200, page, content_type=HTML, headers=[("Content-Encoding", "gzip")])
    Shape("", script, 6, not_printed=MARKUP).check(home)


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
