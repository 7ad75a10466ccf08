"""Errors from a status and its body: those of the gateway, of its upstreams and of proxies."""

from __future__ import annotations

import json
import time

import pytest

from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.explain import (
    error_from_response,
    error_in_stream,
    html_error,
    invalid_response,
)
from newapi_cli.api.errors.wrappers import read_error
from newapi_cli.api.json_values import decode_json
from newapi_cli.errors import (
    AuthenticationError,
    ContextTooLongError,
    GatewayError,
    LimitError,
    ModelNotFoundError,
    NewapiError,
    NextStep,
)
from tests.support.cases import each
from tests.support.wire import error

AUTH, LIMIT, GATEWAY = AuthenticationError, LimitError, GatewayError
UPSTREAM = "invalid_request_error"

# Status, type, code: which error of ours it is.
TABLE: list[tuple[int, str | None, object, type[NewapiError]]] = [
    # -- the gateway's own
    (401, "new_api_error", "", AUTH),
    (401, "new_api_error", None, AUTH),
    (500, "new_api_error", "", GATEWAY),
    (403, "new_api_error", "access_denied", AUTH),
    (403, "new_api_error", "", AUTH),
    (503, "new_api_error", "model_not_found", ModelNotFoundError),
    (500, "new_api_error", "get_channel_failed", GATEWAY),
    (403, "new_api_error", "insufficient_user_quota", LIMIT),
    (403, "new_api_error", "pre_consume_token_quota_failed", LIMIT),
    (400, "new_api_error", "model_price_error", GATEWAY),
    (500, "new_api_error", "model_price_error", GATEWAY),
    (500, "new_api_error", "sensitive_words_detected", GATEWAY),
    (429, "new_api_error", "", LIMIT),
    (503, "new_api_error", "system_cpu_overloaded", GATEWAY),
    (503, "new_api_error", "system_memory_overloaded", GATEWAY),
    (503, "new_api_error", "system_disk_overloaded", GATEWAY),
    (413, "new_api_error", "read_request_body_failed", GATEWAY),
    (500, "new_api_error", "do_request_failed", GATEWAY),
    (500, "new_api_error", "bad_response_body", GATEWAY),
    (500, "new_api_error", "read_response_body_failed", GATEWAY),
    (400, "new_api_error", "prompt_blocked", GATEWAY),
    (500, "new_api_error", "empty_response", GATEWAY),
    (500, "new_api_error", "channel:no_available_key", GATEWAY),
    (500, "new_api_error", "channel:invalid_key", GATEWAY),
    (500, "new_api_error", "channel:model_mapped_error", GATEWAY),
    (500, "new_api_error", "channel:response_time_exceeded", GATEWAY),
    (500, "new_api_error", "convert_request_failed", GATEWAY),
    (500, "new_api_error", "count_token_failed", GATEWAY),
    (500, "new_api_error", "invalid_request", GATEWAY),
    (400, "new_api_error", "bad_request_body", GATEWAY),
    (500, "new_api_panic", None, GATEWAY),
    (501, "new_api_error", "api_not_implemented", GATEWAY),
    (404, "invalid_request_error", "", GATEWAY),
    # -- its relatives
    (401, "one_api_error", None, AUTH),
    (401, "one_hub_error", None, AUTH),
    (401, "some_fork_api_error", "", AUTH),
    (401, None, "", AUTH),
    (403, None, None, AUTH),
    (429, "one_hub_error", None, LIMIT),
    # -- its upstreams, passed on with their status
    (401, "authentication_error", "invalid_api_key", GATEWAY),
    (401, UPSTREAM, "invalid_api_key", GATEWAY),
    (401, "upstream_error", "", GATEWAY),
    (401, "bad_response_status_code", "bad_response_status_code", GATEWAY),
    (403, "permission_error", None, GATEWAY),
    (402, UPSTREAM, None, GATEWAY),
    (429, "rate_limit_error", "rate_limit_exceeded", LIMIT),
    (429, "insufficient_quota", "insufficient_quota", LIMIT),
    (400, UPSTREAM, "insufficient_quota", LIMIT),
    (404, UPSTREAM, "model_not_found", ModelNotFoundError),
    (404, "not_found_error", None, ModelNotFoundError),
    (400, UPSTREAM, "context_length_exceeded", ContextTooLongError),
    (500, "server_error", 1234, GATEWAY),
    (529, "overloaded_error", None, GATEWAY),
    (418, "teapot", None, GATEWAY),
    (999, None, None, GATEWAY),
]


def error_of(status: int, body: bytes, *, location: str = "") -> NewapiError:
    try:
        error_object = read_error(decode_json(body))
    except ValueError:
        error_object = ErrorObject("")
    return error_from_response(status, error_object, body, location=location)


@each(("status", "type_", "code", "kind"), TABLE)
def test_an_error_response_becomes_the_error_of_the_table(
    status: int, type_: str | None, code: object, kind: type[NewapiError]
) -> None:
    body = json.dumps(error("用户 said no (request id: 42)", type_, code)).encode()
    failure = error_of(status, body)
    assert type(failure) is kind
    assert failure.why == "用户 said no"
    assert failure.request_id == "42"
    assert failure.message.endswith(f" (HTTP {status})")


