"""What a server can do to a connection, one small step each, and scripts made of them.

A step ends the script by raising `ScriptEnded` where nothing can follow it.
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
    """One thing that a server does to a connection."""

    def play(self, connection: Connection) -> None:
        """Do it; raises `ScriptEnded` where nothing can follow."""


@dataclass(frozen=True, slots=True)
class BeforeReading:
    """As the first step of a script: play it on accepting, before any request has been read."""

    def play(self, connection: Connection) -> None:
        """Do nothing; the server looks at it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes, in one write."""

    data: bytes

    def play(self, connection: Connection) -> None:
        """Write them all."""
        connection.socket.sendall(self.data)


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass; it ends early when the client goes."""

    seconds: float

    def play(self, connection: Connection) -> None:
        """Wait, and end the script if nobody listens any more."""
        connection.wait_until_gone(self.seconds)
        if connection.gone_at is not None:
            raise ScriptEnded


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for an event of the test."""

    happened: threading.Event

    def play(self, connection: Connection) -> None:
        """Wait; the server's end counts as the event."""
        connection.wait_for(self.happened)


@dataclass(frozen=True, slots=True)
class Tell:
    """Set an event: the script has come this far."""

    happened: threading.Event

    def play(self, connection: Connection) -> None:  # noqa: ARG002  # as every step
        """Set it."""
        self.happened.set()


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read one more request on the same connection (or the first one, after `BeforeReading`)."""

    def play(self, connection: Connection) -> None:
        """Read it whole and note it."""
        connection.note_request(connection.read_request())


@dataclass(frozen=True, slots=True)
class ReadHead:
    """Read the head of a request and leave its body on the wire, after `BeforeReading`."""

    def play(self, connection: Connection) -> None:
        """Read up to the blank line and note a request without a body."""
        connection.note_request(connection.read_head()[0])


@dataclass(frozen=True, slots=True)
class Fin:
    """End the sending direction, and read on until the client closes too. Scripts end so anyway."""

    def play(self, connection: Connection) -> None:
        """Send FIN; unread bytes are drained, for closing over them would send RST."""
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(65536):
            pass
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection off with RST."""

    def play(self, connection: Connection) -> None:
        """Arm SO_LINGER with 0 s; the watching thread closes."""
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Stall:
    """Hold the connection open and say nothing, until the client closes or the server stops."""

    def play(self, connection: Connection) -> None:
        """Wait."""
        connection.wait_until_gone(None)
        raise ScriptEnded


@dataclass(frozen=True, slots=True)
class Forever:
    """Repeat steps until the client has gone."""

    steps: Sequence[Step]

    def play(self, connection: Connection) -> None:
        """Repeat; ends by what the steps meet."""
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
    """Give the steps of an event stream: each piece in a write, and a HTTP chunk, of its own.

    Steps may stand among the pieces. Without `chunked` the end of the connection is the end of the
    body. Without `end` the last chunk is left out: add what shall happen in its place.
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
    """Give the steps that send bytes one by one."""
    steps: list[Step] = []
    for offset in range(len(data)):
        steps += [Send(data[offset : offset + 1]), Pause(every_s)]
    return steps
