"""The error table: every rule is used, and its page and golden file are up to date.

UPDATE_GOLDEN=1 in the environment writes both files; review the difference before committing it.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from newapi_cli.api.chat.body_decoder import BodyDecoder, ErrorInBody
from newapi_cli.api.chat.response_reader import refused
from newapi_cli.api.errors.body import ErrorObject
from newapi_cli.api.errors.explain import find_rule, is_about_model, may_have_key_record
from newapi_cli.api.errors.rules import OWN, ErrorRule, When
from newapi_cli.api.errors.table import (
    ERROR_IN_STREAM,
    INVALID_RESPONSE,
    OTHER,
    TABLE,
)
from newapi_cli.api.http.headers import request_id_in
from newapi_cli.api.http.worker import ResponseHead
from newapi_cli.errors import (
    GatewayError,
    ModelNotFoundError,
    NewapiError,
    Reason,
)
from newapi_cli.render.status_lines import print_error
from newapi_cli.streams import Input, Output, Streams
from tests.api.errors_page import errors_page
from tests.support.refused import ALL, GATEWAY, Refused
from tests.support.wire import REQUEST_ID

ROOT = Path(__file__).resolve().parents[2]
PAGE_FILE = ROOT / "docs" / "errors.md"
GOLDEN_FILE = ROOT / "tests" / "data" / "golden" / "errors.txt"
GOLDEN_HEAD = (
    "UPDATE_GOLDEN=1 pytest tests/api/test_error_table.py writes this file: what the server sends"
    " (>), what newapi prints, and its exit code.\n"
)
KEY_TEXT = "该令牌已过期"


def error_of(row: Refused) -> NewapiError:
    """Read an answer as the client does."""
    headers = {name.lower(): value for name, value in row.headers}
    if not 200 <= row.status < 300:
        return refused(ResponseHead(row.status, headers), row.body).error
    reader = BodyDecoder(request_id_in(headers))
    try:
        list(reader.feed(row.body))
        list(reader.end())
    except ErrorInBody as error:
        return error.as_newapi_error()
    except NewapiError as error:
        return error
    raise AssertionError(f"{row.name} is no error")


def told(error: NewapiError) -> str:
    """Give what is written on a stderr that is no terminal."""
    with tempfile.TemporaryFile() as file:
        nowhere = Output(None)
        print_error(Streams(Input(None), nowhere, Output(file.fileno()), {}), error)
        return os.pread(file.fileno(), 1 << 20, 0).decode()


def golden(row: Refused) -> str:
    error = error_of(row)
    sent = row.body.decode().rstrip("\n").replace("\n", "\n> ")
    return (
        f"# {row.name}\n> HTTP {row.status}{f' {sent}' if sent else ''}\n"
        f"{told(error)}exit code {error.exit_code.value}\n"
    )


def hold(path: Path, text: str) -> None:
    """Hold a file against what it should be, or write it."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def test_the_golden_file_shows_each_refusal_as_it_is_told() -> None:
    hold(GOLDEN_FILE, "\n".join([GOLDEN_HEAD, *map(golden, ALL)]))


def test_the_page_tells_what_the_table_does() -> None:
    hold(PAGE_FILE, errors_page())


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_each_refusal_has_the_exit_code_and_the_words_of_its_row(row: Refused) -> None:
    error = error_of(row)
    assert error.exit_code.value == row.code
    assert error.message.startswith(row.says)
    assert (error.why, error.request_id) == (row.words, row.request_id)
    assert error.hint


def test_every_row_of_the_table_explains_a_refusal() -> None:
    messages = [error_of(row).message.partition(" (HTTP")[0] for row in ALL]
    rows = [*TABLE, ERROR_IN_STREAM, INVALID_RESPONSE]
    rows.remove(OTHER)  # for servers that have not been thought of
    assert [row.message for row in rows if row.message not in messages] == []


def test_what_no_row_knows_is_explained_all_the_same() -> None:
    found = find_rule(201, ErrorObject("odd", "odd_error", "odd"))
    assert found is OTHER
    assert found.error is GatewayError


def test_every_code_of_the_gateway_is_known_by_a_row_that_names_it() -> None:
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


def code_of(row: Refused) -> str:
    text = row.body.decode()
    return text.partition('"code":"')[2].partition('"')[0]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.message)
def test_the_words_of_a_row_are_in_the_house_style(row: ErrorRule) -> None:
    assert row.message[0].islower()
    assert not row.message.endswith(".")
    assert not row.hint.endswith(".")
    assert row.cause[0].isupper()
    assert row.cause.endswith(".")
    assert "{" not in row.message + row.hint


# -- who speaks, and what counts


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
def test_who_refuses_a_key_decides_whose_it_is(type_: str, code: int) -> None:
    assert find_rule(401, ErrorObject("no", type_)).error.exit_code == code
    assert find_rule(403, ErrorObject("no", type_)).error.exit_code == code


def test_a_text_of_the_gateway_counts_in_the_gateways_mouth_only() -> None:
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
def test_the_parts_of_a_text_stand_in_their_order(text: str, fits: bool) -> None:
    when = When(sources=OWN, texts=("无权访问…分组", "User has been banned"))
    assert when.matches(403, ErrorObject(text), is_page=False) is fits


@pytest.mark.parametrize(
    "piece", ["无权访问", "无权访问 分", "model ", "令牌", "a", "\n", "…", "["]
)
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    started = time.process_time()
    find_rule(403, ErrorObject(piece * 300_000, "new_api_error" * 50_000, piece * 100_000))
    assert time.process_time() - started < 1


# -- what more may be found out


def error_with(reason: Reason, status: int, request_id: str = "") -> NewapiError:
    (rule,) = (rule for rule in TABLE if rule.reason is reason)
    return rule.to_error(status, "", request_id)


@pytest.mark.parametrize(
    "request_id",
    [REQUEST_ID, "20260412153045123456789abcdefghABCDEFGH", "20250401123059123456Ab3dEf6h"],
)
def test_a_refused_key_is_open_where_the_family_speaks(request_id: str) -> None:
    assert may_have_key_record(error_with(Reason.KEY_REJECTED, 401))
    assert may_have_key_record(error_with(Reason.KEY_REJECTED_BY_SERVER, 401, request_id))


@pytest.mark.parametrize(
    "request_id", ["", "req_0123456789", "8f3b2c1d-0000-4000-8000-1234567890ab", "9a1b2c3d4e-FRA"]
)
def test_a_plain_server_leaves_nothing_open(request_id: str) -> None:
    assert not may_have_key_record(error_with(Reason.KEY_REJECTED_BY_SERVER, 401, request_id))


def test_only_what_says_nothing_leaves_the_key_open() -> None:
    opened = [row.name for row in ALL if may_have_key_record(error_of(row))]
    assert opened == ["key refused", "another relative's key"]
    assert not may_have_key_record(error_with(Reason.KEY_REJECTED, 0))
    assert not may_have_key_record(GatewayError("x"))


def test_names_help_where_the_model_was_refused() -> None:
    about = {row.name for row in ALL if is_about_model(error_of(row))}
    assert about == {
        *(row.name for row in ALL if isinstance(error_of(row), ModelNotFoundError)),
        *(row.name for row in ALL if error_of(row).reason is Reason.MODEL_FORBIDDEN),
    }
    assert {"no channel", "model not permitted", "Ollama: unknown model"} <= about
    assert about.isdisjoint({"key refused", "group not permitted", "upstream's complaint"})
