"""Tables of cases that are one assertion: one test, which reports every case that fails."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., None])


def each(
    names: str | tuple[str, ...],
    values: Iterable[Any],
    ids: Iterable[object] | Callable[[Any], str] | None = None,
) -> Callable[[Test], Callable[..., None]]:
    """Decorate a test as `pytest.mark.parametrize` does, but run all cases in one test.

    Fixtures are shared by the cases.
    """
    parameters = (names,) if isinstance(names, str) else names
    cases = [(value,) if isinstance(names, str) else tuple(value) for value in values]
    labels = _labels(cases, ids)
    assert cases, "there are no cases"

    def decorate(test: Test) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **fixtures: Any) -> None:
            failures = []
            for label, case in zip(labels, cases, strict=True):
                try:
                    test(*args, **fixtures, **dict(zip(parameters, case, strict=True)))
                except (AssertionError, pytest.fail.Exception) as failure:
                    failures.append(f"{label}: {failure}")
            count = f"{len(failures)} of {len(cases)} cases fail"
            assert not failures, "\n\n".join([count, *failures])

        signature = inspect.signature(test)
        kept = [p for p in signature.parameters.values() if p.name not in parameters]
        run.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        return run

    return decorate


def _labels(
    cases: list[tuple[Any, ...]], ids: Iterable[object] | Callable[[Any], str] | None
) -> list[str]:
    if ids is None:
        return [", ".join(map(ascii, case))[:80] for case in cases]
    if callable(ids):
        return ["-".join(ids(value) for value in case) for case in cases]
    return [str(label) for label in ids]
