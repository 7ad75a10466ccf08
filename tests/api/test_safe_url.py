"""URLs of downloads: which are valid, their file names, and where a redirect may lead."""

from __future__ import annotations

import pytest

from newapi_cli.api.http.safe_url import is_public, parse_url, redirect_target
from newapi_cli.errors import UsageError
from tests.support.cases import each

PUBLIC = [
    "example.com",
    "EXAMPLE.com.",
    "local.example",
    "localhost.example",
    "10.example",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.1.1",
    "223.255.255.254",
    "2606:4700::1111",
    "2606:4700::1111%eth0",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]
NOT_PUBLIC = [
    "",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "x.localhost",
    "x.localhost.",
    "localhost.localdomain",
    "printer.local",
    "metadata.google.internal",
    "127.0.0.1",
    "127.255.255.254",
    "127.0.0.1.",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    # the same as numbers, in bases that resolvers understand
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "0177.0.0.1",
    "017700000001",
    "1.2.3.0x4",
    # IPv6, and IPv4 in its clothes
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::1%lo",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "4000::1",
]


@each("host", PUBLIC)
def test_a_redirect_may_lead_to_the_public_internet(host: str) -> None:
    assert is_public(host)


@each("host", NOT_PUBLIC)
def test_a_redirect_may_not_lead_to_a_private_network(host: str) -> None:
    assert not is_public(host)


@each(
    ("text", "url", "name"),
    [
        ("https://a.example", "https://a.example/", "a.example"),
        ("HTTP://A.example:80/", "http://a.example/", "a.example"),
        ("https://a.example./x.png", "https://a.example/x.png", "x.png"),
        ("https://a.example/x/y.png?w=1&h=2#top", "https://a.example/x/y.png?w=1&h=2", "y.png"),
        ("https://a.example/my%20cat.png", "https://a.example/my%20cat.png", "my cat.png"),
        ("https://a.example/é.png", "https://a.example/%C3%A9.png", "é.png"),
        ("https://a.example/a b|c", "https://a.example/a%20b%7Cc", "a b|c"),
        ("https://a.example/100%", "https://a.example/100%", "100%"),
        ("https://a.example/x/", "https://a.example/x/", "x"),
        ("https://a.example/%2e%2e", "https://a.example/%2e%2e", "a.example"),
        ("https://a.example/x%2F..%5Cy.png", "https://a.example/x%2F..%5Cy.png", "y.png"),
        ("https://a.example/a%0Ab%1b%E2%80%AEc", "https://a.example/a%0Ab%1b%E2%80%AEc", "a b c"),
        ("https://a.example/%ff", "https://a.example/%ff", "\ufffd"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x", "x"),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x", "x"),
        ("https://a.example?q=1", "https://a.example/?q=1", "a.example"),
    ],
)
def test_a_url_has_a_request_target_and_a_file_name(text: str, url: str, name: str) -> None:
    place = parse_url(text)
    assert (place.url, place.name) == (url, name)


def test_a_long_file_name_is_truncated() -> None:
    name = parse_url(f"https://a.example/{'x' * 500}.png").name
    assert len(name) == 100
    assert name.endswith("x.png")


def test_a_url_is_shown_without_its_query() -> None:
    assert parse_url("https://a.example/x?sig=secret").shown == "https://a.example/x"


@each(
    "text",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "a.example/x.png",
        "https://",
        "https:///x",
        "https://user@a.example/",
        "https://user:secret@a.example/",
        "https://[::1/x",
        "https://a.example:port/",
        "https://a.example:0/",
        "https://a..example/",
        "https://a_b!.example/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        f"https://a.example/{'x' * 9000}",
    ],
)
def test_an_invalid_url_is_rejected_without_being_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    problem = caught.value
    assert problem.why
    assert problem.hint
    assert "secret" not in f"{problem.message} {problem.why} {problem.hint}"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://b.example/y", "https://b.example/y"),
        ("//b.example/y", "https://b.example/y"),
        ("/y?q", "https://a.example/y?q"),
        ("y", "https://a.example/x/y"),
        ("../y", "https://a.example/y"),
        ("?q=1", "https://a.example/x/p?q=1"),
        ("#top", "https://a.example/x/p"),
        # Header values are decoded as UTF-8, or as Latin-1 if one of them is not UTF-8.
        ("/é", "https://a.example/%C3%A9"),
        ("/中", "https://a.example/%E4%B8%AD"),
        ("/é中".encode().decode("latin-1"), "https://a.example/%C3%A9%E4%B8%AD"),
    ],
)
def test_a_redirect_is_resolved_against_its_url(location: str, url: str) -> None:
    assert redirect_target(parse_url("https://a.example/x/p"), location).url == url


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://b.example", "http://[", "https://u:p@b.example"]
)
def test_a_redirect_to_an_unsupported_url_is_an_error(location: str) -> None:
    with pytest.raises(UsageError) as caught:
        redirect_target(parse_url("https://a.example/x?sig=secret"), location)
    assert "redirect target of https://a.example/x" in caught.value.message
    assert "secret" not in caught.value.message
