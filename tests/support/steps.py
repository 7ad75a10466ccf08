"""The steps of a script for the fault server, and functions that make scripts.

A step that nothing can follow raises `ScriptEnded`.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.support.connection import Connection, ScriptEnded
from tests.support.wire import Headers, framed, head


class Step(Protocol):
    """One action of the server on a connection."""

    def play(self, connection: Connection) -> None:
        """Do it. Raise `ScriptEnded` if nothing can follow."""


@dataclass(frozen=True, slots=True)
class BeforeReading:
    """As the first step: play the script on accepting, before any request has been read."""

    def play(self, connection: Connection) -> None:
        """Do nothing; the server checks for this step."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes, in one write."""

    data: bytes

    def play(self, connection: Connection) -> None:
        connection.socket.sendall(self.data)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for a time, or until the client disconnects."""

    seconds: float

    def play(self, connection: Connection) -> None:
        """Wait, and end the script if the client has disconnected."""
        connection.wait_until_gone(self.seconds)
        if connection.gone_at is not None:
            raise ScriptEnded


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for an event of the test."""

    event: threading.Event

    def play(self, connection: Connection) -> None:
        connection.wait_for(self.event)


@dataclass(frozen=True, slots=True)
class SetEvent:
    """Set an event when the script reaches this step."""

    event: threading.Event

    def play(self, connection: Connection) -> None:  # noqa: ARG002  # as every step
        self.event.set()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read one more request on the same connection (or the first one, after `BeforeReading`)."""

    def play(self, connection: Connection) -> None:
        connection.note_request(connection.read_request())


@dataclass(frozen=True, slots=True)
class ReadHead:
    """Read the head of a request and leave its body on the wire, after `BeforeReading`."""

    def play(self, connection: Connection) -> None:
        """Read up to the blank line and record a request without a body."""
        connection.note_request(connection.read_head()[0])


@dataclass(frozen=True, slots=True)
class Fin:
    """Send FIN, and read on until the client disconnects. Every script ends with it."""

    def play(self, connection: Connection) -> None:
        """Send FIN and drain what arrives: closing with unread bytes would send RST."""
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(65536):
            pass
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection (RST)."""

    def play(self, connection: Connection) -> None:
        """Set SO_LINGER to 0 s; the watching thread closes the socket."""
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Stall:
    """Send nothing until the client disconnects or the server stops."""

    def play(self, connection: Connection) -> None:
        connection.wait_until_gone(None)
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Forever:
    """Repeat steps until the client disconnects."""

    steps: Sequence[Step]

    def play(self, connection: Connection) -> None:
        while not connection.is_over:
            for step in self.steps:
                step.play(connection)
        raise ScriptEnded


def sse(
    *pieces: bytes | Step,
    status: int = 200,
    headers: Headers = (),
    chunked: bool = True,
    end: bool = True,
    content_type: str = "text/event-stream",
) -> list[Step]:
    """Return the steps of an event stream: each piece is one write and one HTTP chunk.

    Pieces may also be steps. Without `chunked` the end of the connection is the end of the body.
    Without `end` the last chunk is not sent, so that other steps can follow.
    """
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")
    fields = [("Content-Type", content_type), ("Cache-Control", "no-cache"), framing]
    steps: list[Step] = [Send(head(status, [*fields, *headers]))]
    for piece in pieces:
        if isinstance(piece, bytes):
            steps.append(Send(framed(piece) if chunked else piece))
        else:
            steps.append(piece)
    if chunked and end:
        steps.append(Send(b"0\r\n\r\n"))
    return steps


def dribble(data: bytes, every_s: float) -> list[Step]:
    """Return the steps that send bytes one by one."""
    steps: list[Step] = []
    for offset in range(len(data)):
        steps += [Send(data[offset : offset + 1]), Pause(every_s)]
    return steps
