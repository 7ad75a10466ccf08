"""What `newapi doctor` sends to a server (a lookup, TLS, GET requests), and the server's kind.

Each is sent once, under one deadline, and the response is returned whatever its status. None of
the steps of `Probe` sends a key.

New API names its version in a header since 2026. Older ones differ from one-api in the members of
`/api/status`. The header of the request id is the same for all of them.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar

from newapi_cli.api.errors.body import parse_error_body, readable_error
from newapi_cli.api.errors.error_object import is_html, page_title
from newapi_cli.api.errors.explain import error_from_response
from newapi_cli.api.errors.failures import client_certificate_error, words_of
from newapi_cli.api.http.connection import Addresses, WireRequest, addresses_of, open_socket
from newapi_cli.api.http.endpoint import Endpoint
from newapi_cli.api.http.exchange import (
    REQUEST_ID_HEADER,
    VERSION_HEADER,
    RequestFailed,
    request_id_in,
)
from newapi_cli.api.http.reader import Deadlines, open_exchange, run_to_end
from newapi_cli.api.json_values import decode_json
from newapi_cli.domain.settings import Timeouts
from newapi_cli.errors import DeadlineError, NetworkError, NewapiError, profile_command
from newapi_cli.i18n import Translatable, tr
from newapi_cli.signals import Interrupts
from newapi_cli.text import well_formed

HTTP_REQUEST = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
PROTOCOL_CHECK_S = 2.0  # whether a server that failed speaks another protocol
MAX_BODY_BYTES = 1024 * 1024
MAX_TITLE = 100
MAX_NAME = 60
NEW_MEMBERS = ("quota_display_type", "usd_exchange_rate", "self_use_mode_enabled")
EXPIRED, NOT_YET_VALID, WRONG_NAME, WRONG_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_* of OpenSSL
NETWORK_HINT = tr("check the network, the VPN and the DNS settings")
SERVER_HINT = tr("check the base URL, and whether the server is running")
PORT_HINT = tr("check the port of the base URL, and whether the server is running")
Returned = TypeVar("Returned")


class Page(NamedTuple):
    """A response. Header names are in lower case, `received_at` is the time of this machine."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    seconds: float

    @property
    def json(self) -> object:
        """The body as a JSON value, None if it is not JSON."""
        try:
            return decode_json(self.body)
        except ValueError:
            return None

    @property
    def is_html(self) -> bool:
        """Whether it is a web page."""
        content_type = self.headers.get("content-type", "").lower()
        return content_type.startswith("text/html") or is_html(self.body)

    @property
    def title(self) -> str:
        """The title of a web page."""
        return page_title(self.body)[:MAX_TITLE]

    @property
    def clock_offset_s(self) -> float | None:
        """The seconds that this machine's clock is ahead of the server's; None without a date."""
        try:
            date = parsedate_to_datetime(self.headers["date"])
            age_s = float(self.headers.get("age", "0"))  # of a cached response (RFC 9111, 5.1)
            return (self.received_at - date).total_seconds() - age_s
        except (KeyError, ValueError, TypeError, OverflowError):
            return None

    def to_error(self) -> NewapiError:
        """Return the error that this response would be to a request."""
        body = readable_error(self.body, self.headers)
        error = parse_error_body(body, self.headers)
        request_id = error.request_id or request_id_in(self.headers)
        error = error._replace(request_id=request_id)
        location = self.headers.get("location", "")
        return error_from_response(self.status, error, body, location=location)


def fetch_page(endpoint: Endpoint, path: str, *, limit_s: float, interrupts: Interrupts) -> Page:
    """Request a path below the base URL once.

    Raises as `Client` does before an answer.
    """
    request = WireRequest(
        method="GET",
        base_url=endpoint.base_url,
        path=endpoint.base_url.path(path),
        headers=endpoint.headers(),
        tls=endpoint.tls_context(),
        connect_s=limit_s,
    )
    started = time.monotonic()
    timeouts = Timeouts(
        connect_s=limit_s,
        first_byte_s=0,
        first_content_s=0,
        idle_s=0,
        content_idle_s=0,
        total_s=limit_s,
    )
    deadlines = Deadlines(timeouts, stream=False, now=started)
    try:
        with interrupts, open_exchange(endpoint, request, deadlines, interrupts) as reader:
            head = run_to_end(reader.head())
            if isinstance(head, RequestFailed):
                raise head.error
            received_at, seconds = datetime.now(UTC), time.monotonic() - started
            body = run_to_end(reader.body(MAX_BODY_BYTES))
    except DeadlineError as error:
        raise DeadlineError(error.message, why=error.why, hint=SERVER_HINT) from error
    return Page(head.status, head.headers, body, received_at, seconds)


