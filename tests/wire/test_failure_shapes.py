"""Every error response of a gateway, its provider or a proxy (contract, sections 4 and 9)."""

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
        "401 of the gateway, every bad key",
        refusal(401, error(f"Invalid token{SUFFIX}")),
        4,
        told=["Invalid token", REQUEST_ID],
    ),
    Shape(
        "401 of an old gateway, in Chinese and without a code",
        refusal(401, {"error": {"message": f"无效的令牌{SUFFIX}", "type": "new_api_error"}}),
        4,
        told=["无效的令牌", REQUEST_ID],
    ),
    Shape(
        "401 of a relative",
        refusal(401, error("该令牌状态不可用", "one_api_error", None)),
        4,
        told=["该令牌状态不可用"],
    ),
    Shape(
        "401 of another relative",
        refusal(401, error("Invalid token", "one_hub_error", "invalid_token")),
        4,
        told=["Invalid token"],
    ),
    Shape(
        "401 labeled as an event stream",
        refusal(401, error(f"Invalid token{SUFFIX}"), content_type=EVENT_STREAM),
        4,
        told=["Invalid token", REQUEST_ID],
    ),
    Shape("401 without a body, of the user limiter", refusal(401), 4, told=["401"]),
    Shape(
        "401 of the upstream",
        refusal(401, error("Incorrect API key provided", "authentication_error", "bad_key")),
        6,
        told=["Incorrect API key provided"],
    ),
    Shape(
        "401 of an upstream that New API names so",
        refusal(401, error("bad response status code 401", "upstream_error", "401")),
        6,
        told=["bad response status code 401"],
    ),
    Shape(
        "401 of an upstream with OpenAI's type",
        refusal(401, error("You didn't provide an API key.", "invalid_request_error", None)),
        6,
        told=["You didn't provide an API key."],
    ),
    Shape(
        "403 for an address that is not permitted",
        refusal(403, error(f"您的 IP 不在令牌允许访问的列表中{SUFFIX}", code="access_denied")),
        4,
        told=["您的 IP 不在令牌允许访问的列表中", REQUEST_ID],
    ),
    Shape(
        "403 for a model that is not permitted",
        refusal(403, error(f"This token has no access to model gpt-5{SUFFIX}")),
        4,
        told=["This token has no access to model gpt-5"],
    ),
    Shape(
        "403 for a group that is not permitted",
        refusal(403, error("无权访问 vip 分组")),
        4,
        told=["无权访问 vip 分组"],
    ),
    Shape(
        "403 of the upstream",
        refusal(403, error("Country not supported", "permission_error", "unsupported_country")),
        6,
        told=["Country not supported"],
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
    Shape("429 without a body", refusal(429), 7, told=["429"]),
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
    Shape(
        "429 of the upstream",
        refusal(429, error("Rate limit reached for gpt-4o", "rate_limit_error", None)),
        7,
        told=["Rate limit reached for gpt-4o"],
    ),
    Shape(
        "429 that is money, as OpenAI does it",
        refusal(429, error("You exceeded your quota", "insufficient_quota", "insufficient_quota")),
        7,
        told=["You exceeded your quota"],
        args=(),
    ),
    Shape(
        "403 user quota",
        refusal(
            403, error(f"用户额度不足, 剩余额度: ＄0.002{SUFFIX}", code="insufficient_user_quota")
        ),
        7,
        told=["用户额度不足, 剩余额度: ＄0.002", REQUEST_ID],
        args=(),
    ),
    Shape(
        "403 key quota",
        refusal(
            403,
            error(
                "token quota is not enough, token remain quota: ＄0.1, need quota: ＄0.4",
                code="pre_consume_token_quota_failed",
            ),
        ),
        7,
        told=["token remain quota: ＄0.1, need quota: ＄0.4"],
        args=(),
    ),
)


@LIMITS
def test_limits_and_quota_have_their_own_exit_code(home: Home, shape: Shape) -> None:
    shape.check(home)


REFUSED = rows(
    Shape(
        "503 no channel for the model",
        refusal(503, error(f"分组 default 下模型 x 无可用渠道{SUFFIX}", code="model_not_found")),
        6,
        told=["分组 default 下模型 x 无可用渠道", REQUEST_ID],
        args=(),
    ),
    Shape(
        "503 overloaded",
        refusal(503, error("system cpu overloaded", code="system_cpu_overloaded")),
        6,
        told=["system cpu overloaded"],
    ),
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
    Shape(
        "500 with an upstream's unreadable body",
        refusal(
            500,
            error("openai_error", "bad_response_status_code", "bad_response_status_code"),
            headers=[("X-Oneapi-Request-Id", REQUEST_ID)],
        ),
        6,
        told=["openai_error", REQUEST_ID],
    ),
    Shape(
        "500 panic",
        refusal(500, {"error": {"message": "Panic detected", "type": "new_api_panic"}}),
        6,
        told=["Panic detected"],
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
    Shape(
        "success false in a 200",
        refusal(200, {"success": False, "message": "no good"}),
        6,
        told=["no good"],
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
    Shape(
        "524 of a proxy",
        refusal(524, CLOUDFLARE_PAGE, content_type=HTML),
        6,
        told=["524"],
        untold=[*MARKUP, "base URL"],
    ),
    Shape(
        "524 of a proxy as a problem document",
        refusal(
            524,
            {
                "type": "https://developers.cloudflare.com/support/",
                "title": "Error 524: A timeout occurred",
                "status": 524,
                "detail": "The origin web server timed out responding to this request.",
            },
            content_type="application/problem+json",
        ),
        6,
        told=["524", "The origin web server timed out responding to this request."],
    ),
    Shape(
        "413 of a proxy",
        refusal(413, NGINX_PAGE, content_type="text/html"),
        6,
        told=["413", "too large"],
        untold=[*MARKUP, "base URL"],
        args=(),
    ),
    Shape(
        "403 of a proxy that blocks",
        refusal(403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"),
        6,
        told=["403", "Attention Required!"],
        untold=MARKUP,
    ),
    Shape(
        "401 of a proxy's log-in page",
        refusal(401, "<html><title>Log in</title></html>", content_type=HTML),
        6,
        told=["401"],
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
