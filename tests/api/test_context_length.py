"""Messages of providers about a conversation that is too long, and about other problems.

The texts are from users' reports and from the providers' documentation; the last five of the
Chinese ones are examples of what relays make of them.
"""

from __future__ import annotations

import json
import time

import pytest

from newapi_cli.api.errors.context_length import is_too_long
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.explain import error_from_response, error_in_stream
from newapi_cli.api.errors.wrappers import read_error
from newapi_cli.api.http.retry import is_transient_status
from newapi_cli.api.json_values import decode_json
from newapi_cli.errors import ContextTooLongError, ExitCode, GatewayError, LimitError
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.steps import Send, sse
from tests.support.wire import chunk, error, event, response

TOO_LONG = {
    "OpenAI, 2023": "This model's maximum context length is 8192 tokens. However, your messages "
    "resulted in 9619 tokens. Please reduce the length of the messages.",
    "OpenAI, completions": "This model's maximum context length is 8191 tokens, however you "
    "requested 8238 tokens (8238 in your prompt; 0 for the completion). Please reduce your prompt; "
    "or completion length.",
    "OpenAI": "Your input exceeds the context window of this model. Please adjust your input and "
    "try again.",
    "Azure": "The input (or prompt) is too long. Reduce the length of the prompt and try again.",
    "LiteLLM": "Requested token count exceeds the model's maximum context length of 131072 tokens.",
    "some relay": "Input length (265330) exceeds model's maximum context length (262144).",
    "Anthropic": "prompt is too long: 213462 tokens > 200000 maximum",
    "Anthropic, with max_tokens": "input length and `max_tokens` exceed context limit: 178959 + "
    "64000 > 200000, decrease input length or `max_tokens` and try again",
    "Bedrock": "ValidationException: Input is too long for requested model.",
    "Gemini": "The input token count (1200293) exceeds the maximum number of tokens allowed "
    "(1048576).",
    "xAI": "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Groq": "Please reduce the length of the messages or completion.",
    "Mistral": "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 "
    "maximum context length",
    "Cohere": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received "
    "4292. Try using a shorter prompt",
    "DeepSeek": "This model's maximum context length is 131072 tokens. However, you requested "
    "131134 tokens (122942 in the messages, 8192 in the completion). Please reduce the length of "
    "the messages or completion.",
    "OpenRouter": "This endpoint's maximum context length is 131072 tokens. However, you requested "
    "about 250123 tokens (250123 of text input). Please reduce the length of either one, or use "
    'the "middle-out" transform to compress your prompt automatically.',
    "Poolside": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "Together": "The input (233864 tokens) is longer than the model's context length (202752 "
    "tokens).",
    "Copilot": "prompt token count of 140123 exceeds the limit of 128000",
    "MiniMax": "invalid params, context window exceeds limit (2013)",
    "Moonshot": "Invalid request: Your request exceeded model token limit: 262144 (requested: "
    "269030)",
    "DashScope": "<400> InternalError.Algo.InvalidParameter: Range of input length should be "
    "[1, 30720]",
    "Volcengine": "Total tokens of image and text exceed max message tokens. Request id: 0217",
    "Volcengine, GLM": "Input length 203743 exceeds the maximum length 202752",
    "Qianfan": "the max input characters is 20000",
    "SiliconFlow": "length of prompt_tokens (163280) must be less than max_seq_len (32768).",
    "vLLM, 2024": "This model's maximum context length is 16384 tokens. However, you requested "
    "122946 tokens (112946 in the messages, 10000 in the completion). Please reduce the length of "
    "the messages or completion.",
    "vLLM": "This model's maximum context length is 262144 tokens. However, you requested 0 output "
    "tokens and your prompt contains at least 262145 input tokens, for a total of at least 262145 "
    "tokens. Please reduce the length of the input prompt or the number of requested output "
    "tokens.",
    "vLLM, short": "This model's maximum context length is 16384 tokens. However, your request has "
    "18225 input tokens. Please reduce the length of the input messages.",
    "vLLM, max_tokens": "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's "
    "maximum context length is 40960 tokens and your request has 36000 input tokens (8192 > 40960 "
    "- 36000).",
    "vLLM, pictures": "The decoder prompt (length 163840) is longer than the maximum model length "
    "of 131072. Make sure that `max_model_len` is no smaller than the number of text tokens plus "
    "multimodal tokens.",
    "vLLM, 2025": "The prompt (total length 25938) is too long to fit into the model (context "
    "length 4096).",
    "NVIDIA": "You passed 202753 input tokens and requested 0 output tokens. However, the model's "
    "context length is only 202752 tokens, resulting in a maximum input length of 202752 tokens.",
    "SGLang": "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).",
    "TGI": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
    "5000 `inputs` tokens and 100 `max_new_tokens`",
    "TGI, inputs": "Input validation error: `inputs` must have less than 1024 tokens. Given: 5000",
    "llama.cpp": "the request exceeds the available context size. try increasing the context size "
    "or enable context shift",
    "llama.cpp, numbers": "request (14429 tokens) exceeds the available context size (8192 "
    "tokens), try increasing it",
    "llama-cpp-python": "Requested tokens (516) exceed context window of 512",
    "LM Studio": "The number of tokens to keep from the initial prompt is greater than the context "
    "length. Try to load the model with a larger context length, or provide a shorter input",
    "Ollama": "prompt too long; exceeded max context length by 1234 tokens",
    "Ollama, input": "the input length exceeds the context length",
    "Zhipu": "Prompt 超长",
    "Zhipu, long": "输入内容过长，请减少 Prompt 中的 token 数量后重试",
    "Spark": "token数量超过上限。对话历史+问题的字数太多，需要精简输入",
    "Hunyuan": "输入长度超过模型最大长度限制",
    "a relay": "上下文长度超出模型限制",
    "another relay": "超出最大长度限制",
    "one more relay": "请求的 tokens 超过了模型的最大上下文长度 131072",
    "history": "对话内容过长，请新建对话",
}
OTHER = {
    "max_tokens, OpenAI": "max_tokens is too large: 99999. This model supports at most 4096 "
    "completion tokens, whereas you provided 99999.",
    "max_tokens, GLM": "Exceeding the limiting length: [max_tokens should be less or equal to "
    "131072]",
    "max_tokens, DashScope": "Range of max_tokens should be [1, 8192]",
    "max_tokens, Anthropic": "max_tokens: 100000 > 8192, which is the maximum allowed number of "
    "output tokens for claude-3-5-sonnet",
    "max_tokens, Gemini": "Unable to submit request because it has a maxOutputTokens value of "
    "99999 but the supported range is from 1 (inclusive) to 8193 (exclusive).",
    "max_tokens, vLLM": "'max_tokens' or 'max_completion_tokens' is too large: 50000. This model's "
    "maximum context length is 40960 tokens and your request has 12 input tokens (50000 > 40960 - "
    "12).",
    "max_tokens, vLLM without numbers": "max_tokens cannot be larger than the model length: this "
    "model's maximum context length is 4096",
    "max_tokens, vLLM 0.20": "This model's maximum context length is 128000 tokens. However, you "
    "requested 100000 output tokens and your prompt contains at least 30000 input tokens, for a "
    "total of at least 130000 tokens.",
    "max_tokens, OpenAI 2023": "This model's maximum context length is 8192 tokens. However, you "
    "requested 8192 tokens (58 in the messages, 8134 in the completion). Please reduce the length "
    "of the messages or completion.",
    "max_tokens, Anthropic with input": "input length and `max_tokens` exceed context limit: 402 + "
    "250000 > 200000, decrease input length or `max_tokens` and try again",
    "max_tokens, TGI": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 12 `inputs` "
    "tokens and 9000 `max_new_tokens`",
    "max_tokens, Chinese": "max_tokens 超过最大长度限制 8192",
    "TPM, OpenAI": "Request too large for gpt-4o in organization org-x on tokens per min (TPM): "
    "Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run "
    "successfully.",
    "TPM, Groq": "Rate limit reached for model llama-3 on tokens per minute (TPM): Limit 6000, "
    "Used 5900, Requested 400. Too many tokens, please wait",
    "TPM, Bedrock": "ThrottlingException: Too many tokens, please wait before trying again.",
    "TPM, Anthropic": "This request would exceed your organization's rate limit of 40,000 input "
    "tokens per minute. Reduce the prompt length or the maximum tokens requested",
    "TPD, Cerebras": "Tokens per day limit exceeded - too many tokens processed.",
    "quota, Gemini": "You exceeded your current quota. Quota exceeded for metric: generate_content_"
    "free_tier_input_token_count, limit: 250000",
    "TPM, Chinese": "每分钟输入 token 数量超过上限，请稍后重试",
    "quota, Chinese": "该令牌额度已用尽，输入长度超过剩余额度",
    "New API, quota": "token quota is not enough, token remain quota: ＄0.01, need quota: ＄0.5",
    "New API, limiter": "您已达到请求数限制：1分钟内最多请求10次",
    "a picture": "The image is too large: 21 MB exceed the maximum of 20 MB",
    "a body": "Request Entity Too Large",
    "a name": "The user field exceeds the maximum length of 64",
    "a system": "System prompt is required",
    "input": "Input should be a valid string",
    "messages": "messages with role 'tool' must be a response to a preceding message",
    "temperature": "输入的 temperature 超过范围",
    "nothing": "",
}


