"""Fixtures of the doctor tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.certificates import Authority


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Return a running demo gateway without pauses."""
    with DemoGateway(pace_s=0.001) as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an unknown certificate authority."""
    return Authority(tmp_path_factory.mktemp("tls"))
