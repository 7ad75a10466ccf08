"""Secrets, timeouts and settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from newapi_cli.domain.settings import (
    KeyKind,
    KeySource,
    Origin,
    Secret,
    Settings,
    Source,
    Timeouts,
)
from tests.support.cases import each

KEY = "sk-canaryV7qXw2LmT9cRb4NzKs8YdHf3GjPe6UaQ1tMo5vBxWi"
SHOWN = "sk-****BxWi"


@each(
    "show",
    [
        str,
        repr,
        "{}".format,
        "{!r}".format,
        "{!s:>100}".format,
        "%s".__mod__,
        lambda secret: f"{secret}",
        lambda secret: str([secret]),
        lambda secret: str({"key": secret}),
        lambda secret: str(ValueError(secret)),
        lambda secret: repr(KeySource(KeyKind.VALUE, secret, Origin(Source.FLAG))),
        lambda secret: repr(
            Settings("p", key=KeySource(KeyKind.VALUE, secret, Origin(Source.FLAG)))
        ),
    ],
)
def test_a_secret_shows_at_most_its_last_four_characters(show: Callable[[Secret], str]) -> None:
    text = show(Secret(KEY))
    assert SHOWN in text
    assert KEY[3:-4] not in text
    assert KEY[3:11] not in text


@each("length", range(17))
def test_a_short_secret_is_fully_masked(length: int) -> None:
    key = "abcdefghijklmnopq"[:length]
    assert str(Secret(key)) == ("****" if length < 16 else "****mnop")


def test_a_secret_without_the_prefix_does_not_get_one() -> None:
    assert str(Secret(KEY.removeprefix("sk-"))) == "****BxWi"


def test_reveal_returns_the_key() -> None:
    assert Secret(KEY).reveal() == KEY


def test_secrets_are_equal_by_their_value() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret(KEY + "x")
    assert Secret(KEY) != KEY


def test_a_secret_has_no_dict() -> None:
    assert not hasattr(Secret(KEY), "__dict__")
    assert KEY not in str(dir(Secret(KEY)))


def test_the_default_timeouts_are_those_of_the_promises() -> None:
    assert Timeouts() == Timeouts(10, 60, 300, 60, 300, 0)


def test_sources_are_ordered_from_the_weakest() -> None:
    assert [source.value for source in Source] == ["default", "profile", "environment", "flag"]


@pytest.mark.parametrize(
    ("value", "text", "flag", "whole"),
    [("x", "x", False, 0), (True, "", True, 1), (3, "", False, 3), (2.5, "", False, 0)],
)
def test_a_setting_of_another_type_counts_as_not_set(
    value: object, text: str, flag: bool, whole: int
) -> None:
    settings = Settings("p", values={"name": value})
    assert (settings.text("name"), settings.flag("name")) == (text, flag)
    if not isinstance(value, bool):
        assert settings.integer("name") == whole
    assert (settings.text("other"), settings.flag("other"), settings.integer("other")) == (
        "",
        False,
        0,
    )
