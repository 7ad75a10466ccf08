"""The road to a host, one step at a time: its name, a connection, TLS. No request, and no key.

Each step runs on a thread of its own under our clock, so that a dead resolver hangs nobody and a
signal is answered at once; a thread that still hangs is left behind as a daemon. What the system
raises leaves as a `NetworkError` that says what to look at.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from newapi_cli.errors import NetworkError
from newapi_cli.signals import Interrupts

GREETING = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
SECOND_LOOK_S = 2.0  # for a server that failed to be what it should be
EXPIRED, NOT_YET_VALID, WRONG_NAME, WRONG_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_* of OpenSSL
Given = TypeVar("Given")
Address = tuple[str | int, ...] | tuple[int, bytes]


class Resolved(NamedTuple):
    """What a name stands for: addresses as people write them, each once, and how long it took."""

    addresses: tuple[str, ...]
    seconds: float


class Connected(NamedTuple):
    """The address that took the connection, and how long that took."""

    address: str
    seconds: float


class Handshake(NamedTuple):
    """TLS as it was agreed on; `issuer` is the name of the authority behind the certificate."""

    version: str
    issuer: str
    expires_at: datetime
    seconds: float


def within(
    limit_s: float, interrupts: Interrupts, work: Callable[[], Given]
) -> tuple[Given, float]:
    """Do something that may hang; give what it gives, and its seconds.

    Raises what it raises, `TimeoutError`, and `Interrupted` as soon as a signal comes.
    """
    given: list[Given] = []
    raised: list[Exception] = []
    bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run() -> None:
        try:
            given.append(work())
        except Exception as error:  # noqa: BLE001  # carried to the main thread, and raised there
            raised.append(error)
        bell.put(None)

    started = time.monotonic()
    with interrupts:
        interrupts.wake = lambda: bell.put(None)
        threading.Thread(target=run, name="newapi probe", daemon=True).start()
        try:
            bell.get(timeout=limit_s)
        except queue.Empty:
            raise TimeoutError from None
        finally:
            interrupts.wake = None
        interrupts.check()
    if raised:
        raise raised[0]
    return given[0], time.monotonic() - started


class Probe:
    """Tries the steps to a host and port, each for at most `limit_s` seconds.

    Every step may raise `NetworkError` and `Interrupted`.
    """

    def __init__(self, host: str, port: int, interrupts: Interrupts, limit_s: float) -> None:
        self._host = host
        self._port = port
        self._interrupts = interrupts
        self._limit_s = limit_s
        self._second_look_s = min(limit_s, SECOND_LOOK_S)

    @property
    def place(self) -> str:
        """Give host and port as people write them."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def resolve(self) -> Resolved:
        """Ask the system what the name stands for."""
        try:
            found, seconds = within(self._limit_s, self._interrupts, self._addresses)
        except TimeoutError:
            raise NetworkError(
                f"no answer about {self._host} within {self._limit_s:g} s",
                hint="the resolver of this machine hangs: look at the network, the VPN and DNS",
            ) from None
        except socket.gaierror as error:
            hint = "check the spelling of the base URL, and the network"
            if error.errno == socket.EAI_AGAIN:
                hint = "the resolver does not answer: look at the network, the VPN and DNS"
            raise NetworkError(
                f"cannot find the host {self._host}", why=error.strerror or "", hint=hint
            ) from error
        return Resolved(tuple(dict.fromkeys(str(address[0]) for _, address in found)), seconds)

    def connect(self) -> Connected:
        """Connect to the first address that takes a connection, and leave again."""

        def work() -> str:
            with self._socket(self._limit_s) as sock:
                return str(sock.getpeername()[0])

        try:
            return Connected(*within(self._limit_s, self._interrupts, work))
        except ConnectionRefusedError as error:
            raise NetworkError(
                f"{self.place} refuses connections",
                hint="is the port of the base URL right, and is the server up?",
            ) from error
        except TimeoutError:
            raise NetworkError(
                f"no connection to {self.place} within {self._limit_s:g} s",
                hint="is the port of the base URL right? a firewall or a VPN may swallow it too",
            ) from None
        except OSError as error:
            raise NetworkError(
                f"cannot connect to {self.place}",
                why=error.strerror or "",
                hint="check the network",
            ) from error

    def shake_hands(self, context: ssl.SSLContext) -> Handshake:
        """Agree on TLS, with the certificate verified as for a request."""
        try:
            (version, certificate), seconds = within(
                self._limit_s, self._interrupts, lambda: self._tls(context, self._limit_s)
            )
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(error) from error
        except OSError as error:  # ssl.SSLError and TimeoutError are
            if self.speaks_http():
                raise NetworkError(
                    f"{self.place} speaks plain http, not TLS",
                    hint=f"the base URL should begin with http://, as in http://{self.place}",
                ) from error
            raise NetworkError(
                f"no TLS connection to {self.place}", why=_words(error), hint="is the port right?"
            ) from error
        until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return Handshake(version, _issuer(certificate), datetime.fromtimestamp(until, UTC), seconds)

    def speaks_http(self) -> bool:
        """Say whether a request in clear text is answered as http is. It asks for `/` alone."""

        def work() -> bool:
            with self._socket(self._second_look_s) as sock:
                sock.sendall(GREETING % self.place.encode("ascii"))
                return sock.recv(16).startswith(b"HTTP/")

        return self._holds(work)

    def speaks_tls(self) -> bool:
        """Say whether TLS is spoken there, whatever the certificate is worth."""
        anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        return self._holds(lambda: bool(self._tls(anybody, self._second_look_s)[0]))

    def _holds(self, work: Callable[[], bool]) -> bool:
        try:
            return within(self._second_look_s, self._interrupts, work)[0]
        except OSError:
            return False

    def _addresses(self) -> Sequence[tuple[int, Address]]:
        # As bytes: a text would go through the IDNA codec, and a base URL is ASCII already.
        found = socket.getaddrinfo(self._host.encode("ascii"), self._port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    def _socket(self, limit_s: float) -> socket.socket:
        """Connect; each address gets its share of the time. Raises `OSError`."""
        failure: OSError = ConnectionError("the name has no address")
        found = self._addresses()
        for family, address in found:
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(limit_s / len(found))
                sock.connect(address)
            except OSError as error:
                failure = error
                sock.close()
            else:
                return sock
        raise failure

    def _tls(self, context: ssl.SSLContext, limit_s: float) -> tuple[str, dict[str, object]]:
        with (
            self._socket(limit_s) as sock,
            context.wrap_socket(sock, server_hostname=self._host) as talking,
        ):
            return talking.version() or "TLS", dict(talking.getpeercert() or {})

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> NetworkError:
        hint = (
            "for a company CA: `newapi config set ca_bundle PATH`, or SSL_CERT_FILE;"
            " for a proxy that opens TLS, its certificate"
        )
        if error.verify_code in (EXPIRED, NOT_YET_VALID):
            today = datetime.now().astimezone()
            hint = f"who runs the server must renew it, unless the clock here is wrong: {today:%c}"
        if error.verify_code in (WRONG_NAME, WRONG_ADDRESS):
            hint = "it was made for another name: is the host of the base URL right?"
        return NetworkError(
            f"the certificate of {self.place} cannot be trusted",
            why=error.verify_message or "",
            hint=hint,
        )


def _issuer(certificate: dict[str, object]) -> str:
    """Give the organization, or else the common name, of who signed a certificate."""
    issuer = certificate.get("issuer")
    parts = [pair for group in issuer for pair in group] if isinstance(issuer, tuple) else []
    names = {str(name): str(value) for name, value in parts}
    return names.get("organizationName") or names.get("commonName") or "nobody by name"


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or type(error).__name__
