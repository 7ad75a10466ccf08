"""Pictures inside an answer (`data:image/…;base64,…`): saved to a file, shown by its path.

A picture is megabytes of text that no terminal should print. In a pipe it stays as it came.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from newapi_cli.domain.messages import size_text

BEGINNING = "data:image/"
HEADER = re.compile(r"data:image/([a-zA-Z0-9.+-]{1,20});base64,")
MAX_HEADER = len(BEGINNING) + 20 + len(";base64,")
PICTURE = re.compile(rf"{HEADER.pattern}([A-Za-z0-9+/=_-]+)")
END_OF_BASE64 = re.compile(r"[^A-Za-z0-9+/=_-]")
SUFFIXES = {"jpeg": "jpg", "svg+xml": "svg"}


class ImageFilter:
    """Passes text on as it streams, each picture replaced by where it was saved.

    `folder` gives the folder for pictures, made when the first one comes; it may raise `OSError`.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._held = ""
        self._kind = self._header = ""
        self._base64: list[str] = []
        self._last = ""  # the character before the picture: `(` in a markdown image

    def feed(self, text: str) -> str:
        """Take text and give what of it is decided."""
        self._held += text
        passed = ""
        while self._held:
            if self._kind:
                done = self._collect()
                if done is None:
                    break
                passed += done
                continue
            match = HEADER.search(self._held)
            if match is None:
                keep = _length_of_begun_header(self._held)
                passed += self._held[: len(self._held) - keep]
                self._held = self._held[len(self._held) - keep :]
                break
            passed += self._held[: match.start()]
            self._last = passed[-1:] or self._last
            self._kind, self._header = match.group(1).lower(), match.group()
            self._held = self._held[match.end() :]
        self._last = passed[-1:] or self._last
        return passed

    def end(self) -> str:
        """Give what was held back; a picture that was cut is saved as far as it came."""
        if self._kind:
            self._base64.append(self._held)
            self._held = ""
            return self._saved(is_in_image=False)
        held, self._held = self._held, ""
        return held

    def _collect(self) -> str | None:
        match = END_OF_BASE64.search(self._held)
        if match is None:
            self._base64.append(self._held)
            self._held = ""
            return None
        self._base64.append(self._held[: match.start()])
        self._held = self._held[match.start() :]
        return self._saved(is_in_image=self._last == "(" and self._held[0] == ")")

    def _saved(self, *, is_in_image: bool) -> str:
        text = "".join(self._base64)
        kind, self._kind, self._base64 = self._kind, "", []
        if not text:
            return self._header  # speaks of pictures, and is none
        try:
            data = _decoded(text)
            path = self._write(data, _suffix(kind))
        except (OSError, binascii.Error, ValueError) as error:
            return f"image/{kind}, {len(text)} characters, not saved: {type(error).__name__}"
        shown = quote(str(path))
        return f'{shown} "{size_text(len(data))}, image/{kind}"' if is_in_image else shown

    def _write(self, data: bytes, suffix: str) -> Path:
        path = self._folder() / _name(data, suffix)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path  # the same picture again
        with os.fdopen(descriptor, "wb") as file:
            if sys.platform != "win32":
                os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
            file.write(data)
        return path


def names_of_pictures(text: str) -> set[str]:
    """Give the names of the files in which the pictures of an answer were saved."""
    names = set()
    for match in PICTURE.finditer(text):
        with contextlib.suppress(binascii.Error, ValueError):
            names.add(_name(_decoded(match.group(2)), _suffix(match.group(1).lower())))
    return names


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def _name(data: bytes, suffix: str) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"


def _suffix(kind: str) -> str:
    return SUFFIXES.get(kind, re.sub(r"\W", "", kind))


def _length_of_begun_header(text: str) -> int:
    """Give how many of the last characters may begin a picture."""
    begin = text.rfind("d", max(0, len(text) - MAX_HEADER))
    while begin >= 0:
        rest = text[begin:]
        if BEGINNING.startswith(rest) or re.fullmatch(
            r"data:image/[a-zA-Z0-9.+-]{0,20}(;b?a?s?e?6?4?,?)?", rest
        ):
            return len(rest)
        begin = text.rfind("d", max(0, len(text) - MAX_HEADER), begin)
    return 0
