"""How much is tried, and from which seed: read once: each test begins with a clean environment.

    NEWAPI_FUZZ_SEED       the seed of every random choice below `tests/fuzz`; a new one by default
    NEWAPI_FUZZ_PROFILE    `ci` (a minute in all) or `long` (`.ci/long`)
    NEWAPI_FUZZ_STREAMS    random byte streams through client and turn in this process
    NEWAPI_FUZZ_COMMANDS   random byte streams through the command

The seed stands in the header of the report, and in what a failing test has printed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, seed, settings

PROFILE = os.environ.get("NEWAPI_FUZZ_PROFILE", "ci")
SCALES = {"ci": 1, "long": 20}
SEED = int(os.environ.get("NEWAPI_FUZZ_SEED") or random.SystemRandom().randrange(10**9))
STREAMS = int(os.environ.get("NEWAPI_FUZZ_STREAMS") or 600)
COMMANDS = int(os.environ.get("NEWAPI_FUZZ_COMMANDS") or 25)
Test = TypeVar("Test", bound=Callable[..., object])

for _name in SCALES:
    settings.register_profile(
        f"newapi-{_name}",
        derandomize=False,
        print_blob=True,
        deadline=None,  # the machine of CI is shared
        database=None,  # nothing is written beside the tests; the blob and the seed reproduce
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def profiled(examples: int) -> settings:
    """Give the settings of this run for a test of so many examples in CI."""
    profile = settings.get_profile(f"newapi-{PROFILE}")
    return settings(profile, max_examples=examples * SCALES[PROFILE])


def fuzzed(examples: int) -> Callable[[Test], Test]:
    """Give the decorator of a test with `given`: so many examples in CI, from the seed."""

    def decorate(test: Test) -> Test:
        decorated: Test = seed(SEED)(profiled(examples)(test))
        return decorated

    return decorate


def cut_at(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut bytes at these places, each taken modulo their length; a place twice gives b""."""
    cuts = sorted(place % (len(data) + 1) for place in places)
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
