"""How many random cases are tested, and from which seed.

    NEWAPI_TEST_SCALE=long    as many as `.ci/long` runs, else as many as `.ci/run` has time for
    NEWAPI_TEST_SEED=N        the seed of every random choice, 1 by default

So `.ci/run` is deterministic. `.ci/long` chooses a seed, which the header of the report and every
failure show.
"""

from __future__ import annotations

import os

SCALE = os.environ.get("NEWAPI_TEST_SCALE", "ci")
IS_LONG = SCALE == "long"
SEED = int(os.environ.get("NEWAPI_TEST_SEED") or 1)
REPEAT = f"NEWAPI_TEST_SCALE={SCALE} NEWAPI_TEST_SEED={SEED}"
# Much longer than the slowest test on a busy machine.
TEST_LIMIT_S = 7200.0 if IS_LONG else 300.0


def scaled(in_ci: int, in_long: int) -> int:
    """Return the number for this run."""
    return in_long if IS_LONG else in_ci
