"""Days that pass in a moment: what is kept of a gateway becomes older."""

from __future__ import annotations

import json

from tests.support.home import Home


def pass_time(home: Home, seconds: float) -> None:
    """Make everything that is kept in the cache folder older."""
    for path in (home.newapi_home / "cache").glob("*.json"):
        cache = json.loads(path.read_text("utf-8"))
        for entry in cache["entries"].values():
            entry["at"] -= seconds
            if isinstance(entry["value"], list):  # of calls: times of their own
                entry["value"] = [at - seconds for at in entry["value"]]
        path.write_text(json.dumps(cache), "utf-8")
