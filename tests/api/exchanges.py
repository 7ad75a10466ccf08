"""Clients for the tests of this folder, and readers of their events."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Mapping
from typing import TypeVar

from newapi_cli.api.chat.client import Client
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.domain.base_url import base_url_from_text
from newapi_cli.domain.completion import ChatRequest, Chunk, Notice, TurnEvent
from newapi_cli.domain.messages import Message, Role
from newapi_cli.domain.settings import Secret, Timeouts
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
    """Return an endpoint with the canary as its key."""
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
    """Return a client with short timeouts."""
    return Client(
        endpoint(where) if isinstance(where, str) else where,
        interrupts or Interrupts(),
        timeouts=timeouts,
        retries=retries,
    )


def question(text: str = "hi", *, stream: bool = True) -> ChatRequest:
    """Return a request."""
    return ChatRequest(MODEL, (Message(Role.USER, text),), stream=stream)


def text_of(events: Iterable[TurnEvent]) -> str:
    """Return the text of an answer."""
    return "".join(event.content for event in events if isinstance(event, Chunk))


def returned_by(steps: Generator[TurnEvent, None, Returned]) -> Returned:
    """Return the value that a request returns at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            returned: Returned = end.value
            return returned


def notices_of(events: Iterable[TurnEvent]) -> list[str]:
    """Return the notices of an answer, without details."""
    return [e.text for e in events if isinstance(e, Notice) and not e.is_detail]


def workers() -> list[threading.Thread]:
    """Return the running worker threads."""
    return [thread for thread in threading.enumerate() if thread.name == "newapi exchange"]


def assert_workers_end() -> None:
    """Wait for the worker threads to end."""
    for thread in workers():
        thread.join(JOIN_S)
    assert workers() == []
