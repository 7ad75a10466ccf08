"""K5: the finish reasons of all providers mean what they say.

PowerShell/AIShell#350, UKGovernmentBEIS/inspect_ai#5143.
"""

from __future__ import annotations

import pytest

from tests.cases.answers import ask, case, choices, json_of, same, stream, whole
from tests.support.cases import each
from tests.support.home import Home
from tests.support.process import Result

TEXT = choices({"content": "Once upon a"})


def ended(home: Home, word: object, *args: str) -> Result:
    """Run a stream that ends with a finish reason."""
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": word}]}
    return ask(home, stream(TEXT, end), *args)


def test_the_word_null_is_no_finish_reason(home: Home) -> None:
    result = ask(home, case("fr_null.sse"))
    assert (result.code, result.text) == (9, "Once upon\n")
    assert "cut off" in result.err
    assert json_of(home, case("fr_null.sse"))["finish_reason"] is None


def test_max_tokens_is_the_token_limit(home: Home) -> None:
    result = ask(home, case("fr_max_tokens.sse"))
    assert (result.code, result.text) == (0, "Once upon a\n")
    assert "token limit (finish reason: max_tokens)" in result.err
    assert json_of(home, case("fr_max_tokens.sse"))["finish_reason"] == "length"


def test_safety_is_a_content_filter(home: Home) -> None:
    result = ask(home, case("fr_SAFETY.sse"))
    assert (result.code, result.text) == (6, "Once upon a\n")
    assert "SAFETY" in result.err
    assert "rephrase the prompt" in result.err
    value = json_of(home, case("fr_SAFETY.sse"))
    assert (value["finish_reason"], value["status"]) == ("content_filter", "error")


@pytest.mark.parametrize("word", ["null", "None", "", "NULL", " none ", "undefined"])
def test_a_word_for_nothing_is_no_finish_reason(home: Home, word: str) -> None:
    result = ended(home, word)
    assert (result.code, result.text) == (9, "Once upon a\n")


def test_the_word_null_with_each_delta_does_not_end_an_answer(home: Home) -> None:
    pieces = [choices({"content": piece}, "null") for piece in ("Once ", "upon ", "a ", "time.")]
    assert same(stream(*pieces, done=False)).completion.finish_reason is None
    result = ask(home, stream(*pieces, choices({}, "stop")))
    assert (result.code, result.text) == (0, "Once upon a time.\n")


@each(
    ("word", "code", "standard"),
    [
        ("MAX_TOKENS", 0, "length"),
        ("max-tokens", 0, "length"),
        ("ERROR_LIMIT", 0, "length"),
        ("model_context_window_exceeded", 0, "length"),
        ("end_turn", 0, "stop"),
        ("stop_sequence", 0, "stop"),
        ("COMPLETE", 0, "stop"),
        ("STOP", 0, "stop"),
        ("RECITATION", 6, "content_filter"),
        ("PROHIBITED_CONTENT", 6, "content_filter"),
        ("refusal", 6, "content_filter"),
        ("ERROR_TOXIC", 6, "content_filter"),
        ("guardrail_intervened", 6, "content_filter"),
        ("content_filtered", 6, "content_filter"),
        ("MALFORMED_FUNCTION_CALL", 6, "MALFORMED_FUNCTION_CALL"),
        ("insufficient_system_resource", 6, "insufficient_system_resource"),
        ("cancelled", 6, "cancelled"),
        ("timeout", 6, "timeout"),
        ("pause_turn", 0, "pause_turn"),
        ("<|eot_id|>", 0, "stop"),
    ],
)
def test_the_words_of_providers_are_known(home: Home, word: str, code: int, standard: str) -> None:
    body = stream(TEXT, choices({}, word))
    assert json_of(home, body)["finish_reason"] == standard
    assert ask(home, body).code == code
    one = same(whole({"content": "Once upon a"}, word)).completion
    assert (one.content, one.finish_reason) == ("Once upon a", standard)


def test_an_unknown_word_is_reported_with_v(home: Home) -> None:
    assert ended(home, "odd_word").err == ""
    assert "odd_word" in ended(home, "odd_word", "-v").err


@each("word", ["length", "MAX_TOKENS"])
def test_reasoning_alone_at_the_token_limit_says_so(home: Home, word: str) -> None:
    body = stream(choices({"reasoning_content": "Hm, let me"}), choices({}, word))
    result = ask(home, body)
    assert (result.code, result.text) == (0, "")
    assert "the reasoning reached the token limit before any answer" in result.err
    assert word in result.err


@each("name", ["finishReason", "stop_reason"])
def test_the_reason_may_have_another_name(name: str) -> None:
    end = {"choices": [{"index": 0, "delta": {}, name: "MAX_TOKENS"}]}
    assert same(stream(TEXT, end)).completion.finish_reason == "length"
    matched = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", name: "END"}]}
    assert same(stream(TEXT, matched)).completion.finish_reason == "stop"


@pytest.mark.parametrize(
    ("word", "is_unknown"),
    [("stop", False), ("function_call", False), ("end_turn", False), ("pause_turn", True)],
)
def test_only_an_unknown_word_is_reported(home: Home, word: str, is_unknown: bool) -> None:
    result = ended(home, word, "-v")
    assert (result.code, result.text) == (0, "Once upon a\n")
    assert (f"unknown finish reason {word}" in result.err) is is_unknown
