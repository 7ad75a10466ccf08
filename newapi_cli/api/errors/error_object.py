"""An error object of a server, and the detection of web pages.

`body.find_error` recognizes one in JSON, in the forms of `wrappers`; `chat.body_decoder` looks for
it in a stream.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from newapi_cli.text import shorten

MAX_TITLE = 200
# The server chooses what these are matched against: each reads a byte a bounded number of times.
HTML = re.compile(
    rb"\s*(?:<!--(?:(?!-->).)*+-->\s*+)*+<(!doctype ?html|html|head|body)",
    re.IGNORECASE | re.DOTALL,
)
TITLE = re.compile(rb"<(?:title|h1)[^<>]*+>([^<]*)", re.IGNORECASE)
TAG = re.compile(rb"<(script|style)\b(?:(?!</\1).)*+|<[^<>]*+>|&nbsp;", re.IGNORECASE | re.DOTALL)
MAX_PAGE_BYTES = 16_000  # of a page whose words are read


class ErrorObject(NamedTuple):
    """An error object of a server; `code` as text, empty if there is none.

    `request_id` is the gateway's own, from the message; `other_id` is that of another member.
    `fields` are the members of the request that it names, `provider` is the provider that failed
    behind the server, `wait_s` the seconds to wait before a retry. `is_direct`: no gateway of New
    API's family sent it, so a rejected key or an unpaid account is the user's own.
    """

    message: str
    type: str = ""
    code: str = ""
    request_id: str = ""
    fields: tuple[str, ...] = ()
    provider: str = ""
    wait_s: float | None = None
    other_id: str = ""
    is_direct: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it has neither a message nor a type nor a code."""
        return not (self.message or self.type or self.code)

    @property
    def is_informative(self) -> bool:
        """Whether it has a message, a type, or a code that is a word."""
        return bool(self.message or self.type or not (self.code or "0").isdecimal())

    def with_id(self, request_id: str) -> ErrorObject:
        """Return the error with the id of its response, unless its message has one."""
        return self._replace(request_id=self.request_id or request_id or self.other_id)


def is_html(body: bytes) -> bool:
    """Return whether a body is a web page."""
    return HTML.match(body) is not None


def page_title(page: bytes) -> str:
    """Return the title of a web page in one line, shortened; empty if it has none."""
    match = TITLE.search(page)
    words = match.group(1).decode("utf-8", "replace").split() if match else []
    return shorten(" ".join(words), MAX_TITLE)


def page_text(page: bytes) -> str:
    """Return the first words of a web page, without its title, in one line, shortened."""
    body = re.sub(rb"(?is)^.{0,8000}?</title>", b"", page[:MAX_PAGE_BYTES], count=1)
    words = TAG.sub(b" ", body).decode("utf-8", "replace").split()
    return shorten(" ".join(words), MAX_TITLE)
