"""Whether an error says that the conversation exceeds the model's context.

Providers word it differently, and gateways pass their words on, so the text decides if neither the
code nor the type does. The texts were collected from reports of each provider's users and are in
the tests. Two similar errors must not match: a rate limit in tokens, and a `max_tokens` that is too
large for a prompt that fits.
"""

from __future__ import annotations

import re

from newapi_cli.api.errors.error_object import ErrorObject

CODES = {
    "context_length_exceeded",  # OpenAI and compatible servers
    "context_window_exceeded",
    "model_context_window_exceeded",  # Zhipu
    "exceed_context_size_error",  # llama.cpp, ggml-org/llama.cpp pull request 15780
    "outofcontexterror",  # Volcengine
    "prompt_limit",
    "prompt_too_long",
    "characters_too_long",  # Qianfan
    "tokens_too_long",
}
MAX_TEXT = 4000  # characters that are searched; the server chooses the text
# Compiled when they are first needed, which takes 5 ms. Every gap is bounded, and no two neighbors
# can match the same characters.
RATE_LIMIT = (
    r"rate.?limit|too many requests|per (?:min|sec|hour|day)|/ ?min|\btpm\b|\brpm\b|quota|throttl"
    r"|please wait|每分钟|每秒|每天|速率|频率|限流|额度|配额|余额|并发"
)
MAX_TOKENS = (
    r"max_(?:completion_|output_|new_)?tokens\W{0,3}(?:or \W?max_completion_tokens\W{0,3})?"
    r"(?:is too large|should|must|cannot|has to|不能|必须|超)"
)
TOO_LONG = (
    r"context[ _-]?(?:length|window|size|limit)s?.{0,40}exceed",
    r"exceed.{0,60}context[ _-]?(?:length|window|size|limit)",
    r"max(?:imum)? (?:allowed )?(?:context|prompt|input|model|sequence) (?:token )?length",
    r"\b(?:input|prompt)s? (?:token|length|size).{0,40}exceed",
    r"\b(?:input|prompt|conversation|context|messages)(?: \([^()]{0,60}\))?(?: is| are)? too"
    r" (?:long|large)",
    r"(?:longer|greater|larger) than the (?:model'?s? )?(?:maximum )?(?:context|model) length",
    r"reduce (?:the |your )?(?:length of )?(?:the |your )?(?:input )?(?:messages|prompt|input)",
    r"too many (?:input |prompt )?tokens",
    r"tokens in the prompt cannot exceed",
    r"exceeded (?:the )?model'?s? token limit",
    r"range of input length",
    r"max input (?:characters|tokens) is",
    r"exceed max message tokens",
    r"prompt_tokens \(\d{1,12}\) must be less than max_seq_len",
    r"inputs\W{0,2} must have less than \d{1,12} tokens",
    r"上下文.{0,20}(?:超|过长|太长)",
    r"超(?:出|过|长).{0,20}(?:上下文|最大长度|输入长度|最大输入|长度限制)",
    r"输入.{0,20}(?:过长|超长|太长)",
    r"输入.{0,20}超(?:出|过).{0,20}(?:长度|token|字数)",
    r"(?:prompt|提示词?|对话|消息|文本) ?(?:内容|长度)?(?:超长|过长|太长|超出|超过)",
    r"token ?(?:总?数量?|长度)?超(?:出|过).{0,10}(?:上限|限制|最大)",
)
# The maximum and the actual length of the prompt, in the texts that name both.
LIMIT = (
    r"(?:context length (?:is|of)(?: only)?|must be <=|context limit: \d{1,12} \+ \d{1,12} >)"
    r" (\d{1,12})"
)
PROMPT = (
    r"(\d{1,12}) (?:in the messages|in your prompt|of text input|input tokens|\W?inputs\W? tokens)"
    r"|context limit: (\d{1,12}) \+"
)


def is_too_long(error: ErrorObject) -> bool:
    """Return whether an error says that the conversation is too long."""
    text = " ".join(error.message[:MAX_TEXT].lower().replace("’", "'").split())
    is_long = _is_long_by_numbers(text)
    if is_long is not None:
        return is_long
    names = {name.lower().rpartition(".")[2] for name in (error.code, error.type)}
    if names & CODES:
        return True
    if re.search(RATE_LIMIT, text) or re.search(MAX_TOKENS, text):
        return False
    return any(re.search(pattern, text) for pattern in TOO_LONG)


def _is_long_by_numbers(text: str) -> bool | None:
    """Compare the two lengths, if the text names both; None if it does not.

    If the prompt fills less than half of the context, it is `max_tokens` that does not fit.
    """
    limit, prompt = re.search(LIMIT, text), re.search(PROMPT, text)
    if limit is None or prompt is None:
        return None
    return 2 * int(prompt.group(1) or prompt.group(2)) > int(limit.group(1))
