"""What each refusal means: one table, read by the program, by docs/errors.md and by the tests.

The first row that fits explains a refusal, so rows that ask for more stand above those that ask
for less. Who speaks decides with the status: New API passes the 401, 403 and 429 of its upstreams
on (contract, section 4.2). A text is asked for where nothing else tells two cases apart: on servers
before 2026-04, and for what a key may not do. Texts are told in the language of the person, so each
stands in English, in the gateway's two kinds of Chinese, and as old servers had it.
"""

from __future__ import annotations

from newapi_cli.api.errors.hints import DOCTOR_HINT, SHORTER_HINT, STANDS_BEFORE_HINT, URL_HINT
from newapi_cli.api.errors.rows import GATEWAY, OWN, PROVIDER, UNNAMED, Explanation, Shape, When
from newapi_cli.errors import (
    AuthenticationError,
    ContextTooLongError,
    GatewayError,
    LimitError,
    ModelNotFoundError,
)

FROM_500 = range(500, 1000)
KEY_HINT = "check the key with `newapi config list`, or store another with `newapi login`"
LIST_HINT = "`newapi models` lists what this key may use"
CONSOLE_HINT = "make another key there and store it with `newapi login`"
TOP_UP_HINT = "top up the account or raise the key's limit in the gateway's console"
LATER_HINT = "ask again in a while"
AGAIN_HINT = "ask again in a while, or another model: -m NAME"
OTHER_HINT = "ask another model (-m NAME), and tell who runs the gateway"
RUNS_HINT = "ask who runs the gateway"
SEE_HINT = "`newapi chat --curl …` shows what is sent, `newapi config list` where it is set"

# fmt: off
KEY_EXPIRED = Explanation(
    AuthenticationError, "the key has expired",
    "The key was given an end date, and that has passed.",
    f"move its date in the gateway's console, or {CONSOLE_HINT}",
    When((200, 401, 403), OWN, texts=("令牌已过期", "令牌已過期", "token has expired")),
)
KEY_EXHAUSTED = Explanation(
    LimitError, "the key's quota is used up",
    "The key has a limit of its own and has spent it; the account may still have money.",
    "raise the key's limit in the gateway's console, or store another key with `newapi login`",
    When((200, 401, 403), OWN, texts=(
        "令牌额度已用尽", "令牌額度已用盡", "token quota is exhausted")),
)
KEY_REFUSED = Explanation(
    AuthenticationError, "the gateway refused the key",
    "The key is unknown, expired, used up or disabled: since April 2026 the gateway says the same"
    " to all. newapi asks once a day for the key's record, and tells what that says. A key of"
    " OpenAI's (`sk-proj-…`) is none of a gateway's.",
    KEY_HINT, When((401,), GATEWAY),
)
KEY_REFUSED_PLAINLY = Explanation(
    AuthenticationError, "the server refused the key",
    "The server names no type of error: a server that is no gateway, or a limiter of one.",
    KEY_HINT, When((401,), UNNAMED),
)
MODEL_FORBIDDEN = Explanation(
    AuthenticationError, "the key may not use this model",
    "The key was made for certain models, and this is none of them, or its name is misspelled.",
    LIST_HINT,
    When((403,), OWN, texts=("no access to model", "no access to any models", "无权访问模型",
        "无权访问任何模型", "无权使用模型", "無權存取模型", "無權存取任何模型")),
)
KEY_UNKNOWN = Explanation(
    AuthenticationError, "the gateway knows no such key",
    "The key is misspelled, cut, deleted, or another gateway's.",
    KEY_HINT,
    When((200, 401), OWN, texts=("无效的令牌", "無效的令牌")),
)
NO_CHANNEL = Explanation(
    ModelNotFoundError, "the gateway has no such model for this key",
    "No channel serves a model of this name to the key's group: the name is misspelled, the model"
    " is another group's, or all its channels are switched off.",
    LIST_HINT,
    When(speakers=OWN, codes=("model_not_found",), texts=(
        "No available channel for model", "无可用渠道", "無可用管道")),
    comes_again=True,
)
GATEWAY_REFUSED = Explanation(
    GatewayError, "the model's provider refused the gateway's request",
    "The gateway's own key or account at the provider is at fault, or where the provider allows"
    " its use; your key is good. Where the server is the provider itself, it refuses yours.",
    OTHER_HINT, When((401, 403), PROVIDER),
)
PAGE = Explanation(
    GatewayError, "the server answered with a web page, not with an API answer",
    "The base URL leads to a web site, or to the gateway's console, instead of its API.",
    URL_HINT, When(shape=Shape.PAGE),
)
IN_STREAM = Explanation(
    GatewayError, "the gateway reported an error inside its answer",
    "The model's provider failed after the gateway had begun to answer with HTTP 200.",
    "ask again, or another model: -m NAME", When(()),
)
NOT_UNDERSTOOD = Explanation(
    GatewayError, "the server answered outside the protocol",
    "No event stream, no JSON, or JSON that is no answer: often a wrong base URL, or a proxy.",
    URL_HINT, When(()),
)
NO_ANSWER = Explanation(
    GatewayError, "the server sent a status in place of an answer",
    "A proxy or a cache on the way, or a server that is no gateway: a gateway answers with 200.",
    STANDS_BEFORE_HINT, When(range(100, 200)),
)
OTHERWISE = Explanation(
    GatewayError, "the gateway refused the request",
    "None of the cases above; the server's own words say more.",
    DOCTOR_HINT, When(),
)

