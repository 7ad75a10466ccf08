"""The page of the promises is what the tests say, and none is missing."""

from __future__ import annotations

import os

from tests.promises.page import NOT_BUILT, PAGE, promises, promises_page

LAST = 48


def test_the_page_is_up_to_date() -> None:
    page = promises_page()
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(page, "utf-8")
    assert PAGE.read_text("utf-8") == page, "UPDATE_GOLDEN=1 pytest tests/promises/test_page.py"


def test_each_promise_has_one_file_with_tests_and_a_sentence() -> None:
    found = promises()
    assert [promise.number for promise in found] == sorted({*range(1, LAST + 1)} - NOT_BUILT.keys())
    assert [promise.file for promise in found if not promise.trials or not promise.text] == []
