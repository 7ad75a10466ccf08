"""Cost in a conversation: usage line, status bar, /usage and /balance."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from newapi_cli.config.cache import site_cache_name
from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.base_url import base_url_from_text
from tests.repl.conversation import conversation
from tests.sessions.helpers import stored_sessions
from tests.support.gateway_variants import Currency, gateway_variant
from tests.support.home import CANARY, Home
from tests.support.measured_gateway import Model, Site, measured_gateway
from tests.support.path_server import Answer, serving
from tests.support.process import run_newapi


def test_the_status_bar_adds_up_the_cost_of_the_conversation(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(gateway.base_url, model="demo-per-call")
        with conversation(home, columns=120) as repl:
            repl.enter("one")
            repl.terminal.wait_for("1 turn · ")
            assert "~$0.01 · /help" in repl.screen
            repl.enter("two")
            repl.terminal.wait_for("2 turns · ")
            assert "~$0.02 · /help" in repl.screen
            assert repl.output_of("/usage").endswith("~$0.02")
            repl.enter("/undo")
            repl.terminal.wait_for("1 turn · ")
            assert "~$0.01 · /help" in repl.screen
            repl.leave()


# A price that only the gateway can calculate, as it depends on its clock.
BY_CLOCK = Model(
    expression='tier("base", p * 3 + c * 15) * (hour("UTC") < 25 ? 1 : 2)',
    tokens_value=lambda tokens: tokens["p"] * 3 + tokens["c"] * 15,
)


def test_unknown_costs_are_counted_next_to_the_known_ones(home: Home) -> None:
    site = Site({"call": Model(model_price=0.01), "clock": BY_CLOCK})
    with measured_gateway(site) as gateway:
        home.configure(gateway.base_url, model="call")
        with conversation(home, columns=120) as repl:
            repl.enter("one")
            repl.enter("/model clock")
            assert "tiered price" in repl.output_of("two")
            assert repl.output_of("/usage").endswith("~$0.01 + 1 unknown")
            repl.leave()


def test_exact_costs_are_read_from_the_log_of_the_gateway(home: Home) -> None:
    """Only the gateway can calculate the price; it is in its log."""
    with measured_gateway(Site({"clock": BY_CLOCK})) as gateway:
        home.configure(gateway.base_url, model="clock")
        with conversation(home, columns=120) as repl:
            assert "tiered price" in repl.output_of("one")
            assert "tiered price" in repl.output_of("two")
            usage = repl.output_of("/usage --exact")
            assert usage.startswith("exact for 2 of 2 answers")
            assert usage.split(" · ")[-1] == "$0.024"
            repl.leave()
        # After the first answer, and for the second one, which is newer.
        assert [each.path for each in gateway.requests].count("/api/log/token") == 2
    (report,) = json.loads(run_newapi("usage", "--json", home=home).text)["rows"]
    assert report["cost_kind"] == "exact"


def test_exact_costs_are_read_from_the_gateway_of_each_answer(home: Home) -> None:
    with DemoGateway(pace_s=0) as one, DemoGateway(pace_s=0) as two:
        home.configure(one.base_url, model="demo")
        with home.config_file.open("a", encoding="utf-8") as file:
            file.write(
                f'[profiles.other]\nbase_url = "{two.base_url}"\n'
                f'api_key = "{CANARY}"\nmodel = "demo"\n'
            )
        with conversation(home, columns=120) as repl:
            repl.output_of("one")
            repl.output_of("/profile other")
            assert f"was sent to {one.base_url}" in repl.output_of("/usage exact")
            repl.output_of("two")
            assert "exact for 1 of 2 answers" in repl.output_of("/usage exact")
            repl.output_of("/profile test")
            assert "exact for 2 of 2 answers" in repl.output_of("/usage exact")
            repl.leave()
    first, second = stored_sessions(home)[0].path
    assert (first.profile, second.profile) == ("test", "other")
    assert (first.cost_kind, second.cost_kind) == ("exact", "exact")


def test_late_prices_are_cached_for_the_gateway_that_sent_them(home: Home) -> None:
    """The conversation has switched to another gateway before they arrive."""
    completion = {
        "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
    new_api = (("X-Oneapi-Request-Id", "rid"),)
    answers = {
        "/v1/chat/completions": Answer(completion, headers=new_api),
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
            slow.blocked.add("/api/status")
            with conversation(home, columns=100) as repl:
                repl.enter("hi")
                repl.enter("/profile other")
                slow.released.set()
                wait_until(lambda: cached_quota_per_unit(home) == [777])
                repl.leave()
        names = [each.name for each in (home.newapi_home / "cache").glob("site-*")]
    slow_name = site_cache_name("site", base_url_from_text(slow.url))
    assert names == [slow_name]


def test_a_late_log_is_that_of_the_gateway_and_the_key_that_it_was_requested_for(
    home: Home,
) -> None:
    """The conversation has switched to another gateway before it arrives."""
    completion = {
        "choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1234, "completion_tokens": 567},
    }
    new_api = (("X-Oneapi-Request-Id", "rid"), ("X-New-Api-Version", "v1.0.0"))
    row = {
        "type": 2, "created_at": 1_790_000_000, "group": "svip", "model_name": "m", "quota": 9,
        "other": json.dumps({"group_ratio": 100}),
    }  # fmt: skip
    answers = {
        "/v1/chat/completions": Answer(completion, headers=new_api),
        "/api/log/token": Answer({"success": True, "data": [row]}),
    }
    other_site = Site({"m": Model()}, logs=False)
    with measured_gateway(other_site) as other, serving(answers) as slow:
        home.configure(slow.url, stream=False, model="m")
        with home.config_file.open("a", encoding="utf-8") as file:
            file.write(
                f'[profiles.other]\nbase_url = "{other.base_url}"\n'
                f'api_key = "{CANARY}"\nmodel = "m"\n'
            )
        slow.blocked.add("/api/log/token")
        with conversation(home, columns=100) as repl:
            repl.output_of("hi")
            repl.output_of("/profile other")
            slow.released.set()
            wait_until(lambda: len(learned_groups(home)) == 1)
            assert "~$0.0053 (group unknown)" in repl.output_of("hi")
            repl.leave()
    assert learned_groups(home) == ["svip"]


def learned_groups(home: Home) -> list[str]:
    """Return the group of each key whose log was read."""
    caches = [json.loads(each.read_text()) for each in (home.newapi_home / "cache").glob("rates-*")]
    found = [each["entries"].get("rates") for each in caches]
    return [each["value"]["group"] for each in found if each is not None]


def cached_quota_per_unit(home: Home) -> list[int]:
    """Return the quota per dollar of each cached gateway."""
    caches = [json.loads(each.read_text()) for each in (home.newapi_home / "cache").glob("site-*")]
    return [each["entries"]["status"]["value"]["data"]["quota_per_unit"] for each in caches]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true; fail after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_an_invalid_argument_of_usage_is_an_error(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with conversation(home, columns=120) as repl:
        assert "/usage exact" in repl.output_of("/usage much")
        assert "was not sent to a gateway yet" in repl.output_of("/usage exact")
        repl.leave()


@pytest.mark.parametrize(
    ("currency", "left"), [("USD", "$5.00 left of $5.00"), ("CNY", "¥36.50 left of ¥36.50")]
)
def test_balance_is_one_line(home: Home, currency: Currency, left: str) -> None:
    with gateway_variant(currency=currency) as gateway:
        home.configure(gateway.base_url, model="demo")
        with conversation(home, columns=100) as repl:
            assert left in repl.output_of("/balance")
            repl.leave()


def test_no_cost_is_shown_if_no_prices_are_published(home: Home) -> None:
    completion = {"choices": [{"message": {"content": "Paris"}, "finish_reason": "stop"}]}
    with serving({"/v1/chat/completions": Answer(completion)}) as server:
        home.configure(server.url, stream=False)
        with conversation(home, columns=100) as repl:
            answer = repl.output_of("hi")
            usage = repl.output_of("/usage")
            repl.leave()
    for text in (answer, usage):
        assert "$" not in text
        assert "cost" not in text
        assert "free" not in text
