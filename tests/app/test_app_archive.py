"""Sessions as JSON: exports are imported unchanged, and invalid files are refused."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from newapi_cli.app.sessions.archive import (
    session_from_json,
    session_to_json,
    session_to_lines,
    sessions_from_text,
)
from newapi_cli.domain.completion import Source, Status, ToolCall, Usage
from newapi_cli.domain.messages import Attachment
from newapi_cli.domain.money import CostKind
from newapi_cli.domain.session import Session, StoredSession, TurnRecord
from newapi_cli.errors import UsageError
from tests.support.cases import each

Object = dict[str, Any]
Value = TypeVar("Value")
TEXTS = (
    "",
    "Why is the sky blue?",
    "天空为什么是蓝色的？",
    "👩‍👩‍👧 🇩🇪 \U0001f3f4\U000e0067",
    "```py\nx = 1\n```\n\n# You\n",
    "\x00\x01\x1b[31m\x7f\x9b\u2028\u2029\x85\ufeff\u202e",
    '\\"\\u0000 \r\n\t',
)
WHEN = datetime(2026, 3, 1, 12, 30, 15, 123456, UTC)


def random_session(chance: random.Random) -> StoredSession:
    """Return a session whose turns form a tree."""
    turns: list[TurnRecord] = []
    for number in range(chance.randrange(8)):
        parents = [None, *(turn.id for turn in turns)]
        last = turns[-1].id if turns else 0
        parent = chance.choice(parents)
        turns.append(random_turn(chance, last + chance.randint(1, 9), parent, number))
    leaf = chance.choice([None, *(turn.id for turn in turns)])
    session = Session(
        id=f"{chance.getrandbits(48):012x}",
        title=chance.choice(TEXTS),
        is_named=chance.random() < 0.5,
        profile=chance.choice(TEXTS),
        host="https://gateway.example",
        model=chance.choice(TEXTS),
        system=chance.choice(TEXTS),
        left_out=chance.randrange(3),
        leaf_id=leaf,
        turns=len(turns),
        created_at=WHEN,
        used_at=WHEN + timedelta(seconds=chance.randrange(10**7)),
    )
    return StoredSession(session, tuple(turns))


def random_turn(chance: random.Random, id_: int, parent: int | None, number: int) -> TurnRecord:
    def maybe(value: Value) -> Value | None:
        return value if chance.random() < 0.5 else None

    return TurnRecord(
        prompt=chance.choice(TEXTS),
        answer=chance.choice(TEXTS),
        reasoning=chance.choice(TEXTS),
        status=chance.choice([each for each in Status if each is not Status.OPEN]),
        model=chance.choice(TEXTS),
        answered_by=chance.choice(TEXTS),
        request={"temperature": 0.7, "stop": ["a", "我"], "x": {"y": [None, True, 10**30]}},
        attachments=(Attachment("图.png", "/tmp/图.png", "image/png", number, "0f" * 32),),
        tool_calls=(ToolCall("c", "f", '{"a": 1}'),) * chance.randrange(3),
        sources=(Source("https://a.example/图", "标题"), Source("", "b.pdf"))[
            : chance.randrange(3)
        ],
        finish_reason=maybe("stop"),
        error=chance.choice(TEXTS),
        usage=maybe(Usage(1, maybe(2), 3, 0, None)),
        cost=maybe("0.0004"),
        cost_kind=chance.choice([*CostKind, ""]),
        tried=(("gpt-big", "503: 无可用渠道 👋"), ("", ""))[: chance.randrange(3)],
        profile=chance.choice(TEXTS),
        host=chance.choice(["https://gateway.example", "https://other.example/v1", ""]),
        request_id=chance.choice(TEXTS),
        first_token_s=maybe(chance.random()),
        duration_s=maybe(chance.random() * 100),
        created_at=WHEN + timedelta(microseconds=number),
        id=id_,
        parent_id=parent,
    )


@each("seed", range(60))
def test_an_exported_session_is_imported_unchanged(seed: int) -> None:
    stored = random_session(random.Random(seed))
    text = json.dumps(session_to_json(stored), ensure_ascii=seed % 2 == 0, indent=seed % 3 or None)
    assert sessions_from_text(text) == [stored]
    assert session_from_json(session_to_json(stored)) == stored


@each("seed", range(30))
def test_sessions_are_imported_from_a_list_and_from_json_lines(seed: int) -> None:
    chance = random.Random(seed)
    sessions = [random_session(chance) for _ in range(chance.randint(1, 4))]
    lines = [line for each in sessions for line in session_to_lines(each)]
    assert not any("\n" in line for line in lines)
    assert sessions_from_text("\n".join(lines) + "\n") == sessions
    assert sessions_from_text("\ufeff" + "\r\n\r\n".join(lines)) == sessions
    assert sessions_from_text(json.dumps([session_to_json(each) for each in sessions])) == sessions
    whole = [json.dumps(session_to_json(each)) for each in sessions]
    assert sessions_from_text("\n".join(whole)) == sessions


def test_the_format_is_the_documented_one() -> None:
    turn = TurnRecord(
        "hi",
        "Paris",
        status=Status.COMPLETE,
        usage=Usage(1, 2),
        profile="work",
        host="https://gateway.example/v1",
        created_at=WHEN,
        id=4,
    )
    session = Session("0123456789ab", "T", leaf_id=4, turns=1, created_at=WHEN, used_at=WHEN)
    assert session_to_json(StoredSession(session, (turn,))) == {
        "format": "newapi-session",
        "version": 1,
        "id": "0123456789ab",
        "title": "T",
        "is_named": False,
        "profile": "",
        "host": "",
        "model": "",
        "system": "",
        "left_out": 0,
        "created_at": "2026-03-01T12:30:15.123456Z",
        "used_at": "2026-03-01T12:30:15.123456Z",
        "leaf": 4,
        "turns": [
            {
                "id": 4,
                "parent_id": None,
                "prompt": "hi",
                "answer": "Paris",
                "reasoning": "",
                "status": "complete",
                "model": "",
                "answered_by": "",
                "request": {},
                "attachments": [],
                "tool_calls": [],
                "sources": [],
                "finish_reason": None,
                "error": "",
                "usage": {
                    "prompt_tokens": 1,
                    "completion_tokens": 2,
                    "total_tokens": None,
                    "cached_tokens": None,
                    "reasoning_tokens": None,
                },
                "cost": None,
                "cost_kind": "",
                "tried": [],
                "profile": "work",
                "host": "https://gateway.example/v1",
                "request_id": "",
                "first_token_s": None,
                "duration_s": None,
                "created_at": "2026-03-01T12:30:15.123456Z",
            }
        ],
    }


def test_every_json_line_has_a_type() -> None:
    stored = random_session(random.Random(5))
    head, *turns = [json.loads(line) for line in session_to_lines(stored)]
    assert (head["type"], head["format"], "turns" in head) == ("session", "newapi-session", False)
    assert [turn["type"] for turn in turns] == ["turn"] * len(stored.turns)


# -- what is refused ------------------------------------------------------------------------------


def valid(turns: int = 3) -> Object:
    """Return a session with a chain of turns as JSON."""
    return {
        "format": "newapi-session",
        "version": 1,
        "id": "0123456789ab",
        "leaf": turns or None,
        "turns": [
            {"id": n, "parent_id": n - 1 or None, "prompt": f"p{n}", "status": "complete"}
            for n in range(1, turns + 1)
        ],
    }


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def set_in(*path: str | int, to: object) -> Callable[[Object], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


def without(*path: str | int) -> Callable[[Object], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return change


WRONG: list[tuple[Callable[[Object], None], str]] = [
    (without("format"), "format: is missing"),
    (set_in("format", to="chat"), "format: must be newapi-session"),
    (without("version"), "version: is missing"),
    (set_in("version", to=2), "version: must be 1; a newer version of newapi"),
    (set_in("version", to="1"), "version: must be an integer"),
    (set_in("version", to=True), "version: must be an integer"),
    (without("id"), "id: is missing"),
    (set_in("id", to="../../x"), "id: must be 12 hex digits"),
    (set_in("id", to="0123456789AB"), "id: must be 12 hex digits"),
    (set_in("id", to="0123456789ab\n"), "id: must be 12 hex digits"),
    (set_in("title", to=5), "title: must be a string"),
    (set_in("is_named", to=1), "is_named: must be true or false"),
    (set_in("left_out", to=-1), "left_out: must be an integer"),
    (set_in("left_out", to=2**63), "left_out: must be an integer"),
    (set_in("created_at", to="yesterday"), "created_at: must be a time"),
    (set_in("created_at", to=5), "created_at: must be a string"),
    (set_in("used_at", to="0001-01-01T00:00:00+14:00"), "used_at: must be a time"),
    (without("leaf"), "leaf: is missing"),
    (set_in("leaf", to=9), "leaf: must be the ID of one of the turns"),
    (set_in("leaf", to="1"), "leaf: must be an integer"),
    (without("turns"), "turns: is missing"),
    (set_in("turns", to={}), "turns: must be a list"),
    (set_in("turns", 1, to="x"), "turns[1]: must be an object"),
    (without("turns", 1, "id"), "turns[1].id: is missing"),
    (set_in("turns", 1, "id", to=0), "turns[1].id: must be an integer, 1 or more"),
    (set_in("turns", 1, "id", to=1.0), "turns[1].id: must be an integer, 1 or more"),
    (set_in("turns", 1, "id", to=None), "turns[1].id: must be an integer, 1 or more"),
    (set_in("turns", 1, "id", to=2**70), "turns[1].id: must be an integer, 1 or more"),
    (set_in("turns", 1, "id", to=1), "turns[1].id: is the ID of an earlier turn"),
    (without("turns", 1, "parent_id"), "turns[1].parent_id: is missing"),
    (set_in("turns", 1, "parent_id", to=7), "turns[1].parent_id: must be the ID of an earlier"),
    (set_in("turns", 1, "parent_id", to=7), "but no turn has it"),
    (set_in("turns", 1, "parent_id", to=3), "not of a later one"),
    (set_in("turns", 1, "parent_id", to=2), "not of the turn itself"),
    (set_in("turns", 1, "parent_id", to=[1]), "turns[1].parent_id: must be an integer"),
    (without("turns", 2, "prompt"), "turns[2].prompt: is missing"),
    (set_in("turns", 2, "prompt", to=None), "turns[2].prompt: must be a string"),
    (set_in("turns", 2, "prompt", to=["a"]), "turns[2].prompt: must be a string"),
    (without("turns", 2, "status"), "turns[2].status: is missing"),
    (set_in("turns", 2, "status", to="done"), "turns[2].status: must be one of open, complete"),
    (set_in("turns", 2, "status", to={}), "turns[2].status: must be a string"),
    (set_in("turns", 0, "answer", to=0), "turns[0].answer: must be a string"),
    (set_in("turns", 0, "request", to=[]), "turns[0].request: must be an object"),
    (set_in("turns", 0, "request", to={"a": deep(150)}), "request: must have at most 100 levels"),
    (set_in("turns", 0, "request", to={"a": [float("nan")]}), "turns[0].request: must not contain"),
    (set_in("turns", 0, "request", to={"a": {"b": float("inf")}}), "turns[0].request: must not"),
    (set_in("turns", 0, "usage", to=5), "turns[0].usage: must be an object"),
    (set_in("turns", 0, "usage", to={"prompt_tokens": -1}), "turns[0].usage.prompt_tokens: must"),
    (set_in("turns", 0, "duration_s", to="1"), "turns[0].duration_s: must be a number of seconds"),
    (set_in("turns", 0, "duration_s", to=-0.5), "turns[0].duration_s: must be a number of seconds"),
    (set_in("turns", 0, "duration_s", to=float("nan")), "turns[0].duration_s: must be a number"),
    (set_in("turns", 0, "first_token_s", to=float("inf")), "turns[0].first_token_s: must be"),
    (set_in("turns", 0, "first_token_s", to=10**400), "turns[0].first_token_s: must be"),
    (set_in("turns", 0, "first_token_s", to=True), "turns[0].first_token_s: must be"),
    (set_in("turns", 1, "cost", to=0.5), "turns[1].cost: must be a string"),
    (set_in("turns", 1, "cost_kind", to=1), "turns[1].cost_kind: must be a string"),
    (set_in("turns", 1, "profile", to=1), "turns[1].profile: must be a string"),
    (set_in("turns", 1, "host", to=[]), "turns[1].host: must be a string"),
    (set_in("turns", 1, "sources", to={}), "turns[1].sources: must be a list"),
    (set_in("turns", 1, "sources", to=[{"url": 5}]), "turns[1].sources[0].url: must be a string"),
    (set_in("turns", 1, "tried", to={}), "turns[1].tried: must be a list"),
    (set_in("turns", 1, "tried", to=["gpt"]), "turns[1].tried[0]: must be an object"),
    (set_in("turns", 1, "tried", to=[{"model": 5}]), "turns[1].tried[0].model: must be a string"),
    (set_in("turns", 1, "tried", to=[{}, {"why": []}]), "turns[1].tried[1].why: must be a string"),
    (set_in("turns", 0, "attachments", to=[{}]), "turns[0].attachments[0].name: is missing"),
    (
        set_in("turns", 0, "attachments", to=[
            {"name": "a", "reference": "/a", "media_type": "x/y", "size_bytes": 1, "sha256": "0"}
        ]),
        "turns[0].attachments[0].sha256: must be 64 hex digits",
    ),
    (set_in("turns", 0, "tool_calls", to=[5]), "turns[0].tool_calls[0]: must be an object"),
    (set_in("turns", 0, "tool_calls", to=[{"name": 5}]), "turns[0].tool_calls[0].name: must be"),
]  # fmt: skip


@each(("change", "message"), WRONG)
def test_an_invalid_field_is_reported_with_its_path(
    change: Callable[[Object], None], message: str
) -> None:
    value = valid()
    change(value)
    with pytest.raises(UsageError) as caught:
        session_from_json(value)
    assert message in caught.value.message
    with pytest.raises(UsageError):
        sessions_from_text(json.dumps(value))


BAD_COSTS = (
    "",
    "$1",
    "-1",
    "+1",
    "1.",
    ".5",
    "1e3",
    "0,5",
    "NaN",
    "Infinity",
    "free",
    "1" * 61,
    "0." + "1" * 19,
)


@each("cost", BAD_COSTS)
def test_a_cost_that_is_not_a_decimal_string_is_refused_with_its_path(cost: str) -> None:
    value = valid()
    value["turns"][2]["cost"] = cost
    with pytest.raises(UsageError, match=re.escape("turns[2].cost: must be dollars as a string")):
        session_from_json(value)


def test_models_that_failed_are_exported_as_objects() -> None:
    turn = TurnRecord(
        "hi", tried=(("gpt-big", "503 无可用渠道"),), cost="0.10", cost_kind="exact", id=1
    )
    value: Any = session_to_json(StoredSession(Session("0123456789ab", leaf_id=1), (turn,)))
    [written] = value["turns"]
    assert written["tried"] == [{"model": "gpt-big", "why": "503 无可用渠道"}]
    assert (written["cost"], written["cost_kind"]) == ("0.10", "exact")


def test_costs_that_older_files_lack_are_unknown() -> None:
    [turn, *_] = session_from_json(valid()).turns
    assert (turn.cost, turn.cost_kind, turn.tried) == (None, "", ())


def test_turns_of_older_files_get_the_host_of_the_session() -> None:
    value = {**valid(), "profile": "work", "host": "https://gateway.example/v1"}
    value["turns"][1] |= {"profile": "", "host": ""}  # its own values are kept
    value["turns"][2] |= {"profile": None, "host": "https://other.example/v1"}
    assert [(turn.profile, turn.host) for turn in session_from_json(value).turns] == [
        ("work", "https://gateway.example/v1"),
        ("", ""),
        ("work", "https://other.example/v1"),
    ]


@pytest.mark.parametrize("value", [None, 5, "x", [], True, deep(5)])
def test_a_value_that_is_not_an_object_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="it must be an object"):
        session_from_json(value)


@each(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("\ufeff \n", "it is empty"),
        ("hello", "invalid JSON at line 1, column 1"),
        ('{"format": \n oops}', "invalid JSON at line 2, column 2"),
        ("[" * 100_000, "the JSON is nested too deeply"),
        ("1" * 5000, "contains a number that is too long"),
        ("5", "it must be an object"),
        ("[5]", "[0]: must be an object"),
        (json.dumps([valid(), {**valid(), "leaf": 8}]), "[1].leaf: must be the ID"),
        ('{"type": "turn", "id": 1}', "format: is missing"),
        ('{"type": "turn"}\n{"type": "turn"}', "line 1: type: is a turn, but no session"),
        (
            '{"type":"session","format":"newapi-session","version":1,"id":"0123456789ab","leaf":1}'
            '\n\n{"type":"turn","id":1,"parent_id":null,"prompt":"p","status":"?"}',
            "line 3: status: must be one of",
        ),
        ('{"a": 1}\nnonsense', "format: is missing"),
        ('{"type":"session"}\nnonsense', "invalid JSON at line 2"),
        ('{"type":"session"}\n{} {}', "line 2: must be one JSON object"),
        ('{"type":"session"}', "line 1: format: is missing"),
    ],
)
def test_a_text_that_is_not_an_archive_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        sessions_from_text(text)
    assert message in caught.value.message


# -- lenient imports ------------------------------------------------------------------------------


def test_only_the_required_fields_must_be_present() -> None:
    stored = session_from_json(valid())
    assert [turn.prompt for turn in stored.path] == ["p1", "p2", "p3"]
    assert stored.session.turns == 3
    assert stored.turns[0].usage is None


def test_unknown_fields_are_ignored() -> None:
    value = valid()
    value["color"] = value["turns"][0]["color"] = deep(50)
    assert session_from_json(value) == session_from_json(valid())


def test_an_open_answer_is_imported_as_interrupted() -> None:
    value = valid()
    value["turns"][2]["status"] = "open"
    assert session_from_json(value).turns[2].status is Status.INTERRUPTED


def test_times_are_converted_to_utc_and_without_an_offset_are_utc() -> None:
    value = {**valid(), "created_at": "2026-01-01T10:00:00", "used_at": "2026-01-01T10:00+02:00"}
    session = session_from_json(value).session
    assert session.created_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert session.used_at == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert session.used_at.tzinfo is UTC


def test_lone_surrogates_are_replaced_and_pairs_are_joined() -> None:
    text = json.dumps(valid()).replace('"p1"', r'"a\ud800b \ud83d\ude00 \u0000"')
    (stored,) = sessions_from_text(text)
    assert stored.turns[0].prompt == "a\ufffdb 😀 \x00"


def test_lone_surrogates_are_never_written() -> None:
    turn = TurnRecord("\ud800", request={"\ud800": "\udfff"}, error="\udc80", id=1)
    stored = StoredSession(Session("0123456789ab", "\ud800"), (turn,))
    for text in (json.dumps(session_to_json(stored)), *session_to_lines(stored)):
        assert "\\ud" not in text
        text.encode()


def test_values_that_json_cannot_represent_are_written_as_null() -> None:
    turn = TurnRecord("p", request={"a": (float("nan"), object()), "b": deep(2000)}, id=1)
    stored = StoredSession(Session("0123456789ab"), (turn,))
    text = json.dumps(session_to_json(stored), allow_nan=False)
    assert json.loads(text)["turns"][0]["request"]["a"] == [None, None]


def test_a_chain_of_ten_thousand_turns_is_read() -> None:
    stored = session_from_json(valid(10_000))
    assert len(stored.path) == 10_000
