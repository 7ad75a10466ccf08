"""The JSON of an answer: a stable interface."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from newapi_cli.domain.completion import (
    Chunk,
    Completion,
    CompletionBuilder,
    Notice,
    ResponseStarted,
    Source,
    Status,
    StreamEnd,
    Tick,
    ToolCallDelta,
    TurnEvent,
    Usage,
)
from newapi_cli.domain.money import Cost, CostKind
from newapi_cli.render.json_output import JsonRenderer
from tests.render.pipes import ALL, Pipes
from tests.support.cases import each
from tests.support.home import CANARY

FIELDS = {
    "content": str,
    "reasoning": str | None,
    "tool_calls": list,
    "sources": list,
    "model": str,
    "finish_reason": str | None,
    "status": str,
    "usage": dict | None,
    "cost_usd": str | None,
    "cost_kind": str | None,
    "tried": list,
    "id": str | None,
    "request_id": str | None,
    "first_token_s": float | None,
    "duration_s": float,
    "session": str | None,
}
USAGE_FIELDS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
)
FULL: tuple[TurnEvent, ...] = (
    ResponseStarted("rid"),
    Tick(0.1),
    Chunk("", "hm"),
    Chunk("你", model="served", id="i"),
    Chunk("好\n", tool_calls=(ToolCallDelta(0, "c", "f", "{}"),)),
    Chunk(finish_reason="stop", usage=Usage(1, 2, 3, 4, 5)),
    StreamEnd(is_end_confirmed=True),
)


def completion_of(events: tuple[TurnEvent, ...], status: Status) -> Completion:
    builder = CompletionBuilder()
    builder.request_id = "rid" if any(isinstance(e, ResponseStarted) for e in events) else ""
    if events == FULL:
        builder.cost = Cost(CostKind.ABOUT, Decimal("0.000000412"))
        builder.tried = (("first", "it failed"),)
        builder.sources = (Source("https://a.example", "A page"),)
    for event in events:
        if isinstance(event, Chunk):
            builder.add(event)
    return builder.completion(status, first_token_s=0.123456, duration_s=1.98768)


def rendered(
    *events: TurnEvent, lines: bool = False, status: Status = Status.COMPLETE
) -> tuple[str, str]:
    with Pipes() as pipes:
        renderer = JsonRenderer(pipes.streams, pipes.status(), ALL, lines=lines)
        for event in events:
            renderer.show(event)
        renderer.finish(completion_of(events, status))
    return pipes.out.decode(), pipes.err.decode()


def values(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_object_contains_the_whole_answer() -> None:
    out, err = rendered(*FULL)
    assert err == ""
    assert json.loads(out) == {
        "content": "你好\n",
        "reasoning": "hm",
        "tool_calls": [{"id": "c", "name": "f", "arguments": "{}"}],
        "sources": [{"url": "https://a.example", "title": "A page"}],
        "model": "served",
        "finish_reason": "stop",
        "status": "complete",
        "usage": dict(zip(USAGE_FIELDS, (1, 2, 3, 4, 5), strict=True)),
        "cost_usd": "0.000000412",
        "cost_kind": "about",
        "tried": [["first", "it failed"]],
        "id": "i",
        "request_id": "rid",
        "first_token_s": 0.1235,
        "duration_s": 1.9877,
        "session": None,
    }


@pytest.mark.parametrize("events", [FULL, (), (Chunk("a"),)], ids=["full", "empty", "text"])
def test_the_members_have_their_order_and_types(events: tuple[TurnEvent, ...]) -> None:
    value = json.loads(rendered(*events)[0])
    assert list(value) == list(FIELDS)
    for name, kind in FIELDS.items():
        assert isinstance(value[name], kind), name


def test_unknown_values_are_null_and_never_left_out() -> None:
    value = json.loads(rendered()[0])
    nulls = [name for name, member in value.items() if member is None]
    assert nulls == [
        *("reasoning", "finish_reason", "usage", "cost_usd", "cost_kind"),
        *("id", "request_id", "session"),
    ]
    assert (value["content"], value["tool_calls"], value["model"]) == ("", [], "asked")


def test_unknown_counts_are_null() -> None:
    usage = json.loads(rendered(Chunk("a", usage=Usage(prompt_tokens=1)))[0])["usage"]
    assert usage == {"prompt_tokens": 1, **dict.fromkeys(USAGE_FIELDS[1:])}


@each("status", Status)
@each("lines", [False, True])
def test_every_status_is_written_with_its_answer(status: Status, lines: bool) -> None:
    out = rendered(Chunk("a"), status=status, lines=lines)[0]
    last = values(out)[-1] if lines else json.loads(out)
    assert (last["status"], last["content"]) == (str(status), "a")


def test_there_is_a_line_per_delta_and_the_object_last() -> None:
    out, _ = rendered(*FULL, lines=True)
    *deltas, last = values(out)
    assert deltas == [
        {"type": "delta", "reasoning": "hm"},
        {"type": "delta", "content": "你"},
        {"type": "delta", "content": "好\n"},
    ]
    assert last == {"type": "completion", **json.loads(rendered(*FULL)[0])}


def test_reasoning_precedes_the_text_of_the_same_delta() -> None:
    first, second, _ = values(rendered(Chunk("a", "b"), lines=True)[0])
    assert (first, second) == (
        {"type": "delta", "reasoning": "b"},
        {"type": "delta", "content": "a"},
    )


@pytest.mark.parametrize("lines", [False, True])
def test_text_outside_ascii_is_not_escaped_and_controls_are(lines: bool) -> None:
    out = rendered(Chunk("é👋\x1b\x00"), lines=lines)[0]
    assert "é👋\\u001b\\u0000" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("lines", [False, True])
def test_every_line_is_json_whatever_the_answer_contains(lines: bool) -> None:
    text = "".join(map(chr, range(0x300))) + "\u2028\u2029\ufeff\ufffd👋"
    out = rendered(*map(Chunk, text), lines=lines)[0]
    last = json.loads(out.split("\n")[-2]) if lines else json.loads(out)
    assert last["content"] == text
    assert out.endswith("\n")


def test_a_lone_surrogate_of_a_name_does_not_break_the_json() -> None:
    out = rendered(Chunk("a", model="\ud83d", id="\ude00"))[0]
    assert json.loads(out)["content"] == "a"


@pytest.mark.parametrize("lines", [False, True])
def test_a_key_in_a_servers_metadata_is_redacted(lines: bool) -> None:
    events = (Chunk(f"said {CANARY}", model=CANARY, id=CANARY, finish_reason=CANARY),)
    with Pipes() as pipes:
        pipes.streams.redactors.append(lambda text: text.replace(CANARY, "****"))
        renderer = JsonRenderer(pipes.streams, pipes.status(), ALL, lines=lines)
        renderer.finish(completion_of(events, Status.COMPLETE))
    value = json.loads(pipes.out)
    assert (value["model"], value["id"], value["finish_reason"]) == ("****", "****", "****")
    assert value["content"] == f"said {CANARY}"


def test_notices_go_to_stderr() -> None:
    out, err = rendered(Notice("busy"), Chunk("a"))
    assert json.loads(out)["content"] == "a"
    assert err == "busy\n"


def test_ticks_write_nothing() -> None:
    with Pipes() as pipes:
        renderer = JsonRenderer(pipes.streams, pipes.status(ALL), ALL, lines=True)
        renderer.show(Tick(1.0))
    assert (pipes.out, pipes.err) == (b"", b"")
