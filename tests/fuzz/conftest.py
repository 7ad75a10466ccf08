"""The seed of this run, where it can be found again."""

from __future__ import annotations

import pytest

from tests.fuzz.fuzzing import PROFILE, SEED

TOLD = f"NEWAPI_FUZZ_SEED={SEED} NEWAPI_FUZZ_PROFILE={PROFILE}"


def pytest_report_header() -> str:
    """Tell the seed where the folder is run by itself in one process."""
    return TOLD


@pytest.fixture(autouse=True)
def _tell_the_seed() -> None:
    """Tell it with each failure; a worker of xdist has a seed of its own unless one was given."""
    print(TOLD)
