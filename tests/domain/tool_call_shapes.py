"""The shapes in which servers stream tool calls, made from a list of calls.

Each shape is a function from calls to pieces (index, id, name, arguments), and names the server
that sends it, as far as that is known.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Piece = tuple[int | None, str, str, str]
NAMES = ("read_file", "get_time", "weather__today", "a", "ab", "read")
TEXTS = ("", "x", '"}', "{", "北京", "a\\b", "}{", '{"a":1}', "\\", '\\"')


class Call(NamedTuple):
    """One call, its arguments as JSON text, whole and cut into pieces."""

    id: str
    name: str
    arguments: str
    cut: tuple[str, ...]


def random_calls(chance: random.Random) -> list[Call]:
    """Return one to six calls."""
    return [_random_call(chance) for _ in range(chance.randint(1, 6))]


def _random_call(chance: random.Random) -> Call:
    value = {chance.choice("abc"): _random_value(chance, 0) for _ in range(chance.randint(0, 3))}
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    places = sorted(chance.sample(range(1, len(text)), min(len(text) - 1, chance.randint(0, 6))))
    cut = tuple(text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True))
    return Call(f"call_{chance.getrandbits(40):x}", chance.choice(NAMES), text, cut)


def _random_value(chance: random.Random, depth: int) -> object:
    kind = chance.random()
    if kind < 0.4:
        return chance.choice(TEXTS)
    if kind < 0.6 or depth > 1:
        return chance.choice((chance.randint(-9, 99), None, True, 1.5))
    if kind < 0.8:
        return {chance.choice("abc"): _random_value(chance, depth + 1) for _ in range(2)}
    return [_random_value(chance, depth + 1) for _ in range(chance.randint(0, 2))]


def mixed(streams: Iterable[Sequence[Piece]], chance: random.Random) -> list[Piece]:
    """Return the pieces of all calls mixed; the calls begin in their order."""
    queues = [list(stream) for stream in streams]
    begun, pieces = 0, []
    while any(queues):
        ready = [i for i in range(min(begun + 1, len(queues))) if queues[i]]
        chosen = chance.choice(ready)
        begun = max(begun, chosen + 1)
        pieces.append(queues[chosen].pop(0))
    return pieces


def in_turn(streams: Iterable[Sequence[Piece]]) -> list[Piece]:
    """Return the pieces of one call after those of the other."""
    return [piece for stream in streams for piece in stream]


def _head_and_tail(
    call: Call, head: int | None, tail: int | None, *, tail_id: str = "", id_: str | None = None
) -> list[Piece]:
    first, *rest = call.cut
    head_id = call.id if id_ is None else id_
    return [(head, head_id, call.name, first), *((tail, tail_id, "", each) for each in rest)]


def openai(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed([_head_and_tail(call, i, i) for i, call in enumerate(calls)], chance)


def head_without_arguments(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed(
        [
            [(i, call.id, call.name, ""), *((i, "", "", each) for each in call.cut)]
            for i, call in enumerate(calls)
        ],
        chance,
    )


def claude_by_content_block(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed(
        [_head_and_tail(call, 3 * i + 1, 3 * i + 1) for i, call in enumerate(calls)], chance
    )


def new_api_of_2025_by_choice(calls: list[Call], chance: random.Random) -> list[Piece]:
    """A gateway of April 2025: no index at all, an empty head, the pieces in turn."""
    return in_turn(
        [(None, call.id, call.name, ""), *((None, "", "", each) for each in call.cut)]
        for call in calls
    )


def id_and_name_in_each_piece(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed(
        [[(i, call.id, call.name, each) for each in call.cut] for i, call in enumerate(calls)],
        chance,
    )


def ollama_all_index_0(calls: list[Call], chance: random.Random) -> list[Piece]:
    return [(0, call.id, call.name, call.arguments) for call in calls]


def all_index_0_in_turn(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, 0, 0) for call in calls)


def all_index_0_with_ids_mixed(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed([_head_and_tail(call, 0, 0, tail_id=call.id) for call in calls], chance)


def no_index_in_turn(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, None, None) for call in calls)


def no_index_with_ids_mixed(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed([_head_and_tail(call, None, None, tail_id=call.id) for call in calls], chance)


def deepseek_head_0_tail_i(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, 0, i) for i, call in enumerate(calls))


def tail_without_index(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, i, None) for i, call in enumerate(calls))


def gemini_head_then_arguments(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(
        [(i, call.id, call.name, ""), (i, "", "", call.arguments)] for i, call in enumerate(calls)
    )


def kimi_name_in_each_piece(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(
        [(i, call.id if k == 0 else "", call.name, each) for k, each in enumerate(call.cut)]
        for i, call in enumerate(calls)
    )


def late_id(calls: list[Call], chance: random.Random) -> list[Piece]:
    """Only of calls whose arguments come in several pieces: else the id comes too late."""
    return in_turn(
        [
            (i, "", call.name, call.cut[0]),
            (i, call.id, "", ""),
            *((i, "", "", each) for each in call.cut[1:]),
        ]
        for i, call in enumerate(calls)
        if len(call.cut) > 1
    )


def another_id_for_each_piece(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed(
        [
            [(i, f"{call.id}-{k}", "" if k else call.name, each) for k, each in enumerate(call.cut)]
            for i, call in enumerate(calls)
        ],
        chance,
    )


def index_and_no_ids(calls: list[Call], chance: random.Random) -> list[Piece]:
    return mixed([_head_and_tail(call, i, i, id_="") for i, call in enumerate(calls)], chance)


def all_index_0_and_no_ids(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, 0, 0, id_="") for call in calls)


def neither_index_nor_ids_whole(calls: list[Call], chance: random.Random) -> list[Piece]:
    return [(None, "", call.name, call.arguments) for call in calls]


def neither_index_nor_ids_in_turn(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(_head_and_tail(call, None, None, id_="") for call in calls)


def name_in_two_pieces(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(
        [
            (i, call.id, call.name[:1], ""),
            *([(i, "", call.name[1:], "")] if call.name[1:] else []),
            *((i, "", "", each) for each in call.cut),
        ]
        for i, call in enumerate(calls)
    )


def one_id_for_all_by_index(calls: list[Call], chance: random.Random) -> list[Piece]:
    return in_turn(
        _head_and_tail(call, i, i, id_="call_0", tail_id="call_0") for i, call in enumerate(calls)
    )


def one_id_for_all_whole(calls: list[Call], chance: random.Random) -> list[Piece]:
    return [(None, "call_0", call.name, call.arguments) for call in calls]


def all_of_it_again_at_the_end(calls: list[Call], chance: random.Random) -> list[Piece]:
    """Only of calls whose arguments come in several pieces: else it is a second call."""
    return in_turn(
        [*_head_and_tail(call, i, i), (i, call.id, "", call.arguments)]
        for i, call in enumerate(calls)
        if len(call.cut) > 1
    )


Shape = Callable[[list[Call], random.Random], list[Piece]]
SHAPES: tuple[Shape, ...] = (
    openai,
    head_without_arguments,
    claude_by_content_block,
    new_api_of_2025_by_choice,
    id_and_name_in_each_piece,
    ollama_all_index_0,
    all_index_0_in_turn,
    all_index_0_with_ids_mixed,
    no_index_in_turn,
    no_index_with_ids_mixed,
    deepseek_head_0_tail_i,
    tail_without_index,
    gemini_head_then_arguments,
    kimi_name_in_each_piece,
    late_id,
    another_id_for_each_piece,
    index_and_no_ids,
    all_index_0_and_no_ids,
    neither_index_nor_ids_whole,
    neither_index_nor_ids_in_turn,
    name_in_two_pieces,
    one_id_for_all_by_index,
    one_id_for_all_whole,
    all_of_it_again_at_the_end,
)
SOME_CALLS = (late_id, all_of_it_again_at_the_end)  # the shapes of calls in several pieces


def expected(shape: Shape, calls: list[Call]) -> list[Call]:
    """Return the calls that a shape contains."""
    return [call for call in calls if shape not in SOME_CALLS or len(call.cut) > 1]
