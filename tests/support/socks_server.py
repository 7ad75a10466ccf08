"""A SOCKS5 proxy on loopback (RFC 1928, RFC 1929) that connects every client to one local port."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from types import TracebackType

CONNECTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00"
NO_PASSWORD, PASSWORD = 0, 2


class SocksServer:
    """The proxy. `targets` lists the requested hosts and ports, `logins` the users and passwords.

    Whatever the target, the client is connected to `target_port` of this machine.
    """

    def __init__(self, target_port: int, *, wants_password: bool = False) -> None:
        self.targets: list[tuple[str, int]] = []
        self.logins: list[tuple[str, str]] = []
        self.target_port = target_port
        self.method = PASSWORD if wants_password else NO_PASSWORD
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, EOFError):
                    proxy._serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.place = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> SocksServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, client: socketserver.StreamRequestHandler) -> None:
        assert _read(client, 1) == b"\x05"
        offered = _read(client, _number(client))
        if self.method not in offered:
            client.request.sendall(b"\x05\xff")
            return
        client.request.sendall(bytes([5, self.method]))
        if self.method == PASSWORD:
            assert _read(client, 1) == b"\x01"
            user, password = (_read(client, _number(client)).decode() for _ in range(2))
            self.logins.append((user, password))
            client.request.sendall(b"\x01\x00")
        version, command, _, kind = _read(client, 4)
        assert (version, command) == (5, 1)
        if kind == 3:  # a name
            host = _read(client, _number(client)).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _read(client, 4 if kind == 1 else 16))
        self.targets.append((host, int.from_bytes(_read(client, 2), "big")))
        with socket.create_connection(("127.0.0.1", self.target_port)) as server:
            client.request.sendall(CONNECTED)
            back = threading.Thread(target=_relay, args=(server, client.request))
            back.start()
            _relay(client.request, server)
            back.join()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(1 << 16):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _number(client: socketserver.StreamRequestHandler) -> int:
    return _read(client, 1)[0]


def _read(client: socketserver.StreamRequestHandler, size: int) -> bytes:
    data = client.rfile.read(size)
    if len(data) < size:
        raise EOFError
    return data
