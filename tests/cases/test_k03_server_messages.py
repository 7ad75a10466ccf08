"""K3: what a server says when it refuses is displayed, in whatever it is wrapped.

runpod-workers/worker-vllm#57, lobehub#10255, ggml-org/llama.cpp#16109,
nomtek/mistralai_client_dart#44, zed-industries/zed#64424, anomalyco/opencode#23773,
Azure/azure-sdk-for-net#48145.
"""

from __future__ import annotations

import gzip
import json
import zlib

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.api.chat.response_reader import no_answer
from newapi_cli.api.http.exchange import ResponseHead
from newapi_cli.domain.completion import Chunk
from tests.cases.answers import ask_server, error_in, played
from tests.cases.error_bodies import WRAPPED, Wrapped
from tests.support.cases import each
from tests.support.home import CANARY, Home
from tests.support.wire import DONE, chunk, event, json_bytes, response

TEXT = event(chunk("Once upon"))
BROTLI = b"\x8b\x12\x80\xf1\xf2\x07no such luck\x03"


@each(
    ("name", "code", "out", "shown"),
    [
        ("err_object", 6, "Once upon\n", ["why: the engine ran out of blocks"]),
        ("err_field", 6, "Once upon\n", ["why: context shift is disabled"]),
        ("ok200_codemsg", 6, "", ["why: token is invalid"]),
        ("ok200_basersp", 6, "", ["why: insufficient balance"]),
        ("e422", 6, "", ["why: body.seed: Extra inputs are not permitted"]),
        ("mistral422", 6, "",
         ["why: body.temperature: Input should be less than or equal to 1.5"]),
        ("eor", 7, "",
         ["error: rate limited by the model's provider", "why: SomeVendor: somevendor/some-model"]),
        ("eor400", 6, "", ["why: SomeVendor: tool_choice is not supported by this model"]),
        ("ecf", 4, "", ["why: Authentication error"]),
        ("eaz", 6, "", ["why: The response was filtered (violence: medium)",
                        "try: rephrase the prompt"]),
    ],
)  # fmt: skip
def test_the_reported_cases(home: Home, name: str, code: int, out: str, shown: list[str]) -> None:
    result = ask_server(home, played(name))
    assert (result.code, result.text) == (code, out), result.err
    assert [text for text in shown if text not in result.err] == [], result.err
    assert "empty answer" not in result.err
    assert "require_finish_reason" not in result.err


@each("wrapped", WRAPPED, ids=lambda wrapped: wrapped.name)
def test_the_words_of_an_http_error_are_displayed(home: Home, wrapped: Wrapped) -> None:
    result = ask_server(home, response(400, json_bytes(wrapped.value)))
    assert result.code in (6, 7), result.err
    assert f"  why: {wrapped.words}\n" in result.err, result.err


@each("wrapped", WRAPPED, ids=lambda wrapped: wrapped.name)
def test_the_words_of_an_error_in_a_success_are_displayed(wrapped: Wrapped) -> None:
    body = json_bytes(wrapped.value)
    forms = {
        "whole": body,
        "whole, after heartbeats": b"\n \n" + body,
        "event": b"data: " + body + b"\n\n",
        "event and [DONE]": b"data: " + body + b"\n\n" + DONE,
        "CRLF": b"data: " + body + b"\r\n\r\n",
        "after comments, without data:": b": PING\n\n: PING\n\n" + body + b"\n",
        "of the type error": b"event: error\ndata: " + body + b"\n\n",
        "field error": b": PING\n\nerror: " + body + b"\n\n",
    }
    for name, form in forms.items():
        for size in (0, 7):
            error = error_in(form, size)
            assert error.why == wrapped.words, (name, size, error.message)
            assert error.exit_code.value in (6, 7), name


@each("wrapped", [w for w in WRAPPED if w.is_marked], ids=lambda wrapped: wrapped.name)
def test_an_error_after_some_text_has_its_words_and_exit_code_6(wrapped: Wrapped) -> None:
    body = json_bytes(wrapped.value)
    for form in (b"data: " + body + b"\n\n" + DONE, body + b"\n", b"error: " + body + b"\n\n"):
        error = error_in(TEXT + form)
        assert (error.why, error.exit_code.value) == (wrapped.words, 6), form


@each("wrapped", [w for w in WRAPPED if not w.is_marked], ids=lambda wrapped: wrapped.name)
def test_a_bare_message_is_an_error_only_at_the_end_of_a_cut_stream(wrapped: Wrapped) -> None:
    message = b"data: " + json_bytes(wrapped.value) + b"\n\n"
    assert error_in(TEXT + message).why == wrapped.words
    decoder = BodyDecoder("")
    rest = event(chunk(" a time", finish="stop")) + DONE
    chunks = [*decoder.feed(TEXT + message + rest), *decoder.end()]
    texts = [each.content for each in chunks if isinstance(each, Chunk)]
    assert "".join(texts) == "Once upon a time"


