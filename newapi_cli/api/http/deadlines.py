"""Our own deadlines of one exchange: httpx's read timeout starts anew with every byte.

Pings and single bytes keep a connection alive, not an answer: each clock watches one silence.
"""

from __future__ import annotations

from newapi_cli.domain.profile import Timeouts
from newapi_cli.errors import DeadlineError

AFTER_FINISH_S = 5.0


class Deadlines:
    """What may still be waited for. Times are `time.monotonic` seconds, given by the caller.

    Only a silence that somebody listened to counts: `deaf` tells of all other time.
    """

    def __init__(self, timeouts: Timeouts, *, stream: bool, now: float) -> None:
        self._timeouts = timeouts
        self._stream = stream
        self._started = now
        self._connected: float | None = None
        self._last_byte: float | None = None
        self._last_content: float | None = None
        self._finished: float | None = None
        self._deaf_s = 0.0

    def deaf(self, seconds: float) -> None:
        """Note that nobody listened for so long: the output was full, or the program stopped."""
        self._deaf_s += seconds

    def connected(self, now: float) -> None:
        """Note that the connection stands."""
        self._connected = now - self._deaf_s

    def byte(self, now: float) -> None:
        """Note that something arrived, a ping perhaps."""
        self._last_byte = now - self._deaf_s

    def content(self, now: float) -> None:
        """Note that a piece of the answer or of its reasoning arrived."""
        self._last_content = now - self._deaf_s

    def finished(self, now: float) -> None:
        """Note the finish reason: only the token counts are still to come."""
        self._finished = now - self._deaf_s

    def silent_s(self, now: float) -> float:
        """Give how long no piece of the answer came."""
        return now - self._deaf_s - (self._last_content or self._started)

    def remaining_s(self, now: float) -> float:
        """Give the time until the next deadline; raises `DeadlineError` when one has passed."""
        remaining = float("inf")
        for limit_s, since, what in self._running():
            if limit_s <= 0:
                continue
            left = since + limit_s - (now - self._deaf_s)
            if left <= 0:
                raise DeadlineError(f"{what} for {limit_s:g} s", hint=_HINTS.get(what, ""))
            remaining = min(remaining, left)
        return remaining

    def _running(self) -> list[tuple[float, float, str]]:
        timeouts = self._timeouts
        if self._finished is not None:
            return [(AFTER_FINISH_S, self._finished, "no end after the finish reason")]
        running = [(timeouts.total_s, self._started, "no end of the answer")]
        if self._connected is None:
            return [*running, (timeouts.connect_s, self._started, "no connection")]
        if self._last_byte is None:
            # An answer that is not streamed sends nothing before it is whole.
            first_byte_s = timeouts.first_byte_s if self._stream else timeouts.first_content_s
            running.append((first_byte_s, self._connected, "no sign of an answer"))
        else:
            running.append((timeouts.idle_s, self._last_byte, "no sign of life"))
        if self._last_content is None:
            running.append((timeouts.first_content_s, self._connected, "no content"))
        else:
            running.append((timeouts.content_idle_s, self._last_content, "no further content"))
        return running


_WAIT_LONGER = "--timeout SECONDS waits longer (0: for ever)"
_HINTS = {
    "no connection": "check the base URL and the network; `connect_timeout` is a setting",
    "no sign of an answer": _WAIT_LONGER,
    "no sign of life": _WAIT_LONGER,
    "no content": _WAIT_LONGER,
    "no further content": _WAIT_LONGER,
    "no end of the answer": "`total_timeout` is a setting",
}
