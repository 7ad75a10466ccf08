"""A complete answer prints only the answer on stdout, and ends with 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises.conftest import ANSWER
from tests.support.home import Home
from tests.support.observed import observe


@pytest.mark.usefixtures("server")
def test_a_file_holds_the_answer_and_one_line_feed(home: Home, tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        seen = observe("chat", "hi", home=home, stdout=file)
    assert (seen.code, seen.err) == (0, "")
    assert (tmp_path / "f").read_bytes() == f"{ANSWER}\n".encode()
