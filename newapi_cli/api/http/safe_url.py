"""A URL that something is fetched from, and the hosts that a redirect may lead to. Pure.

A person may name any host, their own machine too. A server may not: what it redirects to is
fetched from inside the person's network, where routers, printers and cloud metadata services answer
without a password (server-side request forgery).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from newapi_cli.errors import UsageError

MAX_URL = 8000
MAX_NAME = 100
PATH_CHARACTERS = "%/:=&?~+!$,;'@()*[]-._"
URL_HINT = "for example https://host.example/photo.png"
LOCAL_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa", "lan")
SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598, carrier-grade NAT
PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890; some Pythons call parts of it global
UNICAST = ipaddress.ip_network("2000::/3")  # all that is given out of IPv6 (RFC 4291)
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, deprecated: the same


class WebPlace(NamedTuple):
    """A URL in its parts. `path` is the request target, with the query and without a fragment."""

    server: BaseUrl
    path: str

    @property
    def url(self) -> str:
        """Give the whole URL."""
        return f"{self.server.scheme}://{self.server.authority}{self.path}"

    @property
    def shown(self) -> str:
        """Give the URL as it is told: without its query, in which signatures stand."""
        return self.url.partition("?")[0]

    @property
    def name(self) -> str:
        """Give the name of what is there: the last part of the path, or the host. One safe line.

        >>> place_from_url("https://a.example/x/my%20photo.png?w=1").name
        'my photo.png'
        """
        last = unquote(self.path.partition("?")[0].rstrip("/").rpartition("/")[2])
        last = re.split(r"[/\\]", last)[-1]  # a slash may have been written as %2F
        line = " ".join("".join(c if c.isprintable() else " " for c in last).split())
        return line[-MAX_NAME:] if line.strip(". ") else self.server.host


def place_from_url(text: str, what: str = "this URL") -> WebPlace:
    """Read a URL. Raises `UsageError`, also where a user name or a password stands in it.

    `what` is what the error calls it.

    >>> place_from_url("https://Host.example:443/a b?q=é#top").url
    'https://host.example/a%20b?q=%C3%A9'
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        raise _unusable(what, "its host cannot be read") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise _unusable(what, "only http:// and https:// are fetched")
    if "@" in parts.netloc:  # not repeated: it would be told, stored, and sent to a model
        raise _unusable(what, "a user name or password stands in it, which would be stored")
    if len(text) > MAX_URL:
        raise _unusable(what, f"it is longer than {MAX_URL:,} characters")
    try:
        server = base_url_from_text(f"{parts.scheme}://{parts.netloc}")
    except InvalidBaseUrl as problem:
        raise _unusable(what, str(problem)) from None
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    target = quote(target, safe=PATH_CHARACTERS, errors="replace")
    return WebPlace(server._replace(host=server.host.rstrip(".")), target)


def redirected(place: WebPlace, location: str) -> WebPlace:
    """Give where a Location header leads to. Raises `UsageError`.

    `location` is as HTTP libraries give it: each byte of the header a character.
    """
    what = f"what {place.shown} redirects to"
    there = location.encode("latin-1", "replace").decode("utf-8", "replace").strip()
    try:
        url = urljoin(place.url, there)
    except ValueError:
        raise _unusable(what, "its host cannot be read") from None
    return place_from_url(url, what)


def _unusable(what: str, why: str) -> UsageError:
    return UsageError(f"{what} cannot be fetched", why=why, hint=URL_HINT)


def is_public(host: str) -> bool:
    """Say whether a host, by its name or its address, is one of the public internet.

    A name may still resolve to a private address: each address is to be asked about too.

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
        return False  # an address to resolvers (`127.1`, `0x7f000001`), and no name that exists
    return bool(host) and not any(
        host == local or host.endswith(f".{local}") for local in LOCAL_NAMES
    )


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    if address.is_multicast or address.is_reserved or address in SHARED or address in PROTOCOLS:
        return False
    return address.is_global


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that an IPv6 one stands for, if any."""
    if address in NAT64 or address in COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
