"""Servers and resolvers that hang: a timeout ends each step, and Ctrl-C ends the run."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from newapi_cli.api.gateway.connectivity import Probe, within
from newapi_cli.app.doctor.context import CheckBlocked
from newapi_cli.app.doctor.run import Check, CheckStarted, exit_code_of, run_checks
from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.report import CheckResult, Verdict
from newapi_cli.errors import AuthenticationError, ExitCode, Interrupted, NetworkError
from newapi_cli.signals import Interrupts
from tests.doctor import doctor_runs
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import newapi_command
from tests.support.steps import BeforeReading, ReadHead, Stall, Step
from tests.support.terminal import Terminal
from tests.support.wire import MODEL

HANGS: Sequence[Step] = [BeforeReading(), Stall()]
ASKED: Sequence[Step] = [BeforeReading(), ReadHead(), Stall()]


def test_a_server_that_hangs_fails_after_its_timeout(home: Home) -> None:
    with FaultServer(HANGS, HANGS, HANGS, HANGS) as server:
        home.configure(server.url, first_byte_timeout=0.3, connect_timeout=0.4)
        found = doctor_runs.run_doctor(home)
        row = found.assert_first_failed("server", 8, "check the base URL")
    assert "response not complete within 0.3 s" in row.text
    assert found["key"].text == 'fix "server" first'
    assert found.result.seconds < 5


def test_a_handshake_that_hangs_fails_after_its_timeout(home: Home) -> None:
    with FaultServer(HANGS, HANGS, HANGS) as server:
        home.configure(server.url.replace("http:", "https:"), connect_timeout=0.3)
        found = doctor_runs.run_doctor(home)
        row = found.assert_first_failed("TLS", 5, "port")
    assert "timed out" in row.text


def test_ctrl_c_ends_the_doctor_at_once(home: Home) -> None:
    with FaultServer(HANGS, ASKED) as server:
        home.configure(server.url)
        with Terminal(newapi_command("doctor"), home=home) as terminal:
            server.wait_for_requests(1)
            pressed_at = time.monotonic()
            terminal.press_ctrl_c()
            assert terminal.wait_exit() == 130
            assert terminal.exited_at is not None
            assert terminal.exited_at - pressed_at < 1
            assert "stopped" in terminal.screen_text()
            assert terminal.echoes


@pytest.mark.parametrize("path", ["/v1/models", "/api/usage/token/", "/api/pricing"])
def test_ctrl_c_ends_every_request(home: Home, path: str) -> None:
    hangs, arrived = threading.Event(), threading.Event()
    known = doctor_runs.Answer(200, {"data": {"setup": True, "quota_per_unit": 1}})
    refused = doctor_runs.Answer(401, {"error": {"message": "no", "type": "new_api_error"}})
    listed = doctor_runs.Answer(200, {"object": "list", "data": [{"id": MODEL}]})

    def answer(asked: str) -> doctor_runs.Answer:
        if asked == path:
            arrived.set()
            hangs.wait(20)
        if asked == "/v1/models":
            return refused if path == "/api/usage/token/" else listed
        return known if asked == "/api/status" else doctor_runs.NOT_HERE

    with doctor_runs.PageServer(answer) as server:
        home.configure(server.url)
        with Terminal(newapi_command("doctor"), home=home) as terminal:
            assert arrived.wait(10)
            terminal.press_ctrl_c()
            assert terminal.wait_exit() == 130
            assert terminal.screen_text().endswith("stopped")
            hangs.set()


def test_ctrl_c_at_the_confirmation_exits(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    with Terminal(newapi_command("doctor"), home=home) as terminal:
        terminal.wait_for(re.compile(r"Send a short prompt to demo\?.*\[y/N\]", re.DOTALL))
        terminal.press_ctrl_c()
        assert terminal.wait_exit() == 130


def test_a_hanging_step_is_abandoned() -> None:
    hangs = threading.Event()
    try:
        with pytest.raises(TimeoutError):
            within(0.05, Interrupts(()), hangs.wait)
    finally:
        hangs.set()


def test_a_result_comes_with_its_duration() -> None:
    value, seconds = within(5, Interrupts(()), lambda: 7)
    assert (value, 0 <= seconds < 5) == (7, True)


@pytest.mark.parametrize("error", [OSError("x"), ValueError("x")])
def test_an_exception_of_a_step_is_raised(error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        within(5, Interrupts(()), work)
    assert caught.value is error


def test_a_hanging_resolver_fails_after_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        hangs.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        with pytest.raises(NetworkError, match=r"DNS response for gateway\.invalid within 0\.05 s"):
            Probe("gateway.invalid", 443, Interrupts(()), 0.05).resolve()
    finally:
        hangs.set()


def test_plain_http_and_tls_are_distinguished(gateway: DemoGateway) -> None:
    probe = Probe("127.0.0.1", int(gateway.base_url.rpartition(":")[2]), Interrupts(()), 5)
    assert probe.speaks_http()
    assert not probe.speaks_tls()
    with pytest.raises(NetworkError, match="speaks plain HTTP"):
        probe.handshake(ssl.create_default_context())


# -- the flow -----------------------------------------------------------------------------------


def gives(verdict: Verdict, code: ExitCode = ExitCode.COMPLETE) -> Callable[[], CheckResult]:
    return lambda: CheckResult("", verdict, ("text",), code=code)


def raises(error: BaseException) -> Callable[[], CheckResult]:
    def run() -> CheckResult:
        raise error

    return run


def verdicts(*checks: Check) -> list[tuple[str, str, str]]:
    found = [each for each in run_checks(checks) if isinstance(each, CheckResult)]
    return [(each.name, str(each.verdict), "; ".join(each.parts)) for each in found]


def test_checks_that_need_a_failed_one_are_skipped_and_name_it() -> None:
    refused = AuthenticationError("refused", why="they say so", hint="log in")
    assert verdicts(
        Check("a", gives(Verdict.OK)),
        Check("b", raises(refused), ("a",)),
        Check("c", gives(Verdict.OK), ("b",)),
        Check("d", gives(Verdict.OK), ("c",)),
        Check("e", gives(Verdict.OK), ("a",)),
    ) == [
        ("a", "ok", "text"),
        ("b", "failed", "refused: they say so"),
        ("c", "skipped", 'fix "b" first'),
        ("d", "skipped", 'fix "b" first'),
        ("e", "ok", "text"),
    ]


def test_skipped_checks_and_warnings_block_no_other_check() -> None:
    found = verdicts(
        Check("a", gives(Verdict.SKIPPED)),
        Check("b", gives(Verdict.WARNING), ("a",)),
        Check("c", gives(Verdict.OK), ("a", "b")),
    )
    assert [verdict for _, verdict, _ in found] == ["skipped", "warning", "ok"]


def test_a_blocked_check_names_the_first_failed_one() -> None:
    found = verdicts(
        Check("a", gives(Verdict.FAILED)),
        Check("b", gives(Verdict.OK), ("a",)),
        Check("c", raises(CheckBlocked("b"))),
        Check("d", gives(Verdict.OK), ("c",)),
    )
    assert [text for _, _, text in found] == ["text", *['fix "a" first'] * 3]


def test_a_bug_in_a_check_is_a_failed_result() -> None:
    [found] = run_checks([Check("a", raises(ZeroDivisionError("secret words")))])
    assert isinstance(found, CheckResult)
    assert (found.verdict, found.code) == (Verdict.FAILED, ExitCode.BUG)
    [text] = found.parts
    assert text.startswith("a bug in newapi (ZeroDivisionError at test_doctor_waiting.py:")
    assert "secret" not in text


@pytest.mark.parametrize("error", [Interrupted(), KeyboardInterrupt()])
def test_signals_end_the_run(error: BaseException) -> None:
    with pytest.raises(type(error)):
        list(run_checks([Check("a", raises(error)), Check("b", gives(Verdict.OK))]))


def test_a_slow_check_is_announced_before_it_runs() -> None:
    found = run_checks([Check("a", gives(Verdict.OK), is_slow=True)])
    assert next(found) == CheckStarted("a")
    assert isinstance(next(found), CheckResult)


def test_the_exit_code_is_that_of_the_first_failed_check() -> None:
    checks = [
        Check("a", gives(Verdict.WARNING, ExitCode.BUG)),
        Check("b", gives(Verdict.FAILED, ExitCode.LIMIT)),
        Check("c", gives(Verdict.FAILED, ExitCode.NETWORK)),
    ]
    found = [each for each in run_checks(checks) if isinstance(each, CheckResult)]
    assert exit_code_of(found) is ExitCode.LIMIT
    assert exit_code_of(found[:1]) is ExitCode.COMPLETE
