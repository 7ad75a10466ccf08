"""K4: parallel tool calls stay apart, streamed or whole.

ollama/ollama#15457, NousResearch/hermes-agent#62940. The shapes of streamed calls, by the thousand,
are in tests/domain/test_domain_tool_calls.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases.answers import ask, case, choices, folded, json_of, same, stream, whole
from tests.support.cases import each
from tests.support.home import Home

ULM = '{"town":"Ulm"}'
LOOK_A, LOOK_B = '{"p":"a"}', '{"p":"b"}'
TWO = [("call_a", "look", LOOK_A), ("call_b", "look", LOOK_B)]
END = choices({}, "tool_calls")


def call(id_: object = None, name: object = None, arguments: object = None, **more: object) -> Any:
    """Return a tool call as it is sent, without the members that are None."""
    function = {"name": name, "arguments": arguments}
    function = {key: value for key, value in function.items() if value is not None}
    return {**more, **({} if id_ is None else {"id": id_}), "function": function}


def calls(*entries: object) -> Any:
    """Return an object whose delta has these entries in `tool_calls`."""
    return choices({"tool_calls": list(entries)})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tc_sameindex.sse", TWO),
        ("tc_noindex_noid.sse", [("", "sunrise", ULM), ("", "sunset", ULM)]),
    ],
)
def test_two_calls_are_two(home: Home, name: str, expected: list[tuple[str, str, str]]) -> None:
    value = json_of(home, case(name))
    found = [(each["id"], each["name"], each["arguments"]) for each in value["tool_calls"]]
    assert found == expected
    assert (value["finish_reason"], value["status"]) == ("tool_calls", "complete")
    assert same(case(name)).calls == expected


def test_a_pipe_receives_both_calls(home: Home) -> None:
    result = ask(home, case("tc_sameindex.sse"))
    assert result.code == 0
    assert result.text.count('"name": "look"') == 2


STREAMED = {
    "no index, in two deltas": [calls(call("call_a", "look", LOOK_A)),
                                calls(call("call_b", "look", LOOK_B)), END],
    "all index 0, the arguments in pieces": [
        calls(call("call_a", "look", "", index=0)), calls(call(None, None, LOOK_A, index=0)),
        calls(call("call_b", "look", "", index=0)), calls(call(None, None, LOOK_B, index=0)), END],
    "the tail under another index": [
        calls(call("call_a", "look", '{"p":', index=0)), calls(call(None, None, '"a"}', index=0)),
        calls(call("call_b", "look", '{"p":', index=0)), calls(call(None, None, '"b"}', index=1)),
        END],
    "the name in each delta": [
        calls(call("call_a", "look", '{"p":', index=0)), calls(call("", "look", '"a"}', index=0)),
        calls(call("call_b", "look", '{"p":', index=1)), calls(call("", "look", '"b"}', index=1)),
        END],
    "the name in pieces": [
        calls(call("call_a", "lo", "", index=0)), calls(call(None, "ok", "", index=0)),
        calls(call(None, None, LOOK_A, index=0)), calls(call("call_b", "look", LOOK_B, index=1)),
        END],
    "both in one list, one index for both": [
        calls(call("call_a", "look", LOOK_A, index=0), call("call_b", "look", LOOK_B, index=0)),
        END],
    "an index as text, objects as arguments": [
        calls(call("call_a", "look", {"p": "a"}, index="0"),
              call("call_b", "look", {"p": "b"}, index="1")), END],
    "the finish reason with the last call": [
        calls(call("call_a", "look", LOOK_A, index=1)),
        choices({"tool_calls": [call("call_b", "look", LOOK_B, index=3)]}, "tool_calls")],
    "the finish reason stop": [
        calls(call("call_a", "look", LOOK_A), call("call_b", "look", LOOK_B)), choices({}, "stop")],
    "all of it again in a message": [
        calls(call("call_a", "look", LOOK_A, index=0)),
        calls(call("call_b", "look", LOOK_B, index=1)),
        {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": None,
            "tool_calls": [call("call_a", "look", LOOK_A), call("call_b", "look", LOOK_B)]}}]}],
    "in messages, one in each": [
        {"choices": [{"index": 0, "message": {"tool_calls": [call("call_a", "look", LOOK_A)]}}]},
        {"choices": [{"index": 0, "message": {"tool_calls": [call("call_b", "look", LOOK_B)]}}]},
        END],
    "in messages, each with the calls so far": [
        {"choices": [{"index": 0, "message": {"tool_calls": [call("call_a", "look", '{"p"')]}}]},
        {"choices": [{"index": 0, "message": {"tool_calls": [
            call("call_a", "look", LOOK_A), call("call_b", "look", LOOK_B)]}}]},
        END],
    "an object in place of a list": [
        choices({"tool_calls": call("call_a", "look", LOOK_A)}),
        choices({"tool_calls": call("call_b", "look", LOOK_B)}), END],
    "members that are not nested": [
        calls({"id": "call_a", "name": "look", "arguments": LOOK_A}),
        calls({"id": "call_b", "name": "look", "parameters": {"p": "b"}}), END],
}  # fmt: skip


def as_sent(arguments: str) -> str:
    return arguments.replace(" ", "")


@each("objects", STREAMED.values(), ids=STREAMED)
def test_streamed_calls_stay_two(objects: list[Any]) -> None:
    found = same(stream(*objects)).calls
    assert [(id_, name, as_sent(arguments)) for id_, name, arguments in found] == TWO


WHOLE = {
    "with ids": [call("call_a", "look", LOOK_A), call("call_b", "look", LOOK_B)],
    "empty ids": [call("", "look", LOOK_A), call("", "look", LOOK_B)],
    "no ids, one index": [call(None, "look", LOOK_A, index=0), call(None, "look", LOOK_B, index=0)],
    "one id for both": [call("call_0", "look", LOOK_A), call("call_0", "look", LOOK_B)],
    "ids that are null": [call(None, "look", {"p": "a"}), call(None, "look", {"p": "b"})],
}


@each("entries", WHOLE.values(), ids=WHOLE)
def test_whole_calls_stay_two(entries: list[Any]) -> None:
    found = same(whole({"content": None, "tool_calls": entries}, "tool_calls")).calls
    assert [(name, as_sent(arguments)) for _, name, arguments in found] == [
        ("look", LOOK_A),
        ("look", LOOK_B),
    ]


@each("arguments", ["", None, "{}"])
@each("id_", ["", None, "call_0"])
def test_the_same_call_twice_without_arguments_is_two_calls(arguments: object, id_: object) -> None:
    entries = [call(id_, "now", arguments), call(id_, "now", arguments)]
    for body in (whole({"tool_calls": entries}, "tool_calls"), stream(calls(*entries), END)):
        found = folded(body).calls
        assert [(name, arguments) for _, name, arguments in found] == [("now", "{}")] * 2


def test_text_before_the_calls_is_kept() -> None:
    body = stream(choices({"content": "Let me look."}), *STREAMED["no index, in two deltas"])
    assert (same(body).text, same(body).calls) == ("Let me look.", TWO)
