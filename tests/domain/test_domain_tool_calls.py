"""Streamed tool calls stay what the model called, in all the shapes that servers send."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from newapi_cli.domain.completion import ToolCallDelta
from newapi_cli.domain.tool_calls import ToolCallBuilder
from tests.domain.tool_call_shapes import (
    NAMES,
    SHAPES,
    Call,
    Piece,
    Shape,
    expected,
    name_in_two_pieces,
    random_calls,
)
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED, scaled

LISTS = scaled(100, 5_000)  # of random calls for each shape


def built(*pieces: Piece, offered: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    builder = ToolCallBuilder(offered)
    for piece in pieces:
        builder.add(ToolCallDelta(*piece))
    return builder.calls()


def values(calls: list[tuple[str, str, str]]) -> list[tuple[str, Any]]:
    return [(name, json.loads(arguments)) for _, name, arguments in calls]


@each("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_calls_of_every_shape_are_exact(shape: Shape) -> None:
    for seed in range(SEED, SEED + LISTS):
        chance = random.Random(seed)
        calls = random_calls(chance)
        offered = () if shape is name_in_two_pieces else NAMES  # a name in the list is whole
        found = built(*shape(calls, chance), offered=offered)
        right = [(call.name, call.arguments) for call in expected(shape, calls)]
        assert values(found) == [(name, json.loads(text)) for name, text in right], (seed, REPEAT)


@each("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_shapes_differ_from_each_other(shape: Shape) -> None:
    cut = ('{"a":', '"x', '"}')
    calls = [Call(f"call_{name}", name, "".join(cut), cut) for name in ("get_time", "read_file")]
    pieces = shape(calls, random.Random(0))
    same = [other for other in SHAPES if other(calls, random.Random(0)) == pieces]
    assert same == [shape]


LOOK_A, LOOK_B = '{"p":"a"}', '{"p":"b"}'
TABLE: dict[str, tuple[list[Piece], list[tuple[str, str, str]]]] = {
    "another id at a used index": (
        [(0, "call_a", "look", LOOK_A), (0, "call_b", "look", LOOK_B)],
        [("call_a", "look", LOOK_A), ("call_b", "look", LOOK_B)],
    ),
    "neither index nor id": (
        [(None, "", "sunrise", LOOK_A), (None, "", "sunset", LOOK_A)],
        [("", "sunrise", LOOK_A), ("", "sunset", LOOK_A)],
    ),
    "the same call twice": (
        [(None, "", "look", LOOK_A), (None, "", "look", LOOK_A)],
        [("", "look", LOOK_A)] * 2,
    ),
    "calls without arguments, by index": (
        [(0, "a", "now", ""), (1, "b", "now", "")],
        [("a", "now", "{}"), ("b", "now", "{}")],
    ),
    "calls without arguments, by id": (
        [(None, "a", "now", ""), (None, "b", "now", "")],
        [("a", "now", "{}"), ("b", "now", "{}")],
    ),
    "a name that comes later than its id": (
        [(0, "a", "", ""), (0, "", "look", ""), (0, "", "", LOOK_A)],
        [("a", "look", LOOK_A)],
    ),
    "an id that comes last": (
        [(0, "", "look", '{"p":'), (0, "", "", '"a"}'), (0, "a", "", "")],
        [("", "look", LOOK_A), ("a", "", "{}")][:1],
    ),
    "the id of an earlier call": (
        [(0, "a", "look", LOOK_A), (1, "a", "look", LOOK_B)],
        [("a", "look", LOOK_A), ("", "look", LOOK_B)],
    ),
    "JSON text inside JSON text": (
        [(0, "a", "look", json.dumps(LOOK_A))],
        [("a", "look", LOOK_A)],
    ),
    "arguments that are no JSON": ([(0, "a", "f", "{'a': "), (0, "", "", "1}")],
                                   [("a", "f", "{'a': 1}")]),
    "the arguments again at the end": (
        [(0, "a", "look", '{"p":'), (0, "", "", '"a"}'), (0, "a", "", LOOK_A)],
        [("a", "look", LOOK_A)],
    ),
    "neither name nor arguments": ([(0, "a", "", ""), (1, "b", "f", "{}")], [("b", "f", "{}")]),
    "an index below 0": (
        [(-1, "", "f", "{"), (None, "", "", "}"), (-1, "", "g", "{}")],
        [("", "f", "{}"), ("", "g", "{}")],
    ),
    "half a character at the end of a piece": (
        [(0, "a", "f", '{"x":"\ud83d'), (0, "", "", '\ude00"}')],
        [("a", "f", '{"x":"😀"}')],
    ),
    "half a character in each of two calls": (
        [(0, "a", "f", '"\ud83d'), (1, "b", "g", '"\ud83d'), (0, "", "", '\ude00"'),
         (1, "", "", '\ude01"')],
        [("a", "f", '"😀"'), ("b", "g", '"😁"')],
    ),
    "half a character and no more": ([(0, "a", "f", '"\ud83d')], [("a", "f", '"\ufffd')]),
}  # fmt: skip


@each(("pieces", "calls"), TABLE.values(), ids=TABLE)
def test_calls_are_as_the_model_meant_them(
    pieces: list[Piece], calls: list[tuple[str, str, str]]
) -> None:
    assert built(*pieces) == calls


def test_different_names_without_arguments_are_two_calls_if_both_are_offered() -> None:
    pieces: list[Piece] = [(None, "", "get", ""), (None, "", "_time", "")]
    assert built(*pieces) == [("", "get_time", "{}")]
    assert built(*pieces, offered=("get", "_time")) == [("", "get", "{}"), ("", "_time", "{}")]


def test_an_offered_name_does_not_grow() -> None:
    pieces: list[Piece] = [(0, "", "read", ""), (0, "", "_file", ""), (0, "", "", "{}")]
    assert built(*pieces) == [("", "read_file", "{}")]
    assert built(*pieces, offered=("read",)) == [("", "read", "{}")]


def test_a_piece_that_begins_a_call_never_continues_one() -> None:
    builder = ToolCallBuilder()
    for _ in range(3):
        builder.add(ToolCallDelta(0, "a", "now", begins=True))
    assert builder.calls() == [("a", "now", "{}"), ("", "now", "{}"), ("", "now", "{}")]


@pytest.mark.parametrize("text", ['{"a":{"b":[1,"}{"]}}', '{"a":"\\\\"}', '{"a":"\\""}', "{ } "])
def test_a_second_call_is_found_wherever_the_first_is_cut(text: str) -> None:
    for first in range(len(text)):
        for second in range(first, len(text)):
            cut = [text[:first], text[first:second], text[second:]]
            head: Piece = (None, "", "f", cut[0])
            tail: list[Piece] = [(None, "", "", piece) for piece in cut[1:]]
            found = built(head, *tail, (None, "", "f", '{"z":0}'))
            assert values(found) == [("f", json.loads(text)), ("f", {"z": 0})], cut


@pytest.mark.parametrize("text", ['{"a":1', '{"a":"}', "[1]", "5", '"x"', '{"a":1} x', "{}{}"])
def test_a_call_that_is_not_one_closed_object_goes_on(text: str) -> None:
    assert built((0, "", "f", text), (0, "", "f", '{"b":')) == [("", "f", text + '{"b":')]


def test_a_call_in_100_000_pieces_takes_linear_time() -> None:
    pieces = ["{", '"a":[', *['{"b":"}{"},'] * 100_000, "0]}"]
    started = time.process_time()
    found = built((0, "a", "f", pieces[0]), *((0, "", "f", piece) for piece in pieces[1:]))
    assert time.process_time() - started < 5
    assert found == [("a", "f", "".join(pieces))]
