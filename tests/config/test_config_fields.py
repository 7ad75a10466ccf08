"""The table of settings: types, ranges, texts, and errors without the value."""

from __future__ import annotations

import datetime
import math
import re

import pytest

from newapi_cli.config.fields import BY_NAME, FIELDS, Field, Kind
from tests.support.cases import each

CANARY = "sk-CANARYcanary0123456789"


def refusal_of_text(name: str, text: str) -> str:
    with pytest.raises(ValueError, match=r"^must be ") as caught:
        BY_NAME[name].parse(text)
    return str(caught.value)


def refusal_of_value(name: str, value: object) -> str:
    with pytest.raises(ValueError, match=r"^must be ") as caught:
        BY_NAME[name].check(value)
    return str(caught.value)


@each("field", FIELDS, ids=lambda field: field.name)
def test_every_field_is_complete(field: Field) -> None:
    assert re.fullmatch(r"[a-z_]+", field.name)
    assert field.variable == f"NEWAPI_{field.name.upper()}"
    assert re.fullmatch(r"(--[a-z-]+)?", field.flag)
    assert 10 < len(field.help) <= 60
    assert not field.help.endswith(".")
    assert field.default is None or field.check(field.default) == field.default


def test_names_and_options_are_unique() -> None:
    flags = [field.flag for field in FIELDS if field.flag]
    assert len(BY_NAME) == len(FIELDS)
    assert len(set(flags)) == len(flags)


def test_no_option_takes_a_key() -> None:
    assert [BY_NAME[name].flag for name in ("api_key", "api_key_command", "api_key_file")] == [
        "",
        "",
        "",
    ]
    assert [field.name for field in FIELDS if field.is_secret] == ["api_key"]


@each(
    ("name", "text", "value"),
    [
        ("model", "gpt-4o-mini", "gpt-4o-mini"),
        ("system", " keep my spaces ", " keep my spaces "),
        ("temperature", "0.7", 0.7),
        ("temperature", " 2 ", 2.0),
        ("max_tokens", "100", 100),
        ("seed", "-5", -5),
        ("stream", "TRUE", True),
        ("stream", "1", True),
        ("stream", "Yes", True),
        ("stream", "on", True),
        ("stream", "false", False),
        ("stream", "0", False),
        ("stream", "no", False),
        ("stream", "OFF", False),
        ("stop", "END", ["END"]),
        ("stop", '["a", "b\\n"]', ["a", "b\n"]),
        ("stop", "\n", ["\n"]),
        ("fallback", "a, b,", ["a", "b"]),
        ("fallback", ",", [""]),
        ("options", '{"n": 2, "x": {"y": [1, null]}}', {"n": 2, "x": {"y": [1, None]}}),
        ("reasoning", "Hide", "hide"),
        ("editing_mode", "vi", "vi"),
        ("timeout", "0", 0.0),
        ("retries", "10", 10),
    ],
)  # fmt: skip
def test_a_text_is_parsed_to_a_typed_value(name: str, text: str, value: object) -> None:
    parsed = BY_NAME[name].parse(text)
    assert (parsed, type(parsed)) == (value, type(value))


