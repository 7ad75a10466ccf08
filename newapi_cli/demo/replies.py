"""The demo models, what each of them replies, and how a reply is split into chunks.

The model `demo` answers with a tour of newapi, and with short texts to a few known prompts.

The same request always gets the same reply. `responses.ErrorResponses.for_model` has the HTTP
errors of `demo-429`, `demo-401`, `demo-500` and the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from newapi_cli.demo.chat_request import ChatRequest

DEMO_MODELS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "a short tour of newapi, a table, some code; remembers your messages",
        "demo-reasoning": "reasons first, in a separate field (reasoning_content)",
        "demo-think": "reasons first, inside the text (<think>…</think>)",
        "demo-slow": "silent for three seconds, then two chunks per second",
        "demo-long": "four hundred paragraphs, quickly",
        "demo-echo": "your last message, unchanged",
        "demo-length": "stops in mid-sentence: token limit (finish_reason length)",
        "demo-filter": "stops in mid-sentence: content filter",
        "demo-cut": "the connection breaks in the middle of the answer",
        "demo-no-finish": "ends without a finish reason, as after a timeout inside a gateway",
        "demo-error-in-stream": "an error in the middle of the answer",
        "demo-per-call": "a short answer for $0.01, however long the prompt",
        "demo-tiered": "a short answer with a price that depends on the prompt's length",
        "demo-vip": "a short answer, only for keys of the group vip (sk-vip)",
        "demo-429": "always rate limited (429, empty body)",
        "demo-429-once": "rate limited, then an answer: every second request succeeds",
        "demo-401": "the key is rejected (401)",
        "demo-500": "the provider behind the gateway fails (500)",
        "demo-quota": "the account has no quota left (403)",
    }
)

_FAILING_MODELS = ("demo-429", "demo-401", "demo-500", "demo-quota")
ANSWERING_MODELS = tuple(name for name in DEMO_MODELS if name not in _FAILING_MODELS)

_REASONING = (
    "The question is short, so the answer should be too.\n"
    "First: what is being asked? Then: what would help most?\n"
    "An example says more than an explanation."
)
_CONCLUSION = (
    "Here is the answer, after some thought: **reasoning comes first and stays apart from the "
    "answer**. On a terminal it is dim; in a pipe only these lines arrive."
)
_INCOMPLETE = (
    "This answer begins like any other. It has a first sentence, a second one, and then, in the "
    "middle of a thought that was going to be rather"
)
_SLOW = "Good things come to those who wait: this answer arrives two pieces a second, quite calmly."
_UPSTREAM_ERROR: Mapping[str, object] = MappingProxyType(
    {
        "message": "Rate limit reached for requests",
        "type": "rate_limit_error",
        "param": "",
        "code": 429,
    }
)

# Up to four characters of a word and the space before them. Chinese, Japanese and Korean (from
# U+2E80 on) come in pairs of characters.
_TOKEN = re.compile(r"\s*(?:[\u2e80-\uffff]\S?|\S{1,4})|\s+")
TOUR = """\
# A short tour of newapi

You are talking to the **demo gateway**. It runs inside this program, needs neither a key nor a \
network, and there is no language model behind it. Everything else is real: the protocol, the \
streaming, and how this text is rendered while it arrives.

## Things to try

- `newapi chat "What is a monad?"` prints one answer and exits
- `git diff | newapi chat "review this"` sends the piped text below your prompt
- `newapi` starts a conversation
- `newapi chat -x "a script that renames photos" > rename.sh` prints only the code blocks
- `newapi chat --json "hello"` prints one JSON object for other programs
- `newapi login` checks and saves the URL and the key of your own gateway

## The commands

| Command | What it does |
|---|---|
| `newapi chat` | prints one answer, or starts a conversation with `-i` |
| `newapi models` | lists the models of your gateway and their prices |
| `newapi balance` | shows what is left on your key |
| `newapi usage` | adds up the tokens and the cost of your answers |
| `newapi sessions` | lists, shows and searches your saved sessions |
| `newapi doctor` | checks everything from your terminal to the answer |
| `newapi login` | saves a URL and a key |
| `newapi logout` | deletes the key |
| `newapi config` | shows each setting and where it is set |
| `newapi completion` | completes commands in your shell |
| `newapi demo` | starts this demo |