@each("message", TOO_LONG.values(), ids=TOO_LONG.keys())
def test_each_providers_message_about_a_long_context_is_recognized(message: str) -> None:
    assert is_too_long(ErrorObject(message, "invalid_request_error"))
    assert is_too_long(
        ErrorObject(f"Upstream says:\n  {message.upper()}".replace("'", "’"), "", "400")
    )


@each("message", OTHER.values(), ids=OTHER.keys())
def test_other_errors_are_not_about_the_context(message: str) -> None:
    assert not is_too_long(ErrorObject(message, "invalid_request_error", "400"))


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("invalid_request_error", "context_length_exceeded"),
        ("exceed_context_size_error", "400"),
        ("BadRequest", "OutofContextError"),
        ("", "InvalidParameter.OutofContextError"),
        ("prompt_limit", ""),
        ("", "Context_Length_Exceeded"),
    ],
)
def test_a_code_or_type_decides_whatever_the_message(type_: str, code: str) -> None:
    assert is_too_long(ErrorObject("an unknown message per minute", type_, code))


def test_numbers_that_show_a_short_prompt_count_more_than_a_code() -> None:
    message = OTHER["max_tokens, OpenAI 2023"]
    assert not is_too_long(ErrorObject(message, "invalid_request_error", "context_length_exceeded"))


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 503])
def test_a_context_that_is_too_long_has_its_own_error(status: int) -> None:
    body = json.dumps(error(TOO_LONG["DeepSeek"], "invalid_request_error")).encode()
    failure = error_from_response(status, read_error(decode_json(body)), body)
    assert type(failure) is ContextTooLongError
    assert isinstance(failure, GatewayError)
    assert failure.exit_code is ExitCode.GATEWAY
    assert failure.message == f"the conversation is too long for the model (HTTP {status})"
    assert failure.why == TOO_LONG["DeepSeek"]
    assert "larger context" in failure.hint


