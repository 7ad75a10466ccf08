"""Error objects in every form that servers send, and with members of the wrong type."""

from __future__ import annotations

import time

import pytest

from newapi_cli.api.errors.body import find_error
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.wrappers import read_error
from tests.api.wrong_shapes import WRONG, name_of, places, replaced
from tests.support.cases import each
from tests.support.wire import completion

ERRORS = {
    "error": {"message": "m", "type": "t", "param": "", "code": "c"},
    "message": "m",
    "msg": "m",
    "err": "m",
    "error_msg": "m",
    "detail": "m",
    "title": "m",
    "success": False,
    "header": {"message": "m", "error": {"message": "m"}},
    "response": {"error": {"message": "m", "response": {"error": {"message": "m"}}}},
}


def texts_in(error: ErrorObject) -> list[object]:
    """Return all members that must be texts."""
    return [*error[:4], *error.fields, error.provider, error.other_id]


@each("path", places(ERRORS), ids=name_of)
def test_an_error_with_an_invalid_member_is_an_error_object(path: tuple[str | int, ...]) -> None:
    for wrong in WRONG:
        error = read_error(replaced(ERRORS, path, wrong))
        assert all(isinstance(text, str) for text in texts_in(error)), wrong


@each("name", ["error", *ERRORS])
def test_an_error_with_one_member_of_any_type_is_an_error_object(name: str) -> None:
    for wrong in WRONG:
        for value in ({name: wrong}, {"error": {name: wrong}}, {"response": {name: wrong}}):
            assert all(isinstance(text, str) for text in texts_in(read_error(value))), value


@pytest.mark.parametrize("name", ["response", "header"])
def test_a_very_deep_error_is_an_empty_error_object(name: str) -> None:
    value: object = 1
    for _ in range(5000):  # Python 3.12 and later read so much JSON
        value = {name: value}
    assert read_error(value) == ErrorObject("")


@each(
    ("value", "error"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c"}}, ErrorObject("m", "t", "c")),
        ({"error": {"message": "m", "type": "t", "code": 429}}, ErrorObject("m", "t", "429")),
        ({"error": {"message": "m", "code": None}}, ErrorObject("m")),
        ({"error": {"message": "m", "code": True}}, ErrorObject("m")),
        ({"error": {"code": "c"}}, ErrorObject("", "", "c")),
        ({"error": "plain"}, ErrorObject("plain")),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, ErrorObject("m", "t")),
        ({"success": False, "message": "m", "code": "AUTH_X"}, ErrorObject("m", "", "AUTH_X")),
        ({"error": {"msg": "m"}}, ErrorObject("m")),
        ({"error": {}, "success": False, "message": "m"}, ErrorObject("m")),
        ({"error": [{"message": "m"}, {"message": "n"}]}, ErrorObject("m; n")),
        ({"error": [None, "m"], "code": 3}, ErrorObject("m", "", "3")),
        ({"error": True, "message": "m"}, ErrorObject("m")),
        ({"error": 5}, ErrorObject("")),
        ([{"error": {"message": "m", "code": 400}}], ErrorObject("m", "", "400")),
        ([None, {"id": 1}, {"error": "m"}, {"error": "n"}], ErrorObject("m")),
    ],
)
def test_each_form_of_an_error_is_read(value: object, error: ErrorObject) -> None:
    assert find_error(value) == error


@pytest.mark.parametrize(
    "value",
    [
        {"message": "m"},
        {"msg": "m"},
        {"err": "m"},
        {"detail": "m"},
        {"title": "m", "type": ""},
        {"header": {"message": "m"}},
    ],
)
def test_messages_of_other_servers_are_found_in_an_error_body(value: object) -> None:
    assert find_error(value) is None
    assert read_error(value) == ErrorObject("m")


@each(
    "value",
    [
        None,
        5,
        "x",
        [],
        [[{"error": "m"}]],
        [{"id": "a"}],
        {},
        {"error": None},
        {"error": {}},
        {"success": True},
        completion("a"),
    ],
)
def test_a_value_without_an_error_is_none(value: object) -> None:
    assert find_error(value) is None


@pytest.mark.parametrize(
    ("message", "text", "request_id"),
    [
        ("bad (request id: 2025AbC)", "bad", "2025AbC"),
        ("bad (request id: 1) (request id: 2)", "bad (request id: 1)", "2"),
        ("bad (request id: 2)\n", "bad", "2"),
        ("(request id: 2) bad", "(request id: 2) bad", ""),
        ("无效的令牌 (request id: 2)", "无效的令牌", "2"),
        ("half a pair \ud83d (request id: 2)", "half a pair \ufffd", "2"),
    ],
)
def test_the_request_id_is_removed_from_the_message(
    message: str, text: str, request_id: str
) -> None:
    assert find_error({"error": {"message": message}}) == ErrorObject(text, request_id=request_id)


@pytest.mark.parametrize("message", [" " * 60_000 + "x", "(request id: " * 20_000])
def test_a_request_id_is_found_in_linear_time(
    message: str,
) -> None:
    started = time.process_time()
    assert find_error({"error": {"message": message}}) == ErrorObject(message.strip())
    assert time.process_time() - started < 2
