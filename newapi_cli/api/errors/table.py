"""The error table: one rule per case, read by the program, by docs/errors.md and by the tests.

The first rule that matches decides, so specific rules come before general ones. Texts are compared
only where nothing else distinguishes two cases: for servers before 2026-04, and for what a key may
not do. The gateway writes them in the user's language, so each is listed in English, in its two
kinds of Chinese, and as old servers wrote it.
"""

from __future__ import annotations

from newapi_cli.api.errors.rules import GATEWAY, OWN, PROVIDER, UNTYPED, BodyForm, ErrorRule, When
from newapi_cli.errors import (
    AuthenticationError,
    ContextTooLongError,
    GatewayError,
    LimitError,
    ModelNotFoundError,
    NetworkError,
    NextStep,
    Reason,
    profile_command,
)
from newapi_cli.i18n import tr

FROM_500 = range(500, 1000)
USE_MODEL = NextStep.USE_MODEL
LOGIN = profile_command("newapi login")
LIST_SETTINGS = profile_command("newapi config list")
KEY_HINT = tr(
    "check the key with `{settings}`, or store another with `{login}`",
    settings=LIST_SETTINGS,
    login=LOGIN,
)
MODELS_HINT = tr("list the models of this key: `{models}`", models=profile_command("newapi models"))
TOP_UP_HINT = tr("top up the account or raise the key's limit in the gateway's console")
RAISE_LIMIT_HINT = tr(
    "raise the key's limit in the gateway's console, or store another key: `{login}`",
    login=LOGIN,
)
WAIT_HINT = tr("retry later")
WAIT_OR_MODEL_HINT = tr("retry later, or use another model: {step}", step=USE_MODEL)
REPORT_HINT = tr(
    "use another model ({step}), and report this to the gateway's operator", step=USE_MODEL
)
RETRY_OR_MODEL_HINT = tr("retry, or use another model: {step}", step=USE_MODEL)
OPERATOR_HINT = tr("contact the gateway's operator")
INSPECT_HINT = tr(
    "inspect the request with `{command}`, the settings with `{settings}`",
    command=profile_command("newapi chat", "--curl"),
    settings=LIST_SETTINGS,
)
REPHRASE_HINT = tr("rephrase the prompt")
PROXY_HINT = tr("check --proxy and any proxy in front of the gateway")
DOCTOR = profile_command("newapi doctor")
DOCTOR_HINT = tr("run `{doctor}`", doctor=DOCTOR)

# The status that an error of these types or codes has if it is inside a response of another status.
# Only the letters of a name count.
NAMED_STATUSES = {
    **dict.fromkeys(("invalidrequesterror", "badrequesterror", "invalidargument"), 400),
    **dict.fromkeys(("authenticationerror", "invalidapikey", "unauthorized", "unauthenticated",
        "invalidauthenticationerror", "incorrectapikeyerror", "invalidtoken",
        "authenticationfailed"), 401),
    **dict.fromkeys(("billingerror", "paymentrequired"), 402),
    **dict.fromkeys(("permissionerror", "permissiondenied", "permissiondeniederror", "forbidden",
        "accessdenied", "accessdeniedexception"), 403),
    **dict.fromkeys(("notfounderror", "modelnotfound", "notfound"), 404),
    **dict.fromkeys(("requesttoolarge", "payloadtoolarge"), 413),
    **dict.fromkeys(("ratelimitexceeded", "ratelimiterror", "ratelimited", "ratelimit",
        "ratelimitreached", "ratelimitreachederror", "toomanyrequests", "toomanyrequestserror",
        "resourceexhausted", "throttling", "throttlingexception", "throttlingratequota",
        "throttlingallocationquota", "limitrequests", "limitburstrate", "requestslimitexceeded",
        "engineoverloadederror", "quotaexceeded"), 429),
    **dict.fromkeys(("servererror", "internalerror", "internalservererror", "apierror",
        "internalserverexception", "modelstreamerrorexception"), 500),
    **dict.fromkeys(("overloadederror", "overloaded", "unavailable", "serviceunavailable",
        "serviceunavailableerror", "serviceunavailableexception", "serveroverloaded"), 503),
    **dict.fromkeys(("timeouterror", "timeout", "deadlineexceeded"), 504),
}  # fmt: skip

