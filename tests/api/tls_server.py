"""A server that speaks TLS with a certificate of its own making, one connection after another."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from types import TracebackType


def make_certificate(folder: Path, names: str, *, days: int = 2) -> tuple[Path, Path]:
    """Make a self-signed certificate for names such as `IP:127.0.0.1`; give it and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
    command += ["-addext", f"subjectAltName={names}", "-days", str(days)]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


class TlsServer:
    """Answers each request with the same bytes, and then holds the connection if so wished."""

    def __init__(self, certificate: Path, key: Path, answer: bytes, *, holds: bool = False) -> None:
        self.heads: list[bytes] = []
        self.was_left = threading.Event()
        self._answer = answer
        self._holds = holds
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="tls-server")
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TlsServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.settimeout(10)
            with accepted, contextlib.suppress(OSError):  # ssl.SSLError is one
                self._talk(self._context.wrap_socket(accepted, server_side=True))

    def _talk(self, talking: ssl.SSLSocket) -> None:
        with talking:
            request = b""
            while not _is_whole(request):  # closing over unread bytes would send RST
                request += talking.recv(65536)
            self.heads.append(request)
            talking.sendall(self._answer)
            if self._holds:
                with contextlib.suppress(OSError):
                    while talking.recv(65536):
                        pass
                self.was_left.set()


def _is_whole(request: bytes) -> bool:
    head, blank_line, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(blank_line) and len(body) >= int(length.group(1) if length else 0)
