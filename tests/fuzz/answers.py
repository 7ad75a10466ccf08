"""Read an answer without a connection, and check every text that is decoded from it."""

from __future__ import annotations

from collections.abc import Iterator

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.domain.completion import (
    AnswerEvent,
    Chunk,
    Completion,
    CompletionBuilder,
    Status,
)
from newapi_cli.errors import NewapiError

REQUEST_ID = "request-1"


def read(blocks: list[bytes]) -> tuple[Completion, str]:
    """Decode a body as `ResponseReader` does; return the completion and the text of any error."""
    reader = BodyDecoder(REQUEST_ID)
    builder = CompletionBuilder()
    told = ""

    def take(event: AnswerEvent) -> None:
        # Half a character may be in each of two pieces of a call.
        assert_encodes(event._replace(tool_calls=()) if isinstance(event, Chunk) else event)
        builder.add(event)

    try:
        for block in blocks:
            for chunk in reader.feed(block):
                take(chunk)
            if reader.is_end_confirmed:
                break
        for chunk in reader.end():
            take(chunk)
    except NewapiError as error:
        for chunk in reader.held():
            take(chunk)
        told = f"{error}: {error.why}"
    told.encode()
    assert_encodes(builder.completion(Status.COMPLETE))
    return builder.completion(Status.COMPLETE), f"{told} {reader.skipped} {reader.is_end_confirmed}"


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a decoded value: in tuples, lists, and keys and values of mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from texts_in(name)
            yield from texts_in(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from texts_in(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts_in(getattr(value, name))


def assert_encodes(value: object) -> None:
    """Fail if a text cannot be printed or stored."""
    for text in texts_in(value):
        text.encode("utf-8")
