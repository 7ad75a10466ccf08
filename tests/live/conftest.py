"""A real language model for the tests in this folder; without it they fail, not skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.serving import MODEL, ModelServer
from tests.support.home import Home


@pytest.fixture(scope="session")
def model_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the base URL of the model server, which runs in its own process."""
    with ModelServer(tmp_path_factory.mktemp("model") / "server.log") as server:
        yield server.url


@pytest.fixture
def live_home(home: Home, model_url: str) -> Home:
    """Return a home configured for the model, with short and repeatable answers."""
    return home.configure(model_url, model=MODEL, max_tokens=24, temperature=0.0, seed=7)
