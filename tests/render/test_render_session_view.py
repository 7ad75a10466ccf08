"""A stored session on a terminal: rendered as the live answer was, and safe."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from newapi_cli.domain.completion import Status, Usage
from newapi_cli.domain.session import StoredSession, TurnRecord
from newapi_cli.render.images import ImageFilter
from newapi_cli.render.live.theme import theme_named
from newapi_cli.render.session_view import SessionViewOptions, last_turns_rows, show_session
from newapi_cli.streams import Input, Output, Streams
from tests.render.live.documents import NASTY, Document, answers, layout_for, reference_rows
from tests.render.sessions import ATTACHMENT, BRANCHED, CALL, IMAGE, MORE, OTHER, SKY, session

THEME = theme_named("ansi")
COLORS = re.compile(r"\x1b\[[\d;]*m")
COLORED = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "FORCE_COLOR": "1"}
WHOLE = """\
The sky
01234567 · gpt · work · 2 of 3 turns · 2026-03-01 12:30 to 2026-03-02 08:05

> Why is the sky blue?

Because air scatters.

gpt (gpt-4o) · 10 tokens in, 20 out · first token 0.25 s · total 3.20 s

> And red?
  At sunset?

 • longer
 • waves

x = 1

gpt · tokens unknown · total 1.50 s
interrupted; the answer is incomplete
"""


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def streams_of(
    monkeypatch: pytest.MonkeyPatch, width: int = 80, environ: dict[str, str] | None = None
) -> Streams:
    """Return streams of a known width that are no terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    return Streams(Input(None), Output(None), Output(None), environ or {})


def text_of_session(*arguments: Any) -> str:
    return "".join(show_session(*arguments))


def shown(
    monkeypatch: pytest.MonkeyPatch,
    stored: StoredSession,
    options: SessionViewOptions = SessionViewOptions(),  # noqa: B008
    *,
    width: int = 80,
    images: ImageFilter | None = None,
) -> str:
    """Return the text without colors, after checking that the colored text adds only colors."""
    plain = text_of_session(streams_of(monkeypatch, width), stored, THEME, options, images)
    colored = text_of_session(
        streams_of(monkeypatch, width, COLORED), stored, THEME, options, images
    )
    assert COLORS.sub("", colored) == plain
    assert "\x1b" not in plain
    return plain


def test_the_current_path_is_shown_as_it_was_live(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, BRANCHED) == WHOLE


