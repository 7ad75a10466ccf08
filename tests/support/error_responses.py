"""Error responses of servers as they are on the wire, and the errors to report for them.

First come the gateway's own errors, each as New API 2026-08 sends it and, if that differs, as New
API 2025-04 does, without `code` and in Chinese; then providers, proxies and plain servers.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.support.wire import DONE, REQUEST_ID, Headers, error, event, json_bytes

SUFFIX = f" (request id: {REQUEST_ID})"
ID_HEADER = ("X-Oneapi-Request-Id", REQUEST_ID)
HTML = "text/html; charset=utf-8"


class ErrorResponse(NamedTuple):
    """A response, and the exit code, message and why that `newapi chat` reports for it.

    `message` is the beginning of the message. `is_final`: it is not retried.
    """

    name: str
    status: int
    body: bytes
    code: int
    message: str
    why: str
    is_final: bool = False
    request_id: str = REQUEST_ID
    headers: Headers = (ID_HEADER,)
    content_type: str = "application/json"


def new_api(
    name: str,
    status: int,
    text: str,
    code: str,
    exit_code: int,
    message: str,
    *,
    is_final: bool = False,
) -> ErrorResponse:
    """Return an error of New API itself, as it is since 2026."""
    body = json_bytes(error(text + SUFFIX, code=code))
    return ErrorResponse(name, status, body, exit_code, message, text, is_final)


def old_api(
    name: str, status: int, text: str, exit_code: int, message: str, *, is_final: bool = False
) -> ErrorResponse:
    """Return an error of New API itself, as it was in April 2025, without a code."""
    body = json_bytes({"error": {"message": text + SUFFIX, "type": "new_api_error"}})
    return ErrorResponse(f"{name} (2025-04)", status, body, exit_code, message, text, is_final)


def provider(
    name: str, status: int, text: str, type_: str, code: object, exit_code: int, message: str,
    *, is_final: bool = False,
) -> ErrorResponse:  # fmt: skip
    """Return an error of a provider that the gateway passes on, with its id in the headers."""
    body = json_bytes(error(text, type_, code))
    return ErrorResponse(name, status, body, exit_code, message, text, is_final)


def server(
    name: str, status: int, body: object, exit_code: int, message: str, why: str,
    *, is_final: bool = False,
) -> ErrorResponse:  # fmt: skip
    """Return an error of a plain server, or of a rate limiter, without an id."""
    data = body if isinstance(body, bytes) else json_bytes(body)
    return ErrorResponse(name, status, data, exit_code, message, why, is_final, "", ())


def web_page(
    name: str, status: int, title: str, message: str, *, request_id: str = ""
) -> ErrorResponse:
    """Return a web page."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    headers = (ID_HEADER,) if request_id else ()
    why = f'the title of the page is "{title}"'
    is_final = status < 500
    return ErrorResponse(
        name, status, text.encode(), 6, message, why, is_final, request_id, headers, HTML
    )


REFUSED_KEY = "the gateway rejected the key"
NO_MODEL = "the gateway has no such model for this key"
RATE_LIMIT = "rate limited by the gateway"
SENSELESS = "the gateway could not read the request"
MISSHAPEN = "a channel of the gateway is misconfigured"
UNREADABLE = "the gateway could not read the provider's response"
BANNED = "the key's account is banned"
GROUP = "the key's group is forbidden"
MODEL = "the key is not allowed to use this model"
CHANNEL_KEY = "the key names a channel, which only administrators can do"
EXPIRED, SPENT = "the key has expired", "the key's quota is used up"
DISABLED, UNKNOWN_KEY = "the key is disabled", "the gateway does not recognize this key"

