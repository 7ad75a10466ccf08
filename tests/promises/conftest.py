"""Fixtures of the promise tests, and the skips for tests that need root."""

from __future__ import annotations

import os

import pytest

from tests.support.certificates import Authority
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.steps import sse
from tests.support.wire import answer_events

PIECES = ("Paris is ", "the capital ", "of France.")
ANSWER = "".join(PIECES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need root unless they run as root; the marker gives the reason."""
    if os.geteuid() == 0:
        return
    for item in items:
        marker = item.get_closest_marker("needs_root")
        if marker is not None:
            item.add_marker(pytest.mark.skip(reason=f"only root may {marker.args[0]}"))


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a fault server that answers `ANSWER` when no script is left, configured in `home`.

    There are no retries unless a test sets them.
    """
    fault_server.answer_with(lambda _: sse(*answer_events(*PIECES)))
    home.configure(fault_server.url, retries=0)
    return fault_server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return a certificate authority that is not trusted by default."""
    return Authority(tmp_path_factory.mktemp("authority"))
