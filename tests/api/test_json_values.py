"""JSON of servers: valid, invalid, odd and too large; strings that cannot be stored."""

from __future__ import annotations

import pytest

from newapi_cli.api.json_values import decode_json, str_or_empty
from tests.support.cases import each

NO_JSON = {
    "nothing": "",
    "white space": " \n",
    "a word": "hello",
    "half an object": '{"a":',
    "a whole number of 5,000 digits": "9" * 5000,
    "such a number inside": '{"a":' + "9" * 5000 + "}",
    "a deep list": "[" * 100_000,
    "a deep list that closes": "[" * 100_000 + "]" * 100_000,
    "a deep object": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "single quotes": "{'a':1}",
}


@each("text", NO_JSON.values(), ids=NO_JSON)
def test_invalid_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode_json(text)
    with pytest.raises(ValueError):
        decode_json(text.encode())


@each(
    ("text", "value"),
    [
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"a":1e999}', {"a": float("inf")}),
        ('{"a":"\\ud800"}', {"a": "\ud800"}),
        ('{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (' \r\n\t{"a":1}\n', {"a": 1}),
        ('\ufeff{"a":1}', {"a": 1}),
        ('\ufeff\n {"a":1}', {"a": 1}),
        ('{"a":1}{"b":2}', {"a": 1}),
        ('{"a":1}\n{"b":2}', {"a": 1}),
        ("null", None),
        ("5", 5),
    ],
)
def test_odd_json_is_read(text: str, value: object) -> None:
    assert decode_json(text) == value
    assert decode_json(text.encode("utf-8", "surrogatepass")) == value


def test_bytes_are_decoded_as_utf_8() -> None:
    assert decode_json(b'{"a":"\xff\xe4\xbd\xa0"}') == {"a": "\ufffd你"}
    with pytest.raises(ValueError):
        decode_json('{"a":1}'.encode("utf-16"))


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("a", "a"),
        ("é你👋", "é你👋"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("a\ud83d\ud83d\ude00b", "a\ufffd😀b"),
    ],
)
def test_surrogates_are_joined_or_replaced(text: str, whole: str) -> None:
    assert str_or_empty(text) == whole
    assert str_or_empty(text).encode("utf-8").decode("utf-8") == whole
