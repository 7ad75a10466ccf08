"""Money in a conversation: the line under an answer, the bar, /usage and /balance."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from newapi_cli.config.cache import site_cache_name
from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.base_url import base_url_from_text
from tests.gateway.routes import Answer, serving
from tests.repl.conversing import conversation
from tests.sessions.keeping import stored_sessions
from tests.support.gateway_variants import Currency, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.process import run_newapi


def test_the_bar_adds_up_what_the_conversation_cost(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo-per-call")
        with conversation(home, columns=120) as talk:
            talk.say("one")
            talk.terminal.wait_for("1 turn · ")
            assert "about $0.01 · /help" in talk.screen
            talk.say("two")
            talk.terminal.wait_for("2 turns · ")
            assert "about $0.02 · /help" in talk.screen
            assert talk.told("/usage").endswith("about $0.02")
            talk.say("/undo")
            talk.terminal.wait_for("1 turn · ")
            assert "about $0.01 · /help" in talk.screen
            talk.leave()


def test_what_is_not_known_is_said_beside_what_is(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo-per-call")
        with conversation(home, columns=120) as talk:
            talk.say("one")
            talk.say("/model demo-tiered")
            assert "tiered price" in talk.told("two")
            assert talk.told("/usage").endswith("about $0.01 + 1 unknown")
            talk.leave()


def test_exact_costs_come_from_the_gateways_log(home: Home) -> None:
    """A tiered price is worked out by the gateway alone: its log knows."""
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo-tiered")
        with conversation(home, columns=120) as talk:
            assert "tiered price" in talk.told("one")
            assert "tiered price" in talk.told("two")
            told = talk.told("/usage --exact")
            assert told.startswith("exact for 2 of 2 answers")
            assert "$0.00" in told.split(" · ")[-1]
            talk.leave()
        assert [each.path for each in gateway.requests].count("/api/log/token") == 1
    (report,) = json.loads(run_newapi("usage", "--json", home=home).text)["rows"]
    assert report["cost_kind"] == "exact"


def test_each_gateway_tells_of_its_own_answers(home: Home) -> None:
    with DemoGateway(pace_s=0) as one, DemoGateway(pace_s=0) as two:
        home.configure(one.base_url, model="demo")
        with home.config_file.open("a", encoding="utf-8") as file:
            file.write(
                f'[profiles.other]\nbase_url = "{two.base_url}"\n'
                f'api_key = "{CANARY}"\nmodel = "demo"\n'
            )
        with conversation(home, columns=120) as talk:
            talk.told("one")
            talk.told("/profile other")
            assert f"was with {one.base_url}" in talk.told("/usage exact")
            talk.told("two")
            assert "exact for 1 of 2 answers" in talk.told("/usage exact")
            talk.told("/profile test")
            assert "exact for 2 of 2 answers" in talk.told("/usage exact")
            talk.leave()
    first, second = stored_sessions(home)[0].path
    assert (first.profile, second.profile) == ("test", "other")
    assert (first.cost_kind, second.cost_kind) == ("exact", "exact")


def test_prices_that_come_late_are_kept_for_the_gateway_that_was_asked(home: Home) -> None:
    """The conversation has gone over to another gateway by the time they come."""
    spoken = {
        "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    family = (("X-Oneapi-Request-Id", "rid"),)
    answers = {
        "/v1/chat/completions": Answer(spoken, headers=family),
        "/api/status": Answer({"data": {"quota_per_unit": 777}}),
        "/api/pricing": Answer({"data": []}),
    }
    with DemoGateway(pace_s=0) as other:
        with serving(answers) as slow:
            home.configure(slow.url, stream=False)
            with home.config_file.open("a", encoding="utf-8") as file:
                file.write(
                    f'[profiles.other]\nbase_url = "{other.base_url}"\n'
                    'api_key = "sk-other"\nmodel = "demo"\nprices = false\n'
                )
            slow.held.add("/api/status")
            with conversation(home, columns=100) as talk:
                talk.say("hi")
                talk.say("/profile other")
                slow.is_over.set()
                wait_until(lambda: kept_units(home) == [777])
                talk.leave()
        names = [each.name for each in (home.newapi_home / "cache").glob("site-*")]
    slow_name = site_cache_name("site", base_url_from_text(slow.url))
    assert names == [slow_name]


def kept_units(home: Home) -> list[int]:
    """Give how much quota is a dollar by each of the sites that are kept."""
    shelves = [json.loads(each.read_text()) for each in (home.newapi_home / "cache").glob("site-*")]
    return [each["entries"]["status"]["value"]["data"]["quota_per_unit"] for each in shelves]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail after ten seconds."""
    until = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < until
        threading.Event().wait(0.02)


def test_usage_of_a_word_that_is_none_is_an_error(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with conversation(home, columns=120) as talk:
        assert "/usage exact" in talk.told("/usage much")
        assert "was with nobody yet" in talk.told("/usage exact")
        talk.leave()


@pytest.mark.parametrize(
    ("currency", "left"), [("USD", "$5.00 left of $5.00"), ("CNY", "¥36.50 left of ¥36.50")]
)
def test_balance_is_told_in_one_line(home: Home, currency: Currency, left: str) -> None:
    with gateway_variant(currency=currency) as gateway:
        home.configure(gateway.base_url, model="demo")
        with conversation(home, columns=100) as talk:
            assert left in talk.told("/balance")
            talk.leave()


def test_no_money_is_spoken_of_where_no_prices_are_published(home: Home) -> None:
    spoken = {"choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}]}
    with serving({"/v1/chat/completions": Answer(spoken)}) as server:
        home.configure(server.url, stream=False)
        with conversation(home, columns=100) as talk:
            told = talk.told("hi")
            used = talk.told("/usage")
            talk.leave()
    for text in (told, used):
        assert "$" not in text
        assert "cost" not in text
        assert "free" not in text
