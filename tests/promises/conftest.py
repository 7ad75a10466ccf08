"""Fixtures of the promises, and what is left out where the tests do not run as root."""

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
    """Skip what only root may do, where we are not root; the marker says what that is."""
    if os.geteuid() == 0:
        return
    for item in items:
        marker = item.get_closest_marker("needs_root")
        if marker is not None:
            item.add_marker(pytest.mark.skip(reason=f"only root may {marker.args[0]}"))


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Give a fault server that answers `ANSWER` where no script is left, and a home that asks it.

    There are no retries, unless a test sets some.
    """
    fault_server.answer_with(lambda _: sse(*answer_events(*PIECES)))
    home.configure(fault_server.url, retries=0)
    return fault_server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Give a certificate authority that nobody trusts yet."""
    return Authority(tmp_path_factory.mktemp("authority"))