class Resolved(NamedTuple):
    """The addresses of a name, without duplicates, and how long the lookup took."""

    addresses: tuple[str, ...]
    seconds: float


class ConnectedAddress(NamedTuple):
    """The address that accepted the connection, and how long that took."""

    address: str
    seconds: float


class Handshake(NamedTuple):
    """A TLS connection; `issuer` is the name of the authority that issued the certificate."""

    version: str
    issuer: str
    expires_at: datetime
    seconds: float


def within(
    limit_s: float, interrupts: Interrupts, work: Callable[[], Returned]
) -> tuple[Returned, float]:
    """Run something that may hang on a thread; return its result, and its seconds.

    Raises what it raises, `TimeoutError`, and `Interrupted` at a signal. A thread that still hangs
    is left behind as a daemon.
    """
    returned: list[Returned] = []
    raised: list[Exception] = []
    done: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run() -> None:
        try:
            returned.append(work())
        except Exception as error:  # noqa: BLE001  # carried to the main thread, and raised there
            raised.append(error)
        done.put(None)

    started = time.monotonic()
    with interrupts:
        interrupts.wake = lambda: done.put(None)
        threading.Thread(target=run, name="newapi probe", daemon=True).start()
        try:
            done.get(timeout=limit_s)
        except queue.Empty:
            raise TimeoutError from None
        finally:
            interrupts.wake = None
        interrupts.check()
    if raised:
        raise raised[0]
    return returned[0], time.monotonic() - started


class Probe:
    """Tries the steps of a connection to a host and port, each for at most `limit_s` seconds.

    Every step may raise `NetworkError` and `Interrupted`.
    """

    def __init__(self, host: str, port: int, interrupts: Interrupts, limit_s: float) -> None:
        self._host = host
        self._port = port
        self._interrupts = interrupts
        self._limit_s = limit_s
        self._protocol_check_s = min(limit_s, PROTOCOL_CHECK_S)

    @property
    def place(self) -> str:
        """Host and port, as in a URL."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    def resolve(self) -> Resolved:
        """Look up the addresses of the host."""
        try:
            addresses, seconds = within(self._limit_s, self._interrupts, self._addresses)
        except TimeoutError:
            message = tr(
                "no DNS response for {host} within {seconds} s",
                host=self._host,
                seconds=f"{self._limit_s:g}",
            )
            raise NetworkError(message, hint=NETWORK_HINT) from None
        except socket.gaierror as error:
            is_silent = error.errno == socket.EAI_AGAIN
            raise NetworkError(
                tr("cannot find the host {host}", host=self._host),
                why=error.strerror or "",
                hint=NETWORK_HINT if is_silent else tr("check the base URL and the network"),
            ) from error
        return Resolved(tuple(dict.fromkeys(str(address[0]) for *_, address in addresses)), seconds)

    def connect(self) -> ConnectedAddress:
        """Connect to the first address that accepts a connection, and close it."""

        def work() -> str:
            with self._socket(self._limit_s) as sock:
                return str(sock.getpeername()[0])

        try:
            return ConnectedAddress(*within(self._limit_s, self._interrupts, work))
        except ConnectionRefusedError as error:
            message = tr("{place} refused the connection", place=self.place)
            raise NetworkError(message, hint=PORT_HINT) from error
        except TimeoutError:
            message = tr(
                "no connection to {place} within {seconds} s",
                place=self.place,
                seconds=f"{self._limit_s:g}",
            )
            hint = tr("check the port of the base URL, and any firewall or VPN")
            raise NetworkError(message, hint=hint) from None
        except OSError as error:
            raise NetworkError(
                tr("cannot connect to {place}", place=self.place),
                why=error.strerror or "",
                hint=tr("check the network"),
            ) from error

    def handshake(self, context: ssl.SSLContext) -> Handshake:
        """Do a TLS handshake, with the certificate verified as for a request."""
        try:
            (version, certificate), seconds = within(
                self._limit_s, self._interrupts, lambda: self._tls(context, self._limit_s)
            )
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted_error(error) from error
        except OSError as error:  # includes ssl.SSLError and TimeoutError
            if refusal := client_certificate_error(error, self.place):
                raise refusal from error
            if self.speaks_http():
                raise NetworkError(
                    tr("{place} speaks plain HTTP, not TLS", place=self.place),
                    hint=tr("use the base URL http://{place}", place=self.place),
                ) from error
            raise NetworkError(
                tr("cannot establish a TLS connection to {place}", place=self.place),
                why=tr("timed out") if isinstance(error, TimeoutError) else words_of(error),
                hint=PORT_HINT,
            ) from error
        until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return Handshake(version, _issuer(certificate), datetime.fromtimestamp(until, UTC), seconds)

    def speaks_http(self) -> bool:
        """Return whether the server answers an unencrypted HTTP request, for `/`."""

        def work() -> bool:
            with self._socket(self._protocol_check_s) as sock:
                sock.sendall(HTTP_REQUEST % self.place.encode("ascii"))
                return sock.recv(16).startswith(b"HTTP/")

        return self._succeeds(work)

    def speaks_tls(self) -> bool:
        """Return whether the server speaks TLS, with any certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return self._succeeds(lambda: bool(self._tls(context, self._protocol_check_s)[0]))

    def _succeeds(self, work: Callable[[], bool]) -> bool:
        try:
            return within(self._protocol_check_s, self._interrupts, work)[0]
        except OSError:
            return False

    def _addresses(self) -> Addresses:
        return addresses_of(self._host, self._port)

    def _socket(self, limit_s: float) -> socket.socket:
        return open_socket(self._addresses(), limit_s)

    def _tls(self, context: ssl.SSLContext, limit_s: float) -> tuple[str, dict[str, object]]:
        with (
            self._socket(limit_s) as sock,
            context.wrap_socket(sock, server_hostname=self._host) as connection,
        ):
            return connection.version() or "TLS", dict(connection.getpeercert() or {})

    def _untrusted_error(self, error: ssl.SSLCertVerificationError) -> NetworkError:
        return NetworkError(
            tr("the certificate of {place} is not trusted", place=self.place),
            why=error.verify_message or "",
            hint=_certificate_hint(error.verify_code),
        )