@each(
    ("status", "kind"),
    [(401, AUTH), (403, AUTH), (429, LIMIT), (500, GATEWAY), (404, GATEWAY), (503, GATEWAY)],
)
@each("body", [b"", b"no", b"5", b"null", b"[]", b"{}", b'{"error":null}'])
def test_an_empty_or_invalid_body_does_not_change_the_error(
    status: int, kind: type[NewapiError], body: bytes
) -> None:
    failure = error_of(status, body)
    assert type(failure) is kind
    assert failure.why == ""


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"success": False, "message": "m", "code": "AUTH_UNAUTHORIZED"}, AUTH),
        (401, {"error": "m"}, AUTH),
        (524, {"type": "about:blank", "title": "m", "status": 524}, GATEWAY),
        (500, {"detail": "m"}, GATEWAY),
        (400, {"type": "error", "error": {"type": "x", "message": "m"}}, GATEWAY),
    ],
)
def test_the_message_is_kept_from_every_form_of_error(
    status: int, body: dict[str, object], kind: type[NewapiError]
) -> None:
    failure = error_of(status, json.dumps(body).encode())
    assert type(failure) is kind
    assert failure.why == "m"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_a_redirect_is_reported_with_its_target(status: int) -> None:
    failure = error_of(status, b"<html>moved</html>", location="https://elsewhere.example/v1")
    assert type(failure) is GatewayError
    assert str(status) in failure.message
    assert "https://elsewhere.example/v1" in failure.why
    assert "base URL" in failure.hint


@each("status", [400, 401, 403, 404, 413, 500, 502, 503, 504, 524])
def test_a_web_page_is_reported_by_its_title(status: int) -> None:
    page = b"<html><head><title>bad gateway</title></head><body>secret</body></html>"
    failure = error_of(status, page)
    assert type(failure) is GatewayError
    assert str(status) in failure.message
    assert failure.why == 'the title of the page is "bad gateway"'
    assert "secret" not in failure.message + failure.why + failure.hint


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (b"<html><title></title>", ""),
        (b"<html><body>x</body></html>", 'the page begins with "x"'),
        (
            b"<html><title>405</title><script>if (a<b) {}</script><p>blocked</p>",
            'the page begins with "blocked"',
        ),
        (
            b"<!doctypehtml><title>Error</title><pre>Cannot POST /v1</pre>",
            'the page begins with "Cannot POST /v1"',
        ),
        (b"<html><title>404</title>", 'the title of the page is "404"'),
        (b"<html><title>\n \xe4\xbd\xa0 \n</title>", 'the title of the page is "你"'),
        (b"<html><title>a\n  b</title>", 'the title of the page is "a b"'),
    ],
)
def test_the_title_of_a_page_is_reported_or_else_its_first_words(page: bytes, why: str) -> None:
    assert html_error(page, 200).why == why


@pytest.mark.parametrize("title", ["word " * 1000, "你" * 1000], ids=["words", "no spaces"])
def test_a_long_title_is_truncated(title: str) -> None:
    why = html_error(f"<html><title>{title}</title>".encode(), 200).why
    assert why.startswith(f'the title of the page is "{title[:9].strip()}')
    assert why.endswith('…"')
    assert len(why) < 250


@pytest.mark.parametrize(
    "body", [b"<!---->" * 26 + b"x", b"<!-- " * 30_000, b"<html>" + b"<title" * 40_000]
)
def test_a_web_page_is_recognized_in_linear_time(body: bytes) -> None:
    started = time.process_time()
    assert type(error_of(500, body)) is GatewayError
    assert time.process_time() - started < 2


def test_a_wrong_path_leads_to_the_base_url() -> None:
    body = json.dumps(error("Invalid URL (POST /v1/v1/chat/completions)", UPSTREAM)).encode()
    assert error_of(404, body).hint == NextStep.CHECK_BASE_URL
    assert html_error(b"<html>", 200).hint == NextStep.CHECK_BASE_URL


def test_an_unknown_model_is_reported_so() -> None:
    body = json.dumps(error("No available channel for model x", code="model_not_found")).encode()
    failure = error_of(503, body)
    assert type(failure) is ModelNotFoundError
    assert "no such model" in failure.message
    assert "newapi models" in failure.hint


def test_a_low_key_quota_and_an_empty_account_have_different_errors() -> None:
    poor, empty = (
        error_of(403, json.dumps(error("m", code=code)).encode())
        for code in ("pre_consume_token_quota_failed", "insufficient_user_quota")
    )
    assert "--max-tokens" in poor.hint
    assert poor.message != empty.message


@pytest.mark.parametrize(
    ("error_object", "why"),
    [
        (ErrorObject("m", "t", "c"), "m"),
        (ErrorObject("", "t", "c"), "c"),
        (ErrorObject("", "t"), "t"),
        (ErrorObject(""), ""),
    ],
)
def test_an_error_in_a_stream_is_reported_by_its_message_code_or_type(
    error_object: ErrorObject, why: str
) -> None:
    failure = error_in_stream(error_object._replace(request_id="rid"))
    assert type(failure) is GatewayError
    assert (failure.why, failure.request_id) == (why, "rid")


def test_an_invalid_response_has_a_reason() -> None:
    failure = invalid_response("too odd", "rid")
    assert type(failure) is GatewayError
    assert (failure.why, failure.request_id) == ("too odd", "rid")
