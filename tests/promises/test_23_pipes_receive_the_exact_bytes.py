"""A pipe or a file receives the model's text byte for byte, with its control characters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe, observe_process
from tests.support.payloads import EVERYTHING, MARKUP, escaped_event, split_everywhere
from tests.support.steps import Send, sse
from tests.support.wire import DONE, answer_events, chunk, completion, response

DELTAS = [piece for both in split_everywhere((*EVERYTHING, *MARKUP)) for piece in (*both, "\n")]
# Two halves of a surrogate pair are one character; a lone half cannot be encoded in UTF-8.
TEXT = "".join(DELTAS).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def answer(*pieces: str) -> list[bytes]:
    """Return the events of an answer, in ASCII."""
    return [
        *(escaped_event(chunk(piece)) for piece in pieces),
        escaped_event(chunk(finish="stop")),
        DONE,
    ]


@pytest.mark.parametrize("args", [[], ["--raw"], ["-v", "-u", "--reasoning", "show"]], ids=str)
def test_a_file_receives_every_payload_unchanged(
    home: Home, server: FaultServer, tmp_path: Path, args: list[str]
) -> None:
    server.add(*sse(*answer(*DELTAS, "end")))
    with (tmp_path / "f").open("wb") as file:
        result = observe_process("chat", *args, "hi", home=home, stdout=file)
    assert (result.code, "\x1b" in result.err) == (0, False)
    assert (tmp_path / "f").read_bytes() == f"{TEXT}end\n".encode()
    assert last_turn(home).answer == f"{TEXT}end"


def test_an_answer_that_is_not_streamed_is_unchanged_too(home: Home, server: FaultServer) -> None:
    text = "".join(EVERYTHING)
    body = json.dumps(completion(text)).encode("ascii")
    server.add(Send(response(200, body)))
    result = observe("chat", "--no-stream", "hi", home=home)
    exact = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert (result.code, result.err, result.out) == (0, "", f"{exact}\n".encode())


def test_json_holds_the_same_text(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer(*DELTAS)))
    result = observe("chat", "--json", "hi", home=home)
    assert (result.code, json.loads(result.text)["content"]) == (0, TEXT)
    assert "\x1b" not in result.text


def test_a_code_block_is_extracted_unchanged(home: Home, server: FaultServer) -> None:
    # A lone CR ends a line of Markdown, and NUL is replaced (CommonMark 0.31, 2.1 and 2.3).
    payloads = [each for each in EVERYTHING if not set("\r\0") & set(each)]
    code = "".join(f"{payload}x\n" for payload in payloads)
    server.add(*sse(*answer(f"so:\n\n```sh\n{code}", "```\n\nthat is it")))
    result = observe("chat", "--extract", "hi", home=home)
    exact = code.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert (result.code, result.err, result.out) == (0, "", exact.encode())


@pytest.mark.parametrize(
    ("text", "written"),
    [("x", "x\n"), ("x\n", "x\n"), ("x\n\n", "x\n\n"), (" \n x \r\n", " \n x \r\n")],
)
def test_one_newline_is_added_if_the_answer_ends_without_one(
    home: Home, server: FaultServer, text: str, written: str
) -> None:
    server.add(*sse(*answer_events(*text)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out) == (0, written.encode())
