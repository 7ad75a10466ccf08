"""Fixtures of the doctor tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.support.certificates import Authority


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Give a running demo gateway that does not dawdle."""
    with DemoGateway(pace_s=0.001) as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a certificate authority that nobody knows."""
    return Authority(tmp_path_factory.mktemp("tls"))
