"""Hypothesis with the seed and the scale of this run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, seed, settings

from tests.support.scale import SEED, scaled

LONG_FACTOR = 40
Test = TypeVar("Test", bound=Callable[..., object])

settings.register_profile(
    "newapi",
    derandomize=True,  # where no seed is given
    print_blob=True,
    deadline=None,  # the machine of CI is shared
    database=None,  # nothing is written beside the tests; the seed repeats a failure
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("newapi")


def profiled(examples: int) -> settings:
    """Return the settings of a test with this number of examples in CI."""
    return settings(max_examples=scaled(examples, examples * LONG_FACTOR))


def fuzzed(examples: int) -> Callable[[Test], Test]:
    """Return a decorator for tests with `given`: this number of examples in CI, from the seed."""

    def decorate(test: Test) -> Test:
        decorated: Test = seed(SEED)(profiled(examples)(test))
        return decorated

    return decorate


def cut_at(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Return bytes split at these positions modulo their length; a repeated one yields b""."""
    cuts = sorted(place % (len(data) + 1) for place in places)
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
