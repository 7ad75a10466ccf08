"""`newapi demo` as an old server, with hidden prices, in another currency."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.process import newapi_command, run_newapi


def served(home: Home, path: str, *args: str) -> Any:
    """Serve the demo with these options and give what it answers at a path."""
    process = subprocess.Popen(
        newapi_command("demo", "--serve", *args),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=home.environment(),
        cwd=home.path,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            with urllib.request.urlopen(url + path, timeout=10) as answer:
                return json.load(answer)
        finally:
            process.send_signal(signal.SIGINT)


def test_the_served_demo_has_the_age_and_the_currency_that_are_asked_for(home: Home) -> None:
    new = served(home, "/api/status", "--currency", "CNY")["data"]
    assert new["quota_display_type"] == "CNY"
    old = served(home, "/api/status", "--age", "2025-04", "--currency", "TOKENS")["data"]
    assert "quota_display_type" not in old
    assert old["display_in_currency"] is False


def test_the_served_demo_publishes_no_prices_where_that_is_asked_for(home: Home) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        served(home, "/api/pricing", "--pricing", "off")


def test_the_demo_answers_as_an_old_server(home: Home) -> None:
    result = run_newapi("demo", "--age", "2025-04", "-m", "no-such-model", "x", home=home)
    assert result.code == 6
    assert "当前分组 default 下对于模型 no-such-model 无可用渠道" in result.err


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("--age", ["2026-08", "2025-04"]),
        ("--pricing", ["public", "login", "off"]),
        ("--currency", ["USD", "CNY", "TOKENS", "CUSTOM"]),
    ],
)
def test_a_choice_that_there_is_not_is_a_usage_error(
    home: Home, option: str, choices: list[str]
) -> None:
    result = run_newapi("demo", "--serve", option, "nonsense", home=home)
    assert (result.code, result.out) == (2, b"")
    assert all(choice in result.err for choice in choices)


def test_who_serves_asks_nothing(home: Home) -> None:
    result = run_newapi("demo", "--serve", "hi", home=home)
    assert (result.code, result.out) == (2, b"")
    assert "--serve" in result.err