@each(
    ("body", "words"),
    [
        (b"error: the model crashed\n\n", "the model crashed"),
        (b"error:the model crashed", "the model crashed"),
        (b"error:\n  message: no GPU left\n  code: 500\n", "no GPU left"),
        (b'error: {\n  "code": 500,\n  "message": "no GPU left"\n}\n\n', "no GPU left"),
        (b"data: [ERROR] the model crashed\n\n", "[ERROR] the model crashed"),
        (b"data: Error: the model crashed\n\n", "Error: the model crashed"),
        (b"event: error\ndata: the model crashed\n\n", "the model crashed"),
        (b"event: error\r\ndata: \"the model crashed\"\r\n\r\n", "the model crashed"),
        (b"event: exception\ndata: {\"message\":\"the model crashed\"}\n\n", "the model crashed"),
        (b"event:modelStreamErrorException\ndata:{\"message\":\"crashed\"}\n\n", "crashed"),
        (b"data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":"
         b"{\"code\":\"server_error\",\"message\":\"gave up\"}}}\n\n", "gave up"),
        (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied"
         b"</Message></Error>", None),
    ],
)  # fmt: skip
def test_other_forms_of_an_error_in_a_stream(body: bytes, words: str | None) -> None:
    for size in (0, 1, 3):
        error = error_in(body, size)
        assert words is None or error.why == words, (size, error.message)
        if words is not None and not body.startswith(b"data"):
            assert error_in(TEXT + body, size).why == words


@each(
    ("status", "body", "words"),
    [
        (502, b"upstream connect error or disconnect/reset before headers",
         "upstream connect error or disconnect/reset before headers"),
        (400, b'"the model name is wrong"', "the model name is wrong"),
        (400, json.dumps(json.dumps({"error": {"message": "quoted twice"}})).encode(),
         "quoted twice"),
        (403, b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>'
              b"Access Denied</Message></Error>", "Access Denied"),
        (500, b"<soap:Envelope><soap:Body><soap:Fault><faultstring>no such operation</faultstring>"
              b"</soap:Fault></soap:Body></soap:Envelope>", "no such operation"),
        (400, b"code: 400\nmessage: the model is unknown\n",
         "code: 400 message: the model is unknown"),
        (429, b'data: {"error":{"message":"slow down"}}\n\ndata: [DONE]\n\n', "slow down"),
        (400, b'event: error\r\ndata: {"detail":"slow down"}\r\n\r\n', "slow down"),
        (503, b"<html><body><h1>503 Service Unavailable</h1></body></html>",
         'the title of the page is "503 Service Unavailable"'),
        (404, b"404 page not found", "404 page not found"),
        (429, b"error code: 1015", "error code: 1015"),
        (500, "服务器繁忙".encode(), "服务器繁忙"),
        (502, json_bytes({"error": {"message": "bad response body: <!DOCTYPE html><html><head>"
                                    "<title>Just a moment</title></head></html>"}}),
         "bad response body: Just a moment"),
    ],
)  # fmt: skip
def test_other_forms_of_an_http_error(status: int, body: bytes, words: str) -> None:
    assert no_answer(ResponseHead(status, {}), body).error.why == words


def test_the_words_in_an_empty_completion_are_displayed() -> None:
    choice = {"finish_reason": "stop", "index": 0, "message": {"content": "", "role": "assistant"}}
    blocked = {"status_code": 1027, "status_msg": "output new_sensitive"}
    body = json_bytes({"id": "x", "choices": [choice], "base_resp": blocked})
    assert error_in(body).why == "output new_sensitive"
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "base_resp": blocked}
    assert error_in(TEXT + event(last) + DONE).why == "output new_sensitive"


