"""What the models say: deterministic, true to the program, and reacting a little."""

from __future__ import annotations

import ast
import re

import pytest

from newapi_cli.cli.app import MODULES
from newapi_cli.demo.chat_call import ChatCall, ChatMessage
from newapi_cli.demo.pieces import clip_tokens, count_tokens, split_pieces
from newapi_cli.demo.replies import DEMO_MODELS, reply_to
from newapi_cli.demo.tour import TOUR, answer, long_text

COMMANDS = set(MODULES)
SLASH_COMMANDS = {"help", "model", "system", "new", "retry", "exit"}


def said(*texts: str, system: str = "") -> str:
    messages = [ChatMessage("system", system)] if system else []
    for text in texts:
        messages += [ChatMessage("user", text), ChatMessage("assistant", "…")]
    return answer(messages[:-1])


def call(model: str, text: str = "hi", max_tokens: int = 0) -> ChatCall:
    return ChatCall(model, (ChatMessage("user", text),), True, True, max_tokens)


def test_tour_is_a_page_of_markdown() -> None:
    assert 250 <= len(re.findall(r"\w[\w'-]*", TOUR)) <= 400
    assert TOUR.startswith("# ")
    assert "\n- `newapi chat " in TOUR
    assert "\n|---|---|\n" in TOUR
    assert "\n```bash\n" in TOUR and "\n```python\n" in TOUR
    assert TOUR.rstrip().splitlines()[-1].startswith("> ")


def test_tour_names_only_commands_that_exist() -> None:
    assert set(re.findall(r"newapi ([a-z]+)", TOUR)) <= COMMANDS
    assert set(re.findall(r"`/([a-z]+)`", TOUR)) == SLASH_COMMANDS


def test_python_in_the_answers_is_valid() -> None:
    for text in (TOUR, said("show me code")):
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert blocks
        for block in blocks:
            assert ast.parse(block).body


@pytest.mark.parametrize("text", ["", "Which way?", "this and that", "show me the tour, hello"])
def test_anything_else_gets_the_tour(text: str) -> None:
    assert said(text) == TOUR


def test_conversation_without_a_user_gets_the_tour() -> None:
    assert answer([ChatMessage("system", "hello")]) == TOUR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello!", "Hello! I am the demo gateway"),
        ("hi", "Hello! I am the demo gateway"),
        ("你好", "你好！我是 newapi"),
        ("hi, some code please", "```python"),
        ("a table", "|:---|"),
        ("what is the system prompt?", "No system prompt was sent"),
    ],
)
def test_known_question_gets_its_answer(text: str, expected: str) -> None:
    assert expected in said(text)


def test_greeting_shows_the_way_to_the_tour() -> None:
    assert "show me the tour" in said("hello")
    assert "show me the tour" in said("你好")


def test_only_the_first_paragraph_is_taken_for_the_question() -> None:
    assert said("review this\n\nhello code table") == TOUR


def test_first_message_is_remembered() -> None:
    text = said("My name is Ada.\nReally.", "ok", "What do you remember?")
    assert "You have sent 3 messages" in text
    assert "> My name is Ada.\n> Really." in text
    assert "one message" in said("how many?")


def test_system_prompt_is_told_only_when_asked() -> None:
    assert "> Be brief." in said("which system prompt?", system="Be brief.")
    assert "brief" not in said("hello", system="Be brief.")


def test_every_model_has_a_description_of_one_line() -> None:
    assert next(iter(DEMO_MODELS)) == "demo"
    assert all(text and len(text) < 80 and "\n" not in text for text in DEMO_MODELS.values())


@pytest.mark.parametrize("model", DEMO_MODELS)
def test_same_call_gets_the_same_reply(model: str) -> None:
    assert reply_to(call(model), 0.01) == reply_to(call(model), 0.01)


def test_slow_model_is_silent_for_three_seconds_then_gives_two_pieces_a_second() -> None:
    reply = reply_to(call("demo-slow"), 0.0)
    assert (reply.first_pause_s, reply.pace_s) == (3.0, 0.5)
    assert 8 <= len(split_pieces(reply.content, reply.tokens_per_piece)) <= 30


def test_long_model_has_four_hundred_paragraphs_and_takes_seconds() -> None:
    reply = reply_to(call("demo-long"), 0.012)
    assert reply.content == long_text()
    numbers = re.findall(r"^Paragraph (\d+)\. ", reply.content, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 401)]
    assert len(split_pieces(reply.content, reply.tokens_per_piece)) * reply.pace_s < 20


def test_echo_of_a_large_text_comes_in_a_bounded_number_of_pieces() -> None:
    text = "word " * 400_000
    reply = reply_to(call("demo-echo", text), 0.012)
    assert reply.pace_s == 0.0
    assert len(split_pieces(reply.content, reply.tokens_per_piece)) <= 4000
    assert "".join(split_pieces(reply.content, reply.tokens_per_piece)) == text


def test_limit_counts_reasoning_too() -> None:
    whole = reply_to(call("demo-reasoning"), 0.0)
    thought = count_tokens(whole.reasoning)
    cut = reply_to(call("demo-reasoning", max_tokens=thought + 2), 0.0)
    assert cut.reasoning == whole.reasoning
    assert cut.content == clip_tokens(whole.content, 2)
    assert cut.finish_reason == "length"
    early = reply_to(call("demo-reasoning", max_tokens=3), 0.0)
    assert (early.reasoning, early.content) == (clip_tokens(whole.reasoning, 3), "")


@pytest.mark.parametrize("tokens_each", [1, 2, 1000])
@pytest.mark.parametrize("text", ["", " ", TOUR, "a\u3000b\u3000 你好吗朋友 ", "\n\n x", "👋" * 9])
def test_pieces_join_to_the_text(text: str, tokens_each: int) -> None:
    pieces = split_pieces(text, tokens_each)
    assert "".join(pieces) == text
    assert all(0 < len("".join(piece.split())) <= 4 * tokens_each for piece in pieces[:-1])
