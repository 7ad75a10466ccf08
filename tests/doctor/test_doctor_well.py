"""Working configurations, and invalid keys: server, key, models and prices are reported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.doctor.doctor_runs import NAMES, Answer, PageServer, openai_server, run_doctor
from tests.support.connection import Request
from tests.support.fault_server import FaultServer
from tests.support.gateway_variants import gateway_variant
from tests.support.home import CANARY, CANARY_TRACE, Home
from tests.support.process import run_newapi
from tests.support.steps import Pause, Send, Step, sse
from tests.support.wire import DONE, MODEL, answer_events, chunk, event, response

CHECKED_WITHOUT_TERMINAL = {"TLS": "skipped", "answer": "skipped", "terminal": "skipped"}


def test_all_is_well_with_the_demo(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    run = run_doctor(home)
    assert run.result.code == 0
    assert run.verdicts == {name: CHECKED_WITHOUT_TERMINAL.get(name, "ok") for name in NAMES}
    assert [row.hint for row in run.rows] == [""] * len(NAMES)
    assert 'profile "test"' in run["configuration"].text
    assert "base_url, api_key, model from the profile" in run["configuration"].text
    assert run["server"].text.startswith('New API v1.0.0-demo, "newapi demo"')
    assert run["key"].text.startswith("key accepted; $5.00 left of $5.00")
    assert 'key "demo key"' in run["key"].text
    assert "includes demo" in run["models"].text
    assert "demo $0.15 in, $0.60 out per million tokens" in run["prices"].text
    assert "--yes" in run["answer"].text
    asked = {seen.path for seen in gateway.requests}
    assert not any("chat" in path for path in asked)
    assert "/api/usage/token/" in asked


def test_a_second_run_sends_no_rate_limited_request(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo")
    first = run_doctor(home)
    count = len(gateway.requests)
    assert run_doctor(home)["key"] == first["key"]
    tight = ("/api/usage/token", "/api/log/token")
    assert not any(seen.path.startswith(tight) for seen in gateway.requests[count:])


def test_yes_runs_the_answer_check(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo-echo")
    row = run_doctor(home, "--yes")["answer"]
    assert row.verdict == "ok", row
    assert row.text.startswith("demo-echo answered in ")
    for expected in (
        "first token after",
        "13 chunks",
        "16 tokens in, 13 out; free",
        "finish reason stop",
    ):
        assert expected in row.text
    assert [seen.model for seen in gateway.requests if "chat" in seen.path] == ["demo-echo"]


def streaming(*events: bytes) -> Callable[[Request], Sequence[Step]]:
    """Return a server function that lists one model, and streams events with pauses."""

    def answer(request: Request) -> Sequence[Step]:
        if request.path == "/v1/models":
            return [Send(response(200, {"object": "list", "data": [{"id": MODEL}]}))]
        return sse(*(step for each in events for step in (each, Pause(0.03))))

    return answer


def test_the_answer_check_reports_streaming(home: Home) -> None:
    with FaultServer(answer=streaming(*answer_events("y", "e", "s"))) as server:
        home.configure(server.url)
        row = run_doctor(home, "--yes")["answer"]
    assert row.verdict == "ok", row
    pieces = re.search(
        r"in 3 chunks over (\d+) ms; 9 tokens in, 3 out; finish reason stop", row.text
    )
    assert pieces is not None, row
    assert 50 <= int(pieces[1]) < 900


def test_missing_token_counts_are_a_warning(home: Home) -> None:
    events = [event(chunk("yes")), event(chunk(finish="stop")), DONE]
    with FaultServer(answer=streaming(*events)) as server:
        home.configure(server.url)
        row = run_doctor(home, "--yes")["answer"]
    assert (row.verdict, "in one chunk" in row.text) == ("warning", True)
    assert row.text.endswith("finish reason stop; no token counts")


def test_a_long_answer_is_stopped(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo-long")
    row = run_doctor(home, "--yes")["answer"]
    assert (row.verdict, "stopped the answer of" in row.text) == ("ok", True)
    assert gateway.wait_for_disconnect(10)


@pytest.mark.parametrize(
    ("model", "code", "expected"),
    [("demo-cut", 9, "cut off"), ("demo-no-finish", 9, "no finish reason"),
     ("demo-filter", 6, "content_filter")],
)  # fmt: skip
def test_an_answer_that_fails_fails_the_check(
    home: Home, gateway: DemoGateway, model: str, code: int, expected: str
) -> None:
    home.configure(gateway.base_url, model=model)
    row = run_doctor(home, "--yes").assert_first_failed("answer", code)
    assert expected in row.text


@pytest.mark.parametrize(
    ("key", "code", "expected", "hint"),
    [
        ("sk-expired", 4, "expired on 20", "newapi login"),
        ("sk-exhausted", 7, "is used up", "raise the limit"),
        ("sk-wrong", 4, "rejected the key (HTTP 401)", "it has 8 characters"),
        ("sk-disabled", 4, "the key is ****", "enable the key"),  # its name is masked
    ],
)
def test_a_rejected_key(
    home: Home, gateway: DemoGateway, key: str, code: int, expected: str, hint: str
) -> None:
    home.configure(gateway.base_url, model="demo", api_key=key)
    run = run_doctor(home)
    row = run.assert_first_failed("key", code, hint)
    assert expected in row.text
    assert run["models"].text == 'fix "key" first'
    assert run["prices"].verdict == "ok"


@pytest.mark.parametrize(
    ("key", "code", "expected"),
    [
        ("sk-expired", 4, "has expired (HTTP 401): 该令牌已过期"),
        ("sk-exhausted", 7, "quota is used up (HTTP 401)"),
        ("sk-disabled", 4, "(HTTP 401): 该令牌状态不可用"),
    ],
)
def test_the_words_of_an_old_gateway_about_a_key_are_used(
    home: Home, key: str, code: int, expected: str
) -> None:
    with gateway_variant("2025-04") as gateway:
        home.configure(gateway.base_url, model="demo", api_key=key)
        row = run_doctor(home).assert_first_failed("key", code, "in the gateway's console")
    assert expected in row.text
    assert "characters" not in row.hint


def test_the_length_of_a_key_unknown_to_an_old_gateway_is_checked(home: Home) -> None:
    with gateway_variant("2025-04") as gateway:
        home.configure(gateway.base_url, model="demo", api_key="sk-wrong")
        row = run_doctor(home).assert_first_failed("key", 4, "it has 8 characters")
    assert row.text.startswith("the gateway does not recognize this key")


def test_a_key_of_another_provider_is_recognized(home: Home) -> None:
    def answer(path: str) -> Answer:
        if path == "/api/status":
            return Answer(200, {"success": True, "data": {"setup": True, "quota_per_unit": 1}})
        return Answer(401, {"error": {"message": "Invalid token", "type": "new_api_error"}})

    with PageServer(answer) as server:
        home.configure(server.url, api_key="sk-proj-0123456789012345678901234567890123456789")
        row = run_doctor(home).assert_first_failed("key", 4, "a key of OpenAI", "newapi login")
    assert "Invalid token" in row.text


def test_limits_of_a_key_are_reported(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key="sk-limited")
    run = run_doctor(home)
    assert "only for demo, demo-echo" in run["key"].text
    assert ", expires 20" in run["key"].text
    assert "2 models for this key" in run["models"].text


def test_an_unknown_model_is_reported_with_similar_names(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo-ecko")
    run = run_doctor(home)
    row = run.assert_first_failed("models", 6, "demo-echo", "newapi models")
    assert "not listed: demo-ecko" in row.text
    assert run["answer"].text == 'fix "models" first'


def test_a_missing_model_setting_is_a_warning(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="")
    run = run_doctor(home, "--yes")
    assert (run["models"].verdict, run.result.code) == ("warning", 0)
    assert "newapi config set model NAME" in run["models"].hint
    assert run["answer"][1:3] == ("skipped", "no model is set")


@pytest.mark.parametrize(
    ("variant", "server", "prices"),
    [
        (
            partial(gateway_variant, "2025-04"),
            "one-api or an early New API v1.0.0-demo",
            "published for",
        ),
        (
            partial(gateway_variant, pricing="off"),
            "New API v1.0.0-demo",
            "this server publishes no prices",
        ),
        (partial(gateway_variant, currency="CNY"), "New API v1.0.0-demo", "demo ¥"),
    ],
    ids=["old", "without-prices", "yuan"],
)
def test_other_gateways(
    home: Home, variant: Callable[[], DemoGateway], server: str, prices: str
) -> None:
    with variant() as gateway:
        home.configure(gateway.base_url, model="demo")
        run = run_doctor(home)
    assert (run.failed, run.result.code) == ([], 0)
    assert run["server"].text.startswith(server)
    assert prices in run["prices"].text


def test_a_plain_server_of_openais_api(home: Home) -> None:
    with openai_server("small", headers={"Server": "vllm\x1b[31m"}) as server:
        home.configure(server.url, model="small")
        run = run_doctor(home)
        sent = {path for path, key in server.seen if key}
    assert (run.failed, run.result.code) == ([], 0)
    assert run["server"].text.startswith("an OpenAI-compatible server (vllm")
    assert "not a New API gateway" in run["server"].text
    assert "\x1b" not in run.result.text
    assert run["key"].text == "key accepted"
    assert run["prices"].text == "this server publishes no prices"
    assert sent == {"/v1/models"}  # no other path of it sees the key


def test_a_model_that_a_plain_server_does_not_list_is_a_warning(home: Home) -> None:
    with openai_server("small") as server:
        home.configure(server.url, model="other")
        run = run_doctor(home)
    assert (run["models"].verdict, run.failed) == ("warning", [])


def test_each_value_is_reported_with_its_origin(home: Home, gateway: DemoGateway) -> None:
    home.configure("https://gateway.invalid")
    env = {"NEWAPI_API_KEY": "sk-e", "NEWAPI_MODEL": "demo"}
    row = run_doctor(home, "--base-url", gateway.base_url, env=env)["configuration"]
    assert row.text.endswith(
        "; base_url from option --base-url; api_key from environment NEWAPI_API_KEY;"
        " model from environment NEWAPI_MODEL"
    )


def test_json_is_one_object(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key=CANARY)
    home.config_file.chmod(0o644)
    result = run_newapi("doctor", "--json", home=home)
    assert (result.code, result.err) == (3, "")
    report = json.loads(result.text)
    assert set(report) == {"code", "checks"}
    assert report["code"] == 3
    assert [check["name"] for check in report["checks"]] == NAMES
    assert {tuple(check) for check in report["checks"]} == {
        ("name", "verdict", "text", "hint", "code")
    }
    files = next(check for check in report["checks"] if check["name"] == "files")
    assert (files["verdict"], files["code"]) == ("failed", 3)
    assert "chmod 600" in files["hint"]
    well = next(check for check in report["checks"] if check["name"] == "server")
    assert (well["verdict"], well["hint"], well["code"]) == ("ok", None, 0)
    assert CANARY_TRACE.decode() not in result.text


@pytest.mark.parametrize("way", [(), ("--json",)], ids=["pipe", "json"])
def test_keys_and_control_characters_in_responses_are_not_printed(
    home: Home, way: tuple[str, ...]
) -> None:
    def answer(path: str) -> Answer:
        if path == "/api/status":
            name = f"evil \x1b]0;title\x07 {CANARY}"
            return Answer(200, {"data": {"setup": True, "system_name": name}})
        words = f"bad token {CANARY.removeprefix('sk-')}\x1b[2J\nsecond line"
        return Answer(401, {"error": {"message": words, "type": "new_api_error"}})

    with PageServer(answer) as server:
        home.configure(server.url)
        result = run_newapi("doctor", *way, home=home)
    assert result.code == 4
    assert "bad token ****" in result.text
    assert "\\x1b" not in result.text  # seen as a symbol, not as an escape of TSV or JSON
    assert "\\u001b" not in result.text
    assert "\x1b" not in result.text
    assert "second line" in result.text


def test_the_named_profile_is_checked(home: Home, gateway: DemoGateway) -> None:
    home.configure("https://gateway.invalid")
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write(f'[profiles.work]\nbase_url = "{gateway.base_url}"\napi_key = "sk-w"\n')
    run = run_doctor(home, "-P", "work")
    assert run.failed == []
    assert 'profile "work"' in run["configuration"].text