@each("delta", [{"error": "it broke"}, {"content": "", "error": {"message": "it broke"}}])
def test_an_error_in_a_delta_is_displayed(delta: dict[str, object]) -> None:
    broken = {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    assert error_in(TEXT + event(broken) + DONE).why == "it broke"


def test_a_compressed_error_is_read(home: Home) -> None:
    body = json_bytes({"error": {"message": "no such luck"}})
    for data, encoding, code in (
        (gzip.compress(body), "gzip", 6), (zlib.compress(body), "deflate", 6), (body, "br", 6),
        (gzip.compress(body), "identity", 6), (body, "gzip", 6), (BROTLI, "br", 6),
        (gzip.compress(b" " * 50_000_000), "gzip", 6), (b"\x1f\x8bbroken", "gzip", 6),
    ):  # fmt: skip
        headers = [("Content-Encoding", encoding)]
        result = ask_server(home, response(400, data, headers=headers))
        assert result.code == code, result.err
        is_read = len(data) < 1000 and data != BROTLI and b"broken" not in data
        assert ("why: no such luck" in result.err) is is_read
        assert ("it is compressed (br)" in result.err) is (data == BROTLI)


@each(
    ("body", "content_type", "why"),
    [
        ('{"error":{"message":"模型不存在，请检查"}}'.encode("gbk"), "application/json",
         "模型不存在，请检查"),
        ('{"msg":"余额不足"}'.encode("gb18030"), "application/json; charset=GBK", "余额不足"),
        ("服务器内部错误，请稍后再试".encode("gbk"), "text/plain", "服务器内部错误，请稍后再试"),
        ('<html><head><meta charset="gb2312"><title>访问被拒绝</title>'.encode("gbk"), "text/html",
         'the title of the page is "访问被拒绝"'),
        ('{"error":"密鑰無效"}'.encode("big5"), "application/json; charset=big5", "密鑰無效"),
        ('{"error":"キーが無効です"}'.encode("shift_jis"), "text/plain; charset=Shift_JIS",
         "キーが無効です"),
        ('{"error":"clé refusée"}'.encode("latin-1"), "application/json; charset=iso-8859-1",
         "clé refusée"),
        ('{"error":"sixteen bits"}'.encode("utf-16"), "application/json", "sixteen bits"),
        (b'\xef\xbb\xbf{"error":"after a mark"}', "application/json", "after a mark"),
        (("太长" * 3).encode()[:-1], "text/plain", "太长太长太"),
        ('{"error":"无效的模型"}'.encode(), "application/json; charset=nonsense", "无效的模型"),
        (bytes(range(128, 256)) * 3, "application/octet-stream", "binary data"),
    ],
)  # fmt: skip
def test_an_error_in_another_encoding_is_read(body: bytes, content_type: str, why: str) -> None:
    error = no_answer(ResponseHead(400, {"content-type": content_type}), body).error
    assert error.why.rstrip("\ufffd") == why


@each(
    "value",
    [
        {"object": "list", "data": [], "error": None},
        {"choices": [{"delta": {"content": "a"}}], "error": {}, "errors": []},
        {"code": 0, "message": "Success", "sid": "x", "choices": [{"delta": {"content": "a"}}]},
        {"code": 0, "message": "Success", "choices": [], "usage": {"total_tokens": 3}},
        {"code": 200, "msg": "success", "data": {}},
        {"success": True, "message": "", "data": {}},
        {"code": True, "message": "ok", "data": {}},
        {"errcode": 0, "errmsg": "ok"},
        {"base_resp": {"status_code": 0, "status_msg": ""}, "choices": []},
        {"error": {"code": 0, "message": ""}, "choices": []},
        {"error": "", "errors": {}, "success": "true"},
        {"type": "ping"},
        {"status": "processing", "message": "Searching the web"},
        {"event": "progress", "detail": "step 1 of 2"},
        {"message": {"role": "assistant", "content": "hi"}, "done": False},
        {"status": "ok", "version": "1.2"},
    ],
)
def test_what_reports_no_failure_is_no_error_between_the_pieces_of_an_answer(
    value: object,
) -> None:
    decoder = BodyDecoder("")
    body = TEXT + event(value) + event(chunk(" a time", finish="stop")) + DONE
    list(decoder.feed(body))
    list(decoder.end())
    assert decoder.is_end_confirmed


def test_a_key_in_nested_words_is_masked(home: Home) -> None:
    escaped = CANARY.replace("-", "\\u002d")
    bodies = [
        json_bytes({"error": {"message": "Provider returned error", "metadata": {
            "raw": json.dumps({"error": f"key {CANARY} is wrong"}), "provider_name": CANARY}}}),
        b'{"detail":"%s"}' % escaped.encode(),
        json_bytes({"detail": [{"loc": ["body", CANARY], "msg": f"no {CANARY[3:]}"}]}),
        f"Authorization: Bearer {CANARY}".encode(),
    ]  # fmt: skip
    for body in bodies:  # a `Result` with the key in its output fails
        assert "****" in ask_server(home, response(400, body)).err
        assert "****" in ask_server(home, response(200, body)).err
    whole = b'{"status":"ok","key":"%s"}' % escaped.encode()
    assert "****" in ask_server(home, response(200, whole)).err
