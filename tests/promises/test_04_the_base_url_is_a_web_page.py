"""A base URL of a web page is reported as such, and nothing of the page is printed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import pytest

from newapi_cli.domain.completion import Status
from tests.sessions.helpers import last_turn
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.process import newapi_command
from tests.support.steps import Send, Step, sse
from tests.support.terminal import Terminal
from tests.support.wire import response

PAGE = (
    '<!doctype html>\n<html lang="zh"><head><meta charset="utf-8"/><title>New API</title></head>'
    '<body><div id="root">secret inside</div></body></html>' + "<p>filling</p>" * 5000
).encode()
HTML = "text/html; charset=utf-8"
GZIP = [("Content-Encoding", "gzip")]
PAGES: dict[str, Sequence[Step]] = {
    "200": [Send(response(200, PAGE, content_type=HTML))],
    "gzip": [Send(response(200, gzip.compress(PAGE), content_type=HTML, headers=GZIP))],
    "chunked": sse(PAGE[:40], PAGE[40:], content_type=HTML),
    "as a stream": sse(PAGE[:40], PAGE[40:]),
    "as JSON": [Send(response(200, PAGE))],
}


@pytest.mark.parametrize("args", [[], ["--no-stream"]], ids=["streamed", "whole"])
@pytest.mark.parametrize("case", PAGES)
def test_the_error_names_the_web_page_and_the_base_url(
    home: Home, fault_server: FaultServer, case: str, args: list[str]
) -> None:
    fault_server.add(*PAGES[case])
    home.configure(fault_server.url, retries=3)
    result = observe("chat", *args, "hi", home=home)
    assert (result.code, result.out) == (6, b"")
    assert "the server sent a web page instead of an API response" in result.err
    assert "check the base URL" in result.err
    assert not [inside for inside in ("<", "secret", "filling", "\x1f") if inside in result.err]
    assert len(fault_server.requests) == 1
    assert (last_turn(home).status, last_turn(home).answer) == (Status.ERROR, "")


def test_a_terminal_shows_nothing_of_the_page(home: Home, fault_server: FaultServer) -> None:
    fault_server.add(*PAGES["as a stream"])
    home.configure(fault_server.url)
    with Terminal(newapi_command("chat", "hi"), home=home) as terminal:
        assert terminal.wait_exit() == 6
        assert "web page" in terminal.all_text()
        assert not [inside for inside in (b"<div", b"secret", b"filling") if inside in terminal.raw]
