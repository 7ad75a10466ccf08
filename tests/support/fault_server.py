"""A loopback server that sends exactly what a test scripts, byte by byte.

    with FaultServer([Send(response(429))], sse(*answer_events("hi"))) as server:
        ...                       # the first request gets the 429, the second one the answer
        server.requests[0].json

A script is a list of steps. Each request takes the next script; a connection without one takes
none. Requests for status and prices (`GET /api/...`) are answered with 404 and listed in
`api_requests`; they take no script, so that the order of the scripts does not depend on them.
Each request is checked against the rules in `tests.support.wire_rules`.

One thread accepts connections and notices disconnects (POLLRDHUP, Linux); one thread for each
connection plays its script. All waiting ends when the server stops; nothing sleeps.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from tests.support.connection import Connection, Request, ScriptEnded
from tests.support.steps import BeforeReading, Fin, Send, Step
from tests.support.wire import error, response
from tests.support.wire_rules import check_request

Answer = Callable[[Request], Sequence[Step]]
GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR
JOIN_S = 5.0


class FaultServer:
    """The server. `with` starts and stops it; leaving it raises the first failure of a script."""

    def __init__(
        self,
        *scripts: Sequence[Step],
        answer: Answer | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self.api_requests: list[Request] = []
        self.connections: list[Connection] = []
        self._scripts = [list(script) for script in scripts]
        self._answer = answer
        self._tls = tls
        self._failures: list[BaseException] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._finished: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wake_in, self._wake_out = socket.socketpair()
        self._watcher = threading.Thread(target=self._watch, name="fault-server")
        self.port: int = self._listener.getsockname()[1]
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultServer:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()
        if self._failures and kind is None:
            raise self._failures[0]

    def add(self, *steps: Step) -> None:
        """Add a script for one more request."""
        with self._changed:
            self._scripts.append(list(steps))

    def answer_with(self, answer: Answer) -> None:
        """Set a function that returns the steps for each request after the last script."""
        self._answer = answer

    def wait_for_requests(self, count: int, timeout_s: float = 30.0) -> None:
        """Wait until `count` complete requests have arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout_s):
                raise AssertionError(f"{len(self.requests)} of {count} requests in {timeout_s} s")

    def wait_for_close(self, timeout_s: float = 30.0, connection: int = -1) -> float:
        """Wait until the client has closed a connection. Return the time (`time.monotonic`).

        Connections count in the order of their acceptance.
        """
        with self._changed:
            watched = self.connections[connection]
            if not self._changed.wait_for(lambda: watched.gone_at is not None, timeout_s):
                raise AssertionError(f"the client still holds the connection after {timeout_s} s")
        assert watched.gone_at is not None
        return watched.gone_at

    def stop(self) -> None:
        """End all scripts and threads, and close all sockets. A second call does nothing."""
        if self._stopping.is_set():
            return
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        self._wake()
        self._watcher.join(JOIN_S)
        for connection in self.connections:
            connection.abandon()
        for connection in self.connections:
            connection.thread.join(JOIN_S)
            connection.socket.close()
        for each in (self._listener, self._wake_in, self._wake_out):
            each.close()
        left = [c.thread.name for c in self.connections if c.thread.is_alive()]
        if left or self._watcher.is_alive():
            raise AssertionError(f"threads of the fault server are left: {left}")

    # -- the watching thread ------------------------------------------------------------------

    def _watch(self) -> None:
        poller = select.poll()
        poller.register(self._listener, select.POLLIN)
        poller.register(self._wake_out, select.POLLIN)
        watched: dict[int, Connection] = {}
        while not self._stopping.is_set():
            for fd, _ in poller.poll():
                if fd == self._listener.fileno():
                    connection = self._accept()
                    watched[connection.socket.fileno()] = connection
                    poller.register(connection.socket, GONE)
                    connection.thread.start()
                elif fd == self._wake_out.fileno():
                    self._wake_out.recv(4096)
                    self._close_finished(poller, watched)
                elif fd in watched:
                    poller.unregister(fd)
                    watched.pop(fd).note_gone()

    def _accept(self) -> Connection:
        accepted, _ = self._listener.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(accepted, self._changed, self._stopping)
        name = f"fault-server-{len(self.connections)}"
        connection.thread = threading.Thread(target=self._serve, args=[connection], name=name)
        connection.early = self._take_early_script()
        with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        return connection

    def _close_finished(self, poller: select.poll, watched: dict[int, Connection]) -> None:
        # A descriptor that poll() still holds is not closed by close(): no RST, no FIN would leave.
        with self._changed:
            finished, self._finished = self._finished, []
        for connection in finished:
            fd = connection.socket.fileno()
            if watched.pop(fd, None) is not None:
                poller.unregister(fd)
            connection.socket.close()

    def _wake(self) -> None:
        self._wake_in.send(b".")

    # -- the thread of a connection -----------------------------------------------------------

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                connection.start_tls(self._tls)
            if connection.early is not None:
                self._play(connection, connection.early)
            else:
                request = connection.read_request()
                self._play(connection, self._script_for(request))
        except ScriptEnded:
            pass
        except OSError:
            if not self._stopping.is_set():
                connection.note_gone()
        except BaseException as failure:  # noqa: BLE001  # a faulty script: raised when stopping
            self._failures.append(failure)
        finally:
            with self._changed:
                self._finished.append(connection)
            if not self._stopping.is_set():
                self._wake()

    def _play(self, connection: Connection, script: Sequence[Step]) -> None:
        connection.note_request = self._note
        for step in script:
            step.play(connection)
        Fin().play(connection)

    def _take_early_script(self) -> list[Step] | None:
        with self._changed:
            if self._scripts and isinstance(next(iter(self._scripts[0]), None), BeforeReading):
                return self._scripts.pop(0)
        return None

    def _script_for(self, request: Request) -> Sequence[Step]:
        check_request(request)
        if request.path.startswith("/api/"):
            with self._changed:
                self.api_requests.append(request)
                self._changed.notify_all()
            return [Send(response(404, error("not found")))]
        self._note(request)
        with self._changed:
            if self._scripts:
                return self._scripts.pop(0)
        if self._answer is not None:
            return self._answer(request)
        return [Send(response(418, error("the fault server has no script left")))]

    def _note(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
