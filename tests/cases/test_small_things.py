"""Smaller kinds: streams without blank lines, one of a thing, sorted lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from newapi_cli.api.chat.body_decoder import BodyDecoder
from tests.cases.answers import ask, choices, deltas, folded, forms, same, stream
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.path_server import Answer, serving
from tests.support.process import newapi_command, run_newapi
from tests.support.steps import Fin, sse
from tests.support.terminal import Terminal
from tests.support.wire import chunk, event, usage_chunk

ANSWER = [*deltas("Par", "is."), choices({}, "stop"), usage_chunk()]


def without_blank_lines(body: bytes) -> bytes:
    return body.replace(b"\n\n", b"\n")


BODIES: dict[str, bytes] = {
    "lines of data": without_blank_lines(stream(*ANSWER)),
    "no [DONE]": without_blank_lines(stream(*ANSWER, done=False)),
    "the last line has no end": without_blank_lines(stream(*ANSWER)).rstrip(),
    "a bare [DONE]": without_blank_lines(stream(*ANSWER)).replace(b"data: [DONE]", b"[DONE]"),
    "ids": without_blank_lines(stream(*ANSWER)).replace(b"data", b"id: 1\ndata"),
    "types": without_blank_lines(stream(*ANSWER)).replace(b"data", b"event: message\ndata"),
    "pings": without_blank_lines(stream(*ANSWER)).replace(b"data", b": PING\ndata"),
    "some blank lines": stream(*ANSWER).replace(b"\n\n", b"\n", 2),
    "objects on several lines": b"".join(
        b"".join(b"data: %b\n" % line for line in json.dumps(value, indent=1).encode().split(b"\n"))
        for value in ANSWER
    ) + b"data: [DONE]\n",
}  # fmt: skip


@each("name", BODIES)
def test_a_stream_without_blank_lines_is_an_answer(name: str) -> None:
    for found in forms(BODIES[name]):
        assert (found.text, found.malformed) == ("Paris.", 0)
        assert found.completion.finish_reason == "stop"
        assert found.completion.usage is not None


def test_it_is_printed_without_a_notice(home: Home) -> None:
    result = ask(home, BODIES["lines of data"], "-v")
    assert (result.code, result.text) == (0, "Paris.\n"), result.err
    assert "malformed" not in result.err


def test_its_tool_calls_stay_two(home: Home) -> None:
    calls = [
        choices({"tool_calls": [{"index": index, "id": f"c{index}", "type": "function",
                                 "function": {"name": "f", "arguments": "{}"}}]})
        for index in range(2)
    ]  # fmt: skip
    found = folded(without_blank_lines(stream(*calls, choices({}, "tool_calls"))))
    assert found.calls == [("c0", "f", "{}"), ("c1", "f", "{}")]


def test_an_error_in_it_is_reported(home: Home) -> None:
    error = {"error": {"message": "the upstream is overloaded", "type": "server_error"}}
    result = ask(home, without_blank_lines(stream(*deltas("Par"), error, done=False)))
    assert result.code != 0
    assert "the upstream is overloaded" in result.err


# -- one of a thing -------------------------------------------------------------------------------


@each(
    ("pieces", "words"),
    [
        (["P"], "answer cut off after 1 character: "),
        (["P", "a"], "answer cut off after 2 characters: "),
        (["你"], "answer cut off after 1 character: "),
        (["P" * 1200], "answer cut off after 1,200 characters: "),
    ],
)
def test_the_length_of_a_cut_answer(home: Home, pieces: list[str], words: str) -> None:
    with FaultServer(sse(*(event(chunk(piece)) for piece in pieces), Fin(), end=False)) as server:
        home.configure(server.url, retries=0)
        result = run_newapi("chat", "-n", "hi", home=home)
    assert (result.code, words in result.err) == (9, True), result.err


def test_a_doubtful_end_after_one_character(home: Home) -> None:
    result = ask(home, stream(*deltas("P")))
    assert "possibly cut off after 1 character: no finish reason" in result.err


# -- sorted lists ---------------------------------------------------------------------------------

NAMES = ["gpt-4o", "Qwen", "a/model", "claude-10", "GPT-4", "claude-9"]
SORTED = ["a/model", "claude-10", "claude-9", "GPT-4", "gpt-4o", "Qwen"]
PRICES: dict[str, Any] = {
    "success": True,
    "data": [
        {"model_name": name, "quota_type": 0, "model_ratio": 1, "completion_ratio": 1,
         "enable_groups": ["vip", "default", "Svip"]}
        for name in NAMES
    ],
    "group_ratio": {"default": 1, "vip": 2, "Svip": 3},
}  # fmt: skip
PAGES = {
    "/v1/models": Answer(
        {"data": [{"id": name} for name in NAMES]}, headers=(("X-Oneapi-Request-Id", "r"),)
    ),
    "/api/status": Answer({"success": True, "data": {"quota_per_unit": 500000}}),
    "/api/pricing": Answer(PRICES),
}


def test_models_and_groups_are_sorted_in_every_form(home: Home) -> None:
    with serving(PAGES) as server:
        home.configure(server.url)
        lines = run_newapi("models", home=home).text.splitlines()
        listed = json.loads(run_newapi("models", "--json", home=home).text)
        with Terminal(newapi_command("models"), home=home) as terminal:
            assert terminal.wait_exit() == 0
            rows = [row.split() for row in terminal.screen_text().split("\n")]
    assert lines == SORTED
    assert [model["id"] for model in listed] == SORTED
    assert [model["groups"] for model in listed] == [["Svip", "default", "vip"]] * len(NAMES)
    assert [row[0] for row in rows[1 : len(NAMES) + 1]] == SORTED
    assert [row[-3:] for row in rows[1 : len(NAMES) + 1]] == [["Svip,", "default,", "vip"]] * 6


@each(
    "wrap",
    [
        lambda line: b"data: " + line,
        lambda line: b"data:data:" + line.removeprefix(b"data: "),
        lambda line: b"data: event: message\ndata: id: 7\ndata: " + line,
    ],
    ids=["twice", "without spaces", "with other fields"],
)
def test_the_events_of_a_stream_inside_a_stream_are_read(wrap: Callable[[bytes], bytes]) -> None:
    inner = stream(choices({"content": "Paris."}), choices({}, "stop"))
    lines = [wrap(line) if line else line for line in inner.split(b"\n")]
    found = same(b"\n".join(lines))
    assert (found.text, found.completion.finish_reason) == ("Paris.", "stop")


@each("end", [b"[done]", b'"[DONE]"', b" [Done] "])
def test_the_end_of_a_stream_in_other_letters_is_its_end(end: bytes) -> None:
    decoder = BodyDecoder("")
    list(decoder.feed(event(chunk("Paris.")) + b"data: " + end + b"\n\n"))
    list(decoder.end())
    assert (decoder.is_end_confirmed, decoder.skipped) == (True, 0)
