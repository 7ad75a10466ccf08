"""Cached responses in files: private, with their age, and harmless whatever they contain."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from newapi_cli.config.cache import Cache, CacheEntry
from tests.support.home import CANARY

NOW = 1_000_000.0


def cache(path: Path | None, now: float = NOW) -> Cache:
    return Cache(path, lambda text: text.replace(CANARY, "****"), lambda: now)


def test_an_entry_has_its_age(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "s.json"
    assert cache(path).put("name", {"a": [1.5, None, "é\ud800"]})
    assert cache(path, NOW + 60).get("name") == CacheEntry({"a": [1.5, None, "é\ud800"]}, 60)
    assert cache(path, NOW + 60).get("name", 59) is None
    assert cache(path).get("other") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_entry_from_the_future_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    cache(path).put("name", 1)
    assert cache(path, NOW - 1).get("name") is None


def test_keys_in_texts_are_redacted(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    cache(path).put("name", {"text": [f"it is {CANARY}!"], CANARY: 1, "unlimited_quota": True})
    assert cache(path).get("name") == CacheEntry(
        {"text": ["it is ****!"], "****": 1, "unlimited_quota": True}, 0
    )


def test_without_a_path_entries_are_kept_in_memory() -> None:
    inside = cache(None)
    assert inside.put("name", 1)
    assert inside.get("name") == CacheEntry(1, 0)


def test_entries_that_cannot_be_written_are_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    inside = cache(tmp_path / "cache" / "s.json")
    assert not inside.put("name", 1)
    assert not inside.put("other", 2)
    assert (inside.get("name"), inside.get("other")) == (CacheEntry(1, 0), CacheEntry(2, 0))


ENTRY = {"at": NOW, "value": 1}
NO_ENTRIES: list[object] = [None, [], "text"]
NO_ENTRY: list[object] = [
    None, [], {}, {"at": None}, {"at": "now"}, {"at": [], "value": 1},
    {"at": float("nan")}, {"at": float("inf")}, {"at": 10**400}, {"at": -(10**400)},
]  # fmt: skip
DAMAGED: list[object] = [
    *(None, [], "text", 5, {}, {"format": 2, "entries": {"name": ENTRY}}),
    *({"format": 1, "entries": entries} for entries in NO_ENTRIES),
    *({"format": 1, "entries": {"name": entry}} for entry in NO_ENTRY),
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda value: repr(value)[:60])
def test_a_damaged_file_is_empty(tmp_path: Path, content: object) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps(content), "utf-8")
    assert cache(path).get("name") is None
    assert cache(path).put("name", 2)
    assert cache(path).get("name") == CacheEntry(2, 0)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_an_invalid_structure_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(content)
    assert cache(path).get("name") is None


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    os.mkfifo(path)
    assert cache(path).get("name") is None
