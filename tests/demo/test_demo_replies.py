"""The replies of the demo models: deterministic, and true to the program."""

from __future__ import annotations

import ast
import re

import pytest

from newapi_cli.cli.main import MODULES
from newapi_cli.demo.chat_request import ChatMessage, ChatRequest
from newapi_cli.demo.replies import (
    DEMO_MODELS,
    TOUR,
    answer,
    count_tokens,
    long_text,
    reply_to,
    split_chunks,
    truncate_tokens,
)
from tests.support.cases import each

COMMANDS = set(MODULES)
SLASH_COMMANDS = {"help", "model", "system", "new", "retry", "exit"}


def answer_to(*prompts: str, system: str = "") -> str:
    messages = [ChatMessage("system", system)] if system else []
    for prompt in prompts:
        messages += [ChatMessage("user", prompt), ChatMessage("assistant", "…")]
    return answer(ChatRequest("demo", tuple(messages[:-1])))


def chat(model: str, prompt: str = "hi", max_tokens: int = 0) -> ChatRequest:
    return ChatRequest(model, (ChatMessage("user", prompt),), True, True, max_tokens)


# -- the tour and the short answers -----------------------------------------------------------


def test_the_tour_is_a_page_of_markdown() -> None:
    assert 250 <= len(re.findall(r"\w[\w'-]*", TOUR)) <= 400
    assert TOUR.startswith("# ")
    assert "\n- `newapi chat " in TOUR
    assert "\n|---|---|\n" in TOUR
    assert "\n```bash\n" in TOUR and "\n```python\n" in TOUR
    assert TOUR.rstrip().splitlines()[-1].startswith("> ")


def test_the_tour_names_only_commands_that_exist() -> None:
    assert set(re.findall(r"newapi ([a-z]+)", TOUR)) <= COMMANDS
    assert set(re.findall(r"`/([a-z]+)`", TOUR)) == SLASH_COMMANDS


def test_the_python_code_in_the_answers_is_valid() -> None:
    for text in (TOUR, answer_to("show me code")):
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert blocks
        for block in blocks:
            assert ast.parse(block).body


@pytest.mark.parametrize("prompt", ["", "Which way?", "this and that", "show me the tour, hello"])
def test_any_other_prompt_gets_the_tour(prompt: str) -> None:
    assert answer_to(prompt) == TOUR


def test_a_conversation_without_a_user_message_gets_the_tour() -> None:
    assert answer(ChatRequest("demo", (ChatMessage("system", "hello"),))) == TOUR


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Hello!", "Hello! I am the demo gateway"),
        ("hi", "Hello! I am the demo gateway"),
        ("你好", "你好！我是 newapi"),
        ("hi, some code please", "```python"),
        ("a table", "|:---|"),
        ("what is the system prompt?", "No system prompt was sent"),
    ],
)
def test_a_known_prompt_gets_its_answer(prompt: str, expected: str) -> None:
    assert expected in answer_to(prompt)


def test_the_greeting_mentions_the_tour() -> None:
    assert "show me the tour" in answer_to("hello")
    assert "show me the tour" in answer_to("你好")


def test_only_the_first_paragraph_of_the_prompt_is_matched() -> None:
    assert answer_to("review this\n\nhello code table") == TOUR


def test_the_first_message_is_remembered() -> None:
    text = answer_to("My name is Ada.\nReally.", "ok", "What do you remember?")
    assert "You have sent 3 messages" in text
    assert "> My name is Ada.\n> Really." in text
    assert "one message" in answer_to("how many?")


def test_the_system_prompt_is_shown_only_on_request() -> None:
    assert "> Be brief." in answer_to("which system prompt?", system="Be brief.")
    assert "brief" not in answer_to("hello", system="Be brief.")


# -- the models -------------------------------------------------------------------------------


def test_every_model_has_a_description_of_one_line() -> None:
    assert next(iter(DEMO_MODELS)) == "demo"
    assert all(text and len(text) < 80 and "\n" not in text for text in DEMO_MODELS.values())


@each("model", DEMO_MODELS)
def test_the_same_request_gets_the_same_reply(model: str) -> None:
    assert reply_to(chat(model), 0.01) == reply_to(chat(model), 0.01)


def test_the_slow_model_is_silent_for_3_s_and_then_sends_two_chunks_per_second() -> None:
    reply = reply_to(chat("demo-slow"), 0.0)
    assert (reply.first_pause_s, reply.pace_s) == (3.0, 0.5)
    assert 8 <= len(split_chunks(reply.content, reply.tokens_per_chunk)) <= 30


def test_the_long_model_sends_four_hundred_paragraphs_in_seconds() -> None:
    reply = reply_to(chat("demo-long"), 0.012)
    assert reply.content == long_text()
    numbers = re.findall(r"^Paragraph (\d+)\. ", reply.content, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 401)]
    assert len(split_chunks(reply.content, reply.tokens_per_chunk)) * reply.pace_s < 20


def test_the_echo_of_a_large_text_has_a_limited_number_of_chunks() -> None:
    text = "word " * 400_000
    reply = reply_to(chat("demo-echo", text), 0.012)
    assert reply.pace_s == 0.0
    assert len(split_chunks(reply.content, reply.tokens_per_chunk)) <= 4000
    assert "".join(split_chunks(reply.content, reply.tokens_per_chunk)) == text


def test_max_tokens_limits_reasoning_and_content_together() -> None:
    whole = reply_to(chat("demo-reasoning"), 0.0)
    reasoning_tokens = count_tokens(whole.reasoning)
    cut = reply_to(chat("demo-reasoning", max_tokens=reasoning_tokens + 2), 0.0)
    assert cut.reasoning == whole.reasoning
    assert cut.content == truncate_tokens(whole.content, 2)
    assert cut.finish_reason == "length"
    early = reply_to(chat("demo-reasoning", max_tokens=3), 0.0)
    assert (early.reasoning, early.content) == (truncate_tokens(whole.reasoning, 3), "")


@each("tokens_per_chunk", [1, 2, 1000])
@each("text", ["", " ", TOUR, "a\u3000b\u3000 你好吗朋友 ", "\n\n x", "👋" * 9])
def test_the_chunks_of_a_text_join_to_the_text(text: str, tokens_per_chunk: int) -> None:
    chunks = split_chunks(text, tokens_per_chunk)
    assert "".join(chunks) == text
    assert all(0 < len("".join(chunk.split())) <= 4 * tokens_per_chunk for chunk in chunks[:-1])
