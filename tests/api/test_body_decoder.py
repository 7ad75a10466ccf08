"""The body of an answer in each of its forms."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from typing import Any

import pytest

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.domain.completion import (
    AnswerEvent,
    Chunk,
    Completion,
    CompletionBuilder,
    Status,
)
from newapi_cli.errors import GatewayError, NewapiError, Reason
from tests.support.cases import each
from tests.support.scale import REPEAT, SEED
from tests.support.wire import (
    DONE,
    PING,
    answer_events,
    chunk,
    completion,
    error,
    event,
    json_bytes,
    usage_chunk,
)

ORDERLY = b"".join(answer_events("Par", "is 👋"))
WHOLE = json_bytes(completion("Paris 👋"))
REFUSAL = json_bytes(error("no channel left (request id: 42)", code="get_channel_failed"))
PAGE = b"<!doctype html><html><head><title>New API</title></head><body></body></html>"


class Read:
    """The result of a body: the completion, and the error that it ended with."""

    def __init__(self, blocks: Iterable[bytes], request_id: str = "") -> None:
        self.reader = BodyDecoder(request_id)
        self.error: NewapiError | None = None
        builder = CompletionBuilder()
        try:
            for block in blocks:
                for each in self.reader.feed(block):
                    builder.add(each)
            for each in self.reader.end():
                builder.add(each)
        except NewapiError as failure:
            self.error = failure
        self.completion: Completion = builder.completion(Status.COMPLETE)

    @property
    def verdict(self) -> tuple[str, str | None, bool, int]:
        """Text, finish reason, certainty and the number of skipped events."""
        assert self.error is None
        done = self.completion
        return done.content, done.finish_reason, self.reader.is_end_confirmed, self.reader.skipped


def all_cuts(body: bytes) -> Iterable[list[bytes]]:
    yield [body]
    yield [body[at : at + 1] for at in range(len(body))]
    for at in range(len(body) + 1):
        yield [body[:at], body[at:]]


ANSWERS: dict[str, tuple[bytes, tuple[str, str | None, bool, int]]] = {
    "an orderly stream": (ORDERLY, ("Paris 👋", "stop", True, 0)),
    "pings before and between": (
        PING * 3 + ORDERLY.replace(b"\n\n", b"\n\n" + PING),
        ("Paris 👋", "stop", True, 0),
    ),
    "white space before the stream": (b"\n\n\n" + ORDERLY, ("Paris 👋", "stop", True, 0)),
    "no DONE": (ORDERLY.removesuffix(DONE), ("Paris 👋", "stop", False, 0)),
    "no finish reason": (event(chunk("Par")) + DONE, ("Par", None, True, 0)),
    "neither": (event(chunk("Par")), ("Par", None, False, 0)),
    "the last event without its blank line": (
        event(chunk("Par", finish="stop")).rstrip(),
        ("Par", "stop", False, 0),
    ),
    "DONE with spaces": (event(chunk("a")) + b"data:  [DONE] \n\n", ("a", None, True, 0)),
    "DONE without a space": (event(chunk("a")) + b"data:[DONE]\n\n", ("a", None, True, 0)),
    "DONE without data": (event(chunk("a")) + b"[DONE]\n", ("a", None, True, 0)),
    "DONE twice": (event(chunk("a")) + DONE + DONE, ("a", None, True, 0)),
    "deltas after DONE": (event(chunk("a")) + DONE + event(chunk("b")), ("a", None, True, 0)),
    "DONE first": (DONE + event(chunk("b")), ("", None, True, 0)),
    "DONE within a text": (
        event(chunk("[DONE]")) + event(chunk("!", finish="stop")),
        ("[DONE]!", "stop", False, 0),
    ),
    "a JSON answer": (WHOLE, ("Paris 👋", "stop", True, 0)),
    "heartbeats before a JSON answer": (b"\n\n \r\n" + WHOLE, ("Paris 👋", "stop", True, 0)),
    "a JSON answer on many lines": (
        json.dumps(completion("Paris 👋"), indent=2).encode(),
        ("Paris 👋", "stop", True, 0),
    ),
    "a JSON answer as an event": (
        b"data: " + WHOLE + b"\n\n" + DONE,
        ("Paris 👋", "stop", True, 0),
    ),
    "chunks that are no events": (
        json_bytes(chunk("Par")) + b"\n" + json_bytes(chunk("is 👋", finish="stop")) + b"\n",
        ("Paris 👋", "stop", True, 0),
    ),
    "chunks in one event": (
        b"data: %s\ndata: %s\n\n"
        % (json_bytes(chunk("Par")), json_bytes(chunk("is 👋", finish="stop"))),
        ("Paris 👋", "stop", False, 0),
    ),
    "malformed events among good ones": (
        event(chunk("a"))
        + b'data: {"choices":[\n\ndata: x\n\ndata: 5\n\ndata: null\n\ndata: []\n\ndata: "s"\n\n'
        + event(chunk("b", finish="stop"))
        + DONE,
        ("ab", "stop", True, 6),
    ),
    "an event of a kind that is none of ours": (
        b"event: ping\ndata: {}\n\ndata:\n\ndata: {\"type\":\"ping\"}\n\n" + ORDERLY,
        ("Paris 👋", "stop", True, 0),
    ),
    "nothing": (b"", ("", None, False, 0)),
    "usage only": (event(usage_chunk(is_estimated=True)) + DONE, ("", None, True, 0)),
    "pings only": (PING * 9, ("", None, False, 0)),
    "an error member that is null": (
        event({**chunk("a", finish="stop"), "error": None}),
        ("a", "stop", False, 0),
    ),
}  # fmt: skip


@each(("body", "verdict"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_split_anywhere_is_decoded(
    body: bytes, verdict: tuple[str, str | None, bool, int]
) -> None:
    for blocks in all_cuts(body):
        assert Read(blocks).verdict == verdict, blocks


def test_a_byte_order_mark_before_a_json_answer_is_ignored() -> None:
    for blocks in all_cuts(b"\xef\xbb\xbf" + WHOLE):
        text, finish_reason, _, skipped = Read(blocks).verdict
        assert (text, finish_reason, skipped) == ("Paris 👋", "stop", 0), blocks


def test_the_last_usage_is_kept() -> None:
    read = Read([ORDERLY])
    assert read.completion.usage is not None
    assert read.completion.usage[:3] == (9, 3, 12)


def in_choice(**members: object) -> bytes:
    """Return an event with an error in its choice, as OpenRouter sends it."""
    about = json.loads(REFUSAL)["error"]
    choice = {"index": 0, "finish_reason": "error", "error": about, **members}
    return event({"choices": [choice]})


REFUSED = {
    "raw, at once": (REFUSAL, ""),
    "raw, after pings": (PING + PING + REFUSAL, ""),
    "raw, after pings, with a line feed": (PING + REFUSAL + b"\n", ""),
    "raw, after text": (event(chunk("Par")) + REFUSAL, "Par"),
    "raw, on many lines, at once": (json.dumps(json.loads(REFUSAL), indent=2).encode(), ""),
    "raw, on many lines, after pings": (
        PING + json.dumps(json.loads(REFUSAL), indent=2).encode(),
        "",
    ),
    "raw, twice, back to back": (REFUSAL + REFUSAL, ""),
    "raw, twice, after pings": (PING + REFUSAL + REFUSAL, ""),
    "an event": (b"data: " + REFUSAL + b"\n\n" + event(usage_chunk()) + DONE, ""),
    "an event after text": (event(chunk("Par")) + b"data: " + REFUSAL + b"\n\n" + DONE, "Par"),
    "an event without its blank line": (event(chunk("Par")) + b"data: " + REFUSAL, "Par"),
    "an event of the type error": (b"event: error\ndata: " + REFUSAL + b"\n\n", ""),
    "in a chunk with choices": (
        event({**chunk(""), "error": json.loads(REFUSAL)["error"]}) + DONE,
        "",
    ),
    "in a list, at once": (b"[" + REFUSAL + b"]", ""),
    "in a list, on many lines": (json.dumps([json.loads(REFUSAL)], indent=2).encode(), ""),
    "in a list, after pings": (PING + b"[" + REFUSAL + b"]\n", ""),
    "in a list, as an event after text": (
        event(chunk("Par")) + b"data: [" + REFUSAL + b"]\n\n" + DONE,
        "Par",
    ),
    "in the choice, after text": (event(chunk("Par")) + in_choice() + DONE, "Par"),
    "in the choice, with text": (in_choice(message={"content": "Par"}), "Par"),
    "in the choice, no finish reason": (
        in_choice(delta={"content": "Par"}, finish_reason=""),
        "Par",
    ),
    "in the choice of a JSON answer": (
        in_choice(message={"content": "Par"}).removeprefix(b"data: "),
        "Par",
    ),
    "in the choice, half a tag before it": (in_choice(delta={"content": "<thi"}), "<thi"),
    "half a tag before it": (event(chunk("<thi")) + REFUSAL, "<thi"),
}


@each(("body", "content"), REFUSED.values(), ids=REFUSED)
def test_an_error_anywhere_in_the_body_keeps_the_text_before_it(body: bytes, content: str) -> None:
    for blocks in all_cuts(body):
        read = Read(blocks, "from the header")
        assert read.error is not None, blocks
        assert read.error.reason is Reason.CHANNELS_EXHAUSTED, blocks
        assert (read.error.why, read.error.request_id) == ("no channel left", "42"), blocks
        assert read.completion.content == content, blocks


@pytest.mark.parametrize("about", [{"code": 429}, {"message": "m"}, {"type": "t"}, "plain"])
def test_an_error_with_a_single_member_is_an_error(about: Any) -> None:
    read = Read([event({"error": about}) + DONE], "from the header")
    assert read.error is not None
    assert read.error.request_id == "from the header"
    assert read.error.why in ("429", "m", "t", "plain")


PAGES = {
    "a page": PAGE,
    "a page in capitals": PAGE.upper(),
    "white space before it": b"\r\n \t" + PAGE,
    "a byte order mark before it": b"\xef\xbb\xbf" + PAGE,
    "a comment before it": b"<!-- x -->\n" + PAGE,
    "after pings": PING + PAGE,
    "no doctype": PAGE.removeprefix(b"<!doctype html>"),
}


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES)
def test_a_web_page_in_a_body_is_reported_by_its_title(body: bytes) -> None:
    for blocks in all_cuts(body):
        read = Read(blocks, "rid")
        assert isinstance(read.error, GatewayError), blocks
        assert "web page" in read.error.message
        assert '"new api"' in read.error.why.lower()
        assert read.error.request_id == "rid"
        assert "<" not in read.error.why + read.error.message + read.error.hint


@pytest.mark.parametrize("body", [b"[1]", b'[{"choices":[]}]', b"<x>", b'{"choices":', b"[" * 9999])
def test_a_body_without_an_answer_is_outside_the_protocol(body: bytes) -> None:
    for blocks in ([body], [body[:1], body[1:]]):
        read = Read(blocks)
        assert isinstance(read.error, GatewayError), blocks
        is_truncated = b"choices" in body and body[:1] == b"{"
        reason = Reason.INVALID_RESPONSE if is_truncated else Reason.OUTSIDE_PROTOCOL
        assert read.error.reason is reason


def test_an_event_that_is_too_large_is_an_error_after_the_text_before_it() -> None:
    block = b"x" * (1 << 20)
    read = Read([event(chunk("Par")), b"data: ", *[block] * 30])
    assert isinstance(read.error, GatewayError)
    assert read.completion.content == "Par"


def test_an_endless_json_answer_is_an_error() -> None:
    block = b"x" * (1 << 20)
    read = Read([b'{"choices":"', *[block] * 33])
    assert isinstance(read.error, GatewayError)
    assert "32 MB" in read.error.why


def test_a_large_image_in_one_event_is_decoded() -> None:
    picture = "data:image/png;base64," + "A" * 16_000_000
    body = event(chunk(picture, finish="stop"))
    read = Read([body[at : at + 65536] for at in range(0, len(body), 65536)])
    assert read.verdict == (picture, "stop", False, 0)


def test_many_values_in_one_event_are_decoded_in_linear_time() -> None:
    started = time.process_time()
    read = Read([b"data: " + b"0 " * 400_000 + b"\n\n"])
    assert read.reader.skipped == 400_000
    assert time.process_time() - started < 3


@pytest.mark.parametrize("line", [b" \n", b"\t\r", b"x\n", b" {\n", b"<!--\n"])
def test_stray_lines_are_decoded_in_linear_time(line: bytes) -> None:
    started = time.process_time()
    Read([PING, line * 60_000, event(chunk("a", finish="stop"))])
    assert time.process_time() - started < 1


FRAGMENTS = [
    b"", b"\n", b"\n\n", b"\r\n", b" ", b"data: ", b"data:", b"{", b"}", b"[", b"<", b"<html>",
    b":", b"\xef\xbb\xbf", b"\xff", b"\0", DONE, b"[DONE]", PING, REFUSAL, WHOLE, PAGE,
    event(chunk("a")), event(chunk("<think>b</think>c")),
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    event(chunk(finish="stop")), event(usage_chunk()), b"data: " + REFUSAL + b"\n\n",
    event(chunk("<th")), event({"choices": None}), event({"error": 5}),
    b'{"a":' * 2000, b"9" * 5000,
]  # fmt: skip


def outcome_of(blocks: Iterable[bytes]) -> tuple[object, ...]:
    read = Read(blocks)
    error = read.error and (str(read.error), read.error.why, read.error.request_id)
    return read.completion, error, read.reader.is_end_confirmed


def test_random_bodies_are_decoded_the_same_however_they_are_split() -> None:
    chance = random.Random(SEED)
    for _ in range(1500):
        body = b"".join(chance.choices(FRAGMENTS, k=chance.randrange(9)))
        cuts = sorted(chance.choices(range(len(body) + 1), k=chance.randrange(6)))
        blocks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert outcome_of(blocks) == outcome_of([body]), (REPEAT, blocks)


def test_text_that_is_held_back_is_returned_at_the_end() -> None:
    assert Read([event(chunk("<thi"))]).verdict[0] == "<thi"
    assert Read([event(chunk("<thi")) + DONE]).verdict[0] == "<thi"
    assert Read([json_bytes(completion("<thi"))]).verdict[0] == "<thi"


def contents(events: Iterable[AnswerEvent]) -> list[str]:
    return [each.content for each in events if isinstance(each, Chunk)]


def test_text_is_returned_as_soon_as_its_event_is_complete() -> None:
    reader = BodyDecoder("")
    assert contents(reader.feed(event(chunk("a")))) == ["a"]
    assert list(reader.feed(event(chunk("b"))[:-1])) == []
    assert contents(reader.feed(b"\n")) == ["b"]