def test_a_rate_limit_in_tokens_is_a_rate_limit() -> None:
    for message in (OTHER["TPM, OpenAI"], TOO_LONG["OpenAI"]):
        body = json.dumps(error(message, "tokens", "rate_limit_exceeded")).encode()
        failure = error_from_response(429, read_error(decode_json(body)), body)
        assert type(failure) is LimitError


def test_a_long_context_in_a_stream_is_recognized() -> None:
    failure = error_in_stream(ErrorObject(TOO_LONG["Gemini"], request_id="rid"))
    assert type(failure) is ContextTooLongError
    assert (failure.why, failure.request_id) == (TOO_LONG["Gemini"], "rid")
    assert type(error_in_stream(ErrorObject(OTHER["TPM, OpenAI"]))) is GatewayError


def test_it_is_not_retried() -> None:
    assert not is_transient_status(500, ErrorObject(TOO_LONG["llama.cpp"]))
    assert is_transient_status(500, ErrorObject("something broke"))
    assert is_transient_status(429, ErrorObject(TOO_LONG["OpenAI"]))


@each(
    "message",
    [
        "exceed" * 10_000,
        "input length " * 10_000,
        "context length " * 10_000,
        "max_tokens or " * 10_000,
        "输入超" * 10_000,
        "上下文" * 10_000,
        "prompt (" * 10_000,
        "9" * 100_000,
        "context limit: 1 + 1 > " * 5_000,
        "a" * 10_000_000,
        " " * 10_000_000,
    ],
    ids=lambda message: message[:12],
)
def test_any_text_is_searched_in_linear_time(message: str) -> None:
    started = time.process_time()
    is_too_long(ErrorObject(message))
    assert time.process_time() - started < 0.5


def test_text_beyond_the_limit_is_not_searched() -> None:
    assert not is_too_long(ErrorObject("x " * 4000 + TOO_LONG["Anthropic"]))


def test_it_is_reported_and_not_retried(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    response_body = error(TOO_LONG["llama.cpp"], "exceed_context_size_error", 500)
    fault_server.add(Send(response(500, response_body)))
    result = run_newapi("chat", "hi", home=home)
    assert result.code == 6
    assert "too long for the model (HTTP 500)" in result.err
    assert "larger context" in result.err
    assert len(fault_server.requests) == 1


def test_it_is_reported_inside_a_stream_too(home: Home, fault_server: FaultServer) -> None:
    home.configure(fault_server.url)
    fault_server.add(*sse(event(chunk("")), event(error(TOO_LONG["Gemini"]))))
    result = run_newapi("chat", "hi", home=home)
    assert result.code == 6
    assert "the conversation is too long for the model" in result.err