# fmt: off
KEY_EXPIRED = ErrorRule(
    AuthenticationError, Reason.KEY_EXPIRED, tr("the key has expired"),
    "The key has an expiration date, and it has passed.",
    tr("change its expiration date in the gateway's console, or store a new key: `{login}`",
       login=LOGIN),
    When((200, 401, 403), OWN, texts=("令牌…已过期", "令牌…已過期", "token has expired")),
)
KEY_EXHAUSTED = ErrorRule(
    LimitError, Reason.KEY_QUOTA_EXHAUSTED, tr("the key's quota is used up"),
    "The key has its own limit and has used it up; the account may still have quota.",
    RAISE_LIMIT_HINT,
    When((200, 401, 403), OWN, texts=(
        "令牌…额度已用尽", "令牌…額度已用盡", "token quota is exhausted")),
)
KEY_DISABLED = ErrorRule(
    AuthenticationError, Reason.KEY_DISABLED, tr("the key is disabled"),
    "Its owner or the gateway's operator has disabled it. Some servers report this for a moment"
    " for a valid key.",
    tr("retry, enable it in the gateway's console, or store another key: `{login}`",
       login=profile_command("newapi login")),
    When((200, 401, 403), OWN, texts=(
        "令牌状态不可用", "令牌狀態不可用", "token status is unavailable")),
)
KEY_REJECTED_BY_SERVER = ErrorRule(
    AuthenticationError, Reason.KEY_REJECTED_BY_SERVER, tr("the server rejected the key"),
    "The server is not a gateway of New API's family, or a rate limiter answered.",
    KEY_HINT, When((401,), UNTYPED),
)
UNEXPECTED_STATUS = ErrorRule(
    GatewayError, Reason.UNEXPECTED_STATUS, tr("the server sent an unexpected status"),
    "A proxy or a cache answers, or the server is not a gateway: a gateway answers with 200.",
    PROXY_HINT, When(range(100, 200)),
)
EMPTY_ANSWER = UNEXPECTED_STATUS._replace(
    reason=Reason.EMPTY_ANSWER, message=tr("the server sent an empty answer"), when=When(()),
)
HTML_PAGE = ErrorRule(
    GatewayError, Reason.HTML_PAGE, tr("the server sent a web page instead of an API response"),
    "The base URL is that of a web site, or of the gateway's console, not of its API.",
    NextStep.CHECK_BASE_URL, When(form=BodyForm.HTML),
)
ERROR_IN_STREAM = ErrorRule(
    GatewayError, Reason.ERROR_IN_STREAM, tr("the gateway reported an error in its answer"),
    "The model's provider failed after the gateway had begun to answer with HTTP 200.",
    RETRY_OR_MODEL_HINT, When(()),
)
INVALID_RESPONSE = ErrorRule(
    GatewayError, Reason.INVALID_RESPONSE, tr("the server sent an invalid response"),
    "It is not an event stream, not JSON, or JSON without an answer: often the base URL is wrong,"
    " or a proxy answers.",
    NextStep.CHECK_BASE_URL, When(()),
)
OUTSIDE_PROTOCOL = INVALID_RESPONSE._replace(
    reason=Reason.OUTSIDE_PROTOCOL,
    message=tr("the server answered outside the protocol"),
    cause="Something other than a chat API answers at this URL: a status page, a plain text, other"
    " JSON. Its first words are displayed.",
)
OTHER_API = INVALID_RESPONSE._replace(
    reason=Reason.OTHER_API,
    message=tr("the server answered in the format of another API"),
    cause="The URL is that of another API of the server, such as Anthropic's or Ollama's own.",
    hint=tr(
        "use the URL of the server's OpenAI-compatible API, which often ends in /v1: `{login}`",
        login=profile_command("newapi login", "URL"),
    ),
)
PATH_NOT_FOUND = ErrorRule(
    GatewayError, Reason.PATH_NOT_FOUND, tr("the server found nothing at this URL"),
    "The base URL is wrong: /v1 is doubled, it is a page of the console, or a path is missing."
    " Providers also report this for a model that does not support chat.",
    NextStep.CHECK_BASE_URL, When((404, 405)),
)
PAYMENT_REQUIRED = ErrorRule(
    GatewayError, Reason.PAYMENT_REQUIRED, tr("the model's provider requires payment"),
    "The account at the provider has no credit left. It is the gateway's account, or yours if"
    " the server is the provider itself.",
    REPORT_HINT, When((402,)),
)
PROVIDER_QUOTA = ErrorRule(
    LimitError, Reason.PROVIDER_QUOTA_EXHAUSTED,
    tr("the quota at the model's provider is used up"),
    "The account at the provider has no credit left. It is the gateway's account, or yours if"
    " the server is the provider itself.",
    tr("top up your account at the provider, or contact the gateway's operator"),
    When(codes=("insufficient_quota", "exceeded_current_quota_error", "Arrearage"),
         types=("insufficient_quota", "exceeded_current_quota_error", "Arrearage")),  # Kimi, Qwen
    is_final=True,
)
# The hints of a request that names no model.
WITHOUT_MODEL = {
    WAIT_OR_MODEL_HINT: WAIT_HINT,
    RETRY_OR_MODEL_HINT: WAIT_HINT,
    REPORT_HINT: OPERATOR_HINT,
    MODELS_HINT: KEY_HINT,
}
HTTPS_ONLY = ("plain http request was sent to https port", "http request to an https server",
    "plain http to an ssl-enabled server", "plain http to an ssl port")
