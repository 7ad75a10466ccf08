"""Every way in which a server refuses, as it comes over the wire, and what is to become of it.

The rows follow the contract's table of gateway errors (4.3), each as servers of 2026-08 send it
and, where they differ, as those of 2025-04 do, without `code` and in Chinese. Then comes what
upstreams, proxies and plain servers say. The tests of the table, of the golden file and of the
real command read them.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.support.wire import DONE, REQUEST_ID, Headers, error, event, json_bytes

SUFFIX = f" (request id: {REQUEST_ID})"
ID_HEADER = ("X-Oneapi-Request-Id", REQUEST_ID)
HTML = "text/html; charset=utf-8"


class Refused(NamedTuple):
    """An answer, the exit code of `newapi chat`, and the beginning of what it says.

    `words` are the server's own, shown as they are. `once`: to ask again would be pointless.
    """

    name: str
    status: int
    body: bytes
    code: int
    says: str
    words: str
    once: bool = False
    request_id: str = REQUEST_ID
    headers: Headers = (ID_HEADER,)
    content_type: str = "application/json"


def own(
    name: str, status: int, text: str, code: str, exit_code: int, says: str, *, once: bool = False
) -> Refused:
    """Give a refusal of New API's own, as it is since 2026."""
    body = json_bytes(error(text + SUFFIX, code=code))
    return Refused(name, status, body, exit_code, says, text, once)


def old(
    name: str, status: int, text: str, exit_code: int, says: str, *, once: bool = False
) -> Refused:
    """Give a refusal of New API's own as it was in April 2025: no code."""
    body = json_bytes({"error": {"message": text + SUFFIX, "type": "new_api_error"}})
    return Refused(f"{name} (2025-04)", status, body, exit_code, says, text, once)


def passed_on(
    name: str, status: int, text: str, type_: str, code: object, exit_code: int, says: str,
    *, once: bool = False,
) -> Refused:  # fmt: skip
    """Give an upstream's refusal, which the gateway passes on; its id is in the headers only."""
    body = json_bytes(error(text, type_, code))
    return Refused(name, status, body, exit_code, says, text, once)


def plain(
    name: str, status: int, body: object, exit_code: int, says: str, words: str,
    *, once: bool = False,
) -> Refused:  # fmt: skip
    """Give a refusal of a server that is no gateway, or of a limiter: no id anywhere."""
    data = body if isinstance(body, bytes) else json_bytes(body)
    return Refused(name, status, data, exit_code, says, words, once, "", ())


