"""Base URLs in every form that users paste."""

from __future__ import annotations

import pytest

from newapi_cli.domain.base_url import BaseUrl, InvalidBaseUrl, base_url_from_text
from tests.support.cases import each

ROOT = "https://host.example"

PASTED = [
    # -- base URLs of the gateway
    ("https://host.example", ROOT),
    ("https://host.example/", ROOT),
    ("https://host.example/v1", ROOT),
    ("https://host.example/v1/", ROOT),
    ("https://host.example/v1/chat/completions", ROOT),
    ("https://host.example/v1/chat/completions/", ROOT),
    ("https://host.example/chat/completions", ROOT + "/chat/completions"),
    ("https://host.example/v1/models", ROOT),
    ("https://host.example/v1/models/", ROOT),
    ("https://host.example/models", ROOT),
    ("https://host.example/v1/completions", ROOT),
    ("https://host.example/v1/responses", ROOT),
    ("https://host.example/v1/messages", ROOT),
    ("https://host.example/console", ROOT),
    ("https://host.example/console/token", ROOT),
    ("https://host.example/console/log?p=1#x", ROOT),
    ("https://host.example/login", ROOT),
    ("https://host.example/register", ROOT),
    ("https://host.example/token", ROOT),
    ("https://host.example/pricing", ROOT),
    ("https://host.example/api/status", ROOT),
    ("https://host.example//", ROOT),
    ("https://host.example//v1", ROOT),
    ("https://host.example/v1//", ROOT),
    ("https://host.example/v1/v1", ROOT + "/v1/v1"),
    ("https://host.example?x=1", ROOT + "?x=1"),
    ("https://host.example#/console", ROOT),
    # -- servers below a path
    ("https://host.example/sub", ROOT + "/sub"),
    ("https://host.example/sub/v1", ROOT + "/sub"),
    ("https://host.example/sub/path/v1/chat/completions", ROOT + "/sub/path"),
    ("https://host.example/api/v1", ROOT + "/api"),
    ("https://host.example/sub/console/token", ROOT + "/sub"),
    ("https://host.example/v10", ROOT + "/v10"),
    ("https://host.example/my-v1", ROOT + "/my-v1"),
    ("https://host.example/apis", ROOT + "/apis"),
    # -- what no request line may hold is encoded as browsers do
    ("https://host.example/é", ROOT + "/%C3%A9"),
    ("https://host.example/网关/v1", ROOT + "/%E7%BD%91%E5%85%B3"),
    ("https://host.example/%C3%A9/a%20b", ROOT + "/%C3%A9/a%20b"),
    ("https://host.example/a\u200bb", ROOT + "/a%E2%80%8Bb"),
    ("https://host.example/{a}^|`b\\", ROOT + "/%7Ba%7D%5E%7C%60b%5C"),
    ("https://host.example/~a-b_c.d!$&'()*+,;=:@", ROOT + "/~a-b_c.d!$&'()*+,;=:@"),
    # -- ways of writing it
    ("  https://host.example\n", ROOT),
    ("<https://host.example>", ROOT),
    ('"https://host.example"', ROOT),
    ("`https://host.example/v1`", ROOT),
    ("“https://host.example/v1”", ROOT),
    ("「https://host.example」", ROOT),
    ("（https://host.example/v1）。", ROOT),
    ("https://host.example/v1,", ROOT),
    ("https://host.example；", ROOT),
    ("https://host.example/v1\u200b", ROOT),
    ("\ufeffhttps://host.example/v1", ROOT),
    ("https：//host.example/v1", ROOT),
    ("https：／／host．example／v1／", ROOT),
    ("ｈｔｔｐｓ://ｈｏｓｔ.example：８４４３", ROOT + ":8443"),
    ("https://host.example/a;/v1", ROOT + "/a;/v1"),
    ("HTTPS://HOST.Example/V1", ROOT + "/V1"),
    ("host.example", ROOT),
    ("host.example/v1", ROOT),
    ("host.example:8443", ROOT + ":8443"),
    ("host:3000", "https://host:3000"),
    ("localhost:3000", "http://localhost:3000"),
    ("localhost", "http://localhost"),
    ("LOCALHOST:3000/v1", "http://localhost:3000"),
    ("127.0.0.1:3000", "http://127.0.0.1:3000"),
    ("127.9.9.9", "http://127.9.9.9"),
    ("10.0.0.1:3000", "https://10.0.0.1:3000"),
    ("localhost.evil.example", "https://localhost.evil.example"),
    ("127.0.0.1.evil.example", "https://127.0.0.1.evil.example"),
    ("https://host.example:443", ROOT),
    ("http://host.example:80", "http://host.example"),
    ("http://host.example:443", "http://host.example:443"),
    ("http://[::1]:3000/v1", "http://[::1]:3000"),
    ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
    ("https://网关.example", "https://xn--d6q013i.example"),
    ("https://例え.jp", "https://xn--r8jz45g.jp"),
    ("https://xn--strae-oqa.example", "https://xn--strae-oqa.example"),
    ("https://host_name.example", "https://host_name.example"),
    ("https://host.example.", "https://host.example."),
    ("http://http:3000", "http://http:3000"),
    ("http.example", "https://http.example"),
    ("httpbin", "https://httpbin"),
]

