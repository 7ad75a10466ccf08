"""How models do, and announcements: in `models --health`, in `doctor`, and after a 5xx."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from newapi_cli.api.gateway.health import (
    MAX_TEXT,
    announcements_from_json,
    health_from_json,
    plain_text,
)
from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.health import Announcement, ModelHealth
from tests.gateway.cache_age import age_cache
from tests.repl.conversation import conversation
from tests.support.cases import each
from tests.support.home import CANARY, Home
from tests.support.measured_gateway import Model, Site, measured_gateway
from tests.support.path_server import Answer, serving
from tests.support.process import newapi_command, run_newapi
from tests.support.terminal import Terminal

PERFORMANCE, NOTICE = "/api/perf-metrics/summary?hours=24", "/api/notice"
HOUR_S = 3_600
FIGURES: list[dict[str, Any]] = [
    {"model_name": "gpt-5", "success_rate": 42.5, "avg_tps": 31.4, "avg_latency_ms": 4200,
     "recent_success_rates": [98, 60, 0]},
    {"model_name": "gpt-5-mini", "success_rate": 99.2, "avg_tps": 80, "avg_latency_ms": 900,
     "recent_success_rates": [99, 100]},
    {"model_name": "claude", "success_rate": 100, "avg_tps": 60, "avg_latency_ms": 1500},
]  # fmt: skip


def site(**members: Any) -> Site:
    """Return a site whose model `gpt-5` fails."""
    models = {"gpt-5-mini": Model(), "claude": Model(), "new": Model()}
    return Site(models, **{"failing": {"gpt-5": 503}, "performance": FIGURES, **members})


def paths(gateway: DemoGateway) -> list[str]:
    return [each.path for each in gateway.requests]


def fail(home: Home, model: str = "gpt-5", *args: str) -> str:
    """Send a prompt to a model that fails, and return the error."""
    result = run_newapi("chat", "-m", model, *args, "--retries", "0", "hi", home=home)
    assert result.code == 6, result
    return result.err


# -- models --health ---------------------------------------------------------------------------


def test_health_is_listed_beside_the_models(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        with Terminal(newapi_command("models", "--health"), home=home, columns=120) as terminal:
            assert terminal.wait_exit() == 0
            rows = [line.split() for line in terminal.all_text().splitlines()]
        keys = {each.path: each.headers.get("authorization") for each in gateway.requests}
    found = {row[0]: " ".join(row) for row in rows if row}
    assert "success tokens/s latency" in found["model"]
    assert "42 %, now 0 % 31 4.20 s" in found["gpt-5"]
    assert "99.2 % 80 0.90 s" in found["gpt-5-mini"]
    assert "%" not in found["new"]
    assert keys[PERFORMANCE] is None


def test_health_in_a_pipe_and_as_json(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        rows = run_newapi("models", "--health", home=home).text.splitlines()
        listed = json.loads(run_newapi("models", "--health", "--json", home=home).text)
        plain = json.loads(run_newapi("models", "--json", home=home).text)
        assert paths(gateway).count(PERFORMANCE) == 1  # cached for five minutes
        run_newapi("models", "--health", "--refresh", home=home)
        assert paths(gateway).count(PERFORMANCE) == 2
    assert "gpt-5-mini\t99.2\t80\t0.9" in rows
    assert "new\t\t\t" in rows
    health = {each["id"]: each["health"] for each in listed}
    assert health["new"] is None
    assert health["gpt-5"] == {
        "success_rate": 42.5, "latest_success_rate": 0, "tokens_per_s": 31.4, "latency_s": 4.2,
    }  # fmt: skip
    assert all("health" not in each for each in plain)


def test_a_single_model_is_listed_with_its_groups(home: Home) -> None:
    row = {**FIGURES[1], "group": "vip", "avg_ttft_ms": 420}
    rows = [row, {**row, "group": "default", "success_rate": 50, "avg_ttft_ms": 0}]
    with measured_gateway(site(performance=rows)) as gateway:
        home.configure(gateway.base_url)
        result = run_newapi("models", "5-mini", "--health", home=home)
        [listed] = json.loads(run_newapi("models", "5-mini", "--health", "--json", home=home).text)
        several = run_newapi("models", "--health", home=home)
    assert result.err.splitlines() == [
        "group vip: 99.2 % succeeded, first token 0.42 s, 80 tokens/s",
        "group default: 50 % succeeded, 80 tokens/s",
    ]
    groups = listed["health"]["groups"]
    assert [each["group"] for each in groups] == ["vip", "default"]
    assert groups[0]["first_token_s"] == 0.42
    assert "group vip" not in several.err


@each("age", ["2602", "2504", "one-api"])
def test_a_server_without_figures_says_so(age: Any, home: Home) -> None:
    with measured_gateway(site(age=age)) as gateway:
        home.configure(gateway.base_url)
        result = run_newapi("models", "--health", home=home)
    assert result.code == 0
    assert "gpt-5-mini\t\t\t" in result.text.splitlines()
    assert "does not publish the performance of its models" in result.err


# -- after a failure ---------------------------------------------------------------------------


def test_after_a_5xx_the_hint_names_a_model_that_does_better(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url)
        run_newapi("models", home=home)
        err = fail(home)
        assert (
            "try: use another model: -m NAME; in the last 24 h 99.2 % of the requests for"
            " gpt-5-mini succeeded, for gpt-5 42 %"
        ) in " ".join(err.split())
        before = len(gateway.requests)
        assert "99.2 %" in fail(home)
        assert paths(gateway)[before:] == ["/v1/chat/completions"]  # within an hour
        age_cache(home, HOUR_S + 1)
        fail(home)
        assert Counter(paths(gateway)[before + 1 :]) == Counter(
            ["/v1/chat/completions", PERFORMANCE, NOTICE]
        )


def test_in_a_conversation_the_hint_names_its_command(home: Home) -> None:
    with measured_gateway(site()) as gateway:
        home.configure(gateway.base_url, model="gpt-5", retries=0)
        run_newapi("models", home=home)
        with conversation(home, columns=160) as repl:
            assert "use another model: /model NAME; in the last" in repl.output_of("hi")
            repl.leave()


@each(
    ("rate", "latest", "hint"),
    [
        (99.5, [100], "retry: in the last 24 h 99.5 % of the requests for gpt-5 succeeded"),
        (99.5, [0], "for gpt-5 99.5 %"),
        (0, [], "for gpt-5 0 %"),
    ],
)
def test_the_hint_depends_on_how_the_model_does(
    rate: float, latest: list[float], hint: str, home: Home
) -> None:
    row = {"model_name": "gpt-5", "success_rate": rate, "recent_success_rates": latest}
    with measured_gateway(site(performance=[row, *FIGURES[1:]])) as gateway:
        home.configure(gateway.base_url)
        run_newapi("models", home=home)
        assert hint in " ".join(fail(home).split())


@pytest.mark.parametrize("age", ["2608", "2602", "2504"])
def test_a_failure_without_figures_keeps_its_hint(home: Home, age: Any) -> None:
    with measured_gateway(site(age=age, performance=None)) as gateway:
        home.configure(gateway.base_url)
        err = fail(home)
    assert "24 h" not in err
    assert "try:" in err


def test_without_prices_nothing_is_requested_after_a_failure(home: Home) -> None:
    with measured_gateway(site(notice="closed on Sunday")) as gateway:
        home.configure(gateway.base_url, prices=False)
        assert "Sunday" not in fail(home)
        assert paths(gateway) == ["/v1/chat/completions"]


def test_a_server_of_another_kind_gets_no_request_after_a_failure(home: Home) -> None:
    with serving({"/v1/chat/completions": Answer({"error": {"message": "no"}}, 503)}) as server:
        home.configure(server.url)
        fail(home)
        assert server.paths == ["/v1/chat/completions"]


@each("status", [400, 401, 404, 429])
def test_other_errors_request_nothing(status: int, home: Home) -> None:
    with measured_gateway(site(failing={"gpt-5": status})) as gateway:
        home.configure(gateway.base_url)
        run_newapi("chat", "-m", "gpt-5", "--retries", "0", "hi", home=home)
        assert PERFORMANCE not in paths(gateway)


# -- announcements -----------------------------------------------------------------------------


ANNOUNCED = [
    {"content": "an **old** one", "publishDate": "2026-01-05T10:00:00Z", "type": "default"},
    {"content": "gpt-5 is down", "publishDate": "2026-11-28T10:00:00Z", "type": "error"},
]


def test_a_failure_shows_each_announcement_once(home: Home) -> None:
    with measured_gateway(site(announcements=ANNOUNCED, notice="# Moved\nto a.example")) as gateway:
        home.configure(gateway.base_url)
        run_newapi("chat", "-m", "claude", "hi", home=home)  # caches the status
        first, second = fail(home), fail(home)
    assert "announcement: Moved to a.example" in first
    assert "announcement of 2026-11-28: gpt-5 is down" in first
    assert "announcement" not in second


def test_doctor_shows_announcements(home: Home) -> None:
    with measured_gateway(site(announcements=ANNOUNCED, notice="Moved")) as gateway:
        home.configure(gateway.base_url, model="claude")
        report = run_newapi("doctor", "--json", home=home).text
        home.configure(gateway.base_url, model="claude", prices=False)
        without = run_newapi("doctor", "--json", home=home).text
        assert paths(gateway).count(NOTICE) == 1
    assert "announcement: Moved" in report
    assert "announcement of 2026-11-28: gpt-5 is down" in report
    assert "announcement: Moved" not in without


def test_an_announcement_cannot_control_the_terminal_and_reveals_no_key(home: Home) -> None:
    text = f"news \x1b[31m of {CANARY} \x07\u202e"
    with measured_gateway(site(notice=text)) as gateway:
        home.configure(gateway.base_url)
        err = fail(home)
    assert "announcement: news" in err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert home.files_holding() == []


# -- the decoders ------------------------------------------------------------------------------


@each(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("# Head\n\n- **a**\n- `b`", "Head a b"),
        ("<p>one<br/>two</p><script>x</script>", "one two x"),
        ("[a](https://b.example/c) ![d](e.png)", "a (https://b.example/c) d (e.png)"),
        ("a &lt; b &amp;amp; c", "a < b &amp; c"),
        ("  \n ", ""),
        (None, ""),
        (5, ""),
        ("x" * 400, "x" * (MAX_TEXT - 1) + "…"),
        ("<" * 100_000, "<" * (MAX_TEXT - 1) + "…"),
    ],
)
def test_markup_is_removed(source: object, text: str) -> None:
    assert plain_text(source) == text


@each("value", [None, [], {}, {"data": None}, {"data": {"models": {}}}, {"data": {"models": None}}])
def test_a_value_without_figures_is_none(value: object) -> None:
    assert health_from_json(value) is None


def test_invalid_figures_are_skipped() -> None:
    bad = {"avg_tps": -1, "avg_latency_ms": "1", "recent_success_rates": ["x"]}
    rows = [
        *(None, 5, {}, {"model_name": "a"}, {"success_rate": 9}),
        {"model_name": "b", "success_rate": 101},
        {"model_name": "c", "success_rate": "99"},
        {"model_name": "d", "success_rate": 9, **bad},
    ]
    assert health_from_json({"data": {"models": rows}}) == {"d": ModelHealth("d", 9.0)}


def test_announcements_are_sorted_newest_first_after_the_notice() -> None:
    rows = [*ANNOUNCED, {"content": ""}, None, {"content": "undated", "publishDate": "soon"}]
    found = announcements_from_json({"data": {"announcements": rows}}, {"data": "notice"})
    assert found == [
        Announcement("notice"),
        Announcement("gpt-5 is down", datetime(2026, 11, 28, 10, tzinfo=UTC)),
        Announcement("an old one", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        Announcement("undated"),
    ]
