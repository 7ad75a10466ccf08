"""A running demo gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Return a running demo gateway that sends without pauses."""
    with DemoGateway(pace_s=0) as running:
        yield running
