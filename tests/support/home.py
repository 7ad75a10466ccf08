"""A private home folder for one test: where the program keeps its files, and its environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.wire import MODEL

CANARY = "sk-canaryV7qXw2LmT9cRb4NzKs8YdHf3GjPe6UaQ1tMo5vBxWi"
# Masked keys may show their last four characters; nothing may show their beginning.
CANARY_TRACE = CANARY[3:19].encode()
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Home:
    """HOME is `path`; configuration, data and cache of newapi are below `newapi_home`."""

    path: Path

    @property
    def newapi_home(self) -> Path:
        """Return the folder that NEWAPI_HOME is set to."""
        return self.path / "newapi"

    @property
    def config_file(self) -> Path:
        """Return the path of the config file, which need not exist."""
        return self.newapi_home / "config.toml"

    def configure(self, base_url: str, **settings: str | float | bool) -> Home:
        """Write a profile `test` with the canary as its key, and with these settings.

        `settings` override the defaults.
        """
        values = {"base_url": base_url, "api_key": CANARY, "model": MODEL} | settings
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        text = "\n".join(['default_profile = "test"', "", "[profiles.test]", *lines, ""])
        self.newapi_home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.config_file.touch(0o600)
        self.config_file.write_text(text, "utf-8")
        return self

    def environment(self, more: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the complete environment of a process; None in `more` removes a variable."""
        clean: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "NEWAPI_HOME": str(self.newapi_home),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "PYTHONPATH": str(ROOT),
        }
        clean.update(more or {})
        return {name: value for name, value in clean.items() if value is not None}

    def files_holding(self, trace: bytes = CANARY_TRACE) -> list[Path]:
        """Return the files below HOME that contain these bytes, except the config file."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        return [p for p in files if p != self.config_file and trace in p.read_bytes()]
