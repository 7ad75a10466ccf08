"""A model's text cannot control the terminal: no title, color, cursor, clipboard or query.

An answer holds each payload once for each position at which two deltas can split it, and the bytes
of the stream are split at other positions on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pytest

from tests.repl.conversation import conversation
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.payloads import (
    ESCAPES,
    EVERYTHING,
    INVISIBLE,
    MARKUP,
    escaped_event,
    split_everywhere,
    visible,
    visible_in_code,
)
from tests.support.steps import Send, Step, sse
from tests.support.watched import WatchedTerminal
from tests.support.wire import DONE, chunk, framed

PIECE = 7  # bytes: no delta arrives in one write
WAYS = {
    "markdown": ([], {}),
    "raw": (["--raw"], {}),
    "a dumb terminal": ([], {"TERM": "dumb"}),
    "not streamed": (["--no-stream"], {}),
}


def deltas(payloads: Sequence[str], kind: str, mark: str) -> list[bytes]:
    """Return the events of a text with each payload, split everywhere, on a line of its own."""
    return [
        escaped_event(chunk(**{kind: text}))  # type: ignore[arg-type]
        for number, (first, second) in enumerate(split_everywhere(payloads))
        for text in (f"{mark}{number}:{first}", f"{second}:{number}{mark}\n\n")
    ]


def in_small_writes(events: Iterable[bytes]) -> list[Step]:
    """Return steps that send an event stream in small writes."""
    [head, *_] = sse(end=False)
    body = b"".join(events)
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    return [head, *(Send(framed(piece)) for piece in pieces), Send(b"0\r\n\r\n")]


def ending() -> list[bytes]:
    """Return the events that complete an answer."""
    return [escaped_event(chunk(finish="stop")), DONE]


def lines_of(screen: str, mark: str) -> dict[int, str]:
    """Return the text between the marks by number, without what Markdown may change."""
    matches = re.findall(rf"{mark}(\d+):(.*?):\1{mark}", screen, re.DOTALL)
    return {int(number): substance(text) for number, text in matches}


def substance(text: str) -> str:
    """Return the letters, digits and symbols for control characters."""
    return "".join(c for c in text if c.isalnum() or "\u2400" <= c <= "\u2421" or c == "\ufffd")


@pytest.mark.parametrize("way", WAYS)
def test_control_characters_in_answer_and_reasoning_are_shown(
    home: Home, server: FaultServer, way: str
) -> None:
    args, env = WAYS[way]
    reasoning, answer = deltas(EVERYTHING, "reasoning", "#"), deltas(EVERYTHING, "content", "@")
    server.add(*in_small_writes([*reasoning, *answer, *ending()]))
    command = ("chat", "--reasoning", "show", "-v", "-u", *args, "hi")
    with WatchedTerminal(*command, home=home, env=env) as terminal:
        terminal.wait_exit(30)
        terminal.assert_untouched(EVERYTHING)
        screen = terminal.all_text()
    whole = [substance(visible(first + second)) for first, second in split_everywhere(EVERYTHING)]
    assert lines_of(screen, "@") == dict(enumerate(whole))
    if way in ("raw", "a dumb terminal"):  # the others fold finished reasoning to one line
        assert lines_of(screen, "#") == dict(enumerate(whole))


PLACES = {
    "code": "`{}`",
    "a block": "```\n{}\n```",
    "a language": "```{}\ncode\n```",
    "a heading": "# {}",
    "an item": "- {}",
    "a quotation": "> {}",
    "a cell": "| {} |\n|---|\n| {} |",
    "bold": "**{}**",
    "a link": "[{}](https://a.example/{} '{}')",
    "a picture": "![{}](https://a.example/{})",
}


def test_control_characters_are_shown_in_every_markdown_element(
    home: Home, server: FaultServer
) -> None:
    texts = [
        place.replace("{}", payload)
        for place in PLACES.values()
        for payload in (*EVERYTHING, *MARKUP)
    ]
    halves = [(text[: len(text) // 2], text[len(text) // 2 :] + "\n\n") for text in texts]
    events = [escaped_event(chunk(half)) for both in halves for half in both]
    server.add(*in_small_writes([*events, escaped_event(chunk("The end.")), *ending()]))
    with WatchedTerminal("chat", "hi", home=home) as terminal:
        terminal.wait_exit(30)
        terminal.assert_untouched(EVERYTHING)
        assert "The end." in terminal.all_text()


def test_invisible_characters_are_shown_in_code(home: Home, server: FaultServer) -> None:
    hidden = [each for group in INVISIBLE.values() for each in group]
    block = "".join(f"@{number}:{text}:{number}@\n" for number, text in enumerate(hidden))
    spans = "".join(f"`@9{number}:{text}:9{number}@` " for number, text in enumerate(hidden))
    server.add(*in_small_writes([escaped_event(chunk(f"```\n{block}```\n\n{spans}")), *ending()]))
    with WatchedTerminal("chat", "hi", home=home) as terminal:
        terminal.wait_exit()
        terminal.assert_untouched(EVERYTHING)
        screen = terminal.all_text().replace("\n", " ")
    shown = [substance(visible_in_code(text)) for text in hidden]
    assert lines_of(screen, "@") == {
        **dict(enumerate(shown)),
        **{int(f"9{number}"): text for number, text in enumerate(shown)},
    }


def test_markup_of_libraries_is_plain_text(home: Home, server: FaultServer) -> None:
    texts = ["[red]x[/red]", "[/nope]", "[link=https://evil.example]x[/link]", ":smile:"]
    server.add(*in_small_writes([escaped_event(chunk("\n\n".join(texts))), *ending()]))
    with WatchedTerminal("chat", "hi", home=home) as terminal:
        terminal.wait_exit()
        terminal.assert_untouched(())
        assert [text for text in texts if text not in terminal.all_text()] == []


LINKS = [
    ("[https://bank.example](https://evil.example/a)", "https://evil.example/a"),
    ("[the bank](https://evil.example/b)", "https://evil.example/b"),
    ("![the bank](https://evil.example/c)", "https://evil.example/c"),
    ("[the bank][d]\n\n[d]: https://evil.example/d", "https://evil.example/d"),
    ("[files](file:///etc/passwd)", "file:///etc/passwd"),
    ("[x](javascript:alert(1))", "javascript:alert"),
]


def test_a_link_shows_its_target(home: Home, server: FaultServer) -> None:
    texts = "\n\n".join(text for text, _ in LINKS)
    server.add(*in_small_writes([escaped_event(chunk(texts)), *ending()]))
    with WatchedTerminal("chat", "hi", home=home) as terminal:
        terminal.wait_exit()
        terminal.assert_untouched(())
        assert [target for _, target in LINKS if target not in terminal.all_text()] == []


def test_control_characters_are_shown_in_a_conversation(home: Home, server: FaultServer) -> None:
    # The line editor itself queries the cursor and sets modes; those payloads are left out.
    own = ("\x1b[6n", "\x1b[?2004h", "\x1b[?1049h", "\x1b[2J", "\x1b[")
    payloads = [each for group in ESCAPES.values() for each in group if each not in own]
    answer = deltas(payloads, "content", "@")
    server.add(*in_small_writes([*deltas(payloads, "reasoning", "#"), *answer, *ending()]))
    with conversation(home, columns=160, rows=50) as repl:
        repl.enter("hi")
        screen, raw = repl.text, repl.terminal.raw.decode("utf-8")
        assert (repl.terminal.emulator.title, repl.terminal.emulator.margins) == ("", None)
        repl.leave()
    assert [each for each in payloads if len(each) > 2 and each in raw] == []
    whole = [substance(visible(first + second)) for first, second in split_everywhere(payloads)]
    assert lines_of(screen, "@") == dict(enumerate(whole))
