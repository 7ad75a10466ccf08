"""A prompt may begin with a dash; an empty prompt is a usage error and is never sent."""

from __future__ import annotations

import pytest

from tests.promises.conftest import ANSWER
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe


@pytest.mark.parametrize(
    ("args", "sent"),
    [
        (["--", "-x"], "-x"),
        (["--", "-x", "--help", "--", "--curl"], "-x --help -- --curl"),
        (["-t", "1", "--", "--curl"], "--curl"),
        (["why", "--", "-i"], "why -i"),
        (["-"], "-"),
        (["--", "--"], "--"),
        (["", "x", ""], " x "),
        ([" \n x "], " \n x "),
    ],
    ids=" ".join,
)
def test_words_after_two_dashes_are_sent_unchanged(
    home: Home, server: FaultServer, args: list[str], sent: str
) -> None:
    result = observe("chat", *args, home=home)
    assert (result.code, result.text, result.err) == (0, f"{ANSWER}\n", "")
    assert [message["content"] for message in server.requests[0].json["messages"]] == [sent]


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        ([""], b""),
        (["  "], b""),
        (["", ""], b"\n"),
        (["\t\n\u3000"], b" \r\n"),
        (["--"], b""),
        (["-x"], b""),
        ([], b"\n"),
        ([], b"\xef\xbb\xbf"),
    ],
)
def test_an_empty_prompt_is_a_usage_error_with_an_example(
    home: Home, server: FaultServer, args: list[str], stdin: bytes
) -> None:
    result = observe("chat", *args, home=home, stdin=stdin)
    assert (result.code, result.out) == (2, b"")
    assert "no prompt given" in result.err
    assert 'newapi chat "' in result.err
    assert server.connections == []


def test_an_unknown_option_is_not_treated_as_a_prompt(home: Home, server: FaultServer) -> None:
    result = observe("chat", "-y", "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith("error: no such option: -y")
    assert server.connections == []
