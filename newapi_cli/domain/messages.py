"""Messages of a chat, and the images and PDFs that are attached to them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from newapi_cli.i18n import ntr


class Role(StrEnum):
    """Who wrote a message. Never `developer`, which some channels refuse."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Attachment(NamedTuple):
    """A reference to an attached file. Its bytes are not part of it; their SHA-256 (hex) is.

    `reference` is an absolute path, a URL, or `-` for standard input. `name` is sent to the model
    and displayed. `media_type` is detected from the content.
    """

    name: str
    reference: str
    media_type: str
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        """Return name, size and type; the name comes from outside.

        >>> str(Attachment("photo.png", "/tmp/photo.png", "image/png", 1_234_567, "00"))
        'photo.png, 1.2 MB, image/png'
        """
        return f"{self.name}, {size_text(self.size_bytes)}, {self.media_type}"


class Message(NamedTuple):
    """One message. Reasoning is never part of it: vendors refuse it in the history."""

    role: Role
    content: str
    attachments: tuple[Attachment, ...] = ()


def size_text(size_bytes: int) -> str:
    """Return a size with its unit.

    >>> size_text(1), size_text(999), size_text(1_500), size_text(1_234_567)
    ('1 byte', '999 bytes', '1.5 kB', '1.2 MB')
    """
    if size_bytes < 1000:
        return ntr("{n} byte", "{n} bytes", size_bytes)
    return f"{size_bytes / 1e3:.1f} kB" if size_bytes < 1e6 else f"{size_bytes / 1e6:.1f} MB"