def page(name: str, status: int, title: str, says: str, *, request_id: str = "") -> Refused:
    """Give a web page."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    headers = (ID_HEADER,) if request_id else ()
    words = f"the title of the page is “{title}”"
    once = status < 500
    return Refused(name, status, text.encode(), 6, says, words, once, request_id, headers, HTML)


REFUSED_KEY = "the gateway rejected the key"
NO_MODEL = "the gateway has no such model for this key"
RATE_LIMIT = "rate limited by the gateway"
SENSELESS = "the gateway could not read the request"
MISSHAPEN = "a channel of the gateway is misconfigured"
UNREADABLE = "the gateway could not read the provider's response"
BANNED = "the key's account is banned"
GROUP = "the key's group is forbidden"
MODEL = "the key may not use this model"
CHANNEL_KEY = "the key names a channel, which only administrators may do"
EXPIRED, SPENT = "the key has expired", "the key's quota is used up"
DISABLED, UNKNOWN_KEY = "the key is disabled", "the gateway does not know this key"

# -- the contract's table, in its order
GATEWAY: tuple[Refused, ...] = (
    own("key refused", 401, "Invalid token", "", 4, REFUSED_KEY, once=True),
    old("key missing", 401, "未提供令牌", 4, "the gateway received no key", once=True),
    old("key unknown", 401, "无效的令牌", 4, UNKNOWN_KEY, once=True),
    old("key expired", 401, "该令牌已过期", 4, EXPIRED, once=True),
    old("key used up", 401, "该令牌额度已用尽 TokenStatusExhausted[sk-abc***xyz]", 7, SPENT,
        once=True),
    old("key used up, by its remainder", 401,
        "[sk-abc***xyz] 该令牌额度已用尽 !token.UnlimitedQuota && token.RemainQuota = -3", 7, SPENT,
        once=True),
    old("key disabled", 401, "该令牌状态不可用", 4, DISABLED, once=True),
    own("key expired, early 2026", 401, "This token has expired", "", 4, EXPIRED, once=True),
    own("key used up, early 2026", 401, "This token quota is exhausted", "", 7, SPENT, once=True),
    own("key disabled, early 2026", 401, "This token status is unavailable", "", 4, DISABLED,
        once=True),
    own("key missing, early 2026", 401, "Token not provided", "", 4,
        "the gateway received no key", once=True),
    own("key expired, in traditional Chinese", 401, "該令牌已過期", "", 4, EXPIRED, once=True),
    own("database trouble", 500, "Database error, please try again later", "", 6,
        "the gateway's database failed"),
    old("database trouble over a key", 401, "无效的令牌，数据库查询出错，请联系管理员", 6,
        "the gateway's database failed", once=True),
    own("address not permitted", 403, "您的 IP 不在令牌允许访问的列表中", "access_denied", 4,
        "the key may not be used from this IP address", once=True),
    old("address not permitted", 403, "您的 IP 不在令牌允许访问的列表中", 4,
        "the key may not be used from this IP address", once=True),
    own("user banned", 403, "User has been banned", "", 4, BANNED, once=True),
    old("user banned", 403, "用户已被封禁", 4, BANNED, once=True),
    own("group not permitted", 403, "无权访问 vip 分组", "", 4, GROUP, once=True),
    own("group not permitted, in English", 403, "No permission to access this group", "", 4, GROUP,
        once=True),
    own("group retired", 403, "分组 vip 已被弃用", "", 4, GROUP, once=True),
    old("group retired", 403, "令牌分组 vip 已被禁用", 4, GROUP, once=True),
    own("key with a channel", 403, "普通用户不支持指定渠道", "", 4, CHANNEL_KEY, once=True),
    old("key with a channel", 403, "普通用户不支持指定渠道", 4, CHANNEL_KEY, once=True),
    own("key with a channel that is switched off", 403, "This channel has been disabled", "", 4,
        CHANNEL_KEY, once=True),
    own("model not permitted", 403, "This token has no access to model gpt-5", "", 4, MODEL,
        once=True),
    own("no model permitted", 403, "This token has no access to any models", "", 4, MODEL,
        once=True),
    own("model not permitted, in traditional Chinese", 403, "該令牌無權存取模型 gpt-5", "", 4,
        MODEL, once=True),
    old("model not permitted", 403, "该令牌无权访问模型 gpt-5", 4, MODEL, once=True),
    own("no channel", 503, "No available channel for model x under group default (distributor)",
        "model_not_found", 6, NO_MODEL, once=True),
    own("no channel, in Chinese", 503, "分组 default 下模型 x 无可用渠道（distributor）",
        "model_not_found", 6, NO_MODEL, once=True),
    own("no channel, in traditional Chinese", 503, "分組 vip 下模型 x 無可用管道（distributor）",
        "model_not_found", 6, NO_MODEL, once=True),
    old("no channel", 503, "当前分组 default 下对于模型 x 无可用渠道", 6, NO_MODEL, once=True),
    own("out of channels", 500, "分组 default 下模型 x 的可用渠道不存在（retry）",
        "get_channel_failed", 6, "the gateway has no working channel for this model"),
    own("account used up", 403, "用户额度不足, 剩余额度: ＄0.002", "insufficient_user_quota", 7,
        "the account's quota is used up", once=True),
    own("account too small", 403, "预扣费额度失败, 用户剩余额度: ＄0.1, 需要预扣费额度: ＄0.4",
        "insufficient_user_quota", 7, "the account's quota is used up", once=True),
    own("subscription used up", 403, "订阅额度不足", "insufficient_user_quota", 7,
        "the account's quota is used up", once=True),
    old("account used up", 403, "user quota is not enough", 7, "the account's quota is used up",
        once=True),
    own("key's quota too small", 403,
        "token quota is not enough, token remain quota: ＄0.1, need quota: ＄0.4",
        "pre_consume_token_quota_failed", 7, "the key's quota does not cover this request",
        once=True),
    own("no price", 400, "模型 x 倍率或价格未配置; Model x ratio or price not set",
        "model_price_error", 6, "the gateway has no price for this model", once=True),
    own("no price, with 500", 500, "Model x ratio or price not set", "model_price_error", 6,
        "the gateway has no price for this model", once=True),
    own("sensitive words", 500, "sensitive_words_detected", "sensitive_words_detected", 6,
        "the gateway rejected words in the prompt", once=True),
    own("sensitive words, with 400", 400, "sensitive words detected", "sensitive_words_detected", 6,
        "the gateway rejected words in the prompt", once=True),
    own("model limit", 429, "您已达到请求数限制：1分钟内最多请求3次", "", 7, RATE_LIMIT),
    own("model limit, in English", 429,
        "You have reached the request limit: maximum 3 requests in 1 minutes", "", 7, RATE_LIMIT),
    plain("model limit in memory", 429, b"", 7, "rate limited", ""),
    Refused("address limit", 429, b"", 7, "rate limited", "", True, "",
            [("Retry-After", "3600")]),
    own("processor overloaded", 503, "system cpu overloaded", "system_cpu_overloaded", 6,
        "the gateway is overloaded"),
    own("memory overloaded", 503, "system memory overloaded", "system_memory_overloaded", 6,
        "the gateway is overloaded"),
    own("disk overloaded", 503, "system disk overloaded", "system_disk_overloaded", 6,
        "the gateway is overloaded"),
    own("body too large", 413, "request body too large", "read_request_body_failed", 6,
        "the request is too large for the server", once=True),
    own("upstream not reached", 500, "upstream error: do request failed", "do_request_failed", 6,
        "the gateway cannot reach the model's provider"),
    old("upstream not reached", 500, "请求上游地址失败", 6,
        "the gateway cannot reach the model's provider"),
    passed_on("upstream without JSON", 500, "openai_error", "bad_response_status_code",
              "bad_response_status_code", 6, "the model's provider failed"),
    passed_on("upstream without JSON (2025-04)", 502, "bad response status code 502",
              "upstream_error", "502", 6, "the model's provider failed"),
    own("upstream's answer unreadable", 500, "invalid character '<'", "bad_response_body", 6,
        UNREADABLE),
    own("upstream's answer broken off", 500, "unexpected EOF", "read_response_body_failed", 6,
        UNREADABLE),
    own("blocked by Gemini", 400, "request blocked by Gemini API: SAFETY", "prompt_blocked", 6,
        "the model's provider blocked the prompt", once=True),
    own("empty answer of Gemini", 500, "empty response from Gemini API", "empty_response", 6,
        "the model sent an empty answer"),
    own("channel without a key", 500, "no keys available", "channel:no_available_key", 6,
        "a channel of the gateway has no valid key"),
    own("channel with a bad key", 500, "invalid key", "channel:invalid_key", 6,
        "a channel of the gateway has no valid key"),
    own("channel mapped wrongly", 500, "model mapped error", "channel:model_mapped_error", 6,
        MISSHAPEN),
    own("channel's parameters", 500, "bad override", "channel:param_override_invalid", 6,
        MISSHAPEN),
    own("channel's headers", 500, "bad override", "channel:header_override_invalid", 6, MISSHAPEN),
    own("channel of AWS", 500, "no client", "channel:aws_client_error", 6, MISSHAPEN),
    own("channel too slow", 500, "response time exceeded", "channel:response_time_exceeded", 6,
        "a channel of the gateway timed out"),
    own("request not converted", 500, "unsupported MIME type image/heic", "convert_request_failed",
        6, "the gateway could not convert the request", once=True),
    *(
        own(f"other code: {code}", 500, "told so", code, 6, SENSELESS, once=True)
        for code in ("invalid_request", "bad_request_body", "count_token_failed",
                     "gen_relay_info_failed", "invalid_api_type", "json_marshal_failed")
    ),
    own("other code: bad_response", 500, "told so", "bad_response", 6, UNREADABLE),
    own("other code: aws_invoke_error", 500, "told so", "aws_invoke_error", 6,
        "the gateway cannot reach the model's provider"),
    own("other code: query_data_error", 500, "told so", "query_data_error", 6,
        "the gateway's database failed"),
    own("other code: update_data_error", 500, "told so", "update_data_error", 6,
        "the gateway's database failed"),
    own("violation fee", 500, "content violates usage guidelines", "violation_fee.grok.csam", 6,
        "the model's provider charged a fee", once=True),
    own("not built", 501, "API not implemented", "api_not_implemented", 6,
        "the gateway does not support this request", once=True),
    passed_on("wrong path", 404, "Invalid URL (POST /v1/v1/chat/completions)",
              "invalid_request_error", "", 6, "the server has nothing at this URL", once=True),
    plain("crash", 500,
          {"error": {"message": "Panic detected, error: nil map", "type": "new_api_panic"}}, 6,
          "the gateway crashed on this request", "Panic detected, error: nil map"),
    own("model left out", 400, "Model name not specified, model name cannot be empty", "", 6,
        "the gateway refused the request", once=True),
    own("some fault", 500, "something broke", "", 6, "the gateway failed"),
    own("some 403", 403, "you may not", "", 4, "the key may not do this", once=True),
)  # fmt: skip

# -- what others say: upstreams through the gateway, its relatives, proxies, plain servers
OTHERS: tuple[Refused, ...] = (
    passed_on("a relative's key", 401, "该令牌已过期", "one_api_error", None, 4, EXPIRED,
              once=True),
    passed_on("another relative's key", 401, "Invalid token", "one_hub_error", "invalid_token", 4,
              REFUSED_KEY, once=True),
    passed_on("the gateway's key at its upstream", 401, "Incorrect API key provided: sk-1***9",
              "invalid_request_error", "invalid_api_key", 6,
              "the model's provider rejected the gateway", once=True),
    passed_on("country not served", 403, "Country not supported", "permission_error",
              "unsupported_country_region_territory", 6,
              "the model's provider rejected the gateway", once=True),
    passed_on("upstream's limit", 429, "Rate limit reached for gpt-4o", "rate_limit_error", None, 7,
              "rate limited by the model's provider"),
    passed_on("upstream's limit, as old gateways put it", 429,
              "当前分组上游负载已饱和，请稍后再试", "upstream_error", None, 7,
              "the model's providers are overloaded"),
    passed_on("upstream's money", 429, "You exceeded your current quota", "insufficient_quota",
              "insufficient_quota", 7, "the quota at the model's provider is used up", once=True),
    passed_on("upstream unpaid", 402, "Insufficient Balance", "unknown_error", "invalid_request",
              6, "the model's provider requires payment", once=True),
    passed_on("context too long", 400,
              "This model's maximum context length is 8192 tokens. However, your messages resulted"
              " in 9000 tokens.", "invalid_request_error", "context_length_exceeded", 6,
              "the conversation is too long for the model", once=True),
    passed_on("upstream's complaint", 400, "Unsupported value: 'temperature'",
              "invalid_request_error", "unsupported_value", 6,
              "the model's provider refused the request", once=True),
    passed_on("upstream overloaded", 529, "Overloaded", "overloaded_error", None, 6,
              "the model's provider failed"),
    Refused("error inside a stream", 200,
            event(error("upstream failed", "server_error", None)) + DONE, 6,
            "the gateway reported an error in its answer", "upstream failed", True,
            content_type="text/event-stream"),
    Refused("limit inside a stream", 200,
            event(error("Rate limit reached", "insufficient_quota", "insufficient_quota")), 6,
            "the gateway reported an error in its answer", "Rate limit reached", True,
            content_type="text/event-stream"),
    Refused("unknown model in a 200", 200,
            json_bytes(error("The model 'x' does not exist", "invalid_request_error",
                             "model_not_found")), 6,
            "the server has no such model for this key", "The model 'x' does not exist", True),
    plain("plain server: key", 401, {"error": "unauthorized"}, 4, "the server rejected the key",
          "unauthorized", once=True),
    plain("OpenAI: unknown model", 404,
          error("The model `x` does not exist or you do not have access to it.",
                "invalid_request_error", "model_not_found"), 6,
          "the server has no such model for this key",
          "The model `x` does not exist or you do not have access to it.", once=True),
    plain("Ollama: unknown model", 404,
          {"error": {"message": 'model "x" not found, try pulling it first',
                     "type": "api_error"}}, 6, "the server has no such model for this key",
          'model "x" not found, try pulling it first', once=True),
    plain("vLLM: unknown model", 404,
          {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError",
           "code": 404}, 6, "the server has no such model for this key",
          "The model `x` does not exist.", once=True),
    plain("Anthropic: unknown model", 404,
          {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}}, 6,
          "the server has no such model for this key", "model: x", once=True),
    plain("nothing there", 404, b"page not found", 6, "the server has nothing at this URL",
          "page not found", once=True),
    page("the console", 200, "New API", "the server sent a web page",
         request_id=REQUEST_ID),
    page("a page that is not there", 404, "404 Not Found", "the server sent a web page"),
    page("a firewall", 403, "Attention Required! | Cloudflare",
         "a web page blocks the request"),
    page("a log-in page", 401, "Log in", "a web page blocks the request"),
    page("a proxy's limit of size", 413, "413 Request Entity Too Large",
         "the request is too large for the server"),
    page("a proxy before a gateway that is down", 502, "502 Bad Gateway",
         "the proxy in front of the gateway cannot reach it"),
    page("a gateway that starts", 503, "503 Service Temporarily Unavailable",
         "the proxy in front of the gateway cannot reach it"),
    page("a proxy's patience", 504, "504 Gateway Time-out",
         "a proxy in front of the model timed out"),
    page("Cloudflare's patience", 524, "gateway.example | 524: A timeout occurred",
         "a proxy in front of the model timed out"),
    page("a web server that failed", 500, "500 Internal Server Error",
         "the server failed with a web page"),
    plain("Cloudflare's patience, as a problem document", 524,
          {"type": "https://developers.cloudflare.com/support/", "status": 524,
           "title": "Error 524: A timeout occurred",
           "detail": "The origin web server timed out responding to this request."}, 6,
          "a proxy in front of the model timed out",
          "The origin web server timed out responding to this request."),
    Refused("a redirect", 301, b"", 6,
            "the server redirects, and redirects are not followed",
            "to https://gateway.example/v1/chat/completions", True, "",
            [("Location", "https://gateway.example/v1/chat/completions")]),
    Refused("a redirect to nowhere", 302, b"", 6,
            "the server sent a status instead of an answer", "Found", True),
    Refused("what a cache has not seen change", 304, b"", 6,
            "the server sent a status instead of an answer", "Not Modified", True),
    Refused("another protocol", 101, b"", 6,
            "the server sent a status instead of an answer", "Switching Protocols", True),
    Refused("no JSON at all", 200, b"[1, 2]", 6, "the server sent an invalid response",
            "it is neither an event stream nor a completion", True),
    Refused("a refusal without a status", 200,
            json_bytes({"success": False, "message": "not today"}), 6,
            "the gateway reported an error in its answer", "not today", True),
)  # fmt: skip
ALL = (*GATEWAY, *OTHERS)
