"""Base URLs in any form that a person pastes, and the hosts that a key belongs to.

The rules are those of New API's routes: whatever stands after the root of the server must be
exactly `/v1/...`, and a wrong path is answered by a web page with status 200.
"""

from __future__ import annotations

import ipaddress
import re
from stringprep import in_table_a1, in_table_b1
from typing import NamedTuple
from urllib.parse import quote, urlsplit

ENDPOINT_TAILS = ("/chat/completions", "/completions", "/models", "/responses", "/messages")
CONSOLE_PATHS = re.compile(
    r"/(?:(console|login|register|token|keys|dashboard|setting|pricing|playground|about|panel)(/.*)?"
    r"|api/.*)$"  # a bare /api may well be where a proxy mounts the server
)
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 2000
# What stands for itself in a path (RFC 3986, section 3.3), and what is encoded already.
PATH_CHARACTERS = "/%:@!$&'()*+,;="
SLIPPED_SCHEME = re.compile(r"(https?)(?:$|[:/])", re.IGNORECASE)


class InvalidBaseUrl(ValueError):
    """The text is no base URL; the message says what is wrong with it, without repeating it."""


class BaseUrl(NamedTuple):
    """The root of a server: scheme, host (lower case, no brackets), port and path prefix."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def authority(self) -> str:
        """Give `host` or `host:port`, as it stands in a URL and in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Give what a key is bound to: scheme, host and port."""
        return (self.scheme, self.host, self.port)

    @property
    def is_loopback(self) -> bool:
        """Say whether requests to it stay on this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def path(self, endpoint: str) -> str:
        """Give the request path of an endpoint such as `/v1/models`."""
        return f"{self.prefix}{endpoint}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.prefix}"


def base_url_from_text(text: str) -> BaseUrl:
    """Normalize a pasted URL: the root, `/v1`, a whole endpoint, a console page, or a bare host.

    Raises `InvalidBaseUrl`. A path prefix before `/v1` is kept, for servers below a sub-path; what
    no request line may hold is percent-encoded in it as browsers do, `é` as `%C3%A9`.

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
        raise InvalidBaseUrl("it is empty")
    _ensure_short(url)
    if any(ord(character) <= 32 or 127 <= ord(character) < 160 for character in url):
        raise InvalidBaseUrl("it holds a space or a control character")
    _ensure_one_scheme(url)
    if "://" not in url:
        url = f"{_likely_scheme(url)}://{url}"
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        # Without the library's words: they repeat the text, and a key may stand in it.
        raise InvalidBaseUrl("its host or port cannot be read") from error
    if scheme not in DEFAULT_PORTS:
        raise InvalidBaseUrl("it must begin with https:// or http://")
    if "@" in parts.netloc:
        raise InvalidBaseUrl("it holds a user name or password; a key is set with `newapi login`")
    if "[" in parts.netloc or "]" in parts.netloc:
        _ensure_bracketed_ipv6(parts.netloc, host)
    if port == 0:
        raise InvalidBaseUrl("port 0 is not a port")
    host, prefix = _checked_host(host), _prefix(parts.path)
    root = BaseUrl(scheme, host, port or DEFAULT_PORTS[scheme], prefix)
    _ensure_short(str(root))  # or what is stored could not be read again
    return root


def _ensure_short(url: str) -> None:
    if len(url) > MAX_URL:
        raise InvalidBaseUrl(f"it is longer than {MAX_URL:,} characters")


def _ensure_one_scheme(url: str) -> None:
    """Refuse what would be read as a server named `http`, which would be given the key."""
    _, separator, rest = url.partition("://")
    slip = SLIPPED_SCHEME.match(rest if separator else url)
    if slip is None:
        return
    if not separator:
        raise InvalidBaseUrl(f"a slash is missing: it must begin with {slip[1].lower()}://")
    if not re.match(r"https?:\d", rest, re.IGNORECASE):  # a port: there a server is named so
        raise InvalidBaseUrl("its server is called http: http:// or https:// stands in it twice")


def _likely_scheme(url: str) -> str:
    """Choose http for this machine, https for the rest: no key travels in clear by guess."""
    host = re.split(r"[/:?#]", url, maxsplit=1)[0].lower()
    return "http" if host == "localhost" or re.match(r"127\.\d+\.\d+\.\d+$", host) else "https"


def _ensure_bracketed_ipv6(netloc: str, host: str) -> None:
    """Refuse what stands beside brackets too: the library lets it vanish."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError as error:
        raise InvalidBaseUrl("its brackets hold no IPv6 address") from error
    if not re.fullmatch(r"\[[^\[\]]*\](:\d*)?", netloc):
        raise InvalidBaseUrl("only a port may follow the brackets of its IPv6 address")


def _ensure_read_alike(host: str) -> None:
    """Refuse what Python's codec leaves out, does not know, or reads otherwise than browsers.

    It follows IDNA 2003 (tables of RFC 3454: B.1 vanishes, A.1 is unassigned), browsers UTS 46,
    where the deviation characters, among them the joiners of B.1, stand for themselves.
    """
    if any(in_table_b1(each) or in_table_a1(each) or each in "ßς" for each in host):
        raise InvalidBaseUrl(
            "its host holds a character that is read as another one, or not at all, by some "
            "programs (as ß, ς and invisible ones are): give the host in its xn-- form"
        )


def _checked_host(host: str) -> str:
    if not host:
        raise InvalidBaseUrl("it names no host")
    if ":" in host:
        return host
    if re.fullmatch(r"[\d.]+|0x[0-9a-fA-F.x]+", host):
        # `127.1` and `2130706433` are addresses to some resolvers and names to others.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise InvalidBaseUrl("its host is no complete IPv4 address") from error
    if not host.isascii():
        _ensure_read_alike(host)
    try:
        ascii_host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise InvalidBaseUrl("its host is no valid name") from error
    labels = ascii_host.removesuffix(".").split(".")
    if not all(re.fullmatch(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", x) for x in labels):
        raise InvalidBaseUrl("its host is no valid name")
    return ascii_host.lower()


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    for tail in ENDPOINT_TAILS:
        if path.endswith(tail):
            path = path.removesuffix(tail)
            break
    before, version, _ = f"{path}/".partition("/v1/")
    if version:  # what stands before /v1 is the server's own, even where it is called /api
        return _encoded(before.rstrip("/"))
    return _encoded(CONSOLE_PATHS.sub("", path).rstrip("/"))


def _encoded(path: str) -> str:
    try:
        return quote(path, safe=PATH_CHARACTERS)
    except UnicodeEncodeError as error:  # bytes of a command line that are no text
        raise InvalidBaseUrl("its path is no text") from error
