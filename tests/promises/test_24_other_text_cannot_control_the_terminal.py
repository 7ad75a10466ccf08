"""Other text of servers, stored sessions and file names cannot control the terminal either.

Errors, headers, reason phrases, model names, session titles, file names.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

import pytest

from tests.sessions.helpers import PICTURE, only_session
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.observed import observe
from tests.support.path_server import Answer, serving
from tests.support.payloads import (
    ESCAPES,
    EVERYTHING,
    INVISIBLE,
    escaped_event,
    unexpected_controls,
    visible,
)
from tests.support.steps import Send, Step, sse
from tests.support.watched import WatchedTerminal
from tests.support.wire import answer_events, chunk, completion, error, event, head, response

NEW_API = ("X-Oneapi-Request-Id", "202601010000001")
# One of each kind; a header cannot contain a line break or NUL.
EVIL = (
    "a\x1b]0;evil\x07\x1b[6n\x1b[2J\x1b[35;46m\x9b2J\x9d0;x\x9c\u202e\x08\x0e\x7f\ufeff\u2028\x1bcz"
)
IN_BODY = f"{EVIL}\x00\r\x1b[9A\r\n\U000e0041"


def error_response(status: int, value: Mapping[str, object], **fields: object) -> list[Step]:
    """Return an error response with a body in ASCII."""
    body = json.dumps(value).encode("ascii")
    return [Send(response(status, body, **fields))]  # type: ignore[arg-type]


CALLS = [{"id": EVIL, "function": {"name": EVIL, "arguments": EVIL}}]
IDENTIFIED = [(NEW_API[0], EVIL)]
WAITING = [("Retry-After", EVIL)]
NAMED = {"model": IN_BODY, "id": IN_BODY}
# Each with the exit code, and whether some of the text is displayed.
SOURCES: Mapping[str, tuple[Sequence[Step], int, bool]] = {
    "all of an error": (
        error_response(400, error(IN_BODY, IN_BODY, IN_BODY), headers=IDENTIFIED, reason=EVIL),
        6, True),
    "a rejected key": (error_response(401, error(f"no: {IN_BODY} (request id: {EVIL})")), 4, True),
    "a rate limit": (error_response(429, error("no"), headers=WAITING), 7, False),
    "another error shape": (error_response(500, {"detail": IN_BODY}), 6, True),
    "a reason phrase alone": ([Send(response(502, b"", reason=EVIL))], 6, False),
    "plain text": ([Send(response(502, EVIL, content_type="text/plain"))], 6, True),
    "the title of a web page": (
        [Send(response(200, f"<html><title>{EVIL}</title>", content_type="text/html"))], 6, True),
    "a redirect": (
        [Send(response(302, headers=[("Location", f"https://x.example/{EVIL}")]))], 6, True),
    "a content type": ([Send(response(200, b"?", content_type=f"text/{EVIL}"))], 6, False),
    "an encoding": ([Send(head(200, [("Content-Encoding", EVIL)]) + b"x")], 6, True),
    "invalid HTTP": ([Send(f"{EVIL}\r\n\r\n".encode())], 6, False),
    "an error in the stream": (sse(event(chunk("Par")), escaped_event(error(IN_BODY))), 6, True),
    "an error alone": (sse(escaped_event({"error": IN_BODY})), 6, True),
    "all other fields of an answer": (
        sse(
            escaped_event(chunk("Yes.") | NAMED),
            escaped_event(chunk(finish=IN_BODY) | NAMED),
            headers=IDENTIFIED,
            content_type=f"text/event-stream; charset={EVIL}",
        ), 0, True),
    "a tool call": (
        error_response(200, completion(None) | {"choices": [{"message": {"tool_calls": CALLS}}]}),
        9, False),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_control_characters_in_a_response_are_shown(
    home: Home, server: FaultServer, source: str
) -> None:
    script, code, is_displayed = SOURCES[source]
    server.add(*script)
    with WatchedTerminal("chat", "-v", "-u", "hi", home=home) as terminal:
        terminal.wait_exit()
        terminal.assert_untouched(EVERYTHING, code)
        assert ("␛" in terminal.all_text()) >= is_displayed, terminal.all_text()
    assert server.requests


@pytest.mark.parametrize("groups", [ESCAPES, INVISIBLE], ids=["escapes", "invisible"])
def test_every_payload_in_an_error_is_shown_in_a_pipe_too(
    home: Home, server: FaultServer, groups: Mapping[str, Sequence[str]]
) -> None:
    text = "|".join(payload for group in groups.values() for payload in group)
    server.add(*error_response(400, error(text)))
    result = observe("chat", "hi", home=home)
    assert (result.code, result.out, unexpected_controls(result.err)) == (6, b"", [])
    assert " ".join(visible(text).split()) in visible(result.err.replace("\n", " "))


MODELS = [f"{number}-{payload}" for number, payload in enumerate(EVERYTHING)]


def test_each_model_name_is_one_row_whatever_it_contains(home: Home, server: FaultServer) -> None:
    listed = {"data": [{"id": name, "owned_by": name} for name in (*MODELS, "the-last")]}
    server.answer_with(lambda _: error_response(200, listed))
    exact = [n.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for n in MODELS]
    for args in ([], ["--json"], ["--sort", "name"]):
        with WatchedTerminal("models", *args, home=home) as terminal:
            terminal.wait_exit()
            terminal.assert_untouched(EVERYTHING)
            assert "the-last" in terminal.all_text()
            assert "0-" in terminal.all_text()
    rows = observe("models", home=home)
    assert (rows.code, rows.text.count("\n")) == (0, len(MODELS) + 1)
    assert [c for c in rows.text if c in "\x1b\x9b\x9d\x07\x08\r\0\x7f"] == []
    as_json = observe("models", "--json", home=home)
    assert (as_json.code, {each["id"] for each in json.loads(as_json.text)}) == (
        0,
        {*exact, "the-last"},
    )


def test_balances_and_prices_cannot_control_the_terminal(home: Home) -> None:
    record = {
        "code": True,
        "data": {"name": IN_BODY, "total_granted": 0, "total_used": 0, "total_available": 5},
    }
    pricing = {
        "data": [
            {"model_name": "m", "quota_type": 0, "model_ratio": 1, "enable_groups": [IN_BODY]}
        ],
        "group_ratio": {IN_BODY: 1},
        "usable_group": {IN_BODY: IN_BODY},
    }
    status = {"success": True, "data": {"system_name": IN_BODY, "version": EVIL}}
    with serving(
        {
            "/v1/models": Answer({"data": [{"id": "m", "owned_by": IN_BODY}]}, headers=(NEW_API,)),
            "/v1/dashboard/billing/subscription": Answer({"hard_limit_usd": 2}, headers=(NEW_API,)),
            "/v1/dashboard/billing/usage": Answer({"total_usage": 50}, headers=(NEW_API,)),
            "/api/usage/token/": Answer(record, headers=(NEW_API,)),
            "/api/pricing": Answer(pricing, headers=(NEW_API,)),
            "/api/status": Answer(status, headers=(NEW_API,)),
        }
    ) as routes:
        home.configure(routes.url, retries=0, model="m")
        for args, code in ((["models", "--prices"], 0), (["balance"], 0), (["doctor", "--yes"], 6)):
            with WatchedTerminal(*args, home=home) as terminal:
                terminal.wait_exit()
                terminal.assert_untouched(EVERYTHING, code)
                assert "␛" in terminal.all_text(), args


def test_stored_sessions_cannot_control_the_terminal(home: Home, server: FaultServer) -> None:
    server.add(*sse(*answer_events(IN_BODY), headers=[(NEW_API[0], EVIL)]))
    piped = f"{EVIL} find-me {IN_BODY}".replace("\0", "").encode()
    assert observe("chat", "-S", f"n {EVIL}", home=home, stdin=piped).code == 0
    session = only_session(home).session
    assert observe("sessions", "rename", session.id, f"t {EVIL}", home=home).code == 0
    commands = (
        ["sessions", "list"],
        ["sessions", "list", "--json"],
        ["sessions", "search", "find-me"],
        ["sessions", "show", "--reasoning", "--all"],
        ["sessions", "show", "--json"],
        ["sessions", "export"],
        ["sessions", "export", "--jsonl"],
        ["usage", "--by", "session"],
        ["usage", "--by", "model"],
        ["chat", "-c", "-v", "-u", "hi"],
    )
    for args in commands:
        with WatchedTerminal(*args, home=home, env={"PAGER": "cat"}) as terminal:
            terminal.wait_exit()
            terminal.assert_untouched(EVERYTHING)
    for args in (["sessions", "list"], ["sessions", "search", "find-me"]):
        rows = observe(*args, home=home)
        assert (rows.code, rows.text.count("\n")) == (0, 1)
        assert [c for c in rows.text if c in "\x1b\x9b\x9d\x07\x08\r\0\x7f"] == []


def test_names_of_files_and_settings_cannot_control_the_terminal(
    home: Home, server: FaultServer
) -> None:
    name = EVIL.replace("/", "")
    (home.path / name).write_bytes(base64.b64decode(PICTURE))
    text = home.config_file.read_text("utf-8")
    home.config_file.write_text(f"{text}{json.dumps(EVIL)} = 1\n", "utf-8")
    for args, code in (
        (["chat", "-f", name, "hi"], 0),
        (["chat", "-f", f"{name}-none", "hi"], 2),
        (["chat", "-m", EVIL, "-v", "hi"], 0),
        (["chat", "-P", EVIL, "hi"], 3),
        (["chat", f"--{EVIL}"], 2),
        (["sessions", "show", EVIL], 2),
        (["config", "list"], 0),
    ):
        with WatchedTerminal(*args, home=home) as terminal:
            terminal.wait_exit()
            terminal.assert_untouched(EVERYTHING, code)
