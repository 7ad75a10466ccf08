"""Base URLs, normalized from every form that users paste, and the origin that a key belongs to.

New API serves exactly `/v1/...` below its root, and answers every other path with a web page and
status 200. Other servers have their API elsewhere: `/api/paas/v4`, `/v1beta/openai`, `/inference`.
So a URL that names an API is used as given, and only one that names none gets `/v1`.
"""

from __future__ import annotations

import ipaddress
import re
from stringprep import in_table_a1, in_table_b1
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from newapi_cli.i18n import tr

# The patterns are compiled by the first URL with a path; that of most gateways has none.
VERSION = r"[vV]\d+(?:\.\d+)?(?:p\d+)?(?:(?:alpha|beta|preview|rc)\d*)?"
API_ROOT = (
    rf"/(?:{VERSION}(?:/openai)?|inference|serving-endpoints|endpoints/openapi"
    r"|openai/deployments/[^/]+)$"
    r"|/v1/[^/]"  # such as /v1/ACCOUNT/GATEWAY/compat of Cloudflare
)
API_BEGIN = (
    rf"/(?:{VERSION}|api|compatible-mode|endpoints|inference|openai|serving-endpoints)(?=/|$)"
)
CHAT_TAIL = "/chat/completions"
ENDPOINT_TAILS = ("/completions", "/models", "/responses", "/messages", "/embeddings")
ENDPOINT_OF_VERSION = (
    rf"(?<=/)({VERSION})/(?:chat|completions|models|responses|messages|embeddings|images|audio"
    r"|files|moderations|rerank|edits|dashboard|realtime|videos?)(?:/.*)?$"
)
# 0.1.0 stored a URL without its /v1, which cannot be seen in this one.
STORED_BY_0_1_0 = ("api.fireworks.ai", "/inference")
CONSOLE_PATHS = (
    r"/(?:(console|login|register|token|keys|dashboard|setting|pricing|playground|about|panel)(/.*)?"
    r"|api/.*)$"  # a bare /api may be the path of the server behind a proxy
)
SECRET_PARAMETER = r"(?i)(?:^|&)([^=&]*(?:key|token|secret|password|signature|sig))=[^&]"
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 2000
# Characters of a path that need no encoding (RFC 3986, section 3.3), and `%` of encoded ones.
PATH_CHARACTERS = "/%:@!$&'()*+,;="
QUERY_CHARACTERS = f"{PATH_CHARACTERS}?"
# Around a URL in a chat, a document or a shell. None of these ends a path that names an API.
AROUND = (
    " \t\r\n\u3000<>\"'`“”‘’「」『』《》（）【】,;，；。、"
    "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"  # invisible
)
FULL_WIDTH = {each + 0xFEE0: each for each in range(0x21, 0x7F)}
MISPLACED_SCHEME = re.compile(r"(https?)(?:$|[:/])", re.IGNORECASE)


class InvalidBaseUrl(ValueError):
    """The text is not a base URL. The message says why, without repeating the text."""