In a conversation, `/help` lists all commands; `/model` changes the model, `/system` sets the \
instructions, `/retry` requests another answer, `/new` starts over and `/exit` quits.

## In a script

Only the answer goes to standard output, so a pipe gets the text and nothing else:

```bash
git diff --staged | newapi chat -q "write a commit message" > message.txt
git commit --edit --file message.txt
```

Any program that speaks the OpenAI protocol can use the same gateway:

```python
from openai import OpenAI

client = OpenAI(base_url="https://gateway.example/v1", api_key="your-api-key")
question = {"role": "user", "content": "Hello!"}
answer = client.chat.completions.create(model="gpt-4o-mini", messages=[question])
print(answer.choices[0].message.content)
```

Ask me for some `code`, for a `table`, or how many messages you have sent. When you have seen \
enough, `newapi login` connects you to a real model.

> The best way to learn a tool is to use it once for something you needed anyway.
"""

GREETING = """\
Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, \
but I can show you around: ask `show me the tour`.
"""

GREETING_CHINESE = """\
你好！我是 newapi 的演示网关，很高兴见到你。我背后没有真正的模型，但可以带你四处看看：\
请输入 `show me the tour`。
"""

CODE = """\
Here is a small Python program that counts words:

```python
from collections import Counter

text = "the cat and the hat"
for word, count in Counter(text.split()).most_common(2):
    print(f"{word}: {count}")
```

It prints `the: 2` and `cat: 1`. `newapi chat -x` prints only the code.
"""

TABLE = """\
A table with Chinese text and an emoji, to check that the columns stay aligned:

| Language | Hello | Letters |
|:---|:---:|---:|
| English | Hello | 5 |
| 中文 | 你好 | 2 |
| Ελληνικά | Γειά σου | 8 |
| Emoji | 👋 | 1 |
"""

_SENTENCES = (
    "A long answer is a test of patience, for the reader and for the terminal.",
    "Each paragraph is numbered, so a missing one would show.",
    "Some have `code`, some have **bold words**, and most have neither.",
    "Scroll back while this is running: what you read should stay in place.",
    "Press Ctrl-C at any time; what has arrived is kept.",
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The text of an answer, and how it is sent.

    `first_pause_s` is the pause before the response headers, `pace_s` the one before each chunk
    of `tokens_per_chunk` tokens. With `is_cut` the connection breaks after the text; with
    `error` this error follows the text.
    """

    content: str
    reasoning: str = ""
    finish_reason: str | None = "stop"
    error: Mapping[str, object] | None = None
    is_cut: bool = False
    first_pause_s: float = 0.0
    pace_s: float = 0.0
    tokens_per_chunk: int = 1


def reply_to(request: ChatRequest, pace_s: float) -> Reply:
    """Return the reply of the requested model, by default with `pace_s` between two chunks."""
    reply = _FIXED_REPLIES.get(request.model) or _reply_for(request)
    if request.model == "demo-slow":
        reply = replace(reply, first_pause_s=3.0, pace_s=0.5)
    elif request.model == "demo-long":
        reply = replace(reply, pace_s=pace_s / 6)
    elif request.model != "demo-echo":
        reply = replace(reply, pace_s=pace_s)
    return _truncate(reply, request.max_tokens)


def split_chunks(text: str, tokens_per_chunk: int = 1) -> list[str]:
    """Split a text into chunks of `tokens_per_chunk` tokens; the last one may be shorter.

    >>> split_chunks("Hello, world\\n")
    ['Hell', 'o,', ' worl', 'd', '\\n']
    >>> split_chunks("你好吗?", 2)
    ['你好吗?']
    """
    tokens = _TOKEN.findall(text)
    if tokens_per_chunk == 1:
        return tokens
    starts = range(0, len(tokens), tokens_per_chunk)
    return ["".join(tokens[start : start + tokens_per_chunk]) for start in starts]


def count_tokens(text: str) -> int:
    """Return the number of tokens in a text: an estimate, as no tokenizer is involved.

    >>> count_tokens("Hello, world")
    4
    """
    return len(split_chunks(text))


