"""What commands of a conversation print: true, and in terms of the conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from newapi_cli.repl import loop
from tests.repl.in_process import CTRL_C, outputs
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import sse
from tests.support.wire import answer_events

# Role, text, finish reason and the end; no usage.
ANSWER_WITHOUT_USAGE = [*answer_events("Yes.")[:-2], answer_events("Yes.")[-1]]

pytestmark = pytest.mark.usefixtures("server")


# -- /file drop -------------------------------------------------------------------------------


def test_drop_detaches_a_file_of_the_next_message(
    home: Home, server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.md").write_text("one")
    (tmp_path / "c.md").write_text("two")
    typed = ("/file a b.md", "/file c.md", "/file drop a b.md", "/file", "hi")
    *_, dropped, listed, _ = outputs(home, *typed)
    assert dropped == "a b.md is detached"
    assert listed == "c.md (3 characters of text)"
    sent = server.requests[-1].json["messages"][-1]["content"]
    assert "two" in sent
    assert "one" not in sent


def test_drop_of_an_unknown_name_lists_what_is_attached(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.md").write_text("one")
    nothing, _, unknown = outputs(home, "/file drop b.md", "/file a.md", "/file drop b.md")
    assert nothing == "no attachment named b.md; nothing is attached"
    assert unknown == "no attachment named b.md; attached: a.md"


def test_help_describes_drop(home: Home) -> None:
    assert "drop: one" in outputs(home, "/help file")[0]


# -- Ctrl-C -----------------------------------------------------------------------------------


def test_the_hint_of_ctrl_c_names_the_time_between_two(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "to exit, press Ctrl-C twice within a second, or Ctrl-D"
    monkeypatch.setattr(loop, "TWICE_S", 0.0)  # every second one is too late
    assert outputs(home, CTRL_C, CTRL_C) == [hint, hint]
    monkeypatch.setattr(loop, "TWICE_S", 1.0)
    assert outputs(home, CTRL_C, CTRL_C, "/help") == [hint]


# -- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("/set temprature 1", 'unknown setting "temprature"; did you mean temperature? /set lists'),
        ("/set save false", "save cannot be changed in a conversation; for later runs: newapi con"),
        ("/set model x", "model cannot be changed by /set; /model NAME"),
        ("/set profile x", "profile cannot be changed by /set; /profile NAME"),
        ("/set api_key", "api_key cannot be changed in a conversation; for later runs: newapi lo"),
    ],
)
def test_a_setting_that_set_cannot_change_is_explained(
    home: Home, typed: str, expected: str
) -> None:
    assert outputs(home, typed)[0].startswith(expected)


def test_fallbacks_are_separated_by_commas(home: Home) -> None:
    assert outputs(home, "/set fallback a, b") == ["fallback = a, b (this run)"]


# -- hints ------------------------------------------------------------------------------------


def test_hints_name_commands_of_the_conversation(home: Home) -> None:
    system, session, pipe = outputs(home, "/system @nope", "/sessions nope", "/file /dev/null")
    assert "; use /system @FILE to read a text file" in system
    assert session == 'session "nope" not found; /sessions lists them'
    assert pipe.endswith("; save its content as a file, then attach that")


def test_a_session_of_another_gateway_is_continued_by_another_run(
    home: Home, server: FaultServer
) -> None:
    outputs(home, "tax")
    home.configure("https://elsewhere.invalid")
    refusal = outputs(home, "/sessions tax")[0]
    assert "was sent to" in refusal
    assert "  try: exit, then `newapi chat -S " in refusal
    assert "use -P" not in refusal


# -- /undo, /usage and /rename -----------------------------------------------------------------


def test_undo_of_a_continuation_does_not_show_its_prompt(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer_events("One, two", finish="length")))
    assert outputs(home, "count", "/continue", "/undo")[-1] == (
        "removed the continuation; 1 turn left"
    )


def test_usage_without_turns_is_zero(home: Home) -> None:
    assert outputs(home, "/usage") == ["0 turns · 0 tokens in, 0 out · 0.00 s in total"]


def test_usage_says_once_that_no_tokens_are_known(home: Home, server: FaultServer) -> None:
    for _ in range(2):
        server.add(*sse(*ANSWER_WITHOUT_USAGE))
    text = outputs(home, "a", "b", "/usage")[-1]
    assert text.startswith("2 turns · tokens unknown · ")
    assert text.count("unknown") == 1


def test_usage_counts_the_turns_whose_tokens_are_unknown(home: Home, server: FaultServer) -> None:
    server.add(*sse(*ANSWER_WITHOUT_USAGE))
    assert "unknown for 1 turn" in outputs(home, "a", "b", "/usage")[-1]


def test_rename_needs_a_session_that_is_saved(home: Home) -> None:
    assert outputs(home, "/rename foo", "/rename", save=False) == [
        "this conversation is not saved, so it cannot be renamed",
        "name: not set",
    ]
