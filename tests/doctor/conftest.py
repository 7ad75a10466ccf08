"""Fixtures of the check-up's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.demo.server import DemoGateway
from tests.api.tls_server import make_certificate


@pytest.fixture
def gateway() -> Iterator[DemoGateway]:
    """Give a running demo gateway that does not dawdle."""
    with DemoGateway(pace_s=0.001) as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give a certificate for this machine that lasts for two days, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1,DNS:localhost")