def test_prompts_are_bold_and_details_dim(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = text_of_session(streams_of(monkeypatch, 80, COLORED), BRANCHED, THEME).splitlines()
    assert rows[3] == "\x1b[1m>\x1b[0m \x1b[1mWhy is the sky blue?\x1b[0m"
    assert rows[5] == "Because \x1b[1mair\x1b[0m scatters."
    assert rows[7].startswith("\x1b[2mgpt (gpt-4o) · 10 tokens in")
    assert rows[-1] == "\x1b[33minterrupted; the answer is incomplete\x1b[0m"


@pytest.mark.parametrize("document", [*answers(), *NASTY], ids=lambda each: each.name)
@pytest.mark.parametrize("width", [20, 80])
def test_an_answer_has_the_rows_of_a_live_one(
    monkeypatch: pytest.MonkeyPatch, document: Document, width: int
) -> None:
    turn = TurnRecord("p", document.source, status=Status.COMPLETE, id=1)
    text = text_of_session(streams_of(monkeypatch, width, COLORED), session(turn), THEME)
    wanted = [row.text for row in reference_rows(document.source, layout_for(width))]
    found = text.split("\n")
    begin = next(i for i, row in enumerate(found) if COLORS.sub("", row) == "> p")
    assert found[begin + 2 : begin + 2 + len(wanted)] == wanted


def test_all_branches_are_shown_in_the_order_of_their_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(monkeypatch, BRANCHED, SessionViewOptions(all_branches=True))
    assert [row for row in text.splitlines() if row.startswith(("turn", ">"))] == [
        "turn 1, at the beginning",
        "> Why is the sky blue?",
        "turn 2, after turn 1",
        "> And red?",
        "turn 3, after turn 1, on another branch",
        "> Why not green?",
    ]
    colored = text_of_session(
        streams_of(monkeypatch, 80, COLORED), BRANCHED, THEME, SessionViewOptions(all_branches=True)
    )
    assert "\x1b[2mWhy not green?" in colored


def test_other_branches_are_hidden_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OTHER.prompt not in shown(monkeypatch, BRANCHED)


def test_reasoning_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "about light" not in shown(monkeypatch, BRANCHED)
    text = shown(monkeypatch, BRANCHED, SessionViewOptions(reasoning=True))
    assert "> Why is the sky blue?\n\nThey ask\nabout light.\n\nBecause air" in text


def test_turns_that_are_no_longer_sent_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = session(SKY, MORE, OTHER, leaf_id=12, left_out=1)
    for options in (SessionViewOptions(), SessionViewOptions(all_branches=True)):
        text = shown(monkeypatch, stored, options)
        assert text.count("no longer sent") == 1
        assert text.index("total 3.20 s") < text.index("no longer sent") < text.index("And red?")


def test_attachments_are_listed_below_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = SKY._replace(attachments=(ATTACHMENT._replace(name="a\nb\x1b[2J"),))
    text = shown(monkeypatch, session(turn))
    assert "> Why is the sky blue?\n  attached: a b␛[2J, 12.3 kB, image/png\n\nBecause" in text


def test_tool_calls_without_an_answer_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(monkeypatch, session(SKY._replace(answer="", tool_calls=(CALL,))))
    assert '    "id": "c",' in text


def test_a_failed_turn_has_its_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = TurnRecord("hi", status=Status.ERROR, error="no\nmodel\x1b[31m x", model="m", id=1)
    assert shown(monkeypatch, session(turn)).endswith("> hi\n\nfailed · no model␛[31m x\n")


def test_a_key_in_an_error_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = streams_of(monkeypatch)
    streams.redactors.append(lambda text: text.replace("sk-secret", "sk-****"))
    turn = TurnRecord("hi", status=Status.ERROR, error="bad key sk-secret", id=1)
    text = text_of_session(streams, session(turn), THEME)
    assert text.endswith("failed · bad key sk-****\n")


def test_a_summary_has_only_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = SKY._replace(duration_s=None, first_token_s=None, usage=Usage(5, 6))
    assert "\ngpt (gpt-4o) · 5 tokens in, 6 out\n" in shown(monkeypatch, session(turn))
    unknown = TurnRecord("p", "a", status=Status.COMPLETE, id=1)
    assert shown(monkeypatch, session(unknown)).endswith("> p\n\na\n\ntokens unknown\n")


@pytest.mark.parametrize("place", ["prompt", "answer", "reasoning", "error", "model", "title"])
def test_no_control_character_reaches_the_terminal(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    nasty = "".join(map(chr, [*range(32), *range(127, 160), 0x202E, 0x2066, 0xD800])) + " x"
    turn = SKY._replace(status=Status.ERROR, answered_by="", model="m", duration_s=None)
    values: dict[str, Any] = {place: nasty}
    if place == "title":
        stored = session(turn, title=nasty, profile=nasty)
    else:
        stored = session(turn._replace(**values))
    text = shown(monkeypatch, stored, SessionViewOptions(reasoning=True))
    hidden = {chr(code) for code in (*range(32), *range(127, 160), 0x202E, 0x2066, 0xD800)}
    assert not hidden & set(text) - {"\n"}
    assert "␛" in text
    short = "\n".join(last_turns_rows(streams_of(monkeypatch), stored.path))
    assert not hidden & set(short) - {"\n"}


@pytest.mark.parametrize("width", [1, 4, 11, 40])
def test_no_row_but_code_is_wider_than_the_window(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    turn = SKY._replace(
        prompt="你好 word " * 9 + "x" * 90, answer="你好 word " * 9, error="e " * 50
    )
    turn = turn._replace(status=Status.ERROR, attachments=(ATTACHMENT,))
    text = shown(monkeypatch, session(turn, system="s " * 60), width=width)
    assert max(map(cell_len, text.split("\n"))) <= max(width, 6)


def test_an_image_is_named_as_in_the_live_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    turn = SKY._replace(answer=f"see ![it]({IMAGE}) here")
    images = ImageFilter(lambda: tmp_path)
    stored = session(turn, turn._replace(id=12, parent_id=11))
    text = shown(monkeypatch, stored, width=400, images=images)
    (saved,) = tmp_path.iterdir()
    assert text.count(saved.name) == 2
    assert "iVBOR" not in text


def test_images_are_truncated_if_they_cannot_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = SKY._replace(prompt=IMAGE, answer=f"see {IMAGE} here", reasoning=IMAGE)
    text = shown(monkeypatch, session(turn), SessionViewOptions(reasoning=True))
    assert text.count("data:image/png;base64,…") == 3
    assert "iVBOR" not in text
    assert "iVBOR" not in "".join(last_turns_rows(streams_of(monkeypatch), [turn]))


def test_the_earliest_time_is_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC+12")
    time.tzset()
    stored = session(SKY, created_at=datetime(1, 1, 1, tzinfo=UTC))
    assert "-01-01 00:00 to 2026-03-01" in shown(monkeypatch, stored)


def test_an_empty_session_is_only_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, session()).count("\n") == 2


# -- the last turns -------------------------------------------------------------------------------


def test_a_resumed_session_shows_its_last_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    path = [SKY, OTHER, MORE]
    assert last_turns_rows(streams_of(monkeypatch), path) == [
        "> Why not green?",
        "It is not.",
        "> And red?",
        "  At sunset?",
        "- longer",
        "- waves",
        "",
        "```py",
        "x = 1",
        "(interrupted; the answer is incomplete)",
    ]


def test_the_last_turns_are_dim_where_there_are_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = last_turns_rows(streams_of(monkeypatch, 80, COLORED), [MORE])
    assert rows[0] == "\x1b[2m> And red?\x1b[0m"
    assert rows[4] == ""
    no_color = streams_of(monkeypatch, 80, {**COLORED, "NO_COLOR": "1"})
    assert last_turns_rows(no_color, [MORE])[0] == "> And red?"


def test_only_the_end_of_a_long_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = OTHER._replace(answer="".join(f"row {n}\n" for n in range(10_000)))
    rows = last_turns_rows(streams_of(monkeypatch), [turn])
    assert rows == ["> Why not green?", "…", *(f"row {n}" for n in range(9_992, 10_000))]


def test_a_long_answer_of_one_line_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = OTHER._replace(answer="你好" * 50_000 + "end")
    rows = last_turns_rows(streams_of(monkeypatch, 20), [turn])
    assert rows[1] == "…"
    assert len(rows) == 10
    assert rows[-1].endswith("end")
    assert max(map(cell_len, rows)) <= 20


def test_an_answer_of_just_eight_rows_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = OTHER._replace(answer="\n".join("abcdefgh"))
    assert last_turns_rows(streams_of(monkeypatch), [turn])[1:] == list("abcdefgh")


def test_only_the_start_of_a_long_prompt_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = OTHER._replace(prompt="first\n" + "word " * 100_000)
    rows = last_turns_rows(streams_of(monkeypatch, 20), [turn])
    assert rows[:2] == ["> first", "  word word word"]
    assert rows[4:] == ["  …", "It is not."]


def test_nothing_is_shown_of_a_session_without_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert last_turns_rows(streams_of(monkeypatch), []) == []


def test_the_first_rows_of_a_long_session_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = tuple(
        TurnRecord(f"prompt {number}", SKY.answer * 20, id=number, parent_id=number - 1 or None)
        for number in range(1, 20_001)
    )
    stored = session(*turns)
    stored = StoredSession(stored.session._replace(leaf_id=20_000), turns)
    begin = time.process_time()
    rows = show_session(streams_of(monkeypatch), stored, THEME)
    first = [next(rows) for _ in range(50)]
    assert time.process_time() - begin < 0.2
    assert "> prompt 1\n" in first
