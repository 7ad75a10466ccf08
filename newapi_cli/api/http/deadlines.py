"""The deadlines of one exchange, each of which limits one kind of silence.

A read timeout of a library restarts with every byte, and pings would extend it forever.
"""

from __future__ import annotations

from newapi_cli.domain.profile import Timeouts
from newapi_cli.errors import DeadlineError, NextStep
from newapi_cli.i18n import tr

AFTER_FINISH_S = 5.0


class Deadlines:
    """How long each event may take. Times are `time.monotonic` seconds, passed by the caller.

    Only time in which the caller was listening counts: `not_listening` subtracts the rest.
    """

    def __init__(
        self, timeouts: Timeouts, *, stream: bool, now: float, started: float | None = None
    ) -> None:
        self._timeouts = timeouts
        self._stream = stream
        self._now = now
        self._started = now if started is None else started  # of a chain of redirects
        self._connected: float | None = None
        self._last_byte: float | None = None
        self._last_content: float | None = None
        self._finished: float | None = None
        self._not_listening_s = 0.0

    def not_listening(self, seconds: float) -> None:
        """Exclude time in which the output was full, or the program stopped."""
        self._not_listening_s += seconds

    def connected(self, now: float) -> None:
        """Record that the connection is open."""
        self._connected = now - self._not_listening_s

    def byte(self, now: float) -> None:
        """Record that something arrived, if only a ping."""
        self._last_byte = now - self._not_listening_s

    def content(self, now: float) -> None:
        """Record that a part of the answer or of its reasoning arrived."""
        self._last_content = now - self._not_listening_s

    def finished(self, now: float) -> None:
        """Record that the finish reason arrived: only the token counts may follow."""
        self._finished = now - self._not_listening_s

    def silent_s(self, now: float) -> float:
        """Return the seconds since the last part of the answer."""
        return now - self._not_listening_s - (self._last_content or self._now)

    def remaining_s(self, now: float) -> float:
        """Return the seconds until the next deadline. Raises `DeadlineError` after it."""
        remaining = float("inf")
        for awaited, limit_s, since in self._active():
            if limit_s <= 0:
                continue
            left = since + limit_s - (now - self._not_listening_s)
            if left <= 0:
                raise _error(awaited, f"{limit_s:g}")
            remaining = min(remaining, left)
        return remaining

    def _active(self) -> list[tuple[str, float, float]]:
        """Return what is awaited, for how long, and since when."""
        timeouts = self._timeouts
        if self._finished is not None:
            return [("end after finish", AFTER_FINISH_S, self._finished)]
        total = ("end", timeouts.total_s, self._started)
        if self._connected is None:
            return [("connection", timeouts.connect_s, self._now), total]
        if self._last_byte is None:
            # A response that is not streamed sends nothing before it is complete.
            first_byte_s = timeouts.first_byte_s if self._stream else timeouts.first_content_s
            byte = ("first byte", first_byte_s, self._connected)
        else:
            byte = ("byte", timeouts.idle_s, self._last_byte)
        if self._last_content is None:
            content = ("first content", timeouts.first_content_s, self._connected)
        else:
            content = ("content", timeouts.content_idle_s, self._last_content)
        return [total, byte, content]


def _error(awaited: str, seconds: str) -> DeadlineError:
    wait_longer = tr("wait longer with {step}, or 0 for no limit", step=NextStep.SET_TIMEOUT)
    errors = {
        "connection": (
            tr("no connection within {seconds} s", seconds=seconds),
            tr("check the base URL and the network, or raise the setting `connect_timeout`"),
        ),
        "first byte": (tr("no response within {seconds} s", seconds=seconds), wait_longer),
        "byte": (tr("no data for {seconds} s", seconds=seconds), wait_longer),
        "first content": (tr("no answer within {seconds} s", seconds=seconds), wait_longer),
        "content": (tr("no more of the answer for {seconds} s", seconds=seconds), wait_longer),
        "end": (
            tr("response not complete within {seconds} s", seconds=seconds),
            tr("raise the setting `total_timeout`"),
        ),
        "end after finish": (
            tr("no end of the response within {seconds} s of the finish reason", seconds=seconds),
            "",
        ),
    }
    message, hint = errors[awaited]
    return DeadlineError(message, hint=hint)
