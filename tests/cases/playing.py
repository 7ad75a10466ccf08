"""Play a response to `newapi chat`, or one of the files of `tests/data/cases`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.errors import NewapiError
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import Result, run_newapi
from tests.support.steps import Send
from tests.support.wire import response

CASES = Path(__file__).parent.parent / "data" / "cases"
SSE = "text/event-stream"


def ask(home: Home, *responses: bytes, args: Iterable[str] = ("--retries", "0")) -> Result:
    """Run `newapi chat -n hi` against a server that sends these responses."""
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


def error_in(body: bytes, size: int = 0) -> NewapiError:
    """Return the error in the body of a success, fed in blocks of a size."""
    decoder = BodyDecoder("")
    blocks = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
    try:
        for block in blocks:
            list(decoder.feed(block))
        list(decoder.end())
    except NewapiError as error:
        return error
    raise AssertionError(f"no error in {body!r}")