class BaseUrl(NamedTuple):
    """A server and its API. `host` is in lower case, without brackets.

    The web site and New API's own endpoints are below `prefix`, the API is at `api` below it; each
    request to the API has the `query`.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""
    api: str = "/v1"
    query: str = ""

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

    @property
    def root(self) -> str:
        """The path of the API."""
        return f"{self.prefix}{self.api}"

    def path(self, endpoint: str) -> str:
        """Return the request target of an endpoint; `/v1` is replaced by the path of the API.

        >>> base = base_url_from_text("https://host.example/api/v3?api-version=1")
        >>> base.path("/v1/models"), base.path("/api/status")
        ('/api/v3/models?api-version=1', '/api/status')
        """
        if not endpoint.startswith("/v1/"):
            return f"{self.prefix}{endpoint}"
        query = f"?{self.query}" if self.query else ""
        return f"{self.root}{endpoint.removeprefix('/v1')}{query}"

    def url(self, endpoint: str) -> str:
        """Return the URL that a request to an endpoint goes to."""
        return f"{self.scheme}://{self.authority}{self.path(endpoint)}"

    @property
    def api_url(self) -> str:
        """The URL of the API, without the query."""
        return f"{self.scheme}://{self.authority}{self.root}"

    @property
    def quoted(self) -> str:
        """The base URL as a word of a shell: a query may contain `&`."""
        text = str(self)
        return f"'{text.replace(chr(39), '%27')}'" if self.query or "'" in text else text

    def alternatives(self) -> list[BaseUrl]:
        """Return the other URLs of the same host that may be the API, if this one lists no models.

        >>> base = base_url_from_text("https://host.example/v1beta")
        >>> [each.root for each in base.alternatives()]
        ['/v1', '/v1beta/openai']
        """
        # A path without /v1 has got one, so it may be the API itself.
        nearest = (self.prefix, "" if self.api == "/v1" else "/v1")
        roots = [nearest, ("", "/v1")] if self.prefix else [("", "/v1")]
        if self.api.endswith("/v1beta"):  # Gemini's own API, which has OpenAI's below it
            roots.append((self.prefix, f"{self.api}/openai"))
        others = {f"{prefix}{api}": (prefix, api) for prefix, api in roots}
        others.pop(self.root, None)
        return [self._replace(prefix=prefix, api=api) for prefix, api in others.values()]

    def __str__(self) -> str:
        """Return the shortest URL that is read as this one; without `/v1`, as 0.1.0 stored it."""
        path = f"{self.root}{CHAT_TAIL}"
        for shorter in (self.prefix, self.root):
            is_whole = _unwrapped(shorter) == shorter
            if is_whole and "".join(_api_of(self.host, shorter, self.query)) == self.root:
                path = shorter
                break
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.authority}{path}{query}"


def base_url_from_text(text: str) -> BaseUrl:
    """Return the base URL of a text: an API, an endpoint, a console page, or a bare host.

    Raise `InvalidBaseUrl`. A path that names no API gets `/v1`, for servers below a sub-path; like
    in browsers, other characters in it are percent-encoded, `é` as `%C3%A9`. The query is kept.

    >>> str(base_url_from_text(" https://Gateway.example/v1/chat/completions "))
    'https://gateway.example'
    >>> base_url_from_text("https://host.example/api/paas/v4").path("/v1/chat/completions")
    '/api/paas/v4/chat/completions'
    >>> str(base_url_from_text("localhost:3000")), str(base_url_from_text("gateway.example/ai/v1/"))
    ('http://localhost:3000', 'https://gateway.example/ai')
    >>> str(base_url_from_text("https://gateway.example/console/token"))
    'https://gateway.example'
    >>> str(base_url_from_text("https://router.example/api/v1"))
    'https://router.example/api'
    """
    url = _unwrapped(text)
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
    if "@" in parts.netloc or ("@" in parts.fragment and not parts.path):  # a password with #
        raise InvalidBaseUrl(
            tr("it contains a user name or password; set a key with `newapi login`")
        )
    if "[" in parts.netloc or "]" in parts.netloc:
        _ensure_bracketed_ipv6(parts.netloc, host)
    if port == 0:
        raise InvalidBaseUrl(tr("port 0 is not valid"))
    host, path = _checked_host(host), _encoded(parts.path, PATH_CHARACTERS)
    query = _query(parts.query)
    prefix, api = _api_of(host, path, query)
    if query and not path.startswith(f"{prefix}{api}") and _is_page(path):
        query = ""  # it belongs to the page
    base = BaseUrl(scheme, host, port or DEFAULT_PORTS[scheme], prefix, api, query)
    _ensure_short(str(base))  # else it could be stored, but not read again
    return base


def _unwrapped(text: str) -> str:
    """Return a pasted URL without what surrounds it, and its ASCII if it was typed in full width.

    >>> _unwrapped("`https://host.example/v1`,\u200b"), _unwrapped("https：／／host.example／v1")
    ('https://host.example/v1', 'https://host.example/v1')
    """
    url = text.strip(AROUND)
    return url if url.isascii() else url.translate(FULL_WIDTH)


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
    bracketed = re.match(r"\[([0-9a-fA-F:.]+)\]", url)
    host = bracketed[1] if bracketed else re.split(r"[/:?#]", url, maxsplit=1)[0].lower()
    if host == "localhost":
        return "http"
    try:
        return "http" if ipaddress.ip_address(host).is_loopback else "https"
    except ValueError:
        return "https"


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
    if re.fullmatch(r"sk-[\w-]{16,}", host):
        raise InvalidBaseUrl(tr("it looks like a key, not like a URL"))
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


def _query(text: str) -> str:
    """Return a query, encoded. One with a key is rejected: the base URL is displayed and stored."""
    query = _encoded(text, QUERY_CHARACTERS)
    if query and (found := re.search(SECRET_PARAMETER, query)):
        raise InvalidBaseUrl(
            tr(
                "its query contains a key ({name}=); set a key with `newapi login`, or a header"
                " with the setting `headers`",
                name=found[1],
            )
        )
    return query


def _api_of(host: str, path: str, query: str) -> tuple[str, str]:
    """Return the path of the web site, and the path of the API below it."""
    path = path.strip("/")
    if not path:
        return "", "/v1"
    path = f"/{path}"
    if path.endswith(CHAT_TAIL):
        return _split(path.removesuffix(CHAT_TAIL))
    if (host, path) == STORED_BY_0_1_0:
        return path, "/v1"
    if "api-version=" in query:
        return _split(path)
    path = re.sub(ENDPOINT_OF_VERSION, r"\1", path)
    tail = next((each for each in ENDPOINT_TAILS if path.endswith(each)), "")
    path = path.removesuffix(tail)
    if re.search(API_ROOT, path):
        return _split(path)
    return re.sub(CONSOLE_PATHS, "", path).rstrip("/"), "/v1"


def _is_page(path: str) -> bool:
    return re.search(CONSOLE_PATHS, path.rstrip("/")) is not None


def _split(root: str) -> tuple[str, str]:
    """Return the path of the web site, and the path of an API below it."""
    root = root.rstrip("/")
    begin = re.search(API_BEGIN, root)
    if root.endswith("/v1"):
        length = len(root) - len("/v1")
    else:
        length = begin.start() if begin else len(root)
    return root[:length], root[length:]


def _encoded(text: str, characters: str) -> str:
    try:
        return quote(text, safe=characters)
    except UnicodeEncodeError as error:  # bytes on the command line that are not UTF-8
        raise InvalidBaseUrl(tr("its path is not valid text")) from error
