"""The texts that users paste at login."""

from __future__ import annotations

import json

import pytest

from newapi_cli.app.login import connection_info_from_text
from newapi_cli.errors import UsageError
from tests.support.cases import each

KEY = "sk-CANARYcanary0123456789"
TYPE = "newapi_channel_conn"


def clipboard(**values: object) -> str:
    return json.dumps({"_type": TYPE, **values})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://gateway.example", "https://gateway.example"),
        (" <https://gateway.example/v1/> \n", "https://gateway.example"),
        ("gateway.example/v1/chat/completions", "https://gateway.example"),
        ("https://gateway.example/console/token", "https://gateway.example"),
        ("localhost:3000", "http://localhost:3000"),
        ("localhost", "http://localhost"),
        ("http://192.168.1.5:3000/api/v1", "http://192.168.1.5:3000/api"),
    ],
)
def test_a_url_in_any_form_is_accepted(text: str, url: str) -> None:
    connection = connection_info_from_text(text)
    assert (str(connection.base_url), connection.key) == (url, None)


@pytest.mark.parametrize("indent", [None, 2])
def test_connection_info_contains_url_and_key(indent: int | None) -> None:
    values = {"_type": TYPE, "key": f" {KEY} ", "url": "https://gateway.example/"}
    connection = connection_info_from_text(f"\n{json.dumps(values, indent=indent)}\n")
    assert (str(connection.base_url), connection.key) == ("https://gateway.example", KEY)
    assert "CANARY" not in repr(connection)


@pytest.mark.parametrize("values", [{}, {"key": None}, {"key": ""}, {"key": " "}])
def test_connection_info_without_a_key_contains_the_url_only(values: dict[str, object]) -> None:
    connection = connection_info_from_text(clipboard(url="gateway.example", **values))
    assert (str(connection.base_url), connection.key) == ("https://gateway.example", None)


@each(
    ("text", "expected"),
    [
        ("", "empty"),
        (KEY, "looks like a key"),
        (KEY[3:], "looks like a key"),
        (f"Bearer {KEY}", "looks like a key"),
        (f"https://gateway.example {KEY}", "space"),
        (f"https://me:{KEY}@gateway.example", "user name or password"),
        (f"ftp://{KEY}.example", "https://"),
        (f"https://{KEY}%", "not a valid name"),
        (f"https://{KEY * 4}.example", "not a valid name"),
        (f"https://[{KEY}]/", "host or port is invalid"),
        (f"https://[::{KEY}]/", "host or port is invalid"),
        (f"https://gateway.example:{KEY}", "host or port is invalid"),
        (f"{{{KEY}", "incomplete or not JSON"),
        (clipboard(key=KEY, url="https://h.example")[:-5], "incomplete or not JSON"),
        ('{"a":' * 1_500, "incomplete or not JSON"),
        (json.dumps({"key": KEY, "url": "https://h.example"}), "not connection info"),
        (json.dumps({"_type": KEY, "key": KEY, "url": "https://h.example"}), "not connection info"),
        (clipboard(key=KEY), "has no url"),
        (clipboard(key=[KEY], url="https://h.example"), "no url or no key"),
        (clipboard(key=KEY, url=KEY), "looks like a key"),
        (clipboard(key=KEY, url=f"https://{KEY}%"), "not a valid name"),
        (f"https://h.example/{KEY * 1000}", "longer than"),
    ],
)
def test_an_error_does_not_repeat_the_pasted_text(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        connection_info_from_text(text)
    error = caught.value
    assert expected in error.message
    assert error.hint
    assert "CANARY" not in f"{error!r} {error.why} {error.hint} {error.__cause__!r}"
