"""Clients for the tests of this folder, and what comes back from them."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Mapping
from typing import TypeVar

from newapi_cli.api.chat.client import Client
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.domain.base_url import base_url_from_text
from newapi_cli.domain.completion import ChatRequest, Chunk, Notice, TurnEvent
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.profile import Secret, Timeouts
from newapi_cli.signals import Interrupts
from tests.support.home import CANARY
from tests.support.wire import MODEL

CLOCKS = Timeouts(5, 5, 5, 5, 5, 20)
NO_ENVIRONMENT: Mapping[str, str] = {}
JOIN_S = 10.0
Returned = TypeVar("Returned")


def endpoint(
    url: str,
    *,
    proxy: str = "",
    ca_bundle: str = "",
    environ: Mapping[str, str] = NO_ENVIRONMENT,
) -> Endpoint:
    """Give an endpoint with the canary as its key."""
    return Endpoint(
        base_url_from_text(url), Secret(CANARY), proxy=proxy, ca_bundle=ca_bundle, environ=environ
    )


def client_for(
    where: Endpoint | str,
    *,
    retries: int = 0,
    timeouts: Timeouts = CLOCKS,
    interrupts: Interrupts | None = None,
) -> Client:
    """Give a client whose clocks are short."""
    return Client(
        endpoint(where) if isinstance(where, str) else where,
        interrupts or Interrupts(),
        timeouts=timeouts,
        retries=retries,
    )


def question(text: str = "hi", *, stream: bool = True) -> ChatRequest:
    """Give a request."""
    return ChatRequest(MODEL, (Message(Role.USER, text),), stream=stream)


def text_of(events: Iterable[TurnEvent]) -> str:
    """Read an answer to its end."""
    return "".join(event.content for event in events if isinstance(event, Chunk))


def returned_by(asking: Generator[TurnEvent, None, Returned]) -> Returned:
    """Read a request to its end and give what it returns."""
    while True:
        try:
            next(asking)
        except StopIteration as end:
            returned: Returned = end.value
            return returned


def notices_of(events: Iterable[TurnEvent]) -> list[str]:
    """Read an answer to its end, and give what the person is told meanwhile."""
    return [e.text for e in events if isinstance(e, Notice) and not e.is_detail]


def workers() -> list[threading.Thread]:
    """Give the worker threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == "newapi exchange"]


def assert_workers_end() -> None:
    """Wait for the worker threads, and fail if one does not end."""
    for thread in workers():
        thread.join(JOIN_S)
    assert workers() == []
