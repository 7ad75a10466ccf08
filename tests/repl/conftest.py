"""A server for conversations."""

from __future__ import annotations

import pytest

from tests.repl.conversation import answers
from tests.support.fault_server import FaultServer
from tests.support.home import Home


@pytest.fixture
def server(fault_server: FaultServer, home: Home) -> FaultServer:
    """Return a configured server that numbers its answers, without retries."""
    fault_server.answer_with(lambda _: answers(f"Answer {len(fault_server.requests)}.")[0])
    home.configure(fault_server.url, retries=0)
    return fault_server