def truncate_tokens(text: str, limit: int) -> str:
    """Return the first `limit` tokens of a text.

    >>> truncate_tokens("Hello, world", 2)
    'Hello,'
    """
    return "".join(split_chunks(text)[: max(0, limit)])


def _reply_for(request: ChatRequest) -> Reply:
    if request.model == "demo-long":
        return Reply(long_text(), tokens_per_chunk=6)
    if request.model == "demo-echo":
        text = request.user_texts[-1] if request.user_texts else ""
        # chunks grow with the text, so that a megabyte arrives within a few seconds
        return Reply(text, tokens_per_chunk=1 + count_tokens(text) // 4000)
    return Reply(answer(request))


def _truncate(reply: Reply, max_tokens: int) -> Reply:
    reasoning_tokens = count_tokens(reply.reasoning)
    if not max_tokens or reasoning_tokens + count_tokens(reply.content) <= max_tokens:
        return reply
    return replace(
        reply,
        reasoning=truncate_tokens(reply.reasoning, max_tokens),
        content=truncate_tokens(reply.content, max_tokens - reasoning_tokens),
        finish_reason="length" if reply.finish_reason == "stop" else reply.finish_reason,
    )


_FIXED_REPLIES: Mapping[str, Reply] = MappingProxyType(
    {
        "demo-reasoning": Reply(_CONCLUSION, reasoning=_REASONING),
        "demo-think": Reply(f"<think>\n{_REASONING}\n</think>\n{_CONCLUSION}"),
        "demo-slow": Reply(_SLOW, tokens_per_chunk=2),
        "demo-cut": Reply(_INCOMPLETE, is_cut=True),
        "demo-no-finish": Reply(_INCOMPLETE, finish_reason=None),
        "demo-error-in-stream": Reply(_INCOMPLETE, error=_UPSTREAM_ERROR),
        "demo-length": Reply(_INCOMPLETE, finish_reason="length"),
        "demo-filter": Reply(_INCOMPLETE, finish_reason="content_filter"),
    }
)


def answer(request: ChatRequest) -> str:
    """Return the answer to the last message of the user: the tour, unless a pattern matches.

    Only the first paragraph is matched: piped text follows below it.
    """
    prompt = request.user_texts[-1].strip() if request.user_texts else ""
    first_paragraph = prompt.partition("\n\n")[0].lower()
    for pattern, reply in _ANSWERS.items():
        if re.search(pattern, first_paragraph):
            return reply(request) if callable(reply) else reply
    return TOUR


def long_text() -> str:
    """Return four hundred numbered paragraphs, with a heading before every twentieth."""
    parts = []
    for number in range(1, 401):
        if number % 20 == 1:
            parts.append(f"## Part {number // 20 + 1}")
        first = _SENTENCES[number % len(_SENTENCES)]
        second = _SENTENCES[(number * 3 + 1) % len(_SENTENCES)]
        parts.append(f"Paragraph {number}. {first} {second}")
    return "\n\n".join(parts) + "\n"


def _count_messages(request: ChatRequest) -> str:
    texts = request.user_texts
    count = "one message" if len(texts) == 1 else f"{len(texts)} messages"
    return f"You have sent {count} in this conversation. The first was:\n\n{_quoted(texts[0])}\n"


def _show_system_prompt(request: ChatRequest) -> str:
    prompts = [each.text for each in request.messages if each.role in ("system", "developer")]
    if not prompts:
        return "No system prompt was sent. Set one with `/system` or `newapi chat -s`.\n"
    return f"The system prompt is:\n\n{_quoted(prompts[0])}\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines()) or ">"


# The first match wins: "hi, show me a table" gets the table.
_ANSWERS: Mapping[str, str | Callable[[ChatRequest], str]] = MappingProxyType(
    {
        r"\btour\b": TOUR,
        r"\bsystem\b": _show_system_prompt,
        r"\bhow many\b|\bremember\b": _count_messages,
        r"\btables?\b|表格": TABLE,
        r"\bcode\b|代码": CODE,
        r"你好|您好": GREETING_CHINESE,
        r"\b(hello|hi|hey)\b": GREETING,
    }
)
