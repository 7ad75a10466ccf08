"""What newapi adds to an error: the state in the key's record, and similar model names."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.repl.conversation import CTRL_C, ENTER, conversation
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.home import CANARY, Home
from tests.support.process import check_output, newapi_command, run_newapi
from tests.support.steps import Reset, Send, Stall, Step
from tests.support.wire import REQUEST_ID, Headers, error, response

RECORD = "/api/usage/token/"
ID_HEADER = ("X-Oneapi-Request-Id", REQUEST_ID)
CHAT = ("chat", "hi")
REFUSED = "error: the gateway rejected the key (HTTP 401)"


class GatewayWithRecord(FaultServer):
    """A gateway that answers requests for the record of a key by these steps."""

    def __init__(self, record: Sequence[Step], *scripts: Sequence[Step]) -> None:
        super().__init__(*scripts)
        self._record = record

    def __enter__(self) -> GatewayWithRecord:
        super().__enter__()
        return self

    def _script_for(self, request: Request) -> Sequence[Step]:
        steps = super()._script_for(request)
        return self._record if request.path == RECORD else steps

    @property
    def lookups(self) -> int:
        """The number of requests for a record; there must be no others."""
        assert {request.path for request in self.api_requests} <= {RECORD}
        return len(self.api_requests)


def record(*, available: int = 1000, expires_at: int = 0) -> list[Step]:
    """Return the record of a key with a limit."""
    data = {
        "object": "token_usage", "name": "work", "total_granted": 1000, "total_used": 0,
        "total_available": available, "unlimited_quota": False, "model_limits": {},
        "model_limits_enabled": False, "expires_at": expires_at,
    }  # fmt: skip
    return [Send(response(200, {"code": True, "message": "ok", "data": data}))]


def failing(
    status: int = 401, text: str = "Invalid token", type_: str | None = "new_api_error",
    code: object = "", headers: Headers = (ID_HEADER,),
) -> list[Step]:  # fmt: skip
    return [Send(response(status, error(text, type_, code), headers=headers))]


def days_ago(days: int) -> int:
    return int((datetime.now(UTC) - timedelta(days=days)).timestamp())


def lookups(gateway: DemoGateway) -> int:
    return [request.path for request in gateway.requests].count(RECORD)


def age_cache(home: Home, hours: float) -> None:
    """Make all cached entries older."""
    for path in (home.newapi_home / "cache").glob("*.json"):
        whole = json.loads(path.read_text("utf-8"))
        for entry in whole["entries"].values():
            entry["at"] -= hours * 3600
        path.write_text(json.dumps(whole), "utf-8")


# -- the record of a key


def test_an_expired_key_is_reported_with_its_date(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, api_key="sk-expired")
        result = run_newapi(*CHAT, home=home)
        date = f"{datetime.now() - timedelta(days=1):%Y-%m-%d}"
        assert result.code == 4, result.err
        assert result.err.startswith(f"error: the key expired on {date} (HTTP 401)\n"), result.err
        assert "\n  why: Invalid token\n  id: " in result.err
        assert "newapi login" in result.err
        assert lookups(gateway) == 1


def test_a_key_that_is_used_up_is_a_limit(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, api_key="sk-exhausted")
        result = run_newapi(*CHAT, home=home)
        assert result.code == 7, result.err
        assert result.err.startswith("error: the key's quota is used up (HTTP 401)\n"), result.err
        assert "\n  why: Invalid token\n  id: " in result.err


def test_a_key_without_a_record_stays_rejected(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, api_key="sk-wrong")
        result = run_newapi(*CHAT, home=home)
        assert (result.code, lookups(gateway)) == (4, 1), result.err
        assert result.err.startswith(f"{REFUSED}\n"), result.err


@pytest.mark.parametrize("key", ["sk-expired", "sk-wrong"])
def test_the_record_of_a_key_is_requested_once_a_day(key: str, home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, api_key=key)
        first = run_newapi(*CHAT, home=home)
        second = run_newapi(*CHAT, home=home)
        assert second.err.splitlines()[0] == first.err.splitlines()[0]
        assert second.code == first.code
        assert lookups(gateway) == 1
        age_cache(home, 23)
        run_newapi(*CHAT, home=home)
        assert lookups(gateway) == 1
        age_cache(home, 2)
        assert run_newapi(*CHAT, home=home).err.splitlines()[0] == first.err.splitlines()[0]
        assert lookups(gateway) == 2


def test_each_key_has_its_own_record(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        for key, code in (("sk-expired", 4), ("sk-exhausted", 7), ("sk-expired", 4)):
            home.configure(gateway.base_url, api_key=key)
            assert run_newapi(*CHAT, home=home).code == code
        assert lookups(gateway) == 2


def test_a_key_that_is_valid_by_its_record_is_reported_so(home: Home) -> None:
    with GatewayWithRecord(record(), failing()) as server:
        home.configure(server.url)
        result = run_newapi(*CHAT, home=home)
        assert result.code == 4, result.err
        assert result.err.startswith(f"{REFUSED}\n  why: Invalid token\n"), result.err
        assert "the record of the key is valid" in result.err
        assert server.lookups == 1
        assert server.api_requests[0].header("Authorization") == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("account", "code", "message"),
    [
        (record(expires_at=days_ago(400)), 4, "the key expired on "),
        (record(available=0, expires_at=days_ago(-5)), 7, "the key's quota is used up"),
        (record(available=-3), 7, "the key's quota is used up"),
    ],
    ids=["expired", "used up before its date", "below zero"],
)
def test_the_state_in_the_record_is_reported(
    account: list[Step], code: int, message: str, home: Home
) -> None:
    with GatewayWithRecord(account, failing()) as server:
        home.configure(server.url)
        result = run_newapi(*CHAT, home=home)
        assert result.code == code
        assert result.err.startswith(f"error: {message}"), result.err


FAILING: dict[str, list[Step]] = {
    "it breaks off": [Reset()],
    "it is an old server": [Send(response(404, error("Invalid URL (GET /api/usage/token/)")))],
    "it has its own limit": [Send(response(429))],
    "it wants a log-in": [Send(response(200, {"success": False, "message": "not logged in"}))],
    "it is a page": [Send(response(200, "<html></html>", content_type="text/html"))],
    "it is no record": [Send(response(200, {"code": True, "data": []}))],
    "it is odd": [Send(response(200, {"data": {"total_used": 1e300, "expires_at": "x"}}))],
}


@pytest.mark.parametrize("steps", FAILING.values(), ids=FAILING)
def test_a_failing_lookup_does_not_change_the_error(steps: list[Step], home: Home) -> None:
    with GatewayWithRecord(steps, failing()) as server:
        home.configure(server.url)
        result = run_newapi(*CHAT, home=home)
        assert result.code == 4, result.err
        assert result.err.splitlines() == [
            REFUSED,
            "  why: Invalid token",
            f"  id: {REQUEST_ID}",
            "  try: check the key from profile test with `newapi config list`,"
            " or store another with `newapi login`",
        ]
        assert server.lookups == 1


NO_LOOK_UP: dict[str, tuple[list[Step], int]] = {
    "a plain server": ([Send(response(401, {"error": "unauthorized"}))], 4),
    "a plain server with ids": (
        failing(type_=None, headers=[("X-Request-Id", "req_0123")]),
        4,
    ),
    "OpenAI": (failing(type_="invalid_request_error", code="invalid_api_key", headers=[]), 4),
    "an upstream": (failing(type_="authentication_error"), 6),
    "an old text that says all": (failing(text="该令牌已过期"), 4),
    "an old text for money": (failing(text="该令牌额度已用尽"), 7),
    "an unknown key of old": (failing(text="无效的令牌"), 4),
    "a 403": (failing(403, "you may not"), 4),
    "a 429": (failing(429, "too many"), 7),
}


@pytest.mark.parametrize(("steps", "code"), NO_LOOK_UP.values(), ids=NO_LOOK_UP)
def test_no_other_error_requests_a_record(steps: list[Step], code: int, home: Home) -> None:
    with GatewayWithRecord(record(available=0), steps) as server:
        home.configure(server.url)
        result = run_newapi("chat", "--retries", "0", "hi", home=home)
        assert (result.code, server.lookups) == (code, 0), result.err


@pytest.mark.parametrize(
    "steps",
    [
        failing(type_="one_api_error"),
        failing(type_="one_hub_error"),
        failing(type_=None),
    ],
    ids=["one-api", "one-hub", "by its request id"],
)
def test_related_gateways_are_asked_for_a_record(steps: list[Step], home: Home) -> None:
    with GatewayWithRecord(record(available=0), steps) as server:
        home.configure(server.url)
        assert (run_newapi(*CHAT, home=home).code, server.lookups) == (7, 1)


def test_a_key_of_another_provider_is_recognized_by_its_form(home: Home) -> None:
    with GatewayWithRecord(record(available=0), failing()) as server:
        home.configure(server.url, api_key=f"sk-proj-{CANARY[3:]}")
        result = run_newapi(*CHAT, home=home)
        assert (result.code, server.lookups) == (4, 0)
        assert "sk-proj-…" in result.err


def test_with_no_save_no_record_is_requested(home: Home) -> None:
    with GatewayWithRecord(record(available=0), failing()) as server:
        home.configure(server.url)
        result = run_newapi(*CHAT, "--no-save", home=home)
        assert (result.code, server.lookups) == (4, 0)
        assert result.err.startswith(f"{REFUSED}\n"), result.err


class Signalled(NamedTuple):
    number: signal.Signals
    code: int


@pytest.mark.parametrize(
    "sent", [Signalled(signal.SIGINT, 130), Signalled(signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_signal_during_the_lookup_ends_the_command(sent: Signalled, home: Home) -> None:
    with GatewayWithRecord([Stall()], failing()) as server:
        home.configure(server.url)
        with subprocess.Popen(
            newapi_command(*CHAT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=home.environment(),
            cwd=home.path,
        ) as process:
            wait_for_aside(server)
            process.send_signal(sent.number)
            out, err = process.communicate(timeout=20)
        check_output(out + err, "output")
        assert (process.returncode, out, err) == (sent.code, b"", b"stopped\n")


def wait_for_aside(server: GatewayWithRecord) -> None:
    with server._changed:
        assert server._changed.wait_for(lambda: server.api_requests, 20)


def test_a_conversation_reports_the_same_and_continues(home: Home) -> None:
    with GatewayWithRecord(record(available=0), failing(), [Stall()]) as server:
        home.configure(server.url)
        with conversation(home, "chat", rows=40) as repl:
            repl.enter("one")
            assert "error: the key's quota is used up (HTTP 401)" in repl.screen
            repl.type(f"two{ENTER}")
            server.wait_for_requests(2)
            repl.type(CTRL_C)  # the look-up has left the signals as it found them
            repl.wait_for_line()
            assert "stopped" in repl.screen
            repl.leave()
        assert server.lookups == 1


# -- names of models


def with_models(server: FaultServer, home: Home, *names: str) -> None:
    """Put these names into the cache, by `newapi models`."""
    entries = [{"id": name, "object": "model"} for name in names]
    data: dict[str, object] = {"object": "list", "data": entries}
    server.add(Send(response(200, data, headers=[ID_HEADER])))
    assert run_newapi("models", home=home).code == 0
    server.requests.clear()
    server.api_requests.clear()


NO_CHANNEL = failing(503, "No available channel for model x", code="model_not_found")
FORBIDDEN = failing(403, "This token has no access to model x")
LIST = "  try: list the models of this key: `newapi models`"
NAMES = ("gpt-4o", "gpt-4o-mini", "deepseek/deepseek-chat", "通义千问-max", "claude-3-5-haiku")
ASKED = [
    ("gpt4o-mini", "gpt-4o-mini or gpt-4o; `newapi models gpt` lists the models"),
    ("GPT-4O-MINY", "gpt-4o-mini or gpt-4o; `newapi models gpt` lists the models"),
    ("deepseek-chat", "deepseek/deepseek-chat; `newapi models deepseek` lists the models"),
    ("通义千问max", "通义千问-max; `newapi models max` lists the models"),
    ("claude-haiku", "claude-3-5-haiku; `newapi models claude` lists the models"),
]


@pytest.mark.parametrize(("asked", "told"), ASKED)
@pytest.mark.parametrize("steps", [NO_CHANNEL, FORBIDDEN], ids=["unknown", "forbidden"])
def test_a_mistyped_model_is_reported_with_similar_names(
    steps: list[Step], asked: str, told: str, home: Home
) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        with_models(server, home, *NAMES)
        server.add(*steps)
        run = run_newapi(*CHAT, "-m", asked, home=home)
        assert run.code == (4 if steps is FORBIDDEN else 6)
        assert run.err.splitlines()[-1] == f"  try: use {told}"
        assert (len(server.requests), server.api_requests) == (1, [])


@pytest.mark.parametrize("names", [(), ("whisper-1", "dall-e-3")], ids=["none", "others"])
def test_without_a_similar_name_the_list_is_suggested(names: tuple[str, ...], home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        if names:
            with_models(server, home, *names)
        server.add(*NO_CHANNEL)
        assert run_newapi(*CHAT, "-m", "gpt-4o", home=home).err.splitlines()[-1] == LIST
        looked_up = [request.path for request in server.api_requests]  # which group has the model
        assert (len(server.requests), looked_up) == (1, [] if names else ["/api/status"])


def test_a_listed_model_is_not_called_mistyped(home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        with_models(server, home, *NAMES)
        server.add(*NO_CHANNEL)
        result = run_newapi(*CHAT, "-m", "gpt-4o", home=home)
        assert "the gateway listed this one before" in result.err
        assert "lists the models" not in result.err


def test_with_fallback_models_the_last_refused_name_counts(home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        with_models(server, home, *NAMES)
        server.add(*NO_CHANNEL)
        server.add(*failing(503, "No available channel for model claud", code="model_not_found"))
        result = run_newapi(*CHAT, "-m", "gpt-4o-mine,claude-3-5-haiko", home=home)
        assert (result.code, len(server.requests)) == (6, 2)
        assert "use claude-3-5-haiku;" in result.err


@pytest.mark.parametrize("key", [CANARY, "sk-anotherkey0123456789"], ids=["ours", "another"])
def test_a_model_name_that_contains_a_key_is_not_suggested(key: str, home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        with_models(server, home, f"gpt-{key}", "whisper")
        server.add(*NO_CHANNEL)
        result = run_newapi(*CHAT, "-m", f"gpt-{key[:-1]}", home=home)
        assert result.code == 6
        assert result.err.splitlines()[-1] == LIST
        assert key[3:10] not in result.err


@pytest.mark.parametrize(
    "garbage",
    [b"", b"{", b"[]", b'{"format": 1, "entries": []}', b'{"format": 1, "entries": 5}', b"\xff"],
)
@pytest.mark.parametrize("steps", [failing(), NO_CHANNEL], ids=["key", "model"])
def test_a_broken_cache_hides_no_error(steps: list[Step], garbage: bytes, home: Home) -> None:
    with FaultServer() as server:
        home.configure(server.url)
        with_models(server, home, *NAMES)
        for path in (home.newapi_home / "cache").iterdir():
            path.write_bytes(garbage)
        server.add(*steps)
        result = run_newapi(*CHAT, home=home)
        assert result.code == (6 if steps is NO_CHANNEL else 4)
        assert "  why: " in result.err
        assert "lists the models" not in result.err


def test_without_a_cache_no_record_is_requested(home: Home) -> None:
    """It would be requested after each error, and all clients share its rate limit."""
    with GatewayWithRecord(record(available=0), failing()) as server:
        home.configure(server.url)
        (home.newapi_home / "cache").write_text("a file where a folder should be")
        result = run_newapi(*CHAT, home=home)
        assert (result.code, server.lookups) == (4, 0), result.err