def _certificate_hint(verify_code: int) -> Translatable:
    if verify_code in (EXPIRED, NOT_YET_VALID):
        now = datetime.now().astimezone()
        return tr(
            "check the clock of this machine ({now:%c}), or ask the server's operator for a new"
            " certificate",
            now=now,
        )
    if verify_code in (WRONG_NAME, WRONG_ADDRESS):
        return tr("check the host of the base URL: the certificate is for another name")
    return tr(
        "for a company CA or a proxy that decrypts TLS, set its certificate:"
        " `{command}`, or SSL_CERT_FILE",
        command=profile_command("newapi config set", "ca_bundle PATH"),
    )


def _issuer(certificate: dict[str, object]) -> str:
    """Return the organization that issued a certificate, else its common name."""
    issuer = certificate.get("issuer")
    parts = [pair for group in issuer for pair in group] if isinstance(issuer, tuple) else []
    names = {str(name): str(value) for name, value in parts}
    return names.get("organizationName") or names.get("commonName") or tr("an unnamed issuer")


class ServerKind(NamedTuple):
    """A kind of server. `is_gateway`: it has New API's endpoints in addition to OpenAI's."""

    name: str
    is_gateway: bool = False


def kind_from_status(page: Page) -> ServerKind | None:
    """Return the kind of a server from its `GET /api/status`, None if it is unknown."""
    value = page.json
    data = value.get("data") if isinstance(value, dict) else None
    if page.status != 200 or not isinstance(data, dict):
        return None
    is_new = VERSION_HEADER in page.headers or any(name in data for name in NEW_MEMBERS)
    if not is_new and REQUEST_ID_HEADER not in page.headers and "quota_per_unit" not in data:
        return None
    version = page.headers.get(VERSION_HEADER) or _text(data.get("version"))
    title = _text(data.get("system_name"))
    name = "New API" if is_new else tr("one-api or an early New API")
    name = f"{name} {version}" if version else name
    return ServerKind(f'{name}, "{title}"' if title else name, is_gateway=True)


def kind_from_models(page: Page) -> ServerKind | None:
    """Return the kind of a server from its `GET /v1/models`, None without OpenAI's API.

    A server has it if it lists models, or requires a key in JSON.
    """
    value = page.json
    if not isinstance(value, dict):
        return None
    models = value.get("data")
    if page.status == 200 and not isinstance(models, list):
        return None
    if page.status not in (200, 401, 403):
        return None
    if REQUEST_ID_HEADER in page.headers:
        return ServerKind(tr("a gateway related to New API, without /api/status"), is_gateway=True)
    software = _text(page.headers.get("server"))
    first = models[0] if isinstance(models, list) and models else None
    owner = first.get("owned_by") if isinstance(first, dict) else None
    if "llama.cpp" in software.lower() or owner == "llamacpp":
        return ServerKind("llama.cpp")
    if software:
        return ServerKind(
            tr("an OpenAI-compatible server ({software}), not a New API gateway", software=software)
        )
    return ServerKind(tr("an OpenAI-compatible server, not a New API gateway"))


def _text(value: object) -> str:
    return well_formed(value)[:MAX_NAME] if isinstance(value, str) else ""