@each(
    ("name", "text", "expected"),
    [
        ("temperature", "hot", "must be a number from 0 to 2"),
        ("temperature", "2.1", "must be a number from 0 to 2, not 2.1"),
        ("temperature", "nan", "must be a number from 0 to 2, not nan"),
        ("timeout", "inf", "must be a number of seconds from 0 to 1,000,000, not inf"),
        ("timeout", "1e999", "must be a number of seconds from 0 to 1,000,000, not inf"),
        ("timeout", "-1", "must be a number of seconds from 0 to 1,000,000, not -1"),
        ("top_p", "-0.1", "must be a number from 0 to 1, not -0.1"),
        ("frequency_penalty", "3", "must be a number from -2 to 2, not 3"),
        ("max_tokens", "0", "must be an integer of at least 1, not 0"),
        ("max_tokens", "1.5", "must be an integer of at least 1"),
        ("max_tokens", "9" * 4_301, "must be an integer of at least 1"),
        ("retries", "11", "must be an integer from 0 to 10, not 11"),
        ("stream", "maybe", "must be true or false"),
        ("stream", "2", "must be true or false"),
        ("reasoning", "dim", "must be one of show, hide"),
        ("editing_mode", "nano", "must be one of emacs, vi"),
        ("stop", "[1]", "must be a string or a list of strings, not a list"),
        ("stop", "[", "must be a string or a list of strings"),
        ("options", "[]", "must be a table of JSON values, not a list"),
        ("options", "{", "must be a table"),
        ("options", '{"a": NaN}', "must be a table"),
        ("options", '{"a":' * 100_000, "must be a table"),
        ("options", '{"a":' * 60 + "1" + "}" * 60, "must be a table"),
        ("model", "a\0b", "must be a string, not a string with a NUL or an invalid character"),
        ("model", "a\udcff", "must be a string, not a string with a NUL or an invalid character"),
    ],
)
def test_the_error_for_an_invalid_text_has_the_expected_type(
    name: str, text: str, expected: str
) -> None:
    assert refusal_of_text(name, text).startswith(expected)


@each("field", FIELDS, ids=lambda field: field.name)
def test_no_error_repeats_the_text(field: Field) -> None:
    bad = [[CANARY, 1], {CANARY: math.inf}, [[CANARY]]]
    for value in bad if field.is_secret else [f"{CANARY}\0", *bad]:  # `secrets` looks into a key
        assert "CANARY" not in refusal_of_value(field.name, value)
    if field.kind not in (Kind.TEXT, Kind.SECRET, Kind.TEXTS, Kind.NAMES):
        with pytest.raises(ValueError, match=r"^must be ") as caught:
            field.parse(CANARY)
        assert "CANARY" not in f"{caught.value!r}{caught.value.__cause__!r}"


@each(
    ("name", "value", "expected"),
    [
        ("model", 1, "must be a string, not an integer"),
        ("model", True, "must be a string, not true or false"),
        ("model", ["a"], "must be a string, not a list"),
        ("model", datetime.date(2026, 1, 1), "must be a string, not a date or a time"),
        ("api_key", 12345678, "must be a key as a string, not an integer"),
        ("temperature", True, "must be a number from 0 to 2, not true or false"),
        ("temperature", "0.7", "must be a number from 0 to 2, not a string"),
        ("temperature", math.nan, "must be a number from 0 to 2, not nan"),
        ("total_timeout", -math.inf, "must be a number of seconds from 0 to 1,000,000, not -inf"),
        ("total_timeout", 10**400, "must be a number of seconds from 0 to 1,000,000, not 1"),
        ("max_tokens", 2.0, "must be an integer of at least 1, not a float"),
        ("stream", "true", "must be true or false, not a string"),
        ("stream", 1, "must be true or false, not an integer"),
        ("reasoning", "Show", "must be one of show, hide"),
        ("stop", ["a", 1], "must be a string or a list of strings, not a list"),
        ("options", {"a": datetime.time(1)}, "must be a table"),
        ("options", {"a": math.nan}, "must be a table"),
        ("options", "{}", "must be a table"),
    ],
)
def test_a_wrong_type_or_range_is_rejected(name: str, value: object, expected: str) -> None:
    assert refusal_of_value(name, value).startswith(expected)


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("temperature", 1, 1),
        ("idle_timeout", 5, 5),
        ("stop", "END", ["END"]),
        ("stop", ["a", "b"], ["a", "b"]),
        ("options", {"a": [{"b": None}]}, {"a": [{"b": None}]}),
        ("frequency_penalty", -2, -2),
    ],
)
def test_a_valid_value_is_accepted(name: str, value: object, checked: object) -> None:
    assert BY_NAME[name].check(value) == checked


def test_a_number_too_long_to_print_is_rejected() -> None:
    assert "not a number of that size" in refusal_of_value("total_timeout", 10**5000)