# -- the gateway's own
GATEWAY: tuple[ErrorResponse, ...] = (
    new_api("key refused", 401, "Invalid token", "", 4, REFUSED_KEY, is_final=True),
    old_api("key missing", 401, "未提供令牌", 4, "the gateway received no key", is_final=True),
    old_api("key unknown", 401, "无效的令牌", 4, UNKNOWN_KEY, is_final=True),
    old_api("key expired", 401, "该令牌已过期", 4, EXPIRED, is_final=True),
    old_api("key used up", 401, "该令牌额度已用尽 TokenStatusExhausted[sk-abc***xyz]", 7, SPENT,
        is_final=True),
    old_api("key used up, by its remainder", 401,
        "[sk-abc***xyz] 该令牌额度已用尽 !token.UnlimitedQuota && token.RemainQuota = -3", 7, SPENT,
        is_final=True),
    old_api("key disabled", 401, "该令牌状态不可用", 4, DISABLED, is_final=True),
    new_api("key expired, early 2026", 401, "This token has expired", "", 4, EXPIRED,
        is_final=True),
    new_api("key used up, early 2026", 401, "This token quota is exhausted", "", 7, SPENT,
        is_final=True),
    new_api("key disabled, early 2026", 401, "This token status is unavailable", "", 4,
        DISABLED,
        is_final=True),
    new_api("key missing, early 2026", 401, "Token not provided", "", 4,
        "the gateway received no key", is_final=True),
    new_api("key expired, in traditional Chinese", 401, "該令牌已過期", "", 4, EXPIRED,
        is_final=True),
    new_api("database trouble", 500, "Database error, please try again later", "", 6,
        "the gateway's database failed"),
    old_api("database trouble over a key", 401, "无效的令牌，数据库查询出错，请联系管理员", 6,
        "the gateway's database failed", is_final=True),
    new_api("address not permitted", 403, "您的 IP 不在令牌允许访问的列表中", "access_denied", 4,
        "the key is not allowed from this IP address", is_final=True),
    old_api("address not permitted", 403, "您的 IP 不在令牌允许访问的列表中", 4,
        "the key is not allowed from this IP address", is_final=True),
    new_api("user banned", 403, "User has been banned", "", 4, BANNED, is_final=True),
    old_api("user banned", 403, "用户已被封禁", 4, BANNED, is_final=True),
    new_api("group not permitted", 403, "无权访问 vip 分组", "", 4, GROUP, is_final=True),
    new_api("group not permitted, in English", 403, "No permission to access this group",
        "", 4, GROUP,
        is_final=True),
    new_api("group retired", 403, "分组 vip 已被弃用", "", 4, GROUP, is_final=True),
    old_api("group retired", 403, "令牌分组 vip 已被禁用", 4, GROUP, is_final=True),
    new_api("key with a channel", 403, "普通用户不支持指定渠道", "", 4, CHANNEL_KEY, is_final=True),
    old_api("key with a channel", 403, "普通用户不支持指定渠道", 4, CHANNEL_KEY, is_final=True),
    new_api("key with a channel that is switched off", 403,
        "This channel has been disabled", "", 4,
        CHANNEL_KEY, is_final=True),
    new_api("model not permitted", 403, "This token has no access to model gpt-5", "", 4,
        MODEL,
        is_final=True),
    new_api("no model permitted", 403, "This token has no access to any models", "", 4, MODEL,
        is_final=True),
    new_api("model not permitted, in traditional Chinese", 403, "該令牌無權存取模型 gpt-5", "", 4,
        MODEL, is_final=True),
    old_api("model not permitted", 403, "该令牌无权访问模型 gpt-5", 4, MODEL, is_final=True),
    new_api("no channel", 503,
        "No available channel for model x under group default (distributor)",
        "model_not_found", 6, NO_MODEL, is_final=True),
    new_api("no channel, in Chinese", 503, "分组 default 下模型 x 无可用渠道（distributor）",
        "model_not_found", 6, NO_MODEL, is_final=True),
    new_api("no channel, in traditional Chinese", 503,
        "分組 vip 下模型 x 無可用管道（distributor）",
        "model_not_found", 6, NO_MODEL, is_final=True),
    old_api("no channel", 503, "当前分组 default 下对于模型 x 无可用渠道", 6, NO_MODEL,
        is_final=True),
    new_api("out of channels", 500, "分组 default 下模型 x 的可用渠道不存在（retry）",
        "get_channel_failed", 6, "the gateway has no working channel for this model"),
    new_api("account used up", 403, "用户额度不足, 剩余额度: ＄0.002", "insufficient_user_quota", 7,
        "the account's quota is used up", is_final=True),
    new_api("account too small", 403, "预扣费额度失败, 用户剩余额度: ＄0.1, 需要预扣费额度: ＄0.4",
        "insufficient_user_quota", 7, "the account's quota does not cover this request",
        is_final=True),
    new_api("subscription used up", 403, "订阅额度不足", "insufficient_user_quota", 7,
        "the account's quota is used up", is_final=True),
    old_api("account used up", 403, "user quota is not enough", 7,
        "the account's quota is used up",
        is_final=True),
    new_api("key's quota too small", 403,
        "token quota is not enough, token remain quota: ＄0.1, need quota: ＄0.4",
        "pre_consume_token_quota_failed", 7, "the key's quota does not cover this request",
        is_final=True),
    new_api("no price", 400, "模型 x 倍率或价格未配置; Model x ratio or price not set",
        "model_price_error", 6, "the gateway has no price for this model", is_final=True),
    new_api("no price, with 500", 500, "Model x ratio or price not set",
        "model_price_error", 6,
        "the gateway has no price for this model", is_final=True),
    new_api("sensitive words", 500, "sensitive_words_detected", "sensitive_words_detected", 6,
        "the gateway's word filter rejected the prompt", is_final=True),
    new_api("sensitive words, with 400", 400, "sensitive words detected",
        "sensitive_words_detected", 6,
        "the gateway's word filter rejected the prompt", is_final=True),
    new_api("model limit", 429, "您已达到请求数限制：1分钟内最多请求3次", "", 7, RATE_LIMIT),
    new_api("model limit, in English", 429,
        "You have reached the request limit: maximum 3 requests in 1 minutes", "", 7, RATE_LIMIT),
    server("model limit in memory", 429, b"", 7, "rate limited", ""),
    ErrorResponse("address limit", 429, b"", 7, "rate limited", "", True, "",
            [("Retry-After", "3600")]),
    new_api("processor overloaded", 503, "system cpu overloaded", "system_cpu_overloaded", 6,
        "the gateway is overloaded"),
    new_api("memory overloaded", 503, "system memory overloaded",
        "system_memory_overloaded", 6,
        "the gateway is overloaded"),
    new_api("disk overloaded", 503, "system disk overloaded", "system_disk_overloaded", 6,
        "the gateway is overloaded"),
    new_api("body too large", 413, "request body too large", "read_request_body_failed", 6,
        "the request is too large for the server", is_final=True),
    new_api("upstream not reached", 500, "upstream error: do request failed",
        "do_request_failed", 6,
        "the gateway cannot reach the model's provider"),
    old_api("upstream not reached", 500, "请求上游地址失败", 6,
        "the gateway cannot reach the model's provider"),
    provider("upstream without JSON", 500, "openai_error", "bad_response_status_code",
              "bad_response_status_code", 6, "the model's provider failed"),
    provider("upstream without JSON (2025-04)", 502, "bad response status code 502",
              "upstream_error", "502", 6, "the model's provider failed"),
    new_api("upstream's answer unreadable", 500, "invalid character '<'",
        "bad_response_body", 6,
        UNREADABLE),
    new_api("upstream's answer broken off", 500, "unexpected EOF",
        "read_response_body_failed", 6,
        UNREADABLE),
    new_api("blocked by Gemini", 400, "request blocked by Gemini API: SAFETY",
        "prompt_blocked", 6,
        "the model's provider blocked the prompt", is_final=True),
    new_api("empty answer of Gemini", 500, "empty response from Gemini API",
        "empty_response", 6,
        "the model sent an empty answer"),
    new_api("channel without a key", 500, "no keys available", "channel:no_available_key", 6,
        "a channel of the gateway has no valid key"),
    new_api("channel with a bad key", 500, "invalid key", "channel:invalid_key", 6,
        "a channel of the gateway has no valid key"),
    new_api("channel mapped wrongly", 500, "model mapped error",
        "channel:model_mapped_error", 6,
        MISSHAPEN),
    new_api("channel's parameters", 500, "bad override", "channel:param_override_invalid", 6,
        MISSHAPEN),
    new_api("channel's headers", 500, "bad override", "channel:header_override_invalid", 6,
        MISSHAPEN),
    new_api("channel of AWS", 500, "no client", "channel:aws_client_error", 6, MISSHAPEN),
    new_api("channel too slow", 500, "response time exceeded",
        "channel:response_time_exceeded", 6,
        "a channel of the gateway timed out"),
    new_api("request not converted", 500, "unsupported MIME type image/heic",
        "convert_request_failed",
        6, "the gateway could not convert the request", is_final=True),
    *(
        new_api(f"other code: {code}", 500, "told so", code, 6, SENSELESS, is_final=True)
        for code in ("invalid_request", "bad_request_body", "count_token_failed",
                     "gen_relay_info_failed", "invalid_api_type", "json_marshal_failed")
    ),
    new_api("other code: bad_response", 500, "told so", "bad_response", 6, UNREADABLE),
    new_api("other code: aws_invoke_error", 500, "told so", "aws_invoke_error", 6,
        "the gateway cannot reach the model's provider"),
    new_api("other code: query_data_error", 500, "told so", "query_data_error", 6,
        "the gateway's database failed"),
    new_api("other code: update_data_error", 500, "told so", "update_data_error", 6,
        "the gateway's database failed"),
    new_api("violation fee", 500, "content violates usage guidelines",
        "violation_fee.grok.csam", 6,
        "the model's provider charged a fee", is_final=True),
    new_api("not built", 501, "API not implemented", "api_not_implemented", 6,
        "the gateway does not support this request", is_final=True),
    provider("wrong path", 404, "Invalid URL (POST /v1/v1/chat/completions)",
              "invalid_request_error", "", 6, "the server found nothing at this URL",
              is_final=True),
    server("crash", 500,
          {"error": {"message": "Panic detected, error: nil map", "type": "new_api_panic"}}, 6,
          "the gateway crashed on this request", "Panic detected, error: nil map"),
    new_api("model left out", 400, "Model name not specified, model name cannot be empty",
        "", 6,
        "the gateway refused the request", is_final=True),
    new_api("some fault", 500, "something broke", "", 6, "the gateway failed"),
    new_api("some 403", 403, "you may not", "", 4, "the key is not allowed to do this",
            is_final=True),
)  # fmt: skip

