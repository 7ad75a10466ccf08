"""Images in an answer (`data:image/…;base64,…`): saved to a file and displayed as its path.

An image is megabytes of text that must not be printed to a terminal. In a pipe it is unchanged.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from newapi_cli.domain.messages import size_text
from newapi_cli.i18n import tr

IMAGE_PREFIX = "data:image/"
HEADER = re.compile(r"data:image/([a-zA-Z0-9.+-]{1,20});base64,")
MAX_HEADER = len(IMAGE_PREFIX) + 20 + len(";base64,")
IMAGE = re.compile(rf"{HEADER.pattern}([A-Za-z0-9+/=_-]+)")
PARTIAL_HEADER = re.compile(r"data:image/[a-zA-Z0-9.+-]{0,20}(;b?a?s?e?6?4?,?)?")
LETTER_D = re.compile("d")
END_OF_BASE64 = re.compile(r"[^A-Za-z0-9+/=_-]")
SUFFIXES = {"jpeg": "jpg", "svg+xml": "svg"}


class ImageFilter:
    """Replaces each image in a stream of text by the path of the file that it is saved to.

    `folder` returns the folder for images, created for the first one; it may raise `OSError`.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder
        self._held = ""
        self._type = self._header = ""
        self._base64: list[str] = []
        self._last = ""  # the character before the image: `(` in a Markdown image

    def feed(self, text: str) -> str:
        """Add text, and return what is certainly not part of an image."""
        self._held += text
        passed = ""
        while self._held:
            if self._type:
                end = END_OF_BASE64.search(self._held)
                self._base64.append(self._take(end.start() if end else len(self._held)))
                if end:
                    is_markdown_image = self._last == "(" and self._held[0] == ")"
                    passed += self._save(is_markdown_image=is_markdown_image)
                continue
            header = HEADER.search(self._held)
            if header is None:
                passed += self._take(_start_of_partial_header(self._held))
                break
            passed += self._take(header.start())
            self._last = passed[-1:] or self._last
            self._header, self._type = self._take(len(header[0])), header[1].lower()
        self._last = passed[-1:] or self._last
        return passed

    def end(self) -> str:
        """Return what was held back; an incomplete image is saved as far as it arrived."""
        rest = self._take(len(self._held))
        if not self._type:
            return rest
        self._base64.append(rest)
        return self._save(is_markdown_image=False)

    def _take(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _save(self, *, is_markdown_image: bool) -> str:
        text = "".join(self._base64)
        type_, self._type, self._base64 = self._type, "", []
        if not text:
            return self._header  # mentioned, without an image
        try:
            data = _decode(text)
            path = self._write(data, type_)
        except (OSError, ValueError) as error:
            return tr(
                "image/{type}, {n:,} characters, not saved: {error}",
                type=type_,
                n=len(text),
                error=_why(error),
            )
        target = quote(str(path))
        if is_markdown_image:
            return f'{target} "{size_text(len(data))}, image/{type_}"'
        return target

    def _write(self, data: bytes, type_: str) -> Path:
        path = self._folder() / _file_name(data, type_)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path  # the name is a hash: the same image
        with os.fdopen(descriptor, "wb") as file:
            if sys.platform != "win32":
                os.fchmod(descriptor, 0o600)  # a umask of 0777 leaves 0000
            file.write(data)
        return path


def image_file_names(text: str) -> set[str]:
    """Return the names of the files to which the images of an answer were saved."""
    names = set()
    for match in IMAGE.finditer(text):
        with contextlib.suppress(ValueError):
            names.add(_file_name(_decode(match[2]), match[1].lower()))
    return names


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return tr("its data is invalid")
    return error.strerror or str(error)


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))  # raises ValueError


def _file_name(data: bytes, type_: str) -> str:
    suffix = SUFFIXES.get(type_, re.sub(r"\W", "", type_))
    return f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"


def _start_of_partial_header(text: str) -> int:
    """Return where the start of an image may be at the end of the text, else its length."""
    for match in LETTER_D.finditer(text, max(0, len(text) - MAX_HEADER)):
        rest = text[match.start() :]
        if IMAGE_PREFIX.startswith(rest) or PARTIAL_HEADER.fullmatch(rest):
            return match.start()
    return len(text)
