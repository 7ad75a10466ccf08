"""`docs/promises.md` is up to date, and no promise is missing."""

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
    all_promises = promises()
    numbers = [promise.number for promise in all_promises]
    assert numbers == sorted({*range(1, LAST + 1)} - NOT_BUILT.keys())
    assert [each.file for each in all_promises if not each.tests or not each.text] == []
