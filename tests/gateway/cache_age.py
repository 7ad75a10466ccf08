"""Make cached data older, as if time had passed."""

from __future__ import annotations

import json

from tests.support.home import Home


def age_cache(home: Home, seconds: float) -> None:
    """Make every entry in the cache folder older."""
    for path in (home.newapi_home / "cache").glob("*.json"):
        cache = json.loads(path.read_text("utf-8"))
        for entry in cache["entries"].values():
            entry["at"] -= seconds
            if isinstance(entry["value"], list):  # the times of earlier requests
                entry["value"] = [at - seconds for at in entry["value"]]
        path.write_text(json.dumps(cache), "utf-8")
