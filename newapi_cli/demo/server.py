"""The demo gateway: a New API gateway inside the program, for `newapi demo` and for tests.

It speaks the real protocol over real sockets, on loopback, and knows nothing of our types: what
it sends was written from the specification, so it can't confirm our own mistakes.

    DemoGateway -> Listener (accepts) -> Connection (one thread each) -> replies -> stream
                                              |-> Desk (models, prices, balance, log)
                                              |-> Accounts (what each key has spent)
                                              |-> Journal (what was seen)
"""

from __future__ import annotations

import threading
from types import TracebackType

from newapi_cli.demo.connection import Connection
from newapi_cli.demo.journal import SeenRequest
from newapi_cli.demo.listener import Listener
from newapi_cli.demo.site import Site

__all__ = ["DemoGateway", "SeenRequest", "Site"]

_USUAL_SITE = Site()


class DemoGateway:
    """A gateway that is bound when it is made and serves between `start` and `stop`.

    `port` 0 takes any free one; `pace_s` is the pause in seconds between two pieces of an
    answer; `site` says what kind of gateway it is. OSError when the port is in use or the host
    is not ours. As a context manager it serves inside the block.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        pace_s: float = 0.012,
        site: Site = _USUAL_SITE,
    ) -> None:
        self._listener = Listener((host, port), Connection, pace_s, site)
        self._lock = threading.RLock()  # a signal handler may call stop() within stop()
        self._is_stopped = False

    def __enter__(self) -> DemoGateway:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """`http://HOST:PORT`, without `/v1`; valid before `start` too."""
        return self._listener.base_url

    @property
    def requests(self) -> list[SeenRequest]:
        """The last 1000 requests, oldest first; a copy."""
        return self._listener.journal.requests

    @property
    def disconnects(self) -> int:
        """How many answers their clients abandoned; `stop` abandons none."""
        return self._listener.journal.disconnects

    def wait_for_disconnect(self, timeout_s: float, count: int = 1) -> bool:
        """Wait until `count` answers were abandoned in all; False when the time is over."""
        return self._listener.journal.wait_for_disconnect(timeout_s, count)

    def start(self) -> None:
        """Serve in daemon threads and return at once; a second call does nothing.

        RuntimeError after `stop`: the port is given back.
        """
        with self._lock:
            if self._is_stopped:
                raise RuntimeError("a stopped demo gateway can't be started again")
            self._listener.start()

    def serve_forever(self) -> None:
        """Serve until `stop` is called or Ctrl-C comes; both end it quietly and stopped."""
        self.start()
        try:
            while not self._listener.stopping.wait(0.5):
                pass  # in steps, because Windows shows Ctrl-C only between two waits
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def stop(self) -> None:
        """Hang up on every client and give the port back; a second call does nothing."""
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped = True
            self._listener.close()
