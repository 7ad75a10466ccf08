"""A picture or a PDF that goes with a message."""

from __future__ import annotations

from typing import NamedTuple


class Attachment(NamedTuple):
    """What is attached, by reference: the bytes are not part of it, their SHA-256 (hex) is.

    `reference` is an absolute path, a URL, or `-` for what came through standard input. `name` is
    what the model and the person are told, `media_type` was found by content.
    """

    name: str
    reference: str
    media_type: str
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        """Describe it in a few words; the name is foreign text.

        >>> str(Attachment("photo.png", "/tmp/photo.png", "image/png", 1_234_567, "00"))
        'photo.png, 1.2 MB, image/png'
        """
        return f"{self.name}, {size_text(self.size_bytes)}, {self.media_type}"


def size_text(size_bytes: int) -> str:
    """Write a size.

    >>> size_text(999), size_text(1_500), size_text(1_234_567)
    ('999 bytes', '1.5 kB', '1.2 MB')
    """
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    return f"{size_bytes / 1e3:.1f} kB" if size_bytes < 1e6 else f"{size_bytes / 1e6:.1f} MB"
