"""Responses as public reports describe them, requested by the command or folded without a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.domain.completion import Completion, CompletionBuilder, Status
from newapi_cli.errors import NewapiError
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send
from tests.support.wire import DONE, event, json_bytes, response

CASES = Path(__file__).parent.parent / "data" / "cases"
SSE = "text/event-stream"


def case(name: str) -> bytes:
    """Return the body in a file of `tests/data/cases`."""
    return (CASES / name).read_bytes()


def ask(home: Home, body: bytes, *args: str, is_new_api: bool = False) -> Result:
    """Run `newapi chat -n hi` against a server that answers with a body, streamed or whole."""
    is_stream = body[:1] != b"{"
    headers = [("X-Oneapi-Request-Id", "20260808120000000")] if is_new_api else []
    sent = response(
        200,
        body,
        headers=headers,
        content_type=SSE if is_stream else "application/json",
    )
    with FaultServer([Send(sent)]) as server:
        home.configure(server.url, retries=0)
        return run_newapi("chat", "-n", *args, "hi", home=home)


def ask_server(home: Home, *responses: bytes, args: Iterable[str] = ("--retries", "0")) -> Result:
    """Run `newapi chat -n hi` against a server that sends these responses, one to each request."""
    with FaultServer(*([Send(each)] for each in responses)) as server:
        home.configure(server.url)
        result = run_newapi("chat", "-n", *args, "hi", home=home)
        assert len(server.requests) == len(responses), result.err
    return result


def played(name: str) -> bytes:
    """Return the response that a file of `tests/data/cases` stands for, by its name."""
    (path,) = (each for each in CASES.glob(f"{name}.*") if ".models." not in each.name)
    kind, body = path.name.removeprefix(f"{name}."), path.read_bytes()
    if kind == "raw":
        return body
    if kind == "sse":
        return response(200, body, content_type=SSE)
    return response(int(kind[:3]) if kind[0].isdigit() else 200, body)


def json_of(home: Home, body: bytes) -> dict[str, Any]:
    """Return what `--json` prints for an answer, failed or not."""
    value: dict[str, Any] = json.loads(ask(home, body, "--json").text)
    return value


def stream(*values: object, done: bool = True) -> bytes:
    """Return a stream of objects."""
    return b"".join(map(event, values)) + (DONE if done else b"")


def choices(delta: dict[str, object], finish: str | None = None, index: object = 0) -> Any:
    """Return an object with one choice."""
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def whole(message: dict[str, object], finish: str | None = "stop", **members: object) -> bytes:
    """Return the body of an answer that is not streamed."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json_bytes({"choices": [choice], **members})


class Folded(NamedTuple):
    """An answer folded from a body, and what was skipped."""

    completion: Completion
    skipped: dict[str, int]
    malformed: int

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.completion.content

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """Id, name and arguments of the tool calls."""
        return [tuple(call) for call in self.completion.tool_calls]  # type: ignore[misc]


def folded(body: bytes, size: int = 0) -> Folded:
    """Fold a body that arrives in blocks of a size, by default in one. Raises `NewapiError`."""
    decoder, builder = BodyDecoder(""), CompletionBuilder()
    for block in [body[at : at + size] for at in range(0, len(body), size)] if size else [body]:
        for part in decoder.feed(block):
            builder.add(part)
    for part in decoder.end():
        builder.add(part)
    completion = builder.completion(Status.COMPLETE)
    return Folded(completion, decoder.skipped_parts, decoder.skipped)


def error_in(body: bytes, size: int = 0) -> NewapiError:
    """Return the error in the body of a success that arrives in blocks of a size."""
    try:
        folded(body, size)
    except NewapiError as error:
        return error
    raise AssertionError(f"no error in {body!r}")


def forms(body: bytes) -> Iterator[Folded]:
    """Yield an answer folded from the same body in other forms: split at any byte, with CRLF."""
    yield folded(body)
    yield folded(body, 1)
    yield folded(body, 7)
    if body[:1] != b"{":
        yield folded(body.replace(b"\n", b"\r\n"))
        yield folded(body.replace(b"\n", b"\r\n"), 3)
        yield folded(body.replace(b"data: ", b"data:"))


def same(body: bytes) -> Folded:
    """Return the answer that a body has in all its forms."""
    first, *others = forms(body)
    assert all(other == first for other in others), others
    return first


def deltas(*pieces: Iterable[tuple[str, object]] | str | None) -> list[Any]:
    """Return objects with these contents, or with these members of a delta."""
    return [
        choices({"content": piece} if isinstance(piece, str) or piece is None else dict(piece))
        for piece in pieces
    ]
