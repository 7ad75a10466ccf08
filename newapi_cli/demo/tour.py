"""What the demo models say: a tour of newapi, and a few short answers to known questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType

from newapi_cli.demo.chat_call import ChatMessage

TOUR = """\
# A short tour of newapi

You are talking to the **demo gateway**. It runs inside this program, needs neither a key nor a \
network, and there is no language model behind it. Everything else is real: the protocol, the \
streaming, the way this text appears while it is being written.

## Things to try

- `newapi chat "What is a monad?"` gives one answer and ends
- `git diff | newapi chat "review this"` puts what comes through the pipe under your prompt
- `newapi` opens a conversation that remembers what was said
- `newapi chat -x "a script that renames photos" > rename.sh` keeps only the code blocks
- `newapi chat --json "hello"` gives one JSON object for other programs
- `newapi login` stores the URL and the key of your own gateway, after a test

## The commands

| Command | What it does |
|---|---|
| `newapi chat` | one answer, or a conversation with `-i` |
| `newapi models` | lists the models of your gateway and what they cost |
| `newapi balance` | tells what your key has left |
| `newapi usage` | adds up what answers took and cost |
| `newapi sessions` | lists, shows and searches what was said |
| `newapi doctor` | checks everything between you and an answer |
| `newapi login` | stores a URL and a key |
| `newapi logout` | forgets the key |
| `newapi config` | shows each setting and where it comes from |
| `newapi completion` | completes commands in your shell |
| `newapi demo` | this |

In a conversation, `/help` shows all commands; `/model` changes the model, `/system` sets the \
instructions, `/retry` asks again, `/new` starts over and `/exit` leaves.

## In a script

Only the answer goes to standard output, so a pipe gets the text and nothing else:

```bash
git diff --staged | newapi chat -q "write a commit message" > message.txt
git commit --edit --file message.txt
```

Anything that speaks the OpenAI protocol can use the same gateway:

```python
from openai import OpenAI

client = OpenAI(base_url="https://gateway.example/v1", api_key="your-api-key")
question = {"role": "user", "content": "Hello!"}
answer = client.chat.completions.create(model="gpt-4o-mini", messages=[question])
print(answer.choices[0].message.content)
```

Ask me for some `code`, for a `table`, or how many messages you have sent. When you have seen \
enough, `newapi login` brings you to a real model.

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

It prints `the: 2` and `cat: 1`. With `newapi chat -x` only the code would have come out.
"""

TABLE = """\
A table, with Chinese and an emoji to see whether the columns stay straight:

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
    "Scroll back while this is running: what you read should stay where it is.",
    "Press Ctrl-C at any time; what has arrived is kept.",
)


def answer(messages: Sequence[ChatMessage]) -> str:
    """Answer the last user message by the first question recognised in it, else with the tour.

    Only its first paragraph is looked at: what came through a pipe stands below it.
    """
    users = [message.text for message in messages if message.role == "user"]
    question = users[-1].strip().partition("\n\n")[0].lower() if users else ""
    for pattern, reply in _QUESTIONS.items():
        if re.search(pattern, question):
            return reply(messages)
    return TOUR


def long_text() -> str:
    """Give four hundred numbered paragraphs, with a heading before every twentieth."""
    parts = []
    for number in range(1, 401):
        if number % 20 == 1:
            parts.append(f"## Part {number // 20 + 1}")
        first = _SENTENCES[number % len(_SENTENCES)]
        second = _SENTENCES[(number * 3 + 1) % len(_SENTENCES)]
        parts.append(f"Paragraph {number}. {first} {second}")
    return "\n\n".join(parts) + "\n"


def _remember(messages: Sequence[ChatMessage]) -> str:
    users = [message.text for message in messages if message.role == "user"]
    count = "one message" if len(users) == 1 else f"{len(users)} messages"
    return f"You have sent {count} in this conversation. The first was:\n\n{_quoted(users[0])}\n"


def _tell_system(messages: Sequence[ChatMessage]) -> str:
    prompts = [message.text for message in messages if message.role in ("system", "developer")]
    if not prompts:
        return "No system prompt was sent. `/system` sets one; so does `newapi chat -s`.\n"
    return f"The system prompt is:\n\n{_quoted(prompts[0])}\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines()) or ">"


def _fixed(text: str) -> Callable[[Sequence[ChatMessage]], str]:
    return lambda _messages: text


# in this order: the first that is found wins, so "hi, show me a table" gets the table
_QUESTIONS = MappingProxyType(
    {
        r"\btour\b": _fixed(TOUR),
        r"\bsystem\b": _tell_system,
        r"\bhow many\b|\bremember\b": _remember,
        r"\btables?\b|表格": _fixed(TABLE),
        r"\bcode\b|代码": _fixed(CODE),
        r"你好|您好": _fixed(GREETING_CHINESE),
        r"\b(hello|hi|hey)\b": _fixed(GREETING),
    }
)
