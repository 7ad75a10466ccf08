"""Base URLs, normalized from every form that users paste, and the origin that a key belongs to.

New API serves exactly `/v1/...` below its root, and answers every other path with a web page and
status 200. So the root must be found before a request is sent.
"""

from __future__ import annotations

import ipaddress
import re
from stringprep import in_table_a1, in_table_b1
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from newapi_cli.i18n import tr

ENDPOINT_TAILS = ("/chat/completions", "/completions", "/models", "/responses", "/messages")
CONSOLE_PATHS = re.compile(
    r"/(?:(console|login|register|token|keys|dashboard|setting|pricing|playground|about|panel)(/.*)?"
    r"|api/.*)$"  # a bare /api may be the path of the server behind a proxy
)
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 2000
# Characters of a path that need no encoding (RFC 3986, section 3.3), and `%` of encoded ones.
PATH_CHARACTERS = "/%:@!$&'()*+,;="
MISPLACED_SCHEME = re.compile(r"(https?)(?:$|[:/])", re.IGNORECASE)


class InvalidBaseUrl(ValueError):
    """The text is not a base URL. The message says why, without repeating the text."""


class BaseUrl(NamedTuple):
    """The root of a server: scheme, host (lower case, no brackets), port and path prefix."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def authority(self) -> str:
        """`host` or `host:port`, as in a URL and in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What a key is bound to: scheme, host and port."""
        return (self.scheme, self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Whether requests stay on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def path(self, endpoint: str) -> str:
        """Return the request path of an endpoint such as `/v1/models`."""
        return f"{self.prefix}{endpoint}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.prefix}"


def base_url_from_text(text: str) -> BaseUrl:
    """Return the base URL of a text: root, `/v1`, an endpoint, a console page, or a bare host.

    Raise `InvalidBaseUrl`. A path prefix before `/v1` is kept, for servers below a sub-path; like
    in browsers, other characters in it are percent-encoded, `é` as `%C3%A9`.

    >>> str(base_url_from_text(" https://Gateway.example/v1/chat/completions?x=1 "))
    'https://gateway.example'
    >>> str(base_url_from_text("localhost:3000")), str(base_url_from_text("gateway.example/ai/v1/"))
    ('http://localhost:3000', 'https://gateway.example/ai')
    >>> str(base_url_from_text("https://gateway.example/console/token"))
    'https://gateway.example'
    >>> str(base_url_from_text("https://router.example/api/v1"))
    'https://router.example/api'
    """
    url = text.strip().strip("<>\"'").strip()
    if not url:
        raise InvalidBaseUrl(tr("it is empty"))
    _ensure_short(url)
    if any(ord(character) <= 32 or 127 <= ord(character) < 160 for character in url):
        raise InvalidBaseUrl(tr("it contains a space or a control character"))
    _ensure_one_scheme(url)
    if "://" not in url:
        url = f"{_likely_scheme(url)}://{url}"
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        # The library's message repeats the text, which may contain a key.
        raise InvalidBaseUrl(tr("its host or port is invalid")) from error
    if scheme not in DEFAULT_PORTS:
        raise InvalidBaseUrl(tr("it must start with https:// or http://"))
    if "@" in parts.netloc:
        raise InvalidBaseUrl(
            tr("it contains a user name or password; set a key with `newapi login`")
        )
    if "[" in parts.netloc or "]" in parts.netloc:
        _ensure_bracketed_ipv6(parts.netloc, host)
    if port == 0:
        raise InvalidBaseUrl(tr("port 0 is not valid"))
    host, prefix = _checked_host(host), _prefix(parts.path)
    root = BaseUrl(scheme, host, port or DEFAULT_PORTS[scheme], prefix)
    _ensure_short(str(root))  # else it could be stored, but not read again
    return root


def _ensure_short(url: str) -> None:
    if len(url) > MAX_URL:
        raise InvalidBaseUrl(tr("it is longer than {limit:,} characters", limit=MAX_URL))


def _ensure_one_scheme(url: str) -> None:
    """Reject a URL whose host would be `http`, which would receive the key."""
    _, separator, rest = url.partition("://")
    scheme = MISPLACED_SCHEME.match(rest if separator else url)
    if scheme is None:
        return
    if not separator:
        start = f"{scheme[1].lower()}://"
        raise InvalidBaseUrl(tr("a slash is missing: it must start with {start}", start=start))
    if not re.match(r"https?:\d", rest, re.IGNORECASE):  # with a port it is a host name
        raise InvalidBaseUrl(tr("it contains http:// or https:// twice"))


def _likely_scheme(url: str) -> str:
    """Return http for this machine, else https: a guess must not send a key unencrypted."""
    host = re.split(r"[/:?#]", url, maxsplit=1)[0].lower()
    return "http" if host == "localhost" or re.match(r"127\.\d+\.\d+\.\d+$", host) else "https"


def _ensure_bracketed_ipv6(netloc: str, host: str) -> None:
    """Reject text outside the brackets, which the library ignores."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError as error:
        raise InvalidBaseUrl(tr("its brackets contain no IPv6 address")) from error
    if not re.fullmatch(r"\[[^\[\]]*\](:\d*)?", netloc):
        raise InvalidBaseUrl(tr("only a port may follow the brackets of its IPv6 address"))


def _ensure_unambiguous(host: str) -> None:
    """Reject characters that Python's codec drops, or encodes differently from browsers.

    Python follows IDNA 2003 (tables of RFC 3454: B.1 is dropped, A.1 is unassigned), browsers UTS
    46, which keeps the deviation characters, among them the joiners of B.1.
    """
    if any(in_table_b1(each) or in_table_a1(each) or each in "ßς" for each in host):
        raise InvalidBaseUrl(
            tr(
                "its host contains a character that programs encode differently, such as ß, ς or "
                "an invisible one: use the xn-- form of the host"
            )
        )


def _checked_host(host: str) -> str:
    if not host:
        raise InvalidBaseUrl(tr("it has no host"))
    if ":" in host:
        return host
    if re.fullmatch(r"[\d.]+|0x[0-9a-fA-F.x]+", host):
        # `127.1` and `2130706433` are addresses to some resolvers and names to others.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise InvalidBaseUrl(tr("its host is not a complete IPv4 address")) from error
    if not host.isascii():
        _ensure_unambiguous(host)
    try:
        ascii_host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise InvalidBaseUrl(tr("its host is not a valid name")) from error
    labels = ascii_host.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", x) for x in labels):
        raise InvalidBaseUrl(tr("its host is not a valid name"))
    return ascii_host.lower()


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    for tail in ENDPOINT_TAILS:
        if path.endswith(tail):
            path = path.removesuffix(tail)
            break
    before, version, _ = f"{path}/".partition("/v1/")
    if version:  # the path before /v1 belongs to the server, even if it is /api
        return _encoded(before.rstrip("/"))
    return _encoded(CONSOLE_PATHS.sub("", path).rstrip("/"))


def _encoded(path: str) -> str:
    try:
        return quote(path, safe=PATH_CHARACTERS)
    except UnicodeEncodeError as error:  # bytes on the command line that are not UTF-8
        raise InvalidBaseUrl(tr("its path is not valid text")) from error
