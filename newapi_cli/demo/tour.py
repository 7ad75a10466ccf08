"""The answers of the model `demo`: a tour of newapi, and short answers to a few known prompts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from newapi_cli.demo.chat_request import ChatRequest

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
