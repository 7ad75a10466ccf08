"""One-shot answers of a real model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.support.home import Home
from tests.support.process import run_command, run_newapi

MODEL = "smollm2"


def test_a_pipe_receives_only_the_answer(live_home: Home) -> None:
    result = run_newapi("chat", "Say hello", home=live_home, stdin=None)
    assert result.code == 0, result.err
    assert result.text.strip()
    assert result.text.endswith("\n")
    assert "\x1b" not in result.text


def test_a_complete_answer_leaves_stderr_empty(live_home: Home) -> None:
    until_it_pauses = ("--max-tokens", "400", "--stop", ".", "--stop", "!", "--stop", ",")
    result = run_newapi(
        "chat", *until_it_pauses, "Say hello", home=live_home, stdin=None, timeout_s=60
    )
    assert (result.code, result.err) == (0, "")


def test_the_installed_command_answers(live_home: Home) -> None:
    command = Path(sys.executable).with_name("newapi")
    result = run_command([str(command), "chat", "-q", "Say hello"], home=live_home, stdin=None)
    assert (result.code, result.err) == (0, "")
    assert result.text.strip()


def test_a_file_piped_in_is_part_of_the_prompt(live_home: Home) -> None:
    text = live_home.path / "report.txt"
    text.write_text("The gateway was down on Monday. " * 20, "utf-8")
    command = ("chat", "-q", "--json", "Sum this up")
    alone = run_newapi(*command, home=live_home, stdin=None)
    piped = run_newapi(*command, home=live_home, stdin=text.read_bytes())
    assert (piped.code, piped.err) == (0, "")
    tokens = [json.loads(each.text)["usage"]["prompt_tokens"] for each in (alone, piped)]
    assert tokens[1] > tokens[0] + 20 * 5  # words; a token is at most a word here
    assert json.loads(piped.text)["content"].strip()


def test_json_is_one_object_with_usage_and_finish_reason(live_home: Home) -> None:
    result = run_newapi("chat", "-q", "--json", "Say hello", home=live_home, stdin=None)
    assert (result.code, result.err) == (0, "")
    whole = json.loads(result.text)
    usage = whole["usage"]
    assert whole["content"].strip()
    assert whole["model"] == MODEL
    assert whole["status"] == "complete"
    assert whole["finish_reason"] in ("stop", "length")
    assert usage["prompt_tokens"] > 0
    assert 0 < usage["completion_tokens"] <= 24
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_json_lines_hold_deltas_that_join_to_the_content(live_home: Home) -> None:
    result = run_newapi("chat", "-q", "--json", "--stream", "Say hello", home=live_home, stdin=None)
    assert (result.code, result.err) == (0, "")
    *deltas, last = [json.loads(line) for line in result.text.splitlines()]
    assert len(deltas) > 1
    assert {each["type"] for each in deltas} == {"delta"}
    assert last["type"] == "completion"
    assert "".join(each["content"] for each in deltas) == last["content"]


def test_streaming_does_not_change_the_answer(live_home: Home) -> None:
    whole, pieces = (
        run_newapi("chat", "-q", option, "Say hello", home=live_home, stdin=None)
        for option in ("--no-stream", "--stream")
    )
    assert (whole.code, whole.err) == (0, "")
    assert whole.text.strip()
    assert whole.text == pieces.text


def test_an_answer_at_the_token_limit_is_complete_with_a_note(live_home: Home) -> None:
    endless = ("-o", "ignore_eos=true", "--max-tokens", "5")
    result = run_newapi("chat", *endless, "Say hello", home=live_home, stdin=None)
    assert result.code == 0
    assert result.text.strip()
    assert "finish reason: length" in result.err


def test_models_lists_the_model(live_home: Home) -> None:
    result = run_newapi("models", home=live_home, stdin=None)
    assert (result.code, result.text, result.err) == (0, f"{MODEL}\n", "")
    assert (live_home.newapi_home / "cache" / "models.txt").read_text("utf-8") == f"{MODEL}\n"
