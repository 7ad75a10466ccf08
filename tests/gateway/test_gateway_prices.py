"""Prices never come before an answer: fetched while it streams, once a day, or kept."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.gateway.aging import pass_time
from tests.gateway.routes import Answer, serving
from tests.support.gateway_variants import PricingAccess, Release, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal
from tests.support.wire import MODEL

CHAT, STATUS, PRICING = "/v1/chat/completions", "/api/status", "/api/pricing"
DAY_S = 86_400
LISTED = {"data": [{"model_name": MODEL, "model_ratio": 1}]}
SPOKEN = {
    "id": "c",
    "choices": [{"index": 0, "message": {"content": "Paris"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5},
}


def answered(home: Home, *args: str, key: str | None = None) -> dict[str, object]:
    """Ask and give the answer as JSON."""
    env = None if key is None else {"NEWAPI_API_KEY": key}
    result = run_newapi("chat", "--json", *args, home=home, env=env)
    assert result.code == 0, result
    value = json.loads(result.text)
    assert isinstance(value, dict)
    return value


def paths(gateway: DemoGateway) -> list[str]:
    return [each.path for each in gateway.requests]


def test_prices_are_asked_for_after_the_request_without_the_key_and_once_a_day(
    home: Home,
) -> None:
    with DemoGateway(pace_s=0.001) as gateway:
        home.configure(gateway.base_url, model="demo")
        costs = [answered(home, "hello")["cost_usd"] for _ in range(3)]
        assert paths(gateway) == [CHAT, STATUS, PRICING, CHAT, CHAT]
        assert [each.headers.get("authorization") for each in gateway.requests[1:3]] == [None, None]
        pass_time(home, DAY_S + 1)
        costs.append(answered(home, "hello")["cost_usd"])
        assert paths(gateway)[5:] == [CHAT, STATUS, PRICING]
    assert costs == ["0.000026"] * 4  # (5 + 43 * 4) * 0.075 = 13.275 -> 13


def test_the_first_text_is_there_before_prices_are_asked_for(home: Home) -> None:
    with (
        DemoGateway(pace_s=0.05) as gateway,
        Terminal(
            newapi_command("chat", "--raw", "hello"),
            home=home.configure(gateway.base_url, model="demo"),
            columns=120,
        ) as terminal,
    ):
        terminal.wait_for("Hello!")
        assert terminal.wait_exit() == 0
        assert "about $0.000026" in terminal.all_text()
        assert paths(gateway) == [CHAT, STATUS, PRICING]


def test_prices_that_do_not_come_keep_nobody_waiting_for_more_than_a_second(home: Home) -> None:
    with serving({CHAT: Answer(SPOKEN, headers=(("X-Oneapi-Request-Id", "rid"),))}) as server:
        server.held.add(STATUS)
        home.configure(server.url)
        first = run_newapi("chat", "--json", "hi", home=home)
        second = run_newapi("chat", "--json", "hi", home=home)
        assert server.paths == [CHAT, STATUS, CHAT]  # nor is it asked for again on this day
    assert [json.loads(each.text)["cost_kind"] for each in (first, second)] == [None, None]
    assert second.seconds < first.seconds < second.seconds + 2.5


def test_prices_that_did_not_come_are_asked_for_an_hour_later(home: Home) -> None:
    answers = {
        CHAT: Answer(SPOKEN, headers=(("X-Oneapi-Request-Id", "rid"),)),
        STATUS: Answer(b"", 502),
        PRICING: Answer(LISTED),
    }
    with serving(answers) as server:
        home.configure(server.url)
        assert answered(home, "hi")["cost_kind"] is None
        server.answers[STATUS] = Answer({"data": {"quota_per_unit": 500000}})
        assert answered(home, "hi")["cost_kind"] is None
        pass_time(home, 3_601)
        assert answered(home, "hi")["cost_usd"] == "0.00003"  # (10 + 5) * 1
        pass_time(home, DAY_S + 1)
        server.answers[PRICING] = Answer(b"", 429)
        assert answered(home, "hi")["cost_usd"] == "0.00003"  # yesterday's still hold
        assert server.paths.count(STATUS) == 3


def test_where_it_cannot_be_noted_nobody_is_asked_for_prices(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo")
        (home.newapi_home / "cache").write_text("a file where a folder should be")
        assert [answered(home, "hello")["cost_kind"] for _ in range(2)] == [None, None]
        assert paths(gateway) == [CHAT, CHAT]
        listed = json.loads(run_newapi("models", "--json", "demo", home=home).text)
    assert listed[0]["price"]["in_usd_per_million"] == "0.15"  # who asks for them gets them


def test_where_prices_are_switched_off_nobody_is_asked(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo", prices=False)
        found = answered(home, "hello")
        assert paths(gateway) == [CHAT]
    assert (found["cost_usd"], found["cost_kind"]) == (None, None)


def test_a_run_that_keeps_nothing_asks_for_no_prices_and_uses_those_it_finds(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo")
        assert answered(home, "-n", "hello")["cost_kind"] is None
        assert paths(gateway) == [CHAT]
        assert not (home.newapi_home / "cache").exists()
        answered(home, "hello")
        assert answered(home, "-n", "hello")["cost_usd"] == "0.000026"
        assert paths(gateway) == [CHAT, CHAT, STATUS, PRICING, CHAT]


def test_the_demo_tells_what_it_costs_and_keeps_nothing(home: Home) -> None:
    found = json.loads(run_newapi("demo", "--json", "hello", home=home).text)
    assert found["cost_usd"] == "0.000026"
    assert not (home.newapi_home / "cache").exists()


def test_a_server_that_has_not_shown_itself_to_be_new_api_is_not_asked(home: Home) -> None:
    with serving({CHAT: Answer(SPOKEN)}) as server:
        home.configure(server.url)
        found = answered(home, "hi")
        assert server.paths == [CHAT]
    assert found["cost_kind"] is None


@pytest.mark.parametrize("pricing", ["login", "off"])
def test_restricted_prices_are_asked_for_once_a_day_too(home: Home, pricing: PricingAccess) -> None:
    with gateway_variant(pricing=pricing) as gateway:
        home.configure(gateway.base_url, model="demo")
        kinds = {answered(home, "hello")["cost_kind"] for _ in range(2)}
        assert paths(gateway) == [CHAT, STATUS, PRICING, CHAT]
    assert kinds == {None}


@pytest.mark.parametrize(
    ("model", "kind", "usd"),
    [
        ("demo", "about", "0.000026"),
        ("demo-echo", "about", "0"),
        ("demo-per-call", "about", "0.01"),
        ("demo-tiered", "tiered", None),
        ("demo-think", "unknown", None),
        ("demo-no-finish", "unknown", None),
    ],
)
def test_each_kind_of_price_is_told_and_stored(
    home: Home, model: str, kind: str, usd: str | None
) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model=model, require_finish_reason=False)
        found = answered(home, "hello")
    exported = json.loads(
        run_newapi("sessions", "export", "--json", str(found["session"]), home=home).text
    )
    turn = exported["turns"][-1]
    assert (found["cost_kind"], found["cost_usd"]) == (kind, usd)
    assert (turn["cost_kind"], turn["cost"]) == (kind, usd)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("demo", "about $0.000026"),
        ("demo-echo", "free"),
        ("demo-tiered", "tiered price"),
        ("demo-think", "cost unknown"),
    ],
)
def test_the_line_under_the_answer_says_what_is_known(home: Home, model: str, told: str) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model=model)
        line = run_newapi("chat", "-u", "hello", home=home).err.splitlines()[-1]
    assert line.endswith(f" · {told}")
    assert "$0.00 " not in f"{line} "


@pytest.mark.parametrize("release", ["2025-04", "2026-08"])
def test_what_is_told_is_what_the_gateway_charges(home: Home, release: Release) -> None:
    """Three turns of one conversation, whose first ones are cached from the second turn on.

    Gateways of 2025 do not publish what they take for cached tokens: there it is an upper bound.
    """
    with gateway_variant(release) as gateway:
        home.configure(gateway.base_url, model="demo-reasoning")
        first = answered(home, "What is a gateway?")
        charged = [used_by(home)]
        told = [first, *(answered(home, "-c", f"and {n}?") for n in range(2))]
        charged.append(used_by(home))
    costs = [Decimal(str(each["cost_usd"])) for each in told]
    assert charged[0] == costs[0] > 0
    if release == "2026-08":
        assert charged[1] == sum(costs)
    else:
        assert sum(costs) * Decimal("0.9") < charged[1] < sum(costs)


def used_by(home: Home) -> Decimal:
    """Give the dollars that the key has used, as the gateway tells it."""
    return Decimal(json.loads(run_newapi("balance", "--json", home=home).text)["used"])


def test_no_price_that_is_kept_holds_the_key(home: Home) -> None:
    echoing = {"success": True, "data": {"quota_per_unit": 1, "system_name": CANARY}}
    answers = {
        CHAT: Answer(SPOKEN, headers=(("X-Oneapi-Request-Id", "rid"),)),
        STATUS: Answer(echoing),
        PRICING: Answer({"data": [{"model_name": CANARY, "model_ratio": 1}], "group_ratio": {}}),
    }
    with serving(answers) as server:
        home.configure(server.url)
        answered(home, "hi")
        assert server.paths == [CHAT, STATUS, PRICING]
    assert home.files_holding() == []


NONSENSE: list[object] = [
    None, [], "text", 5, {"data": None}, {"data": {"quota_per_unit": "x"}}, b"", b"<html>", b"{",
    {"data": {"quota_per_unit": -1}}, {"data": {"quota_per_unit": 1e300}},
    {"data": {"quota_per_unit": float("nan")}}, {"data": {"quota_per_unit": 1e-300}},
    {"data": [{"model_name": MODEL, "model_ratio": float("nan")}]},
]  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_nonsense_about_prices_is_no_price(home: Home, nonsense: object) -> None:
    told = {"data": {"quota_per_unit": 500000}}
    listed = {"data": [{"model_name": MODEL, "model_ratio": 1}]}
    for status, pricing in ((nonsense, listed), (told, nonsense)):
        answers = {
            CHAT: Answer(SPOKEN, headers=(("X-Oneapi-Request-Id", "rid"),)),
            STATUS: Answer(status),
            PRICING: Answer(pricing),
        }
        with serving(answers) as server:
            home.configure(server.url)
            result = run_newapi("chat", "--json", "hi", home=home)
        assert (result.code, result.err) == (0, ""), result
        assert json.loads(result.text)["cost_usd"] is None