TABLE: tuple[Explanation, ...] = (
    Explanation(
        GatewayError, "the server redirects elsewhere, and a redirect is never followed",
        "The base URL begins with http:// where https:// is wanted, or the gateway has moved; what"
        " follows a redirect would carry the key to another place.",
        f"if that place is right, make it the base URL; {URL_HINT}", When(range(300, 400)),
    ),
    NO_ANSWER,
    # -- codes that say all, whatever the status
    Explanation(
        LimitError, "the key's quota does not cover this request",
        "The gateway reserves the price of the longest answer before it asks, and the key's own"
        " limit has less left; the account may have more.",
        "a smaller --max-tokens reserves less; or raise the key's limit in the gateway's console",
        When(codes=("pre_consume_token_quota_failed",),
            texts=("token quota is not enough", "令牌额度不足")),
        comes_again=True,
    ),
    Explanation(
        LimitError, "the account's quota is used up, or too small for this request",
        "The account that the key belongs to has less left than the request may cost.", TOP_UP_HINT,
        When(codes=("insufficient_user_quota",), texts=("user quota is not enough", "用户额度不足",
            "预扣费额度失败", "订阅额度不足")),
        comes_again=True,
    ),
    Explanation(
        LimitError, "the quota at the model's provider is used up",
        "The provider's account has no money left: the gateway's, or yours where the server is the"
        " provider itself.", f"top up the account at the provider; behind a gateway, {RUNS_HINT}",
        When(codes=("insufficient_quota",), types=("insufficient_quota",)), comes_again=True,
    ),
    NO_CHANNEL,
    Explanation(
        ModelNotFoundError, "the server has no such model for this key",
        "The provider knows no model of this name; a gateway may call it by a name of its own.",
        LIST_HINT, When((0, 400, 403, 404), (*PROVIDER, *UNNAMED), codes=("model_not_found",),
            types=("not_found_error",), texts=("model…not found", "model…does not exist")),
        comes_again=True,
    ),
    Explanation(
        GatewayError, "the gateway does not pass these words on",
        "Whoever runs the gateway has a list of sensitive words, and the prompt holds one.",
        "say it in other words", When(speakers=OWN, codes=("sensitive_words_detected",)),
        comes_again=True,
    ),
    Explanation(
        GatewayError, "the gateway has no price for this model",
        "Nobody has set a price for the model, and the account does not accept models without one.",
        "ask another model (-m NAME), or accept models without a price in the console's settings",
        When(speakers=OWN, codes=("model_price_error",)), comes_again=True,
    ),
    Explanation(
        GatewayError, "the model's provider charged a fee for what it holds to be a violation",
        "The provider fines prompts against its rules, and the gateway has charged it to the key.",
        "say it in other words: each try costs the fee again", When(codes=("violation_fee*",)),
        comes_again=True,
    ),
    Explanation(
        GatewayError, "the gateway could not convert the request for the model's provider",
        "A picture or file of a kind that this provider does not take, or tools in bad JSON.",
        "leave attachments out, or ask another model: -m NAME",
        When(speakers=OWN, codes=("convert_request_failed",)), comes_again=True,
    ),
    Explanation(
        GatewayError, "the gateway cannot make sense of the request",
        "A parameter of the wrong type or size, or a body that a proxy has changed.", SEE_HINT,
        When(speakers=OWN, codes=("invalid_request", "bad_request_body", "count_token_failed",
            "gen_relay_info_failed", "invalid_api_type", "json_marshal_failed",
            "invalid_text_request")),
        comes_again=True,
    ),
    # -- limits
    Explanation(
        LimitError, "the model's providers are overloaded, or limit the gateway",
        "Old servers say this in place of whatever an upstream said with its 429.",
        AGAIN_HINT, When((429,), texts=("上游负载已饱和", "上游負載已飽和", "load is saturated")),
    ),
    Explanation(
        LimitError, "a rate limit is reached",
        "The gateway's limiters by model and by address send no words.",
        LATER_HINT, When((429,), UNNAMED, shape=Shape.EMPTY),
    ),
    Explanation(
        LimitError, "the gateway's rate limit is reached",
        "Too many requests in the minutes that whoever runs the gateway has set.",
        LATER_HINT, When((429,), OWN),
    ),
    Explanation(
        LimitError, "the rate limit of the model's provider is reached",
        "The gateway shares the provider's limit with all its users.", AGAIN_HINT, When((429,)),
    ),
    # -- keys, and what they may do
    Explanation(
        GatewayError, "a web page turns the request away",
        "A firewall, a log-in page or Cloudflare stands before the gateway; the key may be good.",
        f"ask from another network, or {RUNS_HINT}", When((401, 403), shape=Shape.PAGE),
    ),
    Explanation(
        GatewayError, "the gateway has trouble with its database",
        "The gateway could not look the key up; the key may be good.", LATER_HINT,
        When((401, 403, 500), OWN, codes=("query_data_error", "update_data_error"),
            texts=("Database error", "database query error", "数据库", "資料庫")),
    ),
    KEY_EXPIRED,
    KEY_EXHAUSTED,
    Explanation(
        AuthenticationError, "the key is disabled",
        "Its owner or whoever runs the gateway has switched the key off; some servers say so for a"
        " moment to a good key.",
        f"ask again, switch it on in the gateway's console, or {CONSOLE_HINT}",
        When((200, 401, 403), OWN, texts=(
            "令牌状态不可用", "令牌狀態不可用", "token status is unavailable")),
    ),
    Explanation(
        AuthenticationError, "no key arrived at the gateway",
        "A proxy on the way has taken the Authorization header out.",
        "check --proxy and what stands before the gateway",
        When((200, 401), OWN, texts=("未提供令牌", "Token not provided")),
    ),
    KEY_UNKNOWN,
    KEY_REFUSED,
    KEY_REFUSED_PLAINLY,
    Explanation(
        AuthenticationError, "the key may not be used from this address",
        "The key has a list of addresses, and the one that the gateway sees is not on it.",
        "add the address to the key in the gateway's console, or use --proxy",
        When((403,), OWN, codes=("access_denied",), texts=("不在令牌允许访问的列表中",)),
    ),
    Explanation(
        AuthenticationError, "the account of the key is banned",
        "Whoever runs the gateway has banned the user whom the key belongs to.", RUNS_HINT,
        When((401, 403), OWN, texts=("User has been banned", "用户已被封禁", "使用者已被封禁")),
    ),
    MODEL_FORBIDDEN,
    Explanation(
        AuthenticationError, "the key's group is not permitted, or there is no such group any more",
        "The key belongs to a group of the gateway that its user may not use, or that was retired.",
        "give the key another group in the gateway's console",
        When((403,), OWN, texts=("无权访问…分组", "無權存取…分組", "分组…已被弃用", "分组…已被禁用",
            "分組…已被棄用", "No permission to access this group")),
    ),
    Explanation(
        AuthenticationError, "the key names a channel, which only administrators may",
        "What follows the second `-` of a key is a channel's number; a pasted key of OpenAI's"
        " (`sk-proj-…`) looks so too.",
        "store the key without what follows its second `-`: `newapi login`",
        When((403,), OWN, texts=("普通用户不支持指定渠道", "渠道已被禁用", "管道已被禁用",
            "channel has been disabled")),
    ),
    Explanation(
        AuthenticationError, "the key is not permitted to do this",
        "A limit of the key or its user that the server's own words name.",
        LIST_HINT, When((403,), OWN),
    ),
    # -- what the person can change
    Explanation(
        ContextTooLongError, "the conversation is too long for the model",
        "Prompt, files and the turns before are more than the model's context holds.",
        SHORTER_HINT, When(shape=Shape.TOO_LONG), comes_again=True,
    ),
    Explanation(
        GatewayError, "the request is too large for the server",
        "Attachments: the gateway, or a proxy before it, takes only so many megabytes.",
        "send fewer or smaller files", When((413,)),
    ),
    GATEWAY_REFUSED,
    Explanation(
        GatewayError, "the provider blocked the request",
        "Gemini's filters found something in the prompt.",
        "say it in other words, or ask another model: -m NAME", When(codes=("prompt_blocked",)),
        comes_again=True,
    ),
    # -- the way to the server
    Explanation(
        GatewayError, "the server in front of the model gave up waiting",
        "A proxy ends requests that bring nothing for 100 to 120 seconds.",
        "let the answer stream, ask for less, or ask another model: -m NAME",
        When((504, 524)),
    ),
    Explanation(
        GatewayError, "the server in front of the gateway cannot reach it",
        "The gateway is down or starting again, and its proxy answers in its place.",
        LATER_HINT, When((502, 503, *range(520, 524), 525, 526, 530), UNNAMED),
    ),
    Explanation(
        GatewayError, "the server failed, and answered with a web page",
        "A proxy or web server speaks in the gateway's place.",
        LATER_HINT, When(FROM_500, shape=Shape.PAGE),
    ),
    PAGE,
    Explanation(
        GatewayError, "the server has nothing at this address",
        "The base URL is wrong: a doubled /v1, a page of the console, or a missing path. Providers"
        " say so too of a model that is none for conversations.",
        URL_HINT, When((404, 405)),
    ),
    Explanation(
        GatewayError, "the gateway does not offer this",
        "The address is known, but nothing was built behind it.",
        f"ask another model (-m NAME); {URL_HINT}", When((501,)),
    ),
    # -- the gateway and its channels
    Explanation(
        GatewayError, "the gateway ran out of channels for this model",
        "Every channel that serves the model has failed.",
        AGAIN_HINT, When(speakers=OWN, codes=("get_channel_failed",),
            texts=("可用渠道不存在", "可用渠道失败", "可用管道", "get available channel")),
    ),
    Explanation(
        GatewayError, "the gateway is overloaded",
        "Its processor, memory or disk is nearly full, and it takes no more requests.",
        LATER_HINT, When(speakers=OWN, codes=(
            "system_cpu_overloaded", "system_memory_overloaded", "system_disk_overloaded")),
    ),
    Explanation(
        GatewayError, "the gateway cannot reach the model's provider",
        "The provider is down, or the gateway's way to it is.",
        AGAIN_HINT, When(speakers=OWN, codes=("do_request_failed", "aws_invoke_error"),
            texts=("请求上游地址失败", "do request failed")),
    ),
    Explanation(
        GatewayError, "the gateway could not read the provider's answer",
        "The provider answered with something else than the gateway expects, or broke off.",
        AGAIN_HINT, When(speakers=OWN, codes=(
            "bad_response_body", "read_response_body_failed", "bad_response")),
    ),
    Explanation(
        GatewayError, "the model gave an empty answer",
        "Gemini's filters, or a limit that its thinking has used up.",
        "ask again, say it in other words, or allow more: --max-tokens",
        When(codes=("empty_response",)),
    ),
    Explanation(
        GatewayError, "a channel of the gateway has no key that works",
        "The keys of the gateway's account at the provider are missing or switched off.",
        OTHER_HINT, When(codes=("channel:no_available_key", "channel:invalid_key")),
    ),
    Explanation(
        GatewayError, "a channel of the gateway took too long",
        "The provider did not answer in the time that whoever runs the gateway has set.",
        AGAIN_HINT, When(codes=("channel:response_time_exceeded",)),
    ),
    Explanation(
        GatewayError, "a channel of the gateway is set up wrongly",
        "Its mapping of models, its parameters or its headers are at fault.",
        OTHER_HINT, When(codes=("channel:*",)),
    ),
    Explanation(
        GatewayError, "the gateway crashed over this request",
        "A fault of the gateway's program.",
        OTHER_HINT, When(types=("new_api_panic",)),
    ),
    # -- the provider behind it
    Explanation(
        GatewayError, "the model's provider failed, and the gateway could not read its error",
        "The provider's words were in no form that the gateway reads.",
        AGAIN_HINT, When(range(400, 1000), codes=("bad_response_status_code",),
            texts=("bad response status code", "openai_error")),
    ),
    Explanation(
        GatewayError, "the model's provider wants to be paid",
        "The provider's account has no money left: the gateway's, or yours at the provider itself.",
        OTHER_HINT, When((402,)),
    ),
    Explanation(
        GatewayError, "the model's provider refused the request",
        "A parameter that this model does not take, or a message that it does not allow.",
        SEE_HINT, When(range(400, 500), PROVIDER),
    ),
    Explanation(
        GatewayError, "the model's provider failed",
        "The provider is overloaded or has a fault; the request and the key are good.",
        AGAIN_HINT, When(FROM_500, PROVIDER),
    ),
    Explanation(
        GatewayError, "the gateway failed",
        "A fault of the gateway or of what runs behind it, told in its own words if at all.",
        AGAIN_HINT, When(FROM_500),
    ),
    Explanation(
        GatewayError, "the gateway refused the request",
        "A parameter or a message that it does not allow; its own words say more.",
        SEE_HINT, When(range(400, 500)),
    ),
    OTHERWISE,
)
# fmt: on
