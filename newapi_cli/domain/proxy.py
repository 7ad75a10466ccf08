"""Proxies: the URL of one as users set it, and the hosts that NO_PROXY excludes.

`api.http.endpoint` chooses the proxy of a request by them.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote

USER_CHARACTERS = "%-._~!$&'()*+,;="
PORT = r":(\d+)$"


def proxy_url_from_text(text: str) -> str:
    """Return the URL of a proxy. `HOST:PORT` is http, and a password may hold any character.

    >>> proxy_url_from_text("proxy.example:3128")
    'http://proxy.example:3128'
    >>> proxy_url_from_text("http://me:p#1/@proxy.example:3128")
    'http://me:p%231%2F@proxy.example:3128'
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "http", scheme
        if ":" not in rest.rpartition("@")[2]:
            return rest  # not a proxy: without a port it is a mistake
    user, at, place = rest.rpartition("@")
    name, colon, password = user.partition(":")
    user = f"{quote(name, USER_CHARACTERS)}{colon}{quote(password, f'{USER_CHARACTERS}:')}"
    return f"{scheme}://{user}{at}{place}"


def is_excluded(no_proxy: str, host: str, port: int) -> bool:
    """Return whether NO_PROXY names a host: by name, domain, `host:port`, address or network.

    >>> is_excluded("*.example.com, 10.0.0.0/8", "api.example.com", 443)
    True
    >>> is_excluded("*.example.com, 10.0.0.0/8", "example.com", 443)
    False
    """
    return any(_names(each, host, port) for each in re.split(r"[,\s]+", no_proxy.lower()) if each)


def _names(entry: str, host: str, port: int) -> bool:
    host = host.lower().rstrip(".")
    if entry == "*":
        return True
    if "/" in entry:
        return _contains(entry, host)
    with_port = re.search(PORT, entry)
    if with_port and (entry.count(":") == 1 or entry.startswith("[")):
        if int(with_port[1]) != port:
            return False
        entry = entry[: with_port.start()]
    entry = entry.strip("[]").rstrip(".")
    if entry.startswith("*."):
        return host.endswith(entry[1:])
    name = entry.lstrip(".")
    return host == name or host.endswith(f".{name}") or _is_same_address(name, host)


def _contains(network: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_same_address(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False
