"""The error table: every rule is used, and its page and golden file are up to date.

UPDATE_GOLDEN=1 in the environment writes both files; review the difference before committing it.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from newapi_cli.api.chat.body_decoder import BodyDecoder
from newapi_cli.api.chat.response_reader import no_answer
from newapi_cli.api.errors.error_object import ErrorObject
from newapi_cli.api.errors.explain import find_rule, is_about_model, may_have_key_record
from newapi_cli.api.errors.rules import OWN, ErrorRule, When
from newapi_cli.api.errors.table import (
    ERROR_IN_STREAM,
    INVALID_RESPONSE,
    OTHER,
    OTHER_API,
    OUTSIDE_PROTOCOL,
    TABLE,
)
from newapi_cli.api.http.exchange import ResponseHead, request_id_in
from newapi_cli.errors import (
    GatewayError,
    ModelNotFoundError,
    NewapiError,
    Reason,
)
from newapi_cli.render.status_lines import print_error
from newapi_cli.streams import Input, Output, Streams
from tests.api.errors_page import errors_page
from tests.support.cases import each
from tests.support.error_responses import ALL, GATEWAY, ErrorResponse
from tests.support.wire import REQUEST_ID

ROOT = Path(__file__).resolve().parents[2]
PAGE_FILE = ROOT / "docs" / "errors.md"
GOLDEN_FILE = ROOT / "tests" / "data" / "golden" / "errors.txt"
GOLDEN_HEAD = (
    "UPDATE_GOLDEN=1 pytest tests/api/test_error_table.py writes this file: what the server sends"
    " (>), what newapi prints, and its exit code.\n"
)
KEY_TEXT = "该令牌已过期"


def error_of(row: ErrorResponse) -> NewapiError:
    """Return the error that the client makes of a response."""
    headers = {name.lower(): value for name, value in row.headers}
    if not 200 <= row.status < 300:
        return no_answer(ResponseHead(row.status, headers), row.body).error
    reader = BodyDecoder(request_id_in(headers))
    try:
        list(reader.feed(row.body))
        list(reader.end())
    except NewapiError as error:
        return error
    raise AssertionError(f"{row.name} is no error")


def printed(error: NewapiError) -> str:
    """Return what is printed to a stderr that is not a terminal."""
    with tempfile.TemporaryFile() as file:
        nowhere = Output(None)
        print_error(Streams(Input(None), nowhere, Output(file.fileno()), {}), error)
        return os.pread(file.fileno(), 1 << 20, 0).decode()


def golden(row: ErrorResponse) -> str:
    error = error_of(row)
    sent = row.body.decode().rstrip("\n").replace("\n", "\n> ")
    return (
        f"# {row.name}\n> HTTP {row.status}{f' {sent}' if sent else ''}\n"
        f"{printed(error)}exit code {error.exit_code.value}\n"
    )


def check_file(path: Path, text: str) -> None:
    """Compare a file with its expected text, or write it."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def test_the_golden_file_has_the_printed_error_of_each_response() -> None:
    check_file(GOLDEN_FILE, "\n".join([GOLDEN_HEAD, *map(golden, ALL)]))


def test_the_page_is_up_to_date() -> None:
    check_file(PAGE_FILE, errors_page())


@each("row", ALL, ids=lambda row: row.name)
def test_each_error_response_has_the_exit_code_and_the_message_of_its_rule(
    row: ErrorResponse,
) -> None:
    error = error_of(row)
    assert error.exit_code.value == row.code
    assert error.message.startswith(row.message)
    assert (error.why, error.request_id) == (row.why, row.request_id)
    assert error.hint


def test_every_rule_of_the_table_is_used() -> None:
    messages = [error_of(row).message.partition(" (HTTP")[0] for row in ALL]
    rows = [*TABLE, ERROR_IN_STREAM, OUTSIDE_PROTOCOL, OTHER_API, INVALID_RESPONSE]
    rows.remove(OTHER)  # for servers that have not been thought of
    assert [row.message for row in rows if row.message not in messages] == []


def test_an_error_without_a_rule_of_its_own_has_the_general_one() -> None:
    rule = find_rule(201, ErrorObject("odd", "odd_error", "odd"))
    assert rule is OTHER
    assert rule.error is GatewayError


def test_every_code_of_the_gateway_is_named_by_a_rule() -> None:
    named = {code for row in TABLE for code in row.when.codes}
    sent = {error_code for row in GATEWAY if (error_code := code_of(row))}
    unnamed = {
        code
        for code in sent
        if code not in named
        and not any(each.endswith("*") and code.startswith(each[:-1]) for each in named)
    }
    # A body too large is known by its status, a route that is not built too; the code of an old
    # upstream is its status.
    assert unnamed == {"read_request_body_failed", "api_not_implemented", "502"}