# -- one-api, as of February 2025: no code, the words in Chinese
ONE_API: tuple[ErrorResponse, ...] = tuple(
    ErrorResponse(f"one-api: {name}", status,
        json_bytes({"error": {"message": text + SUFFIX, "type": "one_api_error"}}), code, message,
        text, True)
    for name, status, text, code, message in (
        ("key used up", 401, "令牌 work（#3）额度已用尽", 7, SPENT),
        ("key expired", 401, "该令牌已过期", 4, EXPIRED),
        ("key disabled", 401, "该令牌状态不可用", 4, DISABLED),
        ("address", 403, "该令牌只能在指定网段使用：10.9.8.0/24，当前 ip：10.1.1.1", 4,
            "the key is not allowed from this IP address"),
        ("model", 403, "该令牌无权使用模型：f-ok", 4, MODEL),
    )
)  # fmt: skip

# -- others: providers behind the gateway, related gateways, proxies, plain servers
OTHERS: tuple[ErrorResponse, ...] = (
    provider("a relative's key", 401, "该令牌已过期", "one_api_error", None, 4, EXPIRED,
              is_final=True),
    provider("another relative's key", 401, "Invalid token", "one_hub_error",
        "invalid_token", 4,
              REFUSED_KEY, is_final=True),
    provider("the gateway's key at its upstream", 401, "Incorrect API key provided: sk-1***9",
              "invalid_request_error", "invalid_api_key", 6,
              "the model's provider rejected the gateway", is_final=True),
    provider("country not served", 403, "Country not supported", "permission_error",
              "unsupported_country_region_territory", 6,
              "the model's provider rejected the gateway", is_final=True),
    provider("upstream's limit", 429, "Rate limit reached for gpt-4o", "rate_limit_error",
        None, 7,
              "rate limited by the model's provider"),
    provider("upstream's limit, as old gateways put it", 429,
              "当前分组上游负载已饱和，请稍后再试", "upstream_error", None, 7,
              "the model's providers are overloaded"),
    provider("upstream's money", 429, "You exceeded your current quota", "insufficient_quota",
              "insufficient_quota", 7, "the quota at the model's provider is used up",
        is_final=True),
    provider("upstream unpaid", 402, "Insufficient Balance", "unknown_error",
        "invalid_request",
              6, "the model's provider requires payment", is_final=True),
    provider("context too long", 400,
              "This model's maximum context length is 8192 tokens. However, your messages resulted"
              " in 9000 tokens.", "invalid_request_error", "context_length_exceeded", 6,
              "the conversation is too long for the model", is_final=True),
    provider("upstream's complaint", 400, "Unsupported value: 'temperature'",
              "invalid_request_error", "unsupported_value", 6,
              "the model's provider refused the request", is_final=True),
    provider("picture for a text-only model", 500,
              "image input is not supported - hint: if this is unexpected, you may need to provide"
              " the mmproj", "server_error", 500, 6, "the model cannot read images",
              is_final=True),
    provider("upstream's page", 500, "invalid character '<' looking for beginning of value",
              "bad_response_body", "bad_response_body", 6, UNREADABLE),
    provider("filter of Azure", 400, "The response was filtered", "", "content_filter", 6,
              "the model's provider blocked the prompt", is_final=True),
    provider("upstream without money", 400, "Your credit balance is too low",
              "invalid_request_error", None, 6, "the model's provider requires payment",
              is_final=True),
    provider("upstream without money, as a limit", 429, "余额不足或无可用资源包,请充值。", "",
              "1113", 7, "the quota at the model's provider is used up", is_final=True),
    server("llama.cpp: wrong path", 404,
          {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 6,
          "the server found nothing at this URL", "File Not Found", is_final=True),
    provider("upstream overloaded", 529, "Overloaded", "overloaded_error", None, 6,
              "the model's provider failed"),
    ErrorResponse("error inside a stream", 200,
            event(error("upstream failed", "server_error", None)) + DONE, 6,
            "the gateway reported an error in its answer", "upstream failed", True,
            content_type="text/event-stream"),
    ErrorResponse("limit inside a stream", 200,
            event(error("Rate limit reached", "insufficient_quota", "insufficient_quota")), 7,
            "the quota at the model's provider is used up", "Rate limit reached", True,
            content_type="text/event-stream"),
    ErrorResponse("unknown model in a 200", 200,
            json_bytes(error("The model 'x' does not exist", "invalid_request_error",
                             "model_not_found")), 6,
            "the server has no such model for this key", "The model 'x' does not exist", True),
    server("plain server: key", 401, {"error": "unauthorized"}, 4,
        "the server rejected the key",
          "unauthorized", is_final=True),
    server("OpenAI: key", 401, error("Incorrect API key provided: sk-1***9",
          "invalid_request_error", "invalid_api_key"), 4, "the server rejected the key",
          "Incorrect API key provided: sk-1***9", is_final=True),
    server("llama.cpp: key", 401,
          {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}},
          4, "the server rejected the key", "Invalid API Key", is_final=True),
    server("DeepSeek: no balance", 402, error("Insufficient Balance", "unknown_error",
          "invalid_request_error"), 7, "the quota at the model's provider is used up",
          "Insufficient Balance", is_final=True),
    server("OpenRouter: no credits", 402,
          {"error": {"message": "This request requires more credits", "code": 402}}, 7,
          "the quota at the model's provider is used up", "This request requires more credits",
          is_final=True),
    server("Kimi: no balance", 429, error("Your account is suspended, please check your plan",
          "exceeded_current_quota_error", None), 7, "the quota at the model's provider is used up",
          "Your account is suspended, please check your plan", is_final=True),
    server("Qwen: no balance", 400, error("Access denied, is your account in good standing?",
          "Arrearage", "Arrearage"), 7, "the quota at the model's provider is used up",
          "Access denied, is your account in good standing?", is_final=True),
    provider("one-api crashed", 500, "Panic detected, error: index out of range", "one_api_panic",
          "one_api_panic", 6, "the gateway crashed on this request"),
    server("a proxy without its password", 407, b"", 5, "the proxy rejected the request", "",
          is_final=True),
    server("Go: https only", 400, b"Client sent an HTTP request to an HTTPS server.", 6,
          "the server requires https://", "Client sent an HTTP request to an HTTPS server.",
          is_final=True),
    web_page("nginx: https only", 400, "400 The plain HTTP request was sent to HTTPS port",
         "the server requires https://"),
    web_page("nginx: no certificate", 400, "400 No required SSL certificate was sent",
         "the server requires a client certificate"),
    web_page("nginx: invalid certificate", 400, "400 The SSL certificate error",
         "the server rejected the client certificate"),
    server("OpenAI: unknown model", 404,
          error("The model `x` does not exist or you do not have access to it.",
                "invalid_request_error", "model_not_found"), 6,
          "the server has no such model for this key",
          "The model `x` does not exist or you do not have access to it.", is_final=True),
    server("Ollama: unknown model", 404,
          {"error": {"message": 'model "x" not found, try pulling it first',
                     "type": "api_error"}}, 6, "the server has no such model for this key",
          'model "x" not found, try pulling it first', is_final=True),
    server("vLLM: unknown model", 404,
          {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError",
           "code": 404}, 6, "the server has no such model for this key",
          "The model `x` does not exist.", is_final=True),
    server("Anthropic: unknown model", 404,
          {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}, 6,
          "the server has no such model for this key", "model: x", is_final=True),
    server("nothing there", 404, b"page not found", 6,
        "the server found nothing at this URL",
          "page not found", is_final=True),
    web_page("the console", 200, "New API", "the server sent a web page",
         request_id=REQUEST_ID),
    web_page("a page that is not there", 404, "404 Not Found", "the server sent a web page"),
    web_page("a firewall", 403, "Attention Required! | Cloudflare",
         "a web page blocks the request"),
    web_page("a log-in page", 401, "Log in", "a web page blocks the request"),
    web_page("a proxy's limit of size", 413, "413 Request Entity Too Large",
         "the request is too large for the server"),
    web_page("a proxy before a gateway that is down", 502, "502 Bad Gateway",
         "the proxy in front of the gateway cannot reach it"),
    web_page("a gateway that starts", 503, "503 Service Temporarily Unavailable",
         "the proxy in front of the gateway cannot reach it"),
    web_page("a proxy's patience", 504, "504 Gateway Time-out",
         "a proxy in front of the model timed out"),
    web_page("Cloudflare's patience", 524, "gateway.example | 524: A timeout occurred",
         "a proxy in front of the model timed out"),
    web_page("a web server that failed", 500, "500 Internal Server Error",
         "the server failed with a web page"),
    server("Cloudflare's patience, as a problem document", 524,
          {"type": "https://developers.cloudflare.com/support/", "status": 524,
           "title": "Error 524: A timeout occurred",
           "detail": "The origin web server timed out responding to this request."}, 6,
          "a proxy in front of the model timed out",
          "The origin web server timed out responding to this request."),
    ErrorResponse("a redirect", 301, b"", 6,
            "the server redirects, and redirects are not followed",
            "to https://gateway.example/v1/chat/completions", True, "",
            [("Location", "https://gateway.example/v1/chat/completions")]),
    ErrorResponse("a redirect to nowhere", 302, b"", 6,
            "the server sent an unexpected status", "Found", True),
    ErrorResponse("what a cache has not seen change", 304, b"", 6,
            "the server sent an unexpected status", "Not Modified", True),
    ErrorResponse("another protocol", 101, b"", 6,
            "the server sent an unexpected status", "Switching Protocols", True),
    ErrorResponse("no answer", 200, b"[1, 2]", 6, "the server answered outside the protocol",
            "[1, 2]", True),
    ErrorResponse("no text in an answer", 200, json_bytes({"choices": [{"message": 5}]}), 6,
            "the server sent an invalid response",
            "it is neither an event stream nor a completion", True),
    ErrorResponse("another API", 200,
            json_bytes({"type": "message", "role": "assistant",
                        "content": [{"type": "text", "text": "Hello"}]}), 6,
            "the server answered in the format of another API",
            "it looks like Anthropic's Messages API", True),
    ErrorResponse("a refusal without a status", 200,
            json_bytes({"success": False, "message": "not today"}), 6,
            "the gateway reported an error in its answer", "not today", True),
)  # fmt: skip
ALL = (*GATEWAY, *ONE_API, *OTHERS)
