"""The input history: entries of deleted sessions are removed, and no others are lost."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from newapi_cli.app import input_history as history
from newapi_cli.config.file import write_atomically

TEXTS = ["one", "two\nlines", "你好 👋🏽", "+plus", "# no comment", "", "a\u2028b\x0bc"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a history that does not exist."""
    return tmp_path / "history"


def test_entries_are_read_back_unchanged(path: Path) -> None:
    for text in TEXTS:
        history.append(path, text, "aa")
    assert history.entries(path) == TEXTS
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_entries_and_prompts_of_a_session_are_removed(path: Path) -> None:
    for text, session in (("a", "aa"), ("b", "bb"), ("asked", "cc"), ("/model x", "aa")):
        history.append(path, text, session)
    history.forget(path, ["aa"], ["asked"], write_atomically)
    assert history.entries(path) == ["b"]
    assert b"model" not in path.read_bytes()


def test_removing_entries_creates_no_file(path: Path) -> None:
    history.forget(path, ["aa"], ["x"], write_atomically)
    assert not path.exists()


def test_only_the_end_of_a_huge_history_is_read(path: Path) -> None:
    for number in range(6):
        history.append(path, f"{number}" + "x" * 1_000_000, "aa")
    found = history.entries(path)
    assert [text[0] for text in found] == ["2", "3", "4", "5"]
    assert found[-1] == "5" + "x" * 1_000_000


def append_many(path: str, session: str) -> None:
    """Append a hundred lines in another process."""
    for number in range(100):
        history.append(Path(path), f"{session} {number}", session)


def test_no_line_is_lost_to_a_concurrent_deletion(path: Path) -> None:
    history.append(path, "begin", "keep")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(os.fspath(path), n)) for n in ("aa", "bb")]
    for writer in writers:
        writer.start()
    for number in range(200):
        history.append(path, f"gone {number}", "gone")
        history.forget(path, ["gone"], [], write_atomically)
    for writer in writers:
        writer.join(30)
    found = history.entries(path)
    assert not [text for text in found if text.startswith("gone")]
    assert sorted(found) == sorted(
        ["begin", *(f"{name} {number}" for name in ("aa", "bb") for number in range(100))]
    )
