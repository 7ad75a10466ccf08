"""What a gateway told before: files of the cache folder, each value with the time it was told.

One shelf for what a site tells everybody (prices), one for what it tells a key (models, group).
The values are JSON as the server sent it: there is one decoder, that of the wire. A shelf that
cannot be read is empty, and one that cannot be written stays as it is: nothing here is an error.
"""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from newapi_cli.config.file import write_atomically
from newapi_cli.config.paths import ensure_private_dir
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.profile import Secret
from newapi_cli.errors import ConfigError

FORMAT = 1
MAX_BYTES = 32 * 1024 * 1024
NAME_DIGITS = 16
LONGEST_NAME = 32  # of a member that the wire knows; keys of New API have 48 characters


class CacheEntry(NamedTuple):
    """A value and its age in seconds, never below 0. `value` is None where nothing was told."""

    value: object
    age_s: float


class Cache:
    """Named JSON values in one file; in memory without a `path`, and where it cannot be written.

    `hide` takes keys out of what is written: servers repeat them. `now` gives Unix seconds.
    """

    def __init__(
        self,
        path: Path | None,
        hide: Callable[[str], str] = lambda text: text,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._hide = hide
        self._now = now
        self._in_memory: dict[str, object] | None = None if path is not None else {}

    def get(self, name: str, max_age_s: float = float("inf")) -> CacheEntry | None:
        """Give a value that is no older; None where there is none, or the clock was set back."""
        kept = self.entries().get(name)
        return kept if kept is not None and kept.age_s <= max_age_s else None

    def entries(self) -> dict[str, CacheEntry]:
        """Give all values by their names, but for those of the future: the file is read once."""
        now, found = self._now(), {}
        for name, entry in self._read_entries().items():
            at = entry.get("at") if isinstance(entry, dict) else None
            if isinstance(entry, dict) and isinstance(at, int | float) and 0 <= at <= now:
                found[name] = CacheEntry(entry.get("value"), now - at)
        return found

    def put(self, name: str, value: object) -> bool:
        """Keep a value under a name, as told now; say whether the next run will find it."""
        entries = self._read_entries() | {name: {"at": self._now(), "value": self._hidden(value)}}
        if self._path is not None and self._in_memory is None:
            try:
                ensure_private_dir(self._path.parent)
                write_atomically(self._path, json.dumps({"format": FORMAT, "entries": entries}))
            except ConfigError:
                self._in_memory = entries
                return False
            return True
        self._in_memory = entries
        return self._path is None

    def _hidden(self, value: object) -> object:
        """Take keys out of texts. Short names of members stay: a key may be a word of the wire."""
        if isinstance(value, str):
            return self._hide(value)
        if isinstance(value, list):
            return [self._hidden(each) for each in value]
        if isinstance(value, dict):
            return {
                self._hide(name) if len(name) > LONGEST_NAME else name: self._hidden(each)
                for name, each in value.items()
            }
        return value

    def _read_entries(self) -> dict[str, object]:
        if self._in_memory is not None or self._path is None:
            return self._in_memory or {}
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):  # a pipe would be waited for
                return {}
            with self._path.open("rb") as file:
                whole = json.loads(file.read(MAX_BYTES).decode("utf-8", "replace"))
        except (OSError, ValueError, RecursionError):
            return {}
        is_ours = isinstance(whole, dict) and whole.get("format") == FORMAT
        entries = whole.get("entries") if is_ours else None
        return entries if isinstance(entries, dict) else {}


def site_cache_name(kind: str, base_url: BaseUrl) -> str:
    """Name the file of what a site tells everybody, or of when it was asked."""
    return f"{kind}-{_digest(str(base_url))}.json"


def key_cache_name(base_url: BaseUrl, key: Secret) -> str:
    """Name the file of what a site tells a key; the name tells neither."""
    return f"key-{_digest(f'{base_url} {key.reveal()}')}.json"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:NAME_DIGITS]
