"""Several cases in one test."""

from __future__ import annotations

import pytest

from tests.support.cases import each


@each(("number", "text"), [(1, "1"), (2, "2")])
@each("fill", ["", "0"])
def test_all_cases_are_run_with_fixtures(
    number: int, text: str, fill: str, record_property: object
) -> None:
    assert callable(record_property)
    assert f"{fill}{number}".endswith(text)


def test_every_failing_case_is_reported() -> None:
    @each("number", [1, 2, 3], ids=["one", "two", "three"])
    def check(number: int) -> None:
        assert number == 2, f"{number} is not 2"

    with pytest.raises(AssertionError, match=r"(?s)2 of 3 cases fail.*one: .*three: 3 is not 2"):
        check()


def test_an_exception_other_than_a_failed_assertion_ends_the_test() -> None:
    @each("number", [0])
    def check(number: int) -> None:
        assert 1 / number

    with pytest.raises(ZeroDivisionError):
        check()


def test_a_table_without_cases_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no cases"):
        each("number", [])
