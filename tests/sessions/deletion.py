"""Helpers of the deletion tests: unique words and an image, and a search for them."""

from __future__ import annotations

import base64

from tests.sessions.helpers import PICTURE
from tests.support.home import Home
from tests.support.process import run_newapi

CANARY = "c4n4ryXq7"
PICTURE_BYTES = base64.b64decode(PICTURE + "gg==")


def traces(home: Home) -> list[str]:
    """Return the files that contain a part of the canary."""
    found = {*home.files_holding(CANARY.encode()), *home.files_holding(PICTURE_BYTES[:40])}
    found |= {*home.files_holding(PICTURE[:40].encode())}
    return sorted(path.name for path in found)


def remove(home: Home, *args: str) -> str:
    """Delete without confirmation and return stderr."""
    result = run_newapi("sessions", "rm", "--yes", *args, home=home)
    assert (result.code, result.out) == (0, b""), result
    return result.err
