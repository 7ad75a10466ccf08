"""URLs of downloads, and the hosts that a redirect may lead to. Pure.

The user may name any host, including this machine. A server may not redirect to any: the download
runs inside the user's network, where routers, printers and cloud metadata services answer without a
password (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.errors import UsageError
from newapi_cli.i18n import tr

MAX_URL = 8000
MAX_NAME = 100
PATH_CHARACTERS = "%/:=&?~+!$,;'@()*[]-._"
URL_HINT = tr("use a URL such as https://host.example/photo.png")
LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa", "lan")
SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598, carrier-grade NAT
PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890; partly global to some Pythons
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is assigned (RFC 4291)
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
COMPATIBLE = ipaddress.ip_network("::/96")  # the same, deprecated by RFC 4291


class DownloadUrl(NamedTuple):
    """A URL in its parts. `path` is the request target, with the query and without a fragment."""

    server: BaseUrl
    path: str

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.server.scheme}://{self.server.authority}{self.path}"

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold a signature."""
        return self.url.partition("?")[0]

    @property
    def name(self) -> str:
        """The file name: the last part of the path, else the host. One printable line.

        >>> parse_url("https://a.example/x/my%20photo.png?w=1").name
        'my photo.png'
        """
        last = unquote(self.path.partition("?")[0].rstrip("/").rpartition("/")[2])
        last = re.split(r"[/\\]", last)[-1]  # the slash may be encoded as %2F
        line = " ".join("".join(c if c.isprintable() else " " for c in last).split())
        return line[-MAX_NAME:] if line.strip(". ") else self.server.host


def parse_url(text: str, name: str = tr("this URL")) -> DownloadUrl:
    """Parse a URL.

    `name` is how the error refers to the URL.

    Raises `UsageError`, also if it contains a user name or a password.

    >>> parse_url("https://Host.example:443/a b?q=é#top").url
    'https://host.example/a%20b?q=%C3%A9'
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _invalid(name, tr("its host is invalid")) from None
    if parts.scheme.lower() not in ("http", "https"):
        raise _invalid(name, tr("only http:// and https:// are supported"))
    if "@" in parts.netloc:  # not repeated: it would be printed, stored, and sent to a model
        raise _invalid(name, tr("it contains a user name or password, which would be stored"))
    if len(text) > MAX_URL:
        raise _invalid(name, tr("it is longer than {n:,} characters", n=MAX_URL))
    try:
        server = base_url_from_text(f"{parts.scheme}://{parts.netloc}")
    except InvalidBaseUrl as problem:
        raise _invalid(name, str(problem)) from None
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    target = quote(target, safe=PATH_CHARACTERS, errors="replace")
    return DownloadUrl(server._replace(host=server.host.rstrip(".")), target)


def redirect_target(url: DownloadUrl, location: str) -> DownloadUrl:
    """Return the URL that a Location header names.

    `location` was decoded as UTF-8, or as Latin-1 if another header was not UTF-8.
    """
    name = tr("the redirect target of {url}", url=url.shown)
    with suppress(UnicodeError):  # text that is not UTF-8 read as Latin-1 stays as it is
        location = location.encode("latin-1").decode()
    try:
        joined = urljoin(url.url, location.strip())
    except ValueError:
        raise _invalid(name, tr("its host is invalid")) from None
    return parse_url(joined, name)


def _invalid(name: str, why: str) -> UsageError:
    return UsageError(tr("cannot fetch {url}", url=name), why=why, hint=URL_HINT)


def is_public(host: str) -> bool:
    """Return whether a host, given by name or address, is on the public internet.

    A name may still resolve to a private address, so each of its addresses must be checked too.

    >>> is_public("example.com"), is_public("localhost"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    host = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _is_public_name(host)
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_v4(address)
    embedded = _embedded(address)
    if embedded is not None:
        return _is_public_v4(embedded)
    return address in UNICAST and address.is_global and address.teredo is None


def _is_public_name(host: str) -> bool:
    labels = host.split(".")
    if re.fullmatch(r"\d+|0x[0-9a-f]*", labels[-1]):
        return False  # resolvers read `127.1` and `0x7f000001` as addresses; no such name exists
    return bool(host) and not any(
        host == local or host.endswith(f".{local}") for local in LOCAL_NAMES
    )


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    if address.is_multicast or address.is_reserved or address in SHARED or address in PROTOCOLS:
        return False
    return address.is_global


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address embeds, if any."""
    if address in NAT64 or address in COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