TLS_REQUIRED = ErrorRule(
    GatewayError, Reason.TLS_REQUIRED, tr("the server requires https://"),
    "The base URL begins with http://, and the port speaks only TLS.",
    tr("use https:// in the base URL"), When((400,), texts=HTTPS_ONLY),
)
NO_IMAGES = ("image input is not supported", "image input not supported", "not support image",
    "support image input", "image_url is only supported", "unknown variant `image",
    "images are not supported", "image content is not supported", "image inputs are not supported",
    "not support vision", "vision is not supported", "not a multimodal model", "at most 0 image",
    "multimodal input is not supported", "not support multimodal", "not support multi-modal",
    "image_url…not supported", "image_url' is not supported", "cannot read images",
    "不支持图片", "不支持图像", "不支持图文", "不支援圖片", "不支持视觉", "画像…対応していません")
NO_BALANCE = ("insufficient balance", "insufficient credit", "insufficient_balance",
    "credit balance is too low", "余额不足", "餘額不足", "账户已欠费", "overdue payment", "arrears")
OTHER = ErrorRule(
    GatewayError, Reason.GATEWAY_REFUSED, tr("the gateway refused the request"),
    "None of the other cases; see the server's own words.",
    DOCTOR_HINT, When(),
)

TABLE: tuple[ErrorRule, ...] = (
    ErrorRule(
        GatewayError, Reason.REDIRECTED, tr("the server redirects, and redirects are not followed"),
        "The base URL begins with http:// instead of https://, or the gateway has moved. A redirect"
        " is not followed because it could send the key to another server.",
        tr("if you trust that URL, make it the base URL: `{login}`",
           login=profile_command("newapi login", "URL")),
        When(range(300, 400)),
    ),
    UNEXPECTED_STATUS,
    ErrorRule(
        NetworkError, Reason.PROXY_FAILED, tr("the proxy rejected the request"),
        "The proxy between you and the gateway requires a user name and a password.",
        tr("check the user name and the password in --proxy or the setting `proxy`"),
        When((407,)), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.CLIENT_CERTIFICATE_REQUIRED,
        tr("the server requires a client certificate"),
        "The web server in front of the gateway admits only clients with a certificate.",
        tr("`{command}`, and client_key if its key is in another file",
           command=profile_command("newapi config set", "client_cert PATH")),
        When((400, 401, 403, 495, 496), texts=("no required ssl certificate",
            "client certificate required"), form=BodyForm.HTML),
    ),
    ErrorRule(
        GatewayError, Reason.CLIENT_CERTIFICATE_REJECTED,
        tr("the server rejected the client certificate"),
        "The certificate has expired, or the web server does not know who issued it.",
        tr("check client_cert and client_key: `{settings}`", settings=LIST_SETTINGS),
        When((400, 401, 403, 495, 496), texts=("the ssl certificate error",), form=BodyForm.HTML),
    ),
    TLS_REQUIRED,
    TLS_REQUIRED._replace(when=When((400,), texts=HTTPS_ONLY, form=BodyForm.HTML)),
    # -- codes that decide, whatever the status
    ErrorRule(
        LimitError, Reason.KEY_QUOTA_TOO_LOW,
        tr("the key's quota does not cover this request"),
        "The gateway reserves the price of the longest possible answer, and the key's own limit has"
        " less left; the account may have more.",
        tr("reserve less with a smaller limit ({step}), or raise the key's limit in the gateway's"
           " console", step=NextStep.SET_MAX_TOKENS),
        When(codes=("pre_consume_token_quota_failed",),
            texts=("token quota is not enough", "令牌额度不足")),
        is_final=True,
    ),
    ErrorRule(
        LimitError, Reason.ACCOUNT_QUOTA_TOO_LOW,
        tr("the account's quota does not cover this request"),
        "The gateway reserves the price of the longest possible answer, and the key's account has"
        " less left.",
        tr("a smaller limit ({step}) reserves less; or top up the account in the gateway's console",
           step=NextStep.SET_MAX_TOKENS),
        When(texts=("预扣费额度失败", "預扣費額度失敗")), is_final=True,
    ),
    ErrorRule(
        LimitError, Reason.ACCOUNT_QUOTA_EXHAUSTED,
        tr("the account's quota is used up, or too small for this request"),
        "The key's account has less left than the request may cost.", TOP_UP_HINT,
        When(codes=("insufficient_user_quota",), texts=("user quota is not enough", "用户额度不足",
            "订阅额度不足")),
        is_final=True,
    ),
    PROVIDER_QUOTA,
    PROVIDER_QUOTA._replace(when=When((429,), texts=NO_BALANCE)),
    PROVIDER_QUOTA._replace(when=When((402,), is_direct=True)),
    PATH_NOT_FOUND._replace(when=When((404,), texts=("file not found",))),  # llama.cpp
    ErrorRule(
        ModelNotFoundError, Reason.MODEL_NOT_FOUND,
        tr("the gateway has no such model for this key"),
        "No channel serves this model to the key's group: the name is misspelled, the model belongs"
        " to another group, or all its channels are disabled.",
        MODELS_HINT,
        When(sources=OWN, codes=("model_not_found",), texts=(
            "No available channel for model", "无可用渠道", "無可用管道")),
        is_final=True,
    ),
    ErrorRule(
        ModelNotFoundError, Reason.MODEL_NOT_FOUND,
        tr("the server has no such model for this key"),
        "The provider has no model of this name; a gateway may use another name for it.",
        MODELS_HINT, When((0, 400, 403, 404), (*PROVIDER, *UNTYPED), codes=("model_not_found",),
            types=("not_found_error",), texts=("model…not found", "model…does not exist")),
        is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.SENSITIVE_WORDS, tr("the gateway's word filter rejected the prompt"),
        "The prompt contains a word that is on the list of sensitive words of the gateway's"
        " operator.",
        REPHRASE_HINT, When(sources=OWN, codes=("sensitive_words_detected",)), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.PROMPT_BLOCKED, tr("the model's provider blocked the prompt"),
        "A safety filter of the provider matched something in the prompt.",
        tr("rephrase the prompt, or use another model: {step}", step=USE_MODEL),
        When(codes=("prompt_blocked", "content_filter", "ResponsibleAIPolicyViolation",
            "content_policy_violation", "moderation_blocked", "data_inspection_failed",
            "DataInspectionFailed", "SensitiveContentDetected*",
            "InputTextSensitiveContentDetected", "1301"),
            texts=("content management policy", "your input was flagged", "不安全或敏感内容",
                "input new_sensitive")),
        is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.IMAGE_NOT_SUPPORTED, tr("the model cannot read images"),
        "The prompt or an earlier turn contains an image, and the model accepts only text.",
        tr("leave the image out, or use a model that reads images: {step}", step=USE_MODEL),
        When(texts=NO_IMAGES), is_final=True,
    ),
    PAYMENT_REQUIRED._replace(
        when=When((0, 400, 402, 403), (*PROVIDER, *UNTYPED), texts=NO_BALANCE), is_final=True
    ),
    ErrorRule(
        GatewayError, Reason.PRICE_NOT_SET, tr("the gateway has no price for this model"),
        "No price is set for the model, and the account does not accept models without one.",
        tr("use another model ({step}), or accept models without a price in the gateway's console",
           step=USE_MODEL),
        When(sources=OWN, codes=("model_price_error",)), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.VIOLATION_FEE,
        tr("the model's provider charged a fee for a policy violation"),
        "The provider charges a fee for prompts that violate its policy, and the gateway charged"
        " the key for it.",
        tr("rephrase the prompt; each attempt costs the fee again"),
        When(codes=("violation_fee*",)), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.REQUEST_NOT_CONVERTED,
        tr("the gateway could not convert the request for the model's provider"),
        "An image or a file of a type that this provider does not support, or tools in invalid"
        " JSON.",
        tr("remove attachments, or use another model: {step}", step=USE_MODEL),
        When(sources=OWN, codes=("convert_request_failed",)), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.INVALID_REQUEST, tr("the gateway could not read the request"),
        "A parameter of the wrong type or size, or a proxy that has changed the body.",
        INSPECT_HINT,
        When(sources=OWN, codes=("invalid_request", "bad_request_body", "count_token_failed",
            "gen_relay_info_failed", "invalid_api_type", "json_marshal_failed",
            "invalid_text_request")),
        is_final=True,
    ),
    # -- limits
    ErrorRule(
        LimitError, Reason.PROVIDER_RATE_LIMITED,
        tr("the model's providers are overloaded, or limit the gateway"),
        "Old servers report this for every 429 of a provider.",
        WAIT_OR_MODEL_HINT,
        When((429,), texts=("上游负载已饱和", "上游負載已飽和", "load is saturated")),
    ),
    ErrorRule(
        LimitError, Reason.RATE_LIMITED, tr("rate limited"),
        "The gateway's limits per model and per address send an empty body.",
        WAIT_HINT, When((429,), UNTYPED, form=BodyForm.EMPTY),
    ),
    ErrorRule(
        LimitError, Reason.RATE_LIMITED, tr("rate limited by the gateway"),
        "More requests within a few minutes than the gateway's operator allows.",
        WAIT_HINT, When((429,), OWN),
    ),
    ErrorRule(
        LimitError, Reason.PROVIDER_RATE_LIMITED, tr("rate limited by the model's provider"),
        "The provider's limit applies to all users of the gateway together.",
        WAIT_OR_MODEL_HINT, When((429,)),
    ),
    # -- keys and their permissions
    ErrorRule(
        GatewayError, Reason.BLOCKED_BY_PAGE, tr("a web page blocks the request"),
        "A firewall, a login page or Cloudflare is in front of the gateway; the key may be valid.",
        tr("use another network, or contact the gateway's operator"),
        When((401, 403), form=BodyForm.HTML),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_FAILED, tr("the gateway's database failed"),
        "The gateway could not look the key up; the key may be valid.", WAIT_HINT,
        When((401, 403, 500), OWN, codes=("query_data_error", "update_data_error"),
            texts=("Database error", "database query error", "数据库", "資料庫")),
    ),
    KEY_EXPIRED,
    KEY_EXHAUSTED,
    KEY_DISABLED,
    ErrorRule(
        AuthenticationError, Reason.KEY_MISSING, tr("the gateway received no key"),
        "A proxy has removed the Authorization header.",
        PROXY_HINT,
        When((200, 401), OWN, texts=("未提供令牌", "Token not provided")),
    ),
    ErrorRule(
        AuthenticationError, Reason.KEY_UNKNOWN, tr("the gateway does not recognize this key"),
        "The key is misspelled, truncated or deleted, or it belongs to another gateway.",
        KEY_HINT,
        When((200, 401), OWN, texts=("无效的令牌", "無效的令牌")),
    ),
    ErrorRule(
        AuthenticationError, Reason.KEY_REJECTED, tr("the gateway rejected the key"),
        "The key is unknown, expired, used up or disabled: since April 2026 the gateway sends the"
        " same message for all of them. newapi requests the key's record, once a day, and reports"
        " the cause in it. An OpenAI key (`sk-proj-…`) is not valid for a gateway.",
        KEY_HINT, When((401,), GATEWAY),
    ),
    KEY_REJECTED_BY_SERVER,
    KEY_REJECTED_BY_SERVER._replace(when=When((401,), PROVIDER, is_direct=True)),
    ErrorRule(
        AuthenticationError, Reason.ADDRESS_FORBIDDEN,
        tr("the key is not allowed from this IP address"),
        "The key has a list of IP addresses, and the one that the gateway sees is not listed.",
        tr("add the address to the key in the gateway's console, or use --proxy"),
        When((403,), OWN, codes=("access_denied",), texts=("不在令牌允许访问的列表中",
            "只能在指定网段使用")),
    ),
    ErrorRule(
        AuthenticationError, Reason.ACCOUNT_BANNED, tr("the key's account is banned"),
        "The gateway's operator has banned the user that owns the key.", OPERATOR_HINT,
        When((401, 403), OWN, texts=("User has been banned", "用户已被封禁", "使用者已被封禁")),
    ),
    ErrorRule(
        AuthenticationError, Reason.MODEL_FORBIDDEN, tr("the key is not allowed to use this model"),
        "The key is limited to certain models, and this is not one of them, or it is misspelled.",
        MODELS_HINT,
        When((403,), OWN, texts=("no access to model", "no access to any models", "无权访问模型",
            "无权访问任何模型", "无权使用模型", "無權存取模型", "無權存取任何模型")),
    ),
    ErrorRule(
        AuthenticationError, Reason.GROUP_FORBIDDEN,
        tr("the key's group is forbidden, or no longer exists"),
        "The key belongs to a group that was removed, or that its user is not allowed to use.",
        tr("give the key another group in the gateway's console"),
        When((403,), OWN, texts=("无权访问…分组", "無權存取…分組", "分组…已被弃用", "分组…已被禁用",
            "分組…已被棄用", "No permission to access this group")),
    ),
    ErrorRule(
        AuthenticationError, Reason.CHANNEL_FORBIDDEN,
        tr("the key names a channel, which only administrators can do"),
        "What follows the second `-` of a key is the number of a channel; an OpenAI key"
        " (`sk-proj-…`) looks the same.",
        tr("store the key without its second `-` and what follows: `{login}`", login=LOGIN),
        When((403,), OWN, texts=("普通用户不支持指定渠道", "渠道已被禁用", "管道已被禁用",
            "channel has been disabled")),
    ),
    ErrorRule(
        AuthenticationError, Reason.PERMISSION_DENIED, tr("the key is not allowed to do this"),
        "A limit of the key or of its user, as the server's own words explain.",
        MODELS_HINT, When((403,), OWN),
    ),
    # -- what the user can change
    ErrorRule(
        ContextTooLongError, Reason.CONTEXT_TOO_LONG,
        tr("the conversation is too long for the model"),
        "Prompt, files and earlier turns together exceed the model's context.",
        tr("{shorten}, or use a model with a larger context: {step}",
           shorten=NextStep.SHORTEN, step=USE_MODEL),
        When(form=BodyForm.TOO_LONG), is_final=True,
    ),
    ErrorRule(
        GatewayError, Reason.REQUEST_TOO_LARGE, tr("the request is too large for the server"),
        "The attachments exceed the limit of the gateway, or of a proxy in front of it.",
        tr("send fewer or smaller files"), When((413,)),
    ),
    ErrorRule(
        GatewayError, Reason.PROVIDER_REJECTED_GATEWAY,
        tr("the model's provider rejected the gateway"),
        "The gateway's own key or account at the provider is invalid, or its country is not"
        " supported; your key is valid. If the server is the provider itself, it rejects yours.",
        REPORT_HINT, When((401, 403), PROVIDER),
    ),
    # -- proxies, and the path of the base URL
    ErrorRule(
        GatewayError, Reason.PROXY_TIMEOUT, tr("a proxy in front of the model timed out"),
        "A proxy ends requests without data for 100 to 120 seconds.",
        tr("stream the answer, request a shorter one, or use another model: {step}",
           step=USE_MODEL),
        When((504, 524)),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_DOWN, tr("the proxy in front of the gateway cannot reach it"),
        "The gateway is down or restarting.",
        WAIT_HINT, When((502, 503, *range(520, 524), 525, 526, 530), UNTYPED),
    ),
    ErrorRule(
        GatewayError, Reason.SERVER_FAILED, tr("the server failed with a web page"),
        "A proxy or web server answers instead of the gateway.",
        WAIT_HINT, When(FROM_500, form=BodyForm.HTML),
    ),
    HTML_PAGE,
    PATH_NOT_FOUND,
    ErrorRule(
        GatewayError, Reason.NOT_IMPLEMENTED, tr("the gateway does not support this request"),
        "The gateway knows the URL, but has not implemented it.",
        tr("use another model ({step}), or check the base URL: `{doctor}`",
           step=USE_MODEL, doctor=DOCTOR),
        When((501,)),
    ),
    # -- the gateway and its channels
    ErrorRule(
        GatewayError, Reason.CHANNELS_EXHAUSTED,
        tr("the gateway has no working channel for this model"),
        "Every channel that serves the model has failed.",
        WAIT_OR_MODEL_HINT, When(sources=OWN, codes=("get_channel_failed",),
            texts=("可用渠道不存在", "可用渠道失败", "可用管道", "get available channel")),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_OVERLOADED, tr("the gateway is overloaded"),
        "Its CPU, memory or disk usage is too high, and it accepts no more requests.",
        WAIT_HINT, When(sources=OWN, codes=(
            "system_cpu_overloaded", "system_memory_overloaded", "system_disk_overloaded")),
    ),
    ErrorRule(
        GatewayError, Reason.PROVIDER_UNREACHABLE,
        tr("the gateway cannot reach the model's provider"),
        "The provider is down, or the gateway's connection to it is.",
        WAIT_OR_MODEL_HINT, When(sources=OWN, codes=("do_request_failed", "aws_invoke_error"),
            texts=("请求上游地址失败", "do request failed")),
    ),
    ErrorRule(
        GatewayError, Reason.PROVIDER_RESPONSE_INVALID,
        tr("the gateway could not read the provider's response"),
        "The provider sent something unexpected, or the connection broke.",
        WAIT_OR_MODEL_HINT, When(codes=(
            "bad_response_body", "read_response_body_failed", "bad_response")),
    ),
    ErrorRule(
        GatewayError, Reason.EMPTY_ANSWER, tr("the model sent an empty answer"),
        "Gemini's safety filters blocked it, or the reasoning used up the token limit.",
        tr("retry, rephrase the prompt, or raise the limit: {step}",
           step=NextStep.SET_MAX_TOKENS),
        When(codes=("empty_response",)),
    ),
    ErrorRule(
        GatewayError, Reason.CHANNEL_FAILED, tr("a channel of the gateway has no valid key"),
        "The gateway's keys at the provider are missing or disabled.",
        REPORT_HINT, When(codes=("channel:no_available_key", "channel:invalid_key")),
    ),
    ErrorRule(
        GatewayError, Reason.CHANNEL_FAILED, tr("a channel of the gateway timed out"),
        "The provider did not answer within the time that the gateway's operator allows.",
        WAIT_OR_MODEL_HINT, When(codes=("channel:response_time_exceeded",)),
    ),
    ErrorRule(
        GatewayError, Reason.CHANNEL_FAILED, tr("a channel of the gateway is misconfigured"),
        "Its model mapping, its parameters or its headers are invalid.",
        REPORT_HINT, When(codes=("channel:*",)),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_FAILED, tr("the gateway crashed on this request"),
        "A bug in the gateway.",
        REPORT_HINT, When(types=("new_api_panic", "one_api_panic")),
    ),
    # -- the provider
    ErrorRule(
        GatewayError, Reason.PROVIDER_FAILED,
        tr("the model's provider failed, and the gateway could not read its error"),
        "The provider's error was in no format that the gateway supports.",
        WAIT_OR_MODEL_HINT, When(range(400, 1000), codes=("bad_response_status_code",),
            texts=("bad response status code", "openai_error")),
    ),
    PAYMENT_REQUIRED,
    ErrorRule(
        GatewayError, Reason.PROVIDER_REFUSED, tr("the model's provider refused the request"),
        "A parameter that this model does not support, or a message that it does not allow.",
        INSPECT_HINT, When(range(400, 500), PROVIDER),
    ),
    ErrorRule(
        GatewayError, Reason.PROVIDER_FAILED, tr("the model's provider failed"),
        "The provider is overloaded or has a bug; the request and the key are valid.",
        WAIT_OR_MODEL_HINT, When(FROM_500, PROVIDER),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_FAILED, tr("the gateway failed"),
        "The gateway or something behind it failed; see its own words, if any.",
        WAIT_OR_MODEL_HINT, When(FROM_500),
    ),
    ErrorRule(
        GatewayError, Reason.GATEWAY_REFUSED, tr("the gateway refused the request"),
        "A parameter or a message that it does not allow; see its own words.",
        INSPECT_HINT, When(range(400, 500)),
    ),
    OTHER,
)
# fmt: on
