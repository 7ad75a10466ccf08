"""Cached responses of gateways: JSON values in the cache folder, each with the time of its arrival.

One file for what is public on a site (prices), one for what depends on a key (models, group). The
values are stored as the server sent them, so that the decoders of the wire read them. What is
cached, and for how long: `prices`, `key_log` and `models` in `app.gateway`. A file that cannot be
read is empty, and one that cannot be written is left unchanged: nothing here is an error.

The model names that TAB completes after --model are in a plain text file. They come from a server,
and the completion scripts of shells evaluate them: Typer's script for zsh runs a command in a value
such as `\\$(...)`. So only names of safe characters are stored and completed.
"""

from __future__ import annotations

import json
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from newapi_cli.config.file import write_atomically
from newapi_cli.config.paths import ensure_private_dir
from newapi_cli.domain.base_url import BaseUrl
from newapi_cli.domain.redaction import redact_json
from newapi_cli.domain.settings import Secret
from newapi_cli.errors import ConfigError, FileError
from newapi_cli.streams import read_file

FORMAT = 1
MAX_BYTES = 32 * 1024 * 1024
NAME_DIGITS = 16
SAFE_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
MAX_NAME = 128
MODEL_NAMES_FILE = "models.txt"
MAX_NAMES_BYTES = 256 * 1024


class CacheEntry(NamedTuple):
    """A cached value and its age in seconds, never negative."""

    value: object
    age_s: float


class Cache:
    """JSON values by name in one file, or in memory without a `path` or if it cannot be written.

    `redact` is applied to what is stored: servers repeat keys. `now` returns Unix seconds.
    """

    def __init__(
        self,
        path: Path | None,
        redact: Callable[[str], str] = lambda text: text,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._redact = redact
        self._now = now
        self._lock = threading.Lock()  # lookups on threads store responses too
        self._in_memory: dict[str, object] | None = None if path is not None else {}

    def get(self, name: str, max_age_s: float = float("inf")) -> CacheEntry | None:
        """Return an entry that is not older, or None."""
        entry = self.entries().get(name)
        return entry if entry is not None and entry.age_s <= max_age_s else None

    def entries(self) -> dict[str, CacheEntry]:
        """Return all entries by name, without those from the future; the file is read once."""
        now, entries = self._now(), {}
        for name, entry in self._read_entries().items():
            at = entry.get("at") if isinstance(entry, dict) else None
            if isinstance(entry, dict) and isinstance(at, int | float) and 0 <= at <= now:
                entries[name] = CacheEntry(entry.get("value"), now - at)
        return entries

    def put(self, name: str, value: object) -> bool:
        """Store a value with the current time, and return whether the next run will find it."""
        return self.put_all({name: value})

    def put_all(self, values: Mapping[str, object]) -> bool:
        """Store values in one write, and return whether the next run will find them."""
        with self._lock:
            now = self._now()
            entries = self._read_entries() | {
                name: {"at": now, "value": self._redacted(value)} for name, value in values.items()
            }
            if self._path is not None and self._in_memory is None:
                try:
                    ensure_private_dir(self._path.parent)
                    text = json.dumps({"format": FORMAT, "entries": entries})
                    write_atomically(self._path, text)
                except ConfigError:
                    self._in_memory = entries
                    return False
                return True
            self._in_memory = entries
            return self._path is None

    def _redacted(self, value: object) -> object:
        """Return a value with its texts redacted. A large one is not copied if none is affected."""
        text = json.dumps(value, ensure_ascii=False)
        has_all_texts = "\\" not in text  # no escapes
        is_clean = has_all_texts and self._redact(text) == text
        return value if is_clean else redact_json(value, self._redact)

    def _read_entries(self) -> dict[str, object]:
        if self._in_memory is not None or self._path is None:
            return self._in_memory or {}
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):  # reading a pipe would block
                return {}
            with self._path.open("rb") as file:
                whole = json.loads(file.read(MAX_BYTES).decode("utf-8", "replace"))
        except (OSError, ValueError, RecursionError):
            return {}
        is_ours = isinstance(whole, dict) and whole.get("format") == FORMAT
        entries = whole.get("entries") if is_ours else None
        return entries if isinstance(entries, dict) else {}


def site_cache_name(kind: str, base_url: BaseUrl) -> str:
    """Return the file name for public values of a site; `app.gateway.lookup` has the kinds."""
    return f"{kind}-{_digest(str(base_url))}.json"


def key_cache_name(base_url: BaseUrl, key: Secret, kind: str) -> str:
    """Return the file name for values that depend on a key; it reveals neither site nor key."""
    return f"{kind}-{_digest(f'{base_url} {key.reveal()}')}.json"


def _digest(text: str) -> str:
    from hashlib import sha256  # noqa: PLC0415  # 3 ms, which TAB does not need

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:NAME_DIGITS]


def cache_model_names(cache_dir: Path, names: Iterable[str]) -> None:
    """Store the safe names, one a line. Failures are ignored.

    Names with a comma are kept from before: they distinguish a name from a list, in any profile.
    """
    names = {*names, *model_names_with_commas(cache_dir)}
    kept = (name for name in names if SAFE_WORD.fullmatch(name) or _has_comma(name))
    text = "".join(f"{name}\n" for name in sorted(kept))
    try:
        ensure_private_dir(cache_dir)
        write_atomically(cache_dir / MODEL_NAMES_FILE, text[:MAX_NAMES_BYTES])
    except ConfigError:
        return


def cached_model_names(cache_dir: Path) -> list[str]:
    """Return the safe names in the file, which other programs may have written."""
    return [line for line in _cached_lines(cache_dir) if SAFE_WORD.fullmatch(line)]


def split_model_names(text: str, cache_dir: Path) -> list[str]:
    """Return the models in a list with commas; a cached name may contain some.

    Of several ways to split, the first names are the longest that are cached.
    """
    parts = [part.strip() for part in text.split(",")]
    known, names = set(model_names_with_commas(cache_dir) if len(parts) > 1 else ()), []
    longest = max((name.count(",") + 1 for name in known), default=1)
    while parts:
        ends = range(min(len(parts), longest), 1, -1)
        end = next((n for n in ends if ",".join(parts[:n]) in known), 1)
        names.append(",".join(parts[:end]))
        parts = parts[end:]
    return [name for name in names if name]


def model_names_with_commas(cache_dir: Path) -> list[str]:
    """Return the names in the file that contain a comma. A shell does not complete them."""
    return [line for line in _cached_lines(cache_dir) if _has_comma(line)]


def _cached_lines(cache_dir: Path) -> list[str]:
    try:
        data = read_file(cache_dir / MODEL_NAMES_FILE, MAX_NAMES_BYTES).data
    except FileError:
        return []
    return data.decode("utf-8", "replace").splitlines()


def _has_comma(name: str) -> bool:
    return "," in name and len(name) <= MAX_NAME and name.isprintable() and name == name.strip()