REFUSED = {
    "nothing": "",
    "spaces": "  \n",
    "a scheme only": "http://",
    "a scheme and a path": "https:///v1",
    "a space inside": "https://host .example",
    "a space in the path": "https://host.example/a b",
    "a newline inside": "https://host.example\n/v1",
    "ESC": "https://host.example/\x1b[31m",
    "C1": "https://host.example/\x9b",
    "NUL": "https://host.example\0",
    "DEL": "https://host.example\x7f",
    "port 0": "https://host.example:0",
    "port 99999": "https://host.example:99999",
    "port -1": "https://host.example:-1",
    "a port in words": "https://host.example:port",
    "an open bracket": "http://[::1",
    "no IPv6": "http://[xyz]",
    "70,000 characters": "https://" + "a" * 70_000,
    "a label of 64 characters": f"https://{'a' * 64}.example",
    "an empty label": "https://host..example",
    "a leading hyphen": "https://-host.example",
    "a user": "https://user@host.example",
    "a user and a password": "https://user:sk-secret@host.example",
    "an empty user": "https://@host.example",
    "a password that begins with #": "https://user:#secret@host.example/v1",
    "another scheme": "ftp://host.example",
    "a file": "file:///etc/passwd",
    "a script": "javascript:alert(1)",
    "half an address": "http://127.1",
    "an address as a number": "http://2130706433",
    "an address in hexadecimal": "http://0x7f000001",
    "an address in octal": "http://0177.0.0.1",
    "too large an address": "http://256.1.1.1",
    "two colons": "https://host:1:2",
    "a percent sign": "https://ho%73t.example",
    "a bracketed name": "https://[host.example]",
    "a bracketed name of a version": "https://[v1.x]/",
    "an IPv6 address and a name": "https://[::1]host.example",
    "a name and an IPv6 address": "https://host.example[::1]",
    "a key": "sk-secretA1b2C3d4E5f6G7h8",
    "two dots at the end": "https://host.example..",
    "dots alone": "https://..",
    "bytes that are no text": "https://host.example/\udcff",
    "more than 2,000 characters when encoded": f"https://host.example/{'é' * 400}",
    "http with one slash": "http:/host.example",
    "HTTPS with one slash": "HTTPS:/host.example/v1",
    "http without a slash": "http:host.example",
    "http without a colon": "http//host.example",
    "http alone": "http",
    "two schemes": "https://http://host.example",
    "two schemes, the second cut": "https://http:/host.example",
}


@each(("text", "url"), PASTED)
def test_a_pasted_url_becomes_the_root_of_the_server(text: str, url: str) -> None:
    assert str(base_url_from_text(text)) == url


@each(("text", "url"), PASTED)
def test_a_root_is_unchanged(text: str, url: str) -> None:
    assert base_url_from_text(url) == base_url_from_text(text)


@each("text", REFUSED.values(), ids=REFUSED)
def test_an_invalid_base_url_is_an_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(InvalidBaseUrl) as caught:
        base_url_from_text(text)
    message = str(caught.value)
    assert message
    assert "secret" not in message
    assert not any(ord(character) < 32 for character in message)


@each(
    "host",
    [
        "straße.example",
        "STRAẞE.example",
        "φως.example",
        "a\u200cb.example",
        "a\u200db.example",
        "a\u200bb.example",
        "a\u00adb.example",
        "a\u2060b.example",
        "a\ufe0fb.example",
        "a\uab70b.example",
    ],
)
def test_a_host_with_ambiguous_characters_is_rejected(host: str) -> None:
    with pytest.raises(InvalidBaseUrl, match="use the xn-- form of the host"):
        base_url_from_text(f"https://{host}")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_missing_slash_is_an_error(scheme: str) -> None:
    with pytest.raises(InvalidBaseUrl, match=f"a slash is missing: .* {scheme}://"):
        base_url_from_text(f"{scheme}:/host.example")


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/chat/completions", "/sub", "/sub/v1"])
def test_the_chat_endpoint_is_v1_below_the_root(tail: str) -> None:
    base = base_url_from_text(ROOT + tail)
    prefix = "/sub" if tail.startswith("/sub") else ""
    assert base.path("/v1/chat/completions") == f"{prefix}/v1/chat/completions"


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("https://host.example", "host.example"),
        ("https://host.example:8443", "host.example:8443"),
        ("http://host.example:443", "host.example:443"),
        ("http://[::1]:3000", "[::1]:3000"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_the_authority_contains_a_port_only_if_it_is_not_the_default(
    text: str, authority: str
) -> None:
    assert base_url_from_text(text).authority == authority


def test_a_key_is_bound_to_scheme_host_and_port() -> None:
    one = base_url_from_text("https://host.example/a")
    assert one.origin == base_url_from_text("https://HOST.example:443/b/v1").origin
    for other in ("http://host.example", "https://host.example:8443", "https://x.host.example"):
        assert base_url_from_text(other).origin != one.origin


@each(
    ("host", "is_loopback"),
    [
        ("localhost", True),
        ("x.localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("::2", False),
        ("localhost.example", False),
        ("notlocalhost", False),
        ("127.0.0.1.example", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, is_loopback: bool) -> None:
    assert BaseUrl("http", host, 80).is_loopback is is_loopback
