"""Which versions of New API stop charging when the client stops an answer."""

from __future__ import annotations

import re

VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-rc\.(\d+))?")
# Since 2026-07-06 a stream is closed with its client; before, it is read to its end and charged.
FIRST, FIRST_CANDIDATE = (1, 0, 0), 21


def stops_charging(version: str) -> bool:
    """Return whether a version of New API charges a stopped stream only for what it has sent.

    >>> [stops_charging(version) for version in ("v1.0.0-rc.23", "v1.2.0", "v0.10.9-alpha.3", "")]
    [True, True, False, False]
    """
    match = VERSION.match(version)
    if match is None:
        return False
    number = tuple(int(each) for each in match.groups()[:3])
    candidate = match.group(4)
    if number == FIRST and candidate is not None:
        return int(candidate) >= FIRST_CANDIDATE
    return number >= FIRST