def code_of(row: ErrorResponse) -> str:
    text = row.body.decode()
    return text.partition('"code":"')[2].partition('"')[0]


@each("row", TABLE, ids=lambda row: row.message)
def test_the_texts_of_a_rule_have_the_style_of_messages(row: ErrorRule) -> None:
    assert row.message[0].islower()
    assert not row.message.endswith(".")
    assert not row.hint.endswith(".")
    assert row.cause[0].isupper()
    assert row.cause.endswith(".")
    assert "{" not in row.message + row.hint


# -- the source of an error


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("new_api_error", 4),
        ("one_api_error", 4),
        ("one_hub_error", 4),
        ("some_fork_api_error", 4),
        ("", 4),
        ("upstream_error", 6),
        ("invalid_request_error", 6),
        ("api_error", 6),
        ("new_api_error_of_sorts", 6),
    ],
)
def test_the_error_type_decides_whose_key_is_rejected(type_: str, code: int) -> None:
    assert find_rule(401, ErrorObject("no", type_)).error.exit_code == code
    assert find_rule(403, ErrorObject("no", type_)).error.exit_code == code


def test_a_text_of_the_gateway_only_matches_its_own_errors() -> None:
    for type_ in ("new_api_error", "one_api_error", ""):
        assert find_rule(401, ErrorObject(KEY_TEXT, type_)).message == "the key has expired"
    assert find_rule(401, ErrorObject(KEY_TEXT, "upstream_error")).error is GatewayError


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("无权访问 vip 分组", True),
        ("x 无权访问分组 y", True),
        ("分组 vip 无权访问", False),
        ("无权访问", False),
        ("USER HAS BEEN BANNED", True),
        ("", False),
    ],
)
def test_the_parts_of_a_text_must_be_in_order(text: str, fits: bool) -> None:
    when = When(sources=OWN, texts=("无权访问…分组", "User has been banned"))
    assert when.matches(403, ErrorObject(text), is_page=False) is fits


@pytest.mark.parametrize(
    "piece", ["无权访问", "无权访问 分", "model ", "令牌", "a", "\n", "…", "["]
)
def test_a_long_text_is_compared_in_linear_time(piece: str) -> None:
    started = time.process_time()
    find_rule(403, ErrorObject(piece * 300_000, "new_api_error" * 50_000, piece * 100_000))
    assert time.process_time() - started < 1


# -- errors with more help


def error_with(reason: Reason, status: int, request_id: str = "") -> NewapiError:
    rule = next(rule for rule in TABLE if rule.reason is reason)
    return rule.to_error(status, "", request_id)


@pytest.mark.parametrize(
    "request_id",
    [REQUEST_ID, "20260412153045123456789abcdefghABCDEFGH", "20250401123059123456Ab3dEf6h"],
)
def test_a_key_rejected_by_a_gateway_may_have_a_record(request_id: str) -> None:
    assert may_have_key_record(error_with(Reason.KEY_REJECTED, 401))
    assert may_have_key_record(error_with(Reason.KEY_REJECTED_BY_SERVER, 401, request_id))


@pytest.mark.parametrize(
    "request_id", ["", "req_0123456789", "8f3b2c1d-0000-4000-8000-1234567890ab", "9a1b2c3d4e-FRA"]
)
def test_a_key_rejected_by_a_plain_server_has_no_record(request_id: str) -> None:
    assert not may_have_key_record(error_with(Reason.KEY_REJECTED_BY_SERVER, 401, request_id))


def test_only_errors_without_a_cause_may_have_a_key_record() -> None:
    opened = [row.name for row in ALL if may_have_key_record(error_of(row))]
    assert opened == ["key refused", "another relative's key"]
    assert not may_have_key_record(error_with(Reason.KEY_REJECTED, 0))
    assert not may_have_key_record(GatewayError("x"))


def test_errors_about_the_model_are_recognized() -> None:
    about = {row.name for row in ALL if is_about_model(error_of(row))}
    assert about == {
        *(row.name for row in ALL if isinstance(error_of(row), ModelNotFoundError)),
        *(row.name for row in ALL if error_of(row).reason is Reason.MODEL_FORBIDDEN),
    }
    assert {"no channel", "model not permitted", "Ollama: unknown model"} <= about
    assert about.isdisjoint({"key refused", "group not permitted", "upstream's complaint"})
